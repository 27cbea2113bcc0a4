package vswitch

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"pollux/ipfix"
)

// TestCollectorWatch: each change of a collector is one line of the log, however long it
// lasts and however often it is tried.
func TestCollectorWatch(t *testing.T) {
	var out strings.Builder
	w := collectorWatch{log: slog.New(slog.NewTextHandler(&out, nil)), known: map[watched]*watchedState{}}
	now := time.Now()
	for i, step := range []struct {
		state      string
		errors     uint64
		reconnects uint64
		lost       uint64
		cacheLost  uint64
		seconds    int
		want       string // lines, without what they begin with
	}{
		{state: "connecting"},
		{state: "waiting", errors: 1, want: `level=WARN msg="collector can't be reached" exporter=bridge collector=tcp:h:1 error=e`},
		{state: "waiting", errors: 2},
		{state: "connecting", errors: 2},
		{state: "connected", errors: 3}, // not yet: an error has just come
		{state: "connected", errors: 3, want: `level=INFO msg="collector is there" exporter=bridge collector=tcp:h:1 reconnects=0`},
		{state: "connected", errors: 3},
		{state: "waiting", errors: 4, lost: 10, want: `level=WARN msg="collector is gone" exporter=bridge collector=tcp:h:1 error=e
level=WARN msg="flow records are lost" exporter=bridge collector=tcp:h:1 packets=10`},
		{state: "waiting", errors: 5, lost: 30},
		{state: "waiting", errors: 5, lost: 30, seconds: 9},
		{state: "connected", errors: 5, lost: 30, reconnects: 1, seconds: 10,
			want: `level=INFO msg="collector is there" exporter=bridge collector=tcp:h:1 reconnects=1
level=INFO msg="no more flow records are lost" exporter=bridge collector=tcp:h:1 packets=30`},
		{state: "connected", errors: 6, lost: 30, reconnects: 2,
			want: `level=INFO msg="collector was gone and is back" exporter=bridge collector=tcp:h:1 reconnects=2 error=e`},
		{state: "connected", errors: 6, lost: 31, reconnects: 2, cacheLost: 5,
			want: `level=WARN msg="flow caches lose packets: there is no room for their records" exporter=bridge packets=5
level=WARN msg="flow records are lost" exporter=bridge collector=tcp:h:1 packets=1`},
	} {
		now = now.Add(time.Duration(step.seconds) * time.Second)
		st := ipfix.Stats{Collectors: []ipfix.CollectorStats{{Address: "tcp:h:1", Transport: "tcp", State: step.state,
			Errors: step.errors, LastError: "e", Reconnects: step.reconnects}}}
		st.Collectors[0].NotSent.Packets, st.Stages.Lost.Packets = step.lost, step.cacheLost
		w.see("bridge", nil, &st, now)
		got := strings.TrimSpace(regexp.MustCompile(`(?m)^time=\S+ `).ReplaceAllString(out.String(), ""))
		if got != step.want {
			t.Errorf("step %d: the log says\n%s\nwant\n%s", i, got, step.want)
		}
		out.Reset()
	}
}
