package bench

import (
	"context"
	"testing"
	"time"

	"pollux/internal/cpu"
)

// rigOf is a small rig on the last core, closed with the test.
func rigOf(t *testing.T, sc MemoryScenario) *memoryRig {
	t.Helper()
	cores := cpu.Allowed()
	r, err := newMemoryRig(RigConfig{MemoryScenario: sc, Core: cores[len(cores)-1], Burst: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// TestMemoryRig: every packet of a turn is counted as taken, by one cache or the other,
// and with IPFIX 1:1 the flow cache has seen every one that came in.
func TestMemoryRig(t *testing.T) {
	for _, sc := range []MemoryScenario{{1, 1, 0}, {500, 20, 1}, {500, 1, 100}} {
		r := rigOf(t, sc)
		if err := r.warm(context.Background()); err != nil {
			t.Fatal(err)
		}
		turn, err := r.turn(context.Background(), time.Millisecond, 20*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if turn.packets == 0 || turn.exact+turn.mega != turn.packets || turn.loop <= 0 || turn.wall <= 0 || turn.other < 0 {
			t.Errorf("%v: %+v", sc, turn)
		}
		in := r.dp.Stats().Sums.In.Packets
		if sc.Sampling == 0 {
			continue
		}
		s := r.dp.Caches(0)[0].Stats()
		if s.Offered != in || sc.Sampling == 1 && (s.Seen.Packets != in || s.Flows != uint64(sc.Flows)) {
			t.Errorf("%v: of %d packets %d were offered, %d seen, of %d flows", sc, in, s.Offered, s.Seen.Packets, s.Flows)
		}
		c, err := r.records(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if c.Records == 0 || c.Records > sc.Flows || c.Loop <= 0 || c.Exporter <= 0 {
			t.Errorf("%v: %+v", sc, c)
		}
		if sent := r.x.Stats().Popped.Records; sent != uint64(c.Records) {
			t.Errorf("%v: the exporter took %d records, %d ended", sc, sent, c.Records)
		}
	}
}

// TestMemorySummary: costs are told by the turn without IPFIX of the same round.
func TestMemorySummary(t *testing.T) {
	off := []memoryTurn{{packets: 10, wall: 400, loop: 300, exact: 9, mega: 1}, {packets: 10, wall: 400, loop: 600}, {packets: 10, wall: 400, loop: 300}}
	on := []memoryTurn{{packets: 10, wall: 400, loop: 330, other: 20}, {packets: 10, wall: 400, loop: 660}, {packets: 10, wall: 400, loop: 390}}
	m := summary(MemoryScenario{Sampling: 1}, on, off)
	if m.Cost.Median < 9.99 || m.Cost.Median > 10.01 || m.NsPacket.Median != 39 || m.Cost.Max < 29.9 || m.Elsewhere.Max != 2 || m.CostFastest < 9.99 || m.CostFastest > 10.01 {
		t.Errorf("%+v", m)
	}
	if m := summary(MemoryScenario{}, off, off); m.Cost.Median != 0 || m.ExactShare != 0.3 || m.Mpps.Median != 1e3/30 {
		t.Errorf("%+v", m)
	}
}

// TestMemoryMixes: each has a rule for each of its masks.
func TestMemoryMixes(t *testing.T) {
	for _, mix := range MemoryMixes() {
		sc := MemoryScenario{Flows: mix.Flows, Masks: mix.Masks}
		n := 0
		for _, c := range sc.rules() {
			if c == '\n' {
				n++
			}
		}
		if n != mix.Masks {
			t.Errorf("%+v: %d rules:\n%s", mix, n, sc.rules())
		}
	}
}
