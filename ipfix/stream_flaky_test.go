package ipfix

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pollux/internal/clock"
	"pollux/ipfix/collector"
)

// flaky is a collector whose sessions break after some bytes, in the middle of a message
// or between two.
type flaky struct {
	discard
	got  *bytes.Buffer
	left int
}

var errFlaky = errors.New("flaky")

func (f *flaky) write(b []byte) (int, error) {
	n := min(f.left, len(b))
	f.left -= n
	f.got.Write(b[:n])
	if n < len(b) {
		return n, errFlaky
	}
	return n, nil
}

// whole returns the messages of a stream that are not cut off.
func whole(b []byte) []byte {
	n := 0
	for len(b)-n >= headerLen && n+int(word(b[n+2:])) <= len(b) {
		n += int(word(b[n+2:]))
	}
	return b[:n]
}

// TestSessionsThatBreak: whatever breaks where, and whatever the schema does meanwhile,
// every session can be read by itself with no gap, and each record is in one session and
// only there. What does not fit the queue is not sent, and counted.
func TestSessionsThatBreak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := ExporterConfig{Targets: []string{"tcp:127.0.0.1:1"}, Epoch: epoch, Buffer: minBuffer, MTU: 600}
		x, err := New(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.reckon()
		budgets := rapid.SliceOfN(rapid.IntRange(0, 20_000), 1, 20).Draw(t, "budgets")
		var sessions []*bytes.Buffer
		s := x.targets[0].out
		s.pause = func() time.Duration { return 0 }
		s.open = func(context.Context) (sink, error) {
			f := &flaky{got: new(bytes.Buffer), left: 1 << 30}
			if len(sessions) < len(budgets) {
				f.left = budgets[len(sessions)]
			}
			sessions = append(sessions, f.got)
			return f, nil
		}
		sums := map[uint32]uint64{}
		for i := range rapid.IntRange(1, 30).Draw(t, "rounds") {
			for range rapid.IntRange(1, 60).Draw(t, "records") {
				r := rec(tcpKey(byte(i), 2, uint16(i)), rapid.Uint64Range(1, 9).Draw(t, "packets"), 1, 0)
				r.Point.Domain = rapid.Uint32Range(0, 2).Draw(t, "domain")
				sums[r.Point.Domain] += r.Packets
				x.take(r, nil, 0)
			}
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0:
				cfg.Elements = []string{[]string{"standard", "full"}[i%2]}
				if err := x.Update(cfg); err != nil {
					t.Fatal(err)
				}
				x.change()
			case 1:
				x.settle()
			}
		}
		x.settle()
		x.hurryBy.Store(clock.Now() + 1e10)
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
		n := s.counts()
		got := collector.New()
		for i, b := range sessions {
			c, err := collector.ReadStream(bytes.NewReader(whole(b.Bytes())))
			if err != nil || c.Totals().Errors+c.Totals().Missing != 0 {
				t.Fatalf("session %d of %d: %v, %+v", i, len(sessions), err, c.Totals())
			}
			if err := got.ReadStream("all", bytes.NewReader(whole(b.Bytes()))); err != nil {
				t.Fatal(err)
			}
		}
		all := uint64(0)
		for _, p := range sums {
			all += p
		}
		if g := got.Totals(); g.Packets != n.Sent.Packets || g.Records != n.Sent.Records || n.Sent.Packets+n.NotSent.Packets != all || n.Queued != (Totals{}) {
			t.Fatalf("of %d packets the collector has %+v, counted %+v", all, g, n)
		}
		if n.Unsent.BufferFull != n.NotSent.Packets {
			t.Fatalf("not sent for another reason: %+v", n)
		}
	})
}
