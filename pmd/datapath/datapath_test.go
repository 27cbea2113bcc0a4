package datapath

import (
	"runtime"
	"testing"
	"time"

	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd/port"
)

const perHome = 4096

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = 30 * time.Second

// until waits for ok.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// in returns how many packets have come in.
func in(d *Datapath) uint64 { return d.Stats().Sums.In.Packets }

// running is a datapath of two loops that forwards from slot 0 to slot 1 and floods
// from slot 2.
func running(t *testing.T) (*Datapath, *packet.Memory) {
	return runningLoops(t, 2, "in_port=1,actions=output:2\nin_port=3,actions=FLOOD\n")
}

// runningLoops is a datapath of so many loops and three ports, which samples every packet
// on input.
func runningLoops(t testing.TB, loops int, rules string) (*Datapath, *packet.Memory) {
	t.Helper()
	d, mem, _ := runningState(t, loops, rules)
	return d, mem
}

// runningState is runningLoops with the tables.
func runningState(t testing.TB, loops int, rules string) (*Datapath, *packet.Memory, *pipeline.State) {
	t.Helper()
	// As a switch does: without processors of its own the control plane waits for the loops.
	was := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
	if _, _, err := cpu.SetProcs(loops); err != nil {
		t.Fatal(err)
	}
	mem := &packet.Memory{Buf: make([]byte, loops*perHome*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: perHome}
	var cores []int
	for i := range loops {
		cores = append(cores, cpu.Allowed()[i%len(cpu.Allowed())])
	}
	d, err := New(Config{
		Cores: cores, Burst: 32, SleepMax: 100 * time.Microsecond,
		ExactEntries: 1024, Megaflows: 1024, MegaflowIdle: time.Second,
		Exporters: []cache.Config{{}},
	}, mem)
	if err != nil {
		t.Fatal(err)
	}
	flows, err := pipeline.ParseFlows(rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	state, err := pipeline.New(pipeline.Config{
		Name: "br0", Threads: loops, Flows: flows,
		Ports: []pipeline.Port{
			{OFPort: 1, Slot: 0, Name: "a", Up: true}, {OFPort: 2, Slot: 1, Name: "b", Up: true}, {OFPort: 3, Slot: 2, Name: "c", Up: true},
		},
		Sampling: pipeline.Sampling{Bridge: &pipeline.BridgeSampling{Input: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	state.OnPublish(func(s *pipeline.Snapshot) { d.Publish(s) })
	return d, mem, state
}

// TestPortsComeAndGoUnderTraffic: devices are attached and taken away while both loops
// forward. The sum stays closed and every chunk comes home.
func TestPortsComeAndGoUnderTraffic(t *testing.T) {
	d, mem := running(t)
	// The sources are paced, so that the loops, which share cores here, keep up with
	// what the test asks of them.
	open := func(flows int) *port.Memory {
		p, err := port.OpenMemory(port.MemoryConfig{Queues: 2, Flows: flows, Rate: 50_000}, mem)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for slot, name := range []string{"a", "b", "c"} {
		p := &Port{Slot: slot, OFPort: uint32(slot + 1), Name: name}
		if err := d.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Add(&Port{Slot: 1, Name: "d"}); err == nil {
		t.Error("two ports in one slot were accepted")
	}
	if err := d.Attach(0, open(100)); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		for _, slot := range []int{1, 2} {
			// One queue for two loops: frames are handed over.
			q := &port.Memory{}
			var err error
			if q, err = port.OpenMemory(port.MemoryConfig{Queues: 1, Flows: 10, Rate: 20_000}, mem); err != nil {
				t.Fatal(err)
			}
			if err := d.Attach(slot, q); err != nil {
				t.Fatal(err)
			}
			if err := d.Attach(slot, q); err == nil {
				t.Fatal("a second device was attached to a slot")
			}
		}
		was := in(d)
		time.Sleep(3 * time.Millisecond)
		until(t, "traffic", func() bool { return in(d) > was })
		d.SetUp(1, i%2 == 0)
		d.MoveQueues(0, []int{i % 2, (i / 2) % 2}, nil)
		if s := d.Stats(); len(s.Ports) != 3 || len(s.Loops) != 2 {
			t.Fatalf("stats of %d ports and %d loops", len(s.Ports), len(s.Loops))
		}
		d.Barrier()
		for _, slot := range []int{2, 1} {
			if err := d.Detach(slot); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Remove(0); err != nil {
		t.Fatal(err)
	}
	// Nothing comes in any more; what is on the way between loops arrives.
	home := 0
	for end := time.Now().Add(patience); home != 2*perHome && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		home = d.Loops()[0].FreeFrames() + d.Loops()[1].FreeFrames()
	}
	if home != 2*perHome {
		t.Errorf("%d of %d chunks came home", home, 2*perHome)
	}
	d.StopLoops()
	s := d.Stats()
	if s.Sums.In.Packets == 0 || s.Sums.Sent.Packets == 0 || s.Sums.Cloned.Packets == 0 {
		t.Errorf("nothing to account for: %+v", s.Sums)
	}
	if u := s.Sums.Unaccounted(); u != 0 || s.Sums.Held != 0 {
		t.Errorf("unaccounted %d, held %d: %+v", u, s.Sums.Held, s.Sums)
	}
	seen := uint64(0)
	for _, c := range d.Caches(0) {
		seen += c.Stats().Seen.Packets
	}
	if seen != s.Sums.In.Packets {
		t.Errorf("flow caches saw %d packets of %d", seen, s.Sums.In.Packets)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	mem := &packet.Memory{Buf: make([]byte, 2048), ChunkSize: 2048, PerHome: 1}
	if _, err := New(Config{}, mem); err == nil {
		t.Error("a datapath without a core was made")
	}
	if _, err := New(Config{Cores: []int{0}, Burst: 1000}, mem); err == nil {
		t.Error("a burst of 1000 was accepted")
	}
	if _, err := New(Config{Cores: []int{0}, Burst: 1, Exporters: []cache.Config{{MaxFlows: -1}}}, mem); err == nil {
		t.Error("a cache of -1 flows was accepted")
	}
	d, err := New(Config{Cores: []int{0}, Burst: 1}, mem)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err == nil {
		t.Error("loops started with no tables")
	}
	if err := d.Add(&Port{Slot: MaxSlots}); err == nil {
		t.Error("a slot beyond the last was accepted")
	}
	if err := d.Attach(3, nil); err == nil {
		t.Error("a device was attached where no port is")
	}
}
