package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/datapath"
	"pollux/pmd/port"
	"pollux/pmd/xsk"
)

// memoryRig is a switch of one loop between a memory source and a memory sink, with the
// exporter of its flow cache.
type memoryRig struct {
	sc        MemoryScenario
	drops     bool // are no error
	mem       *packet.Memory
	dp        *datapath.Datapath
	collector net.PacketConn  // nobody reads it; what it does not hold the kernel drops
	x         *ipfix.Exporter // nil: IPFIX is off
	stop      context.CancelFunc
	done      chan error
}

// newMemoryRig makes the switch. On error nothing is left of it.
func newMemoryRig(rc RigConfig) (r *memoryRig, err error) {
	rc.defaults()
	sc := rc.MemoryScenario
	r = &memoryRig{sc: sc, drops: rc.NewFlows}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.mem, err = xsk.NewMemory(xsk.MemoryConfig{Homes: 1, PerHome: 4096}); err != nil {
		return nil, err
	}
	cfg := datapath.Config{
		Cores: []int{rc.Core}, Burst: rc.Burst, ExactEntries: cpu.Detect().ExactEntries,
		Megaflows: rc.Megaflows, MegaflowIdle: 10 * time.Second,
	}
	state := pipeline.Config{
		Name: "bench", Threads: 1,
		Ports: []pipeline.Port{{OFPort: 1, Slot: 0, Name: "in", Up: true}, {OFPort: 2, Slot: 1, Name: "out", Up: true}},
	}
	if sc.Sampling > 0 {
		size := 64
		for size < 2*sc.Flows {
			size *= 2
		}
		if rc.Output {
			size *= 2 // a flow that goes out is another
		}
		cfg.Exporters = []cache.Config{{MaxFlows: size, Sampling: uint32(sc.Sampling)}}
		state.Sampling.Bridge = &pipeline.BridgeSampling{Input: true, Output: rc.Output}
	}
	if r.dp, err = datapath.New(cfg, r.mem); err != nil {
		return nil, err
	}
	if state.Flows, err = pipeline.ParseFlows(rc.Rules, nil); err != nil {
		return nil, err
	}
	s, err := pipeline.New(state)
	if err != nil {
		return nil, err
	}
	s.OnPublish(func(s *pipeline.Snapshot) { r.dp.Publish(s) })
	for slot, c := range []port.MemoryConfig{rc.source(), {}} {
		dev, err := port.OpenMemory(c, r.mem)
		if err != nil {
			return nil, err
		}
		if err := r.dp.Add(&datapath.Port{Slot: slot, OFPort: uint32(slot + 1), Name: state.Ports[slot].Name, Dev: dev}); err != nil {
			return nil, err
		}
	}
	if sc.Sampling > 0 {
		return r, r.export()
	}
	return r, nil
}

// rules are the flow table. With several masks, each group of the source's flows differs
// in one bit of the Ethernet source address, and has a rule that matches that bit alone.
func (s MemoryScenario) rules() string {
	if s.Masks == 1 {
		return "in_port=1,actions=output:2\n"
	}
	var b strings.Builder
	for g := range s.Masks {
		bit := uint64(1) << g
		fmt.Fprintf(&b, "priority=%d,in_port=1,dl_src=%s/%s,actions=output:2\n", 1000-g, macText(bit), macText(bit))
	}
	return b.String()
}

func macText(v uint64) string {
	return net.HardwareAddr{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}.String()
}

// export starts the exporter.
func (r *memoryRig) export() (err error) {
	if r.collector, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return err
	}
	r.x, err = ipfix.New(ipfix.ExporterConfig{Targets: []string{r.collector.LocalAddr().String()}, DrainTimeout: time.Millisecond}, r.dp.Caches(0))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan error, 1)
	go func() { r.done <- r.x.Run(ctx) }()
	return nil
}

func (r *memoryRig) loop() *pmd.Loop { return r.dp.Loops()[0] }

// memoryTurn is what one turn came to, or a reading of the counters that it is the
// difference of. Times in ns.
type memoryTurn struct {
	packets, exact, mega uint64
	wall, loop, other    int64 // other: processor time of all threads but the loop's
	slow                 slowPath
}

func (t *memoryTurn) ns() float64 { return float64(t.loop) / float64(t.packets) }

func (t *memoryTurn) add(o memoryTurn) {
	t.packets += o.packets
	t.exact += o.exact
	t.mega += o.mega
	t.wall += o.wall
	t.loop += o.loop
	t.other += o.other
	t.slow.add(o.slow)
}

// read asks the running loop for its counters and its thread's time.
func (r *memoryRig) read() (t memoryTurn) {
	// In one step: the loop goes on before the next.
	r.loop().Do(func(l *pmd.Loop) {
		s := l.Counts()
		t.packets, t.exact, t.mega = s.Packets, s.ExactHits, s.MegaHits
		t.slow = slowPathOf(&s)
		t.wall = clockOf(unix.CLOCK_MONOTONIC)
		t.loop = clockOf(unix.CLOCK_THREAD_CPUTIME_ID)
		t.other = clockOf(unix.CLOCK_PROCESS_CPUTIME_ID) - t.loop
	})
	return t
}

// clockOf reads a clock of the system, ns.
func clockOf(id int32) int64 {
	var ts unix.Timespec
	// It fails for clocks that do not exist only.
	_ = unix.ClockGettime(id, &ts)
	return ts.Nano()
}

// turn lets the loop run for some time and returns what it did in the last part of it.
func (r *memoryRig) turn(ctx context.Context, settle, d time.Duration) (t memoryTurn, err error) {
	if err := r.loop().Start(); err != nil {
		return t, err
	}
	defer r.loop().Stop()
	if err := sleep(ctx, settle); err != nil {
		return t, err
	}
	a := r.read()
	if err := sleep(ctx, d); err != nil {
		return t, err
	}
	b := r.read()
	t = memoryTurn{b.packets - a.packets, b.exact - a.exact, b.mega - a.mega, b.wall - a.wall, b.loop - a.loop, b.other - a.other, b.slow.since(a.slow)}
	if t.packets == 0 {
		return t, errors.New("no packets were forwarded")
	}
	sums := r.dp.Stats().Sums
	if d := sums.DroppedTotal(); d.Packets > 0 && !r.drops {
		return t, fmt.Errorf("the switch dropped %d packets", d.Packets)
	}
	return t, nil
}

// warmLimit bounds the time until every flow was seen. A machine may need a while to
// find memory for a million of them.
const warmLimit = 60 * time.Second

// warm runs the loop until every flow was seen three times, so that caches hold what
// they will hold.
func (r *memoryRig) warm(ctx context.Context) error {
	want := 3 * uint64(r.sc.Flows)
	for end := time.Now().Add(warmLimit); ; {
		if _, err := r.turn(ctx, 0, 20*time.Millisecond); err != nil {
			return err
		}
		s, _, _ := r.loop().Stats()
		if s.Packets >= want {
			runtime.GC() // what setting up has left is not to be found in a turn
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("only %d packets of %d flows after %v", s.Packets, r.sc.Flows, warmLimit)
		}
	}
}

// recordsAtMost is how many flows records ends.
const recordsAtMost = 100_000

// records ends flows of the cache, with the loop at rest, and sees what that costs here
// and at the exporter.
func (r *memoryRig) records(ctx context.Context) (*RecordCost, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := r.dp.Caches(0)[0]
	c.Publish()
	was, want := c.Stats().Ended[cache.EndForced], min(c.Stats().Flows, recordsAtMost)
	if want == 0 {
		return nil, errors.New("the flow cache holds no flow")
	}
	mine, all := clockOf(unix.CLOCK_THREAD_CPUTIME_ID), clockOf(unix.CLOCK_PROCESS_CPUTIME_ID)
	var pushing int64
	for end := time.Now().Add(warmLimit); ; {
		t := clockOf(unix.CLOCK_THREAD_CPUTIME_ID)
		r.loop().Do(func(*pmd.Loop) { c.FlushAll(1024) })
		pushing += clockOf(unix.CLOCK_THREAD_CPUTIME_ID) - t
		if c.Stats().Ended[cache.EndForced]-was >= want {
			break
		}
		if err := sleep(ctx, time.Millisecond); err != nil || time.Now().After(end) {
			return nil, errors.Join(err, errors.New("the exporter does not take the flows"))
		}
	}
	for r.x.Stats().Popped.Records < ended(c) {
		if err := sleep(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
	n := float64(c.Stats().Ended[cache.EndForced] - was)
	others := clockOf(unix.CLOCK_PROCESS_CPUTIME_ID) - all - (clockOf(unix.CLOCK_THREAD_CPUTIME_ID) - mine)
	return &RecordCost{Records: int(n), Loop: float64(pushing) / n, Exporter: float64(others) / n}, nil
}

// ended is how many records the cache has put into its ring.
func ended(c *cache.Cache) (n uint64) {
	for _, e := range c.Stats().Ended {
		n += e
	}
	return n
}

// close ends what runs and gives the memory back.
func (r *memoryRig) close() (err error) {
	if r.stop != nil {
		r.stop()
		err = <-r.done
	}
	if r.dp != nil {
		err = errors.Join(err, r.dp.Close())
		for _, c := range r.dp.Caches(0) {
			c.Close()
		}
	}
	if r.collector != nil {
		err = errors.Join(err, r.collector.Close())
	}
	if r.mem != nil {
		err = errors.Join(err, xsk.FreeMemory(r.mem))
	}
	return err
}
