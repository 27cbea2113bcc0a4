package ipfix

import (
	"path/filepath"
	"testing"
	"time"

	"pollux/ipfix/cache"
)

// soon waits until something is so.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestPaceHoldsUpNobody: what goes over UDP at ten messages a second does not keep a file
// from having all at once. What the queue has no room for is counted.
func TestPaceHoldsUpNobody(t *testing.T) {
	const flows = 500 // less than the buffers hold
	l := newLab(cache.Config{MaxFlows: flows, RecordRing: flows}, 1)
	c := listen(t)
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{c.Addr(), "file:" + filepath.Join(t.TempDir(), "flows.ipfix")},
		Epoch:   epoch, MessageRate: 10, UDPBuffer: minBuffer, DrainTimeout: 50 * time.Millisecond,
	}, l.caches)
	for i := range uint64(20) {
		l.send(0, cache.Point{}, specs(flows, 5+i))
		l.flush(t)
		soon(t, "the file to have all", func() bool {
			s := x.Stats()
			checkSums(t, s)
			return s.Collectors[1].Sent.Packets == l.packets
		})
	}
	if u := x.Stats().Collectors[0]; u.Sent.Packets >= l.packets/2 || u.Queued.Packets == 0 || u.Unsent.BufferFull == 0 || u.QueuedSize > minBuffer {
		t.Errorf("over UDP meanwhile: %+v", u)
	}
	s := stop()
	checkSum(t, s)
	checkSums(t, s)
	if u := s.Collectors[0]; u.Queued != (Totals{}) || u.Unsent.Stop == 0 {
		t.Errorf("over UDP in the end: %+v", u)
	}
}

// TestPaceLeavesFlowsInCaches: while UDP alone is behind, records stay in the ring and
// nothing is lost; with another pace all of them arrive.
func TestPaceLeavesFlowsInCaches(t *testing.T) {
	const flows = 20_000
	l := newLab(cache.Config{MaxFlows: flows, RecordRing: flows}, 1)
	c := listen(t)
	cfg := ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, MessageRate: 10, UDPBuffer: minBuffer, DrainTimeout: 10 * time.Second}
	x, stop := runExporter(t, cfg, l.caches)
	l.send(0, cache.Point{}, specs(flows, 6))
	l.flush(t)
	soon(t, "the queue to be full", func() bool {
		s := x.Stats()
		checkSums(t, s)
		return s.Collectors[0].QueuedSize > 0 && s.Stages.Rings.Packets > 0
	})
	if s := x.Stats(); s.Collectors[0].NotSent != (Totals{}) || s.Popped.Packets == l.packets {
		t.Errorf("%+v", s)
	}
	cfg.MessageRate = 2000
	if err := x.Update(cfg); err != nil {
		t.Fatal(err)
	}
	if !c.Wait(l.packets, 30*time.Second) {
		t.Errorf("%d of %d packets arrived", c.Totals().Packets, l.packets)
	}
	s := stop()
	checkSum(t, s)
	if n := s.Collectors[0].NotSent; n != (Totals{}) {
		t.Errorf("not sent: %+v", n)
	}
}

// TestRemindSendsOptionsAgain: what options say is sent again when asked for, once, and not only
// at the interval.
func TestRemindSendsOptionsAgain(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	x, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, StatsInterval: time.Hour, TemplateInterval: time.Hour}, l.caches)
	defer stop()
	l.send(0, cache.Point{}, specs(10, 7))
	l.flush(t)
	soon(t, "the first options", func() bool { return x.Stats().Collectors[0].Options > 0 && x.Stats().Pending == (Totals{}) })
	first := x.Stats().Collectors[0].Options
	x.Remind()
	soon(t, "the options again", func() bool { return x.Stats().Collectors[0].Options > first })
	again := x.Stats().Collectors[0].Options
	time.Sleep(50 * time.Millisecond) // nothing more is to come
	if n := x.Stats().Collectors[0].Options; n != again {
		t.Errorf("%d option records, then %d, then %d", first, again, n)
	}
}
