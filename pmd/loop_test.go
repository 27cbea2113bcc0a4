package pmd_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"pollux/actions"
	"pollux/classifier"
	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// TestLoopAllocs: a batch through receive, extract, caches, sampling, actions, staging
// and transmit allocates nothing, by exact cache and by megaflows.
func TestLoopAllocs(t *testing.T) {
	for _, c := range []struct {
		flows, masks int
		ipfix        bool
	}{{1, 1, false}, {1000, 1, true}, {1000, 20, true}, {200_000, 20, true}} {
		t.Run(fmt.Sprintf("flows=%d/masks=%d/ipfix=%v", c.flows, c.masks, c.ipfix), func(t *testing.T) {
			r := newRig(t, c.flows, c.masks, c.ipfix)
			for n := 0; n < 2*c.flows+1000; n += 64 {
				r.loop.Iterate()
			}
			before, _ := r.sink.Taken()
			if a := testing.AllocsPerRun(1000, func() { r.loop.Iterate() }); a != 0 {
				t.Errorf("%v allocations a batch", a)
			}
			if after, _ := r.sink.Taken(); after-before < 64*1000 {
				t.Errorf("only %d packets went through: the measurement measured nothing", after-before)
			}
		})
	}
}

// TestTwoLoopsShareAPort: two loops receive from a port of two queues and send by a
// port of one, while the control plane asks and changes things. Every packet arrives,
// per flow, and every chunk comes home.
func TestTwoLoopsShareAPort(t *testing.T) {
	const (
		perQueue = 200_000
		frames   = 4096
		flows    = 64
	)
	was := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
	if _, _, err := cpu.SetProcs(2); err != nil {
		t.Fatal(err)
	}
	mem := &packet.Memory{Buf: make([]byte, 2*frames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: frames}
	state, err := pipeline.New(pipeline.Config{
		Name: "br0", Threads: 2,
		Ports:    []pipeline.Port{{OFPort: 1, Slot: 0, Name: "in", Up: true}, {OFPort: 2, Slot: 1, Name: "out", Up: true}},
		Flows:    mustFlows(t, "in_port=1,actions=output:2"),
		Sampling: pipeline.Sampling{Bridge: &pipeline.BridgeSampling{Input: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var pub pmd.Published
	state.OnPublish(func(s *pipeline.Snapshot) { pub.Store(s) })
	// A rate that the one sending loop can follow: the ring between loops drops when
	// it is full, which is right, but not what this test is about.
	src, err := port.OpenMemory(port.MemoryConfig{Queues: 2, Flows: flows, Count: perQueue, Rate: 200_000}, mem)
	if err != nil {
		t.Fatal(err)
	}
	sink, err := port.OpenMemory(port.MemoryConfig{Flows: flows, PerFlow: true}, mem)
	if err != nil {
		t.Fatal(err)
	}
	srcRx, _ := src.Queues()
	_, sinkTx := sink.Queues()
	mesh := pmd.NewMesh(2, mem)
	cores := cpu.Allowed()
	var loops []*pmd.Loop
	var caches []*cache.Cache
	for id := range 2 {
		c := cache.New(cache.Config{Memory: mem})
		l, err := pmd.NewLoop(pmd.LoopConfig{
			ID: id, Core: cores[id%len(cores)], Burst: 32, SleepMax: time.Millisecond, ExactEntries: 1024, Megaflows: 1024,
			MegaflowIdle: time.Minute, Memory: mem, Tables: &pub, Caches: []*cache.Cache{c}, Slots: 2, Verify: 100,
		})
		if err != nil {
			t.Fatal(err)
		}
		l.Join(mesh)
		l.AddRx(0, id, 1, srcRx[id])
		if id == 0 {
			l.AddTx(1, 0, 2, sinkTx[0], 0, &actions.Staging{})
		} else {
			l.AddTx(1, -1, 2, nil, 0, &actions.Staging{})
		}
		loops, caches = append(loops, l), append(caches, c)
	}
	for _, l := range loops {
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
	}
	var busy sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-time.After(2 * time.Millisecond):
				}
				loops[i%2].Stats()
				loops[i%2].EachMegaflow(func(*classifier.Megaflow) {})
				loops[i%2].Ask(loops[i%2].PushAll())
			}
		})
	}
	for i := 0; !src.Done(); i++ {
		time.Sleep(5 * time.Millisecond)
		if err := state.Replace(mustFlows(t, fmt.Sprintf("in_port=1,cookie=%d,actions=output:2", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for home := 0; home != 2*frames; {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d chunks came home", home, 2*frames)
		}
		time.Sleep(10 * time.Millisecond)
		home = loops[0].FreeFrames() + loops[1].FreeFrames()
	}
	close(done)
	busy.Wait()
	var seen, differed, drops uint64
	for i, l := range loops {
		l.Stop()
		s, _, _ := l.Stats()
		differed += s.Differed
		if s.Verified == 0 {
			t.Errorf("loop %d verified nothing", i)
		}
		for r, d := range s.Drops {
			drops += d.Packets
			if d.Packets > 0 {
				t.Logf("loop %d dropped %d: %s", i, d.Packets, actions.Reason(r))
			}
		}
		seen += caches[i].Stats().Seen.Packets
	}
	if differed != 0 {
		t.Errorf("%d decisions differed from a fresh translation", differed)
	}
	got, _ := sink.Taken()
	if got+drops != 2*perQueue || seen != 2*perQueue {
		t.Errorf("made %d: %d arrived, %d dropped, %d accounted", 2*perQueue, got, drops, seen)
	}
	if drops == 0 {
		per, other := sink.PerFlow()
		for i, n := range per {
			if n != 2*perQueue/flows {
				t.Errorf("flow %d: %d packets, want %d", i, n, 2*perQueue/flows)
			}
		}
		if other != 0 {
			t.Errorf("%d packets of no flow", other)
		}
	}
}

func mustFlows(tb testing.TB, text string) []pipeline.Flow {
	tb.Helper()
	f, err := pipeline.ParseFlows(text, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}
