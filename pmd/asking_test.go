package pmd_test

import (
	"fmt"
	"strings"
	"testing"

	"pollux/ofp/pipeline"
)

// udpFrame returns a UDP packet of n bytes to a port, under labels.
func udpFrame(n, port, labels int) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if labels > 0 {
		f = append(f, 0x88, 0x47)
		for ; labels > 0; labels-- {
			f = append(f, 0, 1, byte(b2i(labels == 1)), 64)
		}
	} else {
		f = append(f, 8, 0)
	}
	total := n - len(f)
	f = append(f, 0x45, 0, byte(total>>8), byte(total), 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
	f = append(f, 4, 0, byte(port>>8), byte(port), byte((total-20)>>8), byte(total-20), 0, 0)
	return append(f, make([]byte, n-len(f))...)
}

// TestAskedPackets: packets that are asked for their length, and for what is under their labels,
// are decided about by what they answer; the first of a kind by translations, others by caches;
// and no list of questions outlives the decisions that use it.
func TestAskedPackets(t *testing.T) {
	flows, err := pipeline.ParseFlows(`
		table=0,mpls actions=pop_mpls:0x0800,resubmit(,1)
		table=0,priority=1,ip actions=resubmit(,2)
		table=1,udp,tp_dst=80 actions=resubmit(,2)
		table=1,priority=1 actions=drop
		table=2 actions=check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,3)
		table=3,reg0=1 actions=output:2
		table=3,reg0=0 actions=output:3`, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOf(t, flows, nil, 64, nil)
	var anew uint64
	for round := range uint64(3) {
		got := w.send(t, arrival{0, udpFrame(100, 80, 0)}, arrival{0, udpFrame(101, 80, 0)},
			arrival{0, udpFrame(104, 80, 1)}, arrival{0, udpFrame(105, 80, 1)}, arrival{0, udpFrame(105, 81, 1)})
		var want []string
		for _, n := range []struct{ port, length int }{{2, 101}, {2, 101}, {3, 100}, {3, 100}} {
			want = append(want, fmt.Sprintf("%d:%x\n", n.port, udpFrame(n.length, 80, 0)))
		}
		if got != strings.Join(want, "") {
			t.Fatalf("round %d: sent\n%swant\n%s", round, got, strings.Join(want, ""))
		}
		// Four packets for their length, three for their headers.
		s := w.loop.Counts()
		if s.Asked != 7*(round+1) || round == 2 && s.AskedAnew != anew {
			t.Errorf("round %d: %d asked, %d anew, before %d", round, s.Asked, s.AskedAnew, anew)
		}
		anew = s.AskedAnew
	}
	w.loop.Ask(w.loop.PushAll())
	for _, f := range w.state.DumpFlows() {
		n := map[string]uint64{"mpls": 9, "ip": 6, "udp,tp_dst=80": 6, "": 3, "reg0=0x1": 6, "reg0=0": 6}[f.Match]
		if f.Table == 2 {
			n = 12
		}
		if f.Packets != n {
			t.Errorf("table %d, %q: %d packets, want %d", f.Table, f.Match, f.Packets, n)
		}
	}
	// A length of its own, a packet's headers, and the length of such: 3.
	if n := w.loop.QuestionLists(); n != 3 {
		t.Errorf("%d lists of questions, want 3", n)
	}
	w.loop.FlushMegaflows()
	if n := w.loop.QuestionLists(); n != 0 {
		t.Errorf("%d lists of questions without decisions", n)
	}
}

// TestAskedPacketsAllocateNothing: what is asked of packets costs a loop no allocation, once it
// knows them.
func TestAskedPacketsAllocateNothing(t *testing.T) {
	flows, err := pipeline.ParseFlows(`
		table=0,mpls actions=pop_mpls:0x0800,check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1)
		table=1,udp,tp_dst=80 actions=dec_ttl,output:2`, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOf(t, flows, nil, 64, nil)
	frame := udpFrame(104, 80, 2)
	frame[15] = 2 // another label
	frame = append(frame[:14:14], frame[18:]...)
	iterate := func() {
		w.ports[0].Inject(frame)
		w.loop.Iterate()
	}
	for range 100 {
		iterate()
	}
	w.left(t)
	before := w.loop.Counts()
	// The ports of the test copy what they capture, and lose what they have no room for.
	if n := testing.AllocsPerRun(100, func() { w.loop.Iterate() }); n != 0 {
		t.Fatalf("%v allocations of an idle loop", n)
	}
	asked := testing.AllocsPerRun(100, iterate)
	w.left(t)
	plain := udpFrame(100, 80, 0)
	if err := w.state.Add(mustFlow(t, "table=0,priority=1,ip actions=output:2")); err != nil {
		t.Fatal(err)
	}
	other := func() {
		w.ports[0].Inject(plain)
		w.loop.Iterate()
	}
	for range 100 {
		other()
	}
	w.left(t)
	if n := testing.AllocsPerRun(100, other); asked > n {
		t.Errorf("%v allocations for a packet that is asked, %v for one that is not", asked, n)
	}
	if s := w.loop.Counts(); s.Asked-before.Asked < 200 || s.AskedAnew != before.AskedAnew {
		t.Errorf("%d asked, %d anew: want two a packet, none anew", s.Asked-before.Asked, s.AskedAnew-before.AskedAnew)
	}
}

func mustFlow(t *testing.T, text string) pipeline.Flow {
	f, err := pipeline.ParseFlow(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
