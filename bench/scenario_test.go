package bench

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pollux/bench/ruleset"
	"pollux/bench/scenarios"
	"pollux/internal/packet"
	"pollux/pmd"
)

// TestScenariosRun: each scenario of the binary runs, in small, and no packet is
// unaccounted for.
func TestScenariosRun(t *testing.T) {
	was := warmRare
	warmRare = 20_000
	t.Cleanup(func() { warmRare = was })
	for _, name := range scenarios.List() {
		t.Run(name, func(t *testing.T) {
			s, err := scenarios.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			s.Run = scenarios.Run{Repeats: 2, Time: scenarios.Duration(4 * time.Millisecond)}
			s.Traffic.Flows = min(s.Traffic.Flows, 2000)
			// What is warmed up lasts three seconds at a rate: with the race detector much longer.
			if s.Traffic.NewFlows > 0 {
				s.Traffic.Rate, s.Traffic.NewFlows = 200_000, 10_000
			}
			s.Rules.Generate.Rules = min(s.Rules.Generate.Rules, 2000)
			if s.Switch.Loops > len(allowedCores) {
				t.Skipf("%d loops on %d cores", s.Switch.Loops, len(allowedCores))
			}
			steps := 0
			res, err := RunScenario(context.Background(), s, func(int, int) { steps++ })
			if err != nil {
				t.Fatal(err)
			}
			if res.Unaccounted != 0 || res.Sums.In.Packets == 0 || res.Sums.Sent.Packets == 0 {
				t.Errorf("unaccounted %d of %+v", res.Unaccounted, res.Sums)
			}
			if res.Mpps.Median <= 0 || res.Ns.Median <= 0 || res.Ns.N != 2 || len(res.Stages) != int(pmd.NumStages) || res.Iterations.Count == 0 || steps != 2 {
				t.Errorf("%+v", res)
			}
			if share := res.ExactShare + res.MegaflowShare + res.UpcallShare; share < 0.99 || share > 1.01 {
				t.Errorf("shares add up to %v", share)
			}
			if !strings.HasPrefix(res.String(), name) || !strings.Contains(res.Detail(), "transmit") {
				t.Errorf("%v\n%s", res, res.Detail())
			}
			b, err := json.Marshal(res)
			if err != nil {
				t.Fatal(err)
			}
			var again RunResult
			if err := json.Unmarshal(b, &again); err != nil || again.Sums != res.Sums || again.Drops != res.Drops {
				t.Errorf("JSON does not read back: %v", err)
			}
		})
	}
}

// TestAttackIsMixedIn: of a hundred packets, as many are of the attack as was asked, and
// the flows go on in their order.
func TestAttackIsMixedIn(t *testing.T) {
	for _, share := range []int{1, 10, 50, 99, 100} {
		tr := traffic{&scenarios.Traffic{Flows: 3, Attack: share}, 1, nil}
		order := tr.attacked(nil, 7)
		attack, next, seen := 0, uint32(0), map[uint32]bool{}
		for _, i := range order {
			seen[i] = true
			if i >= 3 {
				attack++
				continue
			}
			if i != next%3 {
				t.Fatalf("flow %d where %d is next", i, next%3)
			}
			next++
		}
		if attack*100 != len(order)*share || share < 100 && len(seen) != 10 || len(seen) < 7 {
			t.Errorf("%d %%: %d of %d, %d different", share, attack, len(order), len(seen))
		}
	}
}

// TestTrafficIsWhatWasAsked looks at the frames that scenarios' sources make.
func TestTrafficIsWhatWasAsked(t *testing.T) {
	mem := &packet.Memory{Buf: make([]byte, 64*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: 64}
	for _, c := range []struct {
		traffic, at string // hexadecimal digits from the type on
		length      int
	}{
		{"{}", "08004500002e", 60},
		{"{protocol: tcp}", "08004500002e", 60},
		{"{ip: ipv6}", "86dd6000000000081140", 62},
		{"{vlan: 10, protocol: icmp, size: 100}", "8100000a080045000052", 100},
		{"{port: pcap, size: 1514}", "0800450005dc", 1514},
	} {
		s, err := scenarios.Parse([]byte("title: x\ntraffic: "+c.traffic), "x.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := traffic{&s.Traffic, 1, nil}.open(mem)
		if err != nil {
			t.Fatal(err)
		}
		rx, _ := p.Queues()
		var b packet.Batch
		if n := rx[0].Rx(&b, 8, packet.NewFreeList(mem, 0)); n != 8 {
			t.Fatalf("%s: %d packets", c.traffic, n)
		}
		f := mem.Frame(b.Desc[0])
		if got := hexOf(f[12 : 12+len(c.at)/2]); got != c.at || len(f) != c.length {
			t.Errorf("%s: %s, %d bytes; want %s, %d", c.traffic, got, len(f), c.at, c.length)
		}
		if _, err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// TestShapeOf counts what a pipeline has.
func TestShapeOf(t *testing.T) {
	set, err := ruleset.Make("pipeline", 3000, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenarios.Scenario{Rules: scenarios.Rules{Generate: scenarios.Generate{Kind: "pipeline", Rules: 3000, Seed: 1}}}
	flows, _, err := rulesOf(s)
	if err != nil || len(flows) != len(set.Lines) {
		t.Fatalf("%d rules, %v", len(flows), err)
	}
	if tables, fields := shapeOf(flows); tables != 40 || fields < 30 {
		t.Errorf("%d tables, %d fields", tables, fields)
	}
}
