package session

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLogStaysCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log := newCalm(slog.New(slog.NewTextHandler(&b, nil)), time.Second)
		more := log.With("peer", "x") // counts with the others
		for range 500 {
			log.Warn("noise")
			more.Warn("noise")
		}
		if got := strings.Count(b.String(), "\n"); got != calmly {
			t.Errorf("%d lines of 1000 in one second, want %d", got, calmly)
		}
		b.Reset()
		time.Sleep(time.Second)
		more.Warn("later")
		if got := b.String(); !strings.Contains(got, "left_out=990") || !strings.Contains(got, "peer=x") {
			t.Errorf("%q does not say what was left out", got)
		}
		b.Reset()
		log.Warn("again")
		if got := b.String(); strings.Contains(got, "left_out") || !strings.Contains(got, "again") {
			t.Errorf("%q", got)
		}
	})
}
