package session

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pollux/ofp/wire"
)

// What is refused is in the log, with why: an error of 1.0 may be no more than that there is none.
// Who repeats it fills no log, and hides nothing else that there is to say.
func TestRefusedRequestsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial, Log: slog.New(slog.NewTextHandler(&b, nil))})
		defer s.Close()
		try(t, s, Controller{Target: "tcp:c"})
		p := o.meet(wire.V10)
		ask := func(times int) string {
			t.Helper()
			b.Reset()
			for range times {
				p.write(wire.AppendConfig(nil, wire.V10, wire.SetConfig, 1, wire.SwitchConfig{Fragments: 2}))
				if msg := p.read(); msg == nil || wire.KindOf(wire.V10, msg[1]) != wire.ErrorMsg {
					t.Fatalf("%x is no error", msg)
				}
			}
			synctest.Wait()
			return b.String()
		}
		synctest.Wait()
		got := ask(100)
		if n := strings.Count(got, "level=INFO msg=\"openflow: request refused\""); n != calmly || !strings.Contains(got, "fragments are treated normally") || !strings.Contains(got, "error=OFPSCFC_BAD_FLAGS ") {
			t.Errorf("%d lines, want %d:\n%s", n, calmly, got)
		}
		time.Sleep(time.Minute)
		if got := ask(1); !strings.Contains(got, "left_out=90") {
			t.Errorf("%q does not say how many were left out", got)
		}
		p.conn.Close()
		synctest.Wait()
		if got := b.String(); !strings.Contains(got, "no connection to a controller") {
			t.Errorf("%q does not say that the controller is gone", got)
		}
	})
}
