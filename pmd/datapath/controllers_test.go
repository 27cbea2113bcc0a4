package datapath

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// controlled is a datapath of two loops whose port 1 brings traffic that goes to the controller
// and out of port 2, or to the controller alone.
func controlled(t *testing.T, rate float64, also bool) (*Datapath, *pipeline.State) {
	t.Helper()
	d, mem, state := runningState(t, 2, "cookie=9,in_port=1,actions=output:2\nin_port=3,actions=output:2\n")
	for slot, c := range []port.MemoryConfig{{Queues: 2, Flows: 100, Rate: rate}, {Queues: 2}, {Queues: 1}} {
		dev, err := port.OpenMemory(c, mem)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Add(&Port{Slot: slot, OFPort: uint32(slot + 1), Name: string(rune('a' + slot)), Dev: dev}); err != nil {
			t.Fatal(err)
		}
	}
	flows := []pipeline.Flow{}
	for _, f := range state.DumpFlows() {
		if f.Cookie == 9 {
			f.Flow.Do = pipeline.Instructions{Apply: []pipeline.Action{{Kind: pipeline.ActController,
				List: &pipeline.Lists{Controller: &pipeline.ControllerAction{MaxLen: 32, Reason: uint8(actions.PuntAction)}}}}}
			if also {
				f.Flow.Do.Apply = append(f.Flow.Do.Apply, pipeline.Action{Kind: pipeline.ActOutput, Port: 2})
			}
		}
		flows = append(flows, f.Flow)
	}
	if err := state.Replace(flows); err != nil {
		t.Fatal(err)
	}
	return d, state
}

// TestPuntsUnderTraffic: two loops send to controllers while these are drained, and while they
// are not: what was laid is delivered once, and the sum closes.
func TestPuntsUnderTraffic(t *testing.T) {
	for _, also := range []bool{false, true} {
		d, _ := controlled(t, 50_000, also)
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got uint64
		last := [2]int64{}
		take := func(p *PuntedPacket) {
			got++
			if p.Cookie != 9 || p.InPort != 1 || p.PhyPort != 1 || len(p.Data) != 60 || p.Reason != actions.PuntAction || p.Fields.InPort() != 1 {
				t.Errorf("got %+v", p)
			}
			if p.At < last[p.Loop] {
				t.Errorf("loop %d: a packet of %d after one of %d", p.Loop, p.At, last[p.Loop])
			}
			last[p.Loop] = p.At
		}
		done := make(chan struct{})
		go func() { d.DeliverPunts(ctx, time.Millisecond, take); close(done) }()
		until(t, "packets for controllers", func() bool { return d.Stats().Sums.Consumed.Packets > 2000 })
		cancel()
		<-done
		full := func() uint64 { return d.Stats().Sums.Dropped[actions.DropPuntFull].Packets }
		until(t, "full rings", func() bool { return full() > 0 })
		d.StopLoops()
		d.DrainPunts(take)
		s := d.Stats()
		laid := uint64(0)
		for _, l := range s.Loops {
			laid += l.Punts.Packets
		}
		if got != laid || s.Sums.Consumed.Packets != laid || s.Sums.Unaccounted() != 0 {
			t.Errorf("delivered %d, laid %d, unaccounted %d: %+v", got, laid, s.Sums.Unaccounted(), s.Sums)
		}
		if also != (s.Sums.Sent.Packets > 0) {
			t.Errorf("also to a port %v, sent %d", also, s.Sums.Sent.Packets)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPacketOutsUnderTraffic: packet-outs between received packets, whole bursts too: each is
// treated, the sum closes, and the loops go on receiving meanwhile.
func TestPacketOutsUnderTraffic(t *testing.T) {
	d, state := controlled(t, 50_000, false)
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 64)
	copy(frame, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
	through := pipeline.PacketOut([]pipeline.Action{{Kind: pipeline.ActOutput, Port: flow.PortTable}})
	direct := pipeline.PacketOut([]pipeline.Action{{Kind: pipeline.ActOutput, Port: 3}})
	before := in(d)
	burst := make([]pmd.PacketOut, 1000)
	for i := range burst {
		burst[i] = pmd.PacketOut{Frame: frame, InPort: 3 + uint32(i/100%2), Translate: through}
		if i/100%2 == 1 {
			burst[i].Translate = direct
		}
	}
	rounds := uint64(0)
	for ; rounds < 5 || in(d) < before+500; rounds++ {
		for i, err := range d.PacketOuts(burst) {
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
	}
	if err := d.PacketOut(pmd.PacketOut{Frame: make([]byte, 4096), InPort: 1, Translate: direct}); !errors.Is(err, ofperr.BadPacket) {
		t.Errorf("a packet that is too long: %v", err)
	}
	d.StopLoops()
	s := d.Stats()
	if s.Sums.Injected.Packets != rounds*1000 || s.Sums.Unaccounted() != 0 {
		t.Errorf("%d of %d injected, unaccounted %d: %+v", s.Sums.Injected.Packets, rounds*1000, s.Sums.Unaccounted(), s.Sums)
	}
	for _, f := range state.DumpFlows() {
		if f.Cookie != 9 && f.Packets != rounds*500 {
			t.Errorf("%s has %d packets, want %d", f.String(), f.Packets, rounds*500)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	// With the loops at rest the caller's thread does it.
	if err := d.PacketOut(pmd.PacketOut{Frame: frame, InPort: 3, Translate: direct}); err != nil {
		t.Errorf("at rest: %v", err)
	}
}

// TestPacketOutsThatCannotBe: what finds no free frame, and what tables do not come to a
// decision about, is answered with an error of OpenFlow; others before and after it are not.
func TestPacketOutsThatCannotBe(t *testing.T) {
	d, mem, _ := runningState(t, 1, "in_port=1,actions=resubmit(,0)\n")
	if err := d.Add(&Port{Slot: 1, OFPort: 2, Name: "b", Dev: newNumbered(mem, 1, 1, 1, 0)}); err != nil {
		t.Fatal(err)
	}
	out := func(in, to uint32) pmd.PacketOut {
		return pmd.PacketOut{Frame: make([]byte, 64), InPort: in, Translate: pipeline.PacketOut([]pipeline.Action{{Kind: pipeline.ActOutput, Port: to}})}
	}
	errs := d.PacketOuts([]pmd.PacketOut{out(1, 2), out(1, flow.PortTable), out(3, 2), out(3, flow.PortTable)})
	if errs[0] != nil || !errors.Is(errs[1], pmd.ErrUndecided) || !errors.Is(errs[1], ofperr.FlowModFailed) || errs[2] != nil || errs[3] != nil {
		t.Errorf("by a port, in circles, by a port, missed: %v", errs)
	}
	if s := d.Stats().Sums; s.Injected.Packets != 4 || s.Dropped[actions.DropResubmitDepth].Packets != 1 || s.Dropped[actions.DropTableMiss].Packets != 1 || s.Unaccounted() != 0 {
		t.Errorf("%+v", s)
	}
	// The loop does not run: nobody takes back the frames that were sent, and the port keeps them.
	failed := uint64(0)
	for i, err := range d.PacketOuts(slices.Repeat([]pmd.PacketOut{out(3, 2)}, perHome)) {
		switch {
		case err == nil:
		case !errors.Is(err, pmd.ErrNoFrame) || !errors.Is(err, ofperr.FlowModFailed):
			t.Fatalf("%d: without a free frame: %v", i, err)
		default:
			failed++
		}
	}
	if s := d.Stats().Sums; failed == 0 || s.Injected.Packets+failed != 4+perHome || s.Unaccounted() != 0 {
		t.Errorf("%d of %d found no frame, %d are counted; unaccounted %d", failed, perHome, s.Injected.Packets-4, s.Unaccounted())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
