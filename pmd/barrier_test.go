package pmd_test

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// TestNoPacketMeetsTablesOfBeforeABarrier is design law 1 for a running loop with a warm
// cache: the flow mods in hand are done, and at once a packet comes in. It is treated by what
// they left, thousands of times, whatever they did: every change makes an action with its
// own number, which the packet shows.
func TestNoPacketMeetsTablesOfBeforeABarrier(t *testing.T) {
	const rounds, frames, early = 3000, 512, 5
	was := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
	if _, _, err := cpu.SetProcs(1); err != nil {
		t.Fatal(err)
	}
	mem := &packet.Memory{Buf: make([]byte, frames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: frames}
	state, err := pipeline.New(pipeline.Config{
		Threads: 1, Flows: mustFlows(t, "in_port=1,actions=resubmit(,1)"),
		Ports: []pipeline.Port{{OFPort: 1, Slot: 0, Name: "in", Up: true}, {OFPort: 2, Slot: 1, Name: "out", Up: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var pub pmd.Published
	state.OnPublish(func(s *pipeline.Snapshot) { pub.Store(s) })
	loop, err := pmd.NewLoop(pmd.LoopConfig{
		Core: cpu.Allowed()[0], Burst: 32, SleepMax: 20 * time.Microsecond, ExactEntries: 1024, Megaflows: 1024,
		MegaflowIdle: time.Minute, Memory: mem, Tables: &pub, Slots: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	var ports [2]*port.Memory
	for i := range ports {
		if ports[i], err = port.OpenMemory(port.MemoryConfig{Capture: 256}, mem); err != nil {
			t.Fatal(err)
		}
		rx, tx := ports[i].Queues()
		loop.AddRx(i, 0, uint32(i+1), rx[0])
		loop.AddTx(i, 0, uint32(i+1), tx[0], 0, &actions.Staging{})
	}
	if err := loop.Start(); err != nil {
		t.Fatal(err)
	}
	defer loop.Stop()
	// What was counted for flows that are gone is complete when it is told.
	var removed, ends uint64
	state.OnIdle(func() { loop.Ask(loop.PushAll()) })
	state.OnFlowRemoved(func(r pipeline.FlowRemoved) {
		removed += r.Packets
		ends++
	})

	versioned := func(command pipeline.FlowCommand, version uint64) pipeline.FlowMod {
		return pipeline.FlowMod{Command: command, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, Flow: pipeline.Flow{
			Table: 1, Priority: 5, Flags: pipeline.SendFlowRem,
			Do: pipeline.Instructions{Apply: []pipeline.Action{
				{Kind: pipeline.ActSetField, Dst: pipeline.Subfield{Field: flow.EthDst, Bits: 48}, Value: flow.Value{Lo: version}, Mask: flow.EthDst.Full()},
				{Kind: pipeline.ActOutput, Port: 2},
			}},
		}}
	}
	unrelated := mustFlows(t, "table=7,in_port=2,actions=drop")[0]
	send := func(mark byte) {
		frame := make([]byte, 60)
		frame[11] = mark // of the source address, at which no flow looks
		frame[12], frame[13] = 0x08, 0x06
		if ports[0].Inject(frame) != 1 {
			t.Fatal("no room to inject a frame")
		}
	}
	if _, err := state.FlowMods([]pipeline.FlowMod{versioned(pipeline.FlowAdd, 0)}, nil); err != nil {
		t.Fatal(err)
	}
	by := [...]func(version uint64) []pipeline.FlowMod{
		func(v uint64) []pipeline.FlowMod {
			return []pipeline.FlowMod{versioned(pipeline.FlowModifyStrict, v)}
		},
		func(v uint64) []pipeline.FlowMod { return []pipeline.FlowMod{versioned(pipeline.FlowAdd, v)} },
		func(v uint64) []pipeline.FlowMod {
			return []pipeline.FlowMod{versioned(pipeline.FlowDelete, 0), versioned(pipeline.FlowAdd, v)}
		},
		func(v uint64) (mods []pipeline.FlowMod) {
			for i := range 100 {
				unrelated.Priority = uint16(i)
				mods = append(mods, pipeline.FlowMod{Command: pipeline.FlowAdd, Flow: unrelated})
			}
			return append(mods, versioned(pipeline.FlowModify, v))
		},
	}
	old, newer := 0, 0 // packets of before the change was done, by the tables they met
	deadline := time.Now().Add(time.Minute)
	for version := uint64(1); version <= rounds; version++ {
		for range early {
			send(1)
		}
		if _, err := state.FlowMods(by[version%uint64(len(by))](version), nil); err != nil {
			t.Fatal(err)
		}
		send(2)
		if version%20 == 0 {
			state.TellRemoved() // of five at once
		}
		for seen := 0; seen < early+1; {
			got, _ := ports[1].Captured()
			for _, f := range got {
				seen++
				v := uint64(binary.BigEndian.Uint16(f))<<32 | uint64(binary.BigEndian.Uint32(f[2:]))
				switch {
				case v != version && (f[11] == 2 || v != version-1):
					t.Fatalf("a packet that came in after change %d was treated by the tables of change %d", version, v)
				case f[11] == 1 && v == version:
					newer++
				case f[11] == 1:
					old++
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("change %d: %d packets arrived, want %d", version, seen, early+1)
			}
			runtime.Gosched()
		}
	}
	t.Logf("of the packets that came in before a change was done, %d met the tables of before and %d those of after", old, newer)
	loop.Ask(loop.PushAll())
	left, err := state.Aggregate(&pipeline.FlowFilter{Table: 1, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup})
	if err != nil || left.Packets+removed != rounds*(early+1) || ends != rounds/uint64(len(by)) {
		t.Errorf("%d flows that are gone say %d packets, that which is left %d: want %d in all; %v", ends, removed, left.Packets, rounds*(early+1), err)
	}
	st, _, _ := loop.Stats()
	if st.Packets != rounds*(early+1) || st.Renewed+st.Revalidated == 0 {
		t.Errorf("%d packets, %d decisions renewed, %d translated again", st.Packets, st.Renewed, st.Revalidated)
	}
}
