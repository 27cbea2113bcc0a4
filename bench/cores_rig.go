package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
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

// coresRig is a switch of several loops between a memory source and a memory sink that
// have a queue for each.
type coresRig struct {
	mix       CoresMix
	mem       *packet.Memory
	dp        *datapath.Datapath
	collector net.PacketConn
	stop      context.CancelFunc // of the exporter
	done      chan error
}

// newCoresRig makes the switch. On error nothing is left of it.
func newCoresRig(mix CoresMix, cores []int, burst int) (r *coresRig, err error) {
	r = &coresRig{mix: mix}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	n := len(cores)
	if r.mem, err = xsk.NewMemory(xsk.MemoryConfig{Homes: n, PerHome: 4096}); err != nil {
		return nil, err
	}
	cfg := datapath.Config{
		Cores: cores, Burst: burst, ExactEntries: cpu.Detect().ExactEntries,
		Megaflows: 1 << 18, MegaflowIdle: 10 * time.Second,
	}
	state := pipeline.Config{
		Name: "bench", Threads: n,
		Ports: []pipeline.Port{{OFPort: 1, Slot: 0, Name: "in", Up: true}, {OFPort: 2, Slot: 1, Name: "out", Up: true}},
	}
	if mix.Sampling > 0 {
		size := 64
		for size < 2*mix.Flows {
			size *= 2
		}
		cfg.Exporters = []cache.Config{{MaxFlows: size, Sampling: uint32(mix.Sampling)}}
		state.Sampling.Bridge = &pipeline.BridgeSampling{Input: true}
	}
	if r.dp, err = datapath.New(cfg, r.mem); err != nil {
		return nil, err
	}
	if state.Flows, err = pipeline.ParseFlows(MemoryScenario{Masks: mix.Masks}.rules(), nil); err != nil {
		return nil, err
	}
	s, err := pipeline.New(state)
	if err != nil {
		return nil, err
	}
	s.OnPublish(func(s *pipeline.Snapshot) { r.dp.Publish(s) })
	for slot, c := range []port.MemoryConfig{{Flows: n * mix.Flows, Masks: mix.Masks, Queues: n}, {Queues: n}} {
		dev, err := port.OpenMemory(c, r.mem)
		if err != nil {
			return nil, err
		}
		p := &datapath.Port{Slot: slot, OFPort: uint32(slot + 1), Name: state.Ports[slot].Name, Dev: dev}
		for l := range n {
			p.Loops = append(p.Loops, l)
		}
		if err := r.dp.Add(p); err != nil {
			return nil, err
		}
	}
	if mix.Sampling > 0 {
		return r, r.export()
	}
	return r, nil
}

// export starts the exporter, that all loops' caches feed.
func (r *coresRig) export() (err error) {
	if r.collector, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return err
	}
	x, err := ipfix.New(ipfix.ExporterConfig{Targets: []string{r.collector.LocalAddr().String()}, DrainTimeout: time.Millisecond}, r.dp.Caches(0))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan error, 1)
	go func() { r.done <- x.Run(ctx) }()
	return nil
}

// coresTurn is what a turn came to.
type coresTurn struct {
	own, wall float64 // Mpps of all loops together, by their threads' time and by the clock
	used, had float64 // seconds of processor time that they used, and could have had
}

// reading is a loop's counters at a moment.
type reading struct {
	packets    uint64
	cpu, clock int64 // ns
}

func readLoop(l *pmd.Loop) (r reading) {
	l.Do(func(l *pmd.Loop) {
		r = reading{l.Counts().Packets, clockOf(unix.CLOCK_THREAD_CPUTIME_ID), clockOf(unix.CLOCK_MONOTONIC)}
	})
	return r
}

// turn lets the first n loops run and says what they did.
func (r *coresRig) turn(ctx context.Context, n int, settle, d time.Duration) (t coresTurn, err error) {
	loops := r.dp.Loops()[:n]
	for i, l := range loops {
		if err := l.Start(); err != nil {
			return t, fmt.Errorf("loop %d: %w", i, err)
		}
		defer l.Stop()
	}
	if err := sleep(ctx, settle); err != nil {
		return t, err
	}
	from := make([]reading, n)
	for i, l := range loops {
		from[i] = readLoop(l)
	}
	if err := sleep(ctx, d); err != nil {
		return t, err
	}
	for i, l := range loops {
		to := readLoop(l)
		packets := float64(to.packets - from[i].packets)
		if packets == 0 || to.cpu == from[i].cpu {
			return t, fmt.Errorf("loop %d forwarded nothing", i)
		}
		t.own += 1e3 * packets / float64(to.cpu-from[i].cpu)
		t.wall += 1e3 * packets / float64(to.clock-from[i].clock)
		t.used += 1e-9 * float64(to.cpu-from[i].cpu)
		t.had += 1e-9 * float64(to.clock-from[i].clock)
	}
	sums := r.dp.Stats().Sums
	if d := sums.DroppedTotal(); d.Packets > 0 {
		return t, fmt.Errorf("the switch dropped %d packets", d.Packets)
	}
	return t, nil
}

// warm runs all loops until each has seen its flows three times.
func (r *coresRig) warm(ctx context.Context) error {
	want := 3 * uint64(r.mix.Flows)
	for end := time.Now().Add(warmLimit); ; {
		if _, err := r.turn(ctx, len(r.dp.Loops()), 0, 20*time.Millisecond); err != nil {
			return err
		}
		least := want
		for _, l := range r.dp.Stats().Loops {
			least = min(least, l.Packets)
		}
		if least == want {
			runtime.GC() // what setting up has left is not to be found in a turn
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("only %d packets of %d flows after %v", least, r.mix.Flows, warmLimit)
		}
	}
}

// close ends what runs and gives the memory back.
func (r *coresRig) close() (err error) {
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
