package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pollux/bench/scenarios"
	"pollux/internal/clock"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// RigConfig is a switch of one loop between a memory source and a memory sink, for
// measurements beside others.
type RigConfig struct {
	MemoryScenario
	Rules     string             // flow table, one flow a line; "" is one rule a mask, as RunMemory has
	Output    bool               // IPFIX samples each packet as it goes out, too
	Source    *port.MemoryConfig // traffic, as ScenarioTraffic makes it; nil is that of MemoryScenario
	New       float64            // flows a second that begin beside the others, a packet each
	NewFlows  bool               // every packet is of a flow that was not seen before; Flows is not read
	Megaflows int                // limit; default 262,144
	Core      int
	Burst     int // default 256, that of the switch
}

// endless is the flows of a source that repeats none: it makes four billion packets
// before the first comes again, which takes minutes at any rate that a loop has.
const endless = 1 << 32

func (c *RigConfig) defaults() {
	if c.Masks == 0 {
		c.Masks = 1
	}
	if c.Rules == "" {
		c.Rules = c.rules()
	}
	if c.Megaflows == 0 {
		c.Megaflows = 1 << 18
	}
	if c.Burst == 0 {
		c.Burst = 256
	}
}

func (c *RigConfig) source() port.MemoryConfig {
	if c.NewFlows {
		return port.MemoryConfig{Flows: endless, Masks: c.Masks}
	}
	if c.Source != nil {
		return *c.Source
	}
	return port.MemoryConfig{Flows: c.Flows, Masks: c.Masks, New: c.New}
}

// ScenarioTraffic returns the packets and rules of a scenario whose rules are made, for
// those who put the same packets before another switch.
func ScenarioTraffic(name string) (src port.MemoryConfig, rules string, err error) {
	s, err := scenarios.Open(name)
	if err != nil {
		return src, "", err
	}
	_, set, err := rulesOf(s)
	if err != nil {
		return src, "", err
	}
	if set == nil {
		return src, "", fmt.Errorf("scenario %s: its rules are not made: want rules.generate", name)
	}
	src, err = traffic{&s.Traffic, 1, set}.source()
	return src, strings.Join(set.Lines, "\n") + "\n", err
}

// spec is the rig in full.
func (c RigConfig) spec() (s rigSpec, err error) {
	c.defaults()
	s = rigSpec{
		in:    func(m *packet.Memory) (pmd.Port, error) { return port.OpenMemory(c.source(), m) },
		cores: []int{c.Core}, burst: c.Burst, mega: c.Megaflows,
		warm: 3 * uint64(c.Flows), drops: c.NewFlows || c.Source != nil,
	}
	if c.Source != nil {
		// An attack's 8,192 masks have all come twice, and masks are limited as in the switch.
		s.warm, s.masks = max(s.warm, 200_000), 256
	}
	if s.flows, err = pipeline.ParseFlows(c.Rules, nil); err != nil {
		return s, err
	}
	if c.Sampling > 0 {
		s.cache = &cache.Config{MaxFlows: roomFor(c.Flows, c.Output), Sampling: uint32(c.Sampling)}
		s.samples = pipeline.BridgeSampling{Input: true, Output: c.Output}
	}
	return s, nil
}

// roomFor is the size of a flow cache that is no limit to the flows.
func roomFor(flows int, output bool) int {
	size := 64
	for size < 2*flows {
		size *= 2
	}
	if output {
		size *= 2 // a flow that goes out is another
	}
	return size
}

// Rig is such a switch. It uses no processor but in Warm and Turn.
type Rig struct{ r *memoryRig }

// OpenRig makes the switch. On error nothing is left of it.
func OpenRig(c RigConfig) (*Rig, error) {
	spec, err := c.spec()
	if err != nil {
		return nil, err
	}
	r, err := newMemoryRig(spec)
	if err != nil {
		return nil, err
	}
	return &Rig{r}, nil
}

// Warm runs the loop until every flow was seen three times.
func (g *Rig) Warm(ctx context.Context) error { return g.r.warm(ctx) }

// RigTurn is what the loop did in a turn.
type RigTurn struct {
	Packets  uint64 // that came in
	Dropped  uint64 // of them, for whatever reason
	Exact    uint64 // answered by the exact-match cache
	Megaflow uint64
	Upcalls  uint64        // translated
	UpcallOf time.Duration // of the loop's time, that they took
	NoRoom   uint64        // of Upcalls, that were forwarded by a decision that was not kept
	Evicted  uint64        // megaflows that made room for others
	Aged     uint64        // megaflows that were not used for long
	Wall     time.Duration
	Loop     time.Duration // processor time of the loop's thread
}

// Turn lets the loop run for settle and then d, and returns what it did in d.
func (g *Rig) Turn(ctx context.Context, settle, d time.Duration) (RigTurn, error) {
	was := g.dropped()
	t, err := g.r.turn(ctx, settle, d)
	if err != nil {
		return RigTurn{}, err
	}
	r := RigTurn{
		Packets: t.packets, Exact: t.exact, Megaflow: t.mega, Dropped: g.dropped() - was,
		Upcalls: t.slow.upcalls, NoRoom: t.slow.noRoom, Evicted: t.slow.evicted, Aged: t.slow.aged,
		UpcallOf: ticks(t.slow.ticks), Wall: time.Duration(t.wall), Loop: time.Duration(t.loop),
	}
	if r.Dropped > r.Packets {
		return r, fmt.Errorf("%d packets dropped of %d", r.Dropped, r.Packets)
	}
	return r, nil
}

// Upcalls returns how many packets were translated since the rig was made, and how long
// each took.
func (g *Rig) Upcalls() (n uint64, each time.Duration) {
	s, _, _ := g.r.loop().Stats()
	if s.Upcalls == 0 {
		return 0, 0
	}
	return s.Upcalls, ticks(s.UpcallTicks) / time.Duration(s.Upcalls)
}

// dropped is how many packets the switch has dropped so far.
func (g *Rig) dropped() uint64 {
	sums := g.r.dp.Stats().Sums
	return sums.DroppedTotal().Packets
}

// Close gives everything back.
func (g *Rig) Close() error { return g.r.close() }

// ticks turns a number of the time-stamp counter into time.
func ticks(n uint64) time.Duration { return time.Duration(float64(n) / clock.Hz() * 1e9) }

// slowPath is what packets that no cache knew came to.
type slowPath struct{ upcalls, ticks, noRoom, evicted, aged uint64 }

func slowPathOf(s *pmd.LoopStats) slowPath {
	return slowPath{s.Upcalls, s.UpcallTicks, s.NoRoom, s.Evicted, s.Aged}
}

func (p slowPath) since(o slowPath) slowPath {
	return slowPath{p.upcalls - o.upcalls, p.ticks - o.ticks, p.noRoom - o.noRoom, p.evicted - o.evicted, p.aged - o.aged}
}

func (p *slowPath) add(o slowPath) {
	p.upcalls += o.upcalls
	p.ticks += o.ticks
	p.noRoom += o.noRoom
	p.evicted += o.evicted
	p.aged += o.aged
}
