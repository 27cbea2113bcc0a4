package datapath

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// loads is a usage of loops whose queues are written as shares in percent, with ! pinned:
// "80 10! | 70".
func loads(text string) *Usage {
	u := &Usage{}
	slot := 0
	for i, part := range strings.Split(text, "|") {
		l := LoopUsage{Loop: i, Room: 1000}
		for _, word := range strings.Fields(part) {
			var n int
			fmt.Sscan(strings.TrimSuffix(word, "!"), &n)
			pinned := strings.HasSuffix(word, "!")
			l.Queues = append(l.Queues, QueueUsage{Slot: slot, Usage: float64(n) / 100, Pinned: pinned, Frames: 10})
			l.Isolated = l.Isolated || pinned
			slot++
		}
		u.Loops = append(u.Loops, l)
	}
	return u
}

// spread is what assign makes of it, written likewise, queues by slot.
func spread(p Policy, u *Usage) string {
	by := make([][]string, len(u.Loops))
	at := assign(p, u)
	for slot := range at {
		for _, q := range at {
			if q.Slot == slot {
				by[q.to] = append(by[q.to], fmt.Sprint(int(100*q.Usage+.5)))
			}
		}
	}
	var parts []string
	for _, q := range by {
		parts = append(parts, strings.Join(q, " "))
	}
	return strings.Join(parts, " | ")
}

func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		policy     Policy
		have, want string
	}{
		// The example of Open vSwitch's manual: up the cores and down again.
		{Cycles, "30 80 | 60 40 | 70 10", "80 10 | 30 70 | 60 40"},
		{RoundRobin, "30 80 | 60 40 | 70 10", "30 40 | 80 70 | 60 10"},
		{Group, "30 80 | 60 40 | 70 10", "80 10 | 60 40 | 30 70"},
		// Pinned queues stay, alone; where they are not kept alone they count.
		{Cycles, "50! | 80 70 | 60", "50 | 80 | 70 60"},
		{Group, "50! | 80 70 | 60", "50 | 80 | 70 60"},
		// All loops are isolated: the rest goes to all.
		{Group, "50! 40 | 10!", "50 | 40 10"},
		// What is even already stays.
		{Group, "50 | 50 | 0", "50 | 50 | 0"},
		{Group, "| 30 30", "30 | 30"},
	} {
		if got := strings.TrimSpace(spread(c.policy, loads(c.have))); got != strings.TrimSpace(c.want) {
			t.Errorf("%s of %s: %s, want %s", c.policy, c.have, got, c.want)
		}
	}
}

// TestRoom: a queue that no other loop has memory for stays.
func TestRoom(t *testing.T) {
	u := loads("40 40 40 | ")
	u.Loops[1].Room = 15
	if got := spread(Group, u); got != "40 40 | 40" {
		t.Error(got)
	}
	u.Loops[1].Room = 5
	if got := spread(Cycles, u); got != "40 40 40 | " {
		t.Error(got)
	}
}

// TestAssignment: whatever the loads, every queue is polled once, pinned ones where they
// were, loops that are isolated get no others, and memory suffices.
func TestAssignment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := &Usage{}
		slot := 0
		for i := range rapid.IntRange(1, 5).Draw(t, "loops") {
			l := LoopUsage{Loop: i, Room: 40}
			for range rapid.IntRange(0, 4).Draw(t, "queues") {
				q := QueueUsage{Slot: slot, Usage: rapid.Float64Range(0, 1).Draw(t, "usage"), Pinned: rapid.IntRange(0, 4).Draw(t, "pinned") == 0, Frames: 10}
				l.Isolated = l.Isolated || q.Pinned
				l.Queues = append(l.Queues, q)
				slot++
			}
			u.Loops = append(u.Loops, l)
		}
		all := true
		for _, l := range u.Loops {
			all = all && l.Isolated
		}
		p := rapid.SampledFrom([]Policy{Cycles, RoundRobin, Group}).Draw(t, "policy")
		seen, frames := map[int]bool{}, map[int]int{}
		for _, q := range assign(p, u) {
			if seen[q.Slot] {
				t.Fatalf("queue %d is polled twice", q.Slot)
			}
			seen[q.Slot] = true
			frames[q.to] += q.Frames
			if q.Pinned && q.to != q.from {
				t.Fatalf("pinned queue %d moved", q.Slot)
			}
			if !q.Pinned && u.Loops[q.to].Isolated && !all && q.to != q.from {
				t.Fatalf("queue %d went to an isolated loop", q.Slot)
			}
		}
		if len(seen) != slot {
			t.Fatalf("%d queues of %d are polled", len(seen), slot)
		}
		for l, n := range frames {
			if n > 40 {
				t.Fatalf("loop %d has %d frames of 40", l, n)
			}
		}
	})
}

func TestPlan(t *testing.T) {
	p := planOf(Group, *loads("50 50 | "))
	if len(p.Moves) != 1 || p.Moves[0].From != 0 || p.Moves[0].To != 1 || p.Variance != [2]float64{2500, 0} || p.Improvement != 100 {
		t.Errorf("%+v", p)
	}
	if p := planOf(Cycles, *loads(" | ")); len(p.Moves) != 0 || p.Improvement != 0 {
		t.Errorf("no queues: %+v", p)
	}
}
