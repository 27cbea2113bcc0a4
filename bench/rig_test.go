package bench

import (
	"context"
	"testing"
	"time"

	"pollux/internal/cpu"
)

// TestRigOfNewFlows: where every packet is of a new flow and the table wants all of its
// addresses and ports, every packet is translated, and what finds no room is counted.
func TestRigOfNewFlows(t *testing.T) {
	cores := cpu.Allowed()
	g, err := OpenRig(RigConfig{
		NewFlows: true, Megaflows: 1000, Core: cores[len(cores)-1],
		Rules: "in_port=1,udp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_UDP_SRC[]->NXM_NX_REG1[0..15],output:2",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	// On a busy machine it takes some turns until the table is full.
	for full := uint64(0); full < 2000; full, _ = g.Upcalls() {
		if _, err := g.Turn(context.Background(), 0, 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	turn, err := g.Turn(context.Background(), 20*time.Millisecond, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if turn.Upcalls != turn.Packets || turn.Exact+turn.Megaflow != 0 || turn.Dropped != 0 || turn.UpcallOf <= 0 {
		t.Errorf("%+v", turn)
	}
	// The table holds 1,000: each set up beyond them has taken the place of another.
	if kept := turn.Upcalls - turn.NoRoom; turn.Evicted+turn.Aged != kept {
		t.Errorf("%d megaflows were set up in a full table, %d went: %+v", kept, turn.Evicted+turn.Aged, turn)
	}
	if n, each := g.Upcalls(); n < turn.Upcalls || each <= 0 {
		t.Errorf("%d upcalls of %v each", n, each)
	}
}

func TestSourceAlone(t *testing.T) {
	cores := cpu.Allowed()
	s, err := OpenSource(1000, 20, cores[len(cores)-1], 256)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	turn, err := s.Turn(context.Background(), time.Millisecond, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if turn.Packets == 0 || turn.Loop <= 0 || turn.Wall < 20*time.Millisecond {
		t.Errorf("%+v", turn)
	}
	if _, err := OpenSource(1, 1, 0, 0); err == nil {
		t.Error("a burst of 0 packets was accepted")
	}
}
