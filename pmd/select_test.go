package pmd_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pollux/ofp/pipeline"
)

// selectBuckets is how many buckets the group of newSelectRig has.
const selectBuckets = 8

// selectGroup is a group whose buckets differ in an address and all leave by port 2.
func selectGroup(tb testing.TB) pipeline.Group {
	tb.Helper()
	g := pipeline.Group{ID: 1, Type: pipeline.GroupSelect}
	for i := range uint32(selectBuckets) {
		f, err := pipeline.ParseFlow(fmt.Sprintf("actions=mod_dl_dst:02:00:00:00:01:%02x,output:2", i), nil)
		if err != nil {
			tb.Fatal(err)
		}
		g.Buckets = append(g.Buckets, pipeline.Bucket{ID: i, Weight: 1, WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup, Actions: f.Do.Apply})
	}
	return g
}

// newSelectRig is a loop whose packets, of so many flows, all go through one select group.
func newSelectRig(tb testing.TB, flows int) (*rig, *pipeline.State) {
	tb.Helper()
	state, err := pipeline.New(pipeline.Config{Name: "br0", Ports: worldPorts()[:2], Threads: 1, Now: func() int64 { return 1 }})
	if err != nil {
		tb.Fatal(err)
	}
	if err := state.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupAdd, Group: selectGroup(tb)}, nil); err != nil {
		tb.Fatal(err)
	}
	list, err := pipeline.ParseFlows("in_port=1,ip,actions=group:1\n", nil)
	if err != nil {
		tb.Fatal(err)
	}
	if err := state.Replace(list); err != nil {
		tb.Fatal(err)
	}
	return newRigOf(tb, state.Snapshot(), rigSpec{flows: flows, masks: 1}), state
}

// BenchmarkSelect is what a packet costs that goes through a select group: where all flows are
// known, and where each packet begins one (flows=new).
func BenchmarkSelect(b *testing.B) {
	for _, flows := range []int{1, 1000, 10_000, 100_000, 1_000_000, 1 << 32} {
		name := fmt.Sprint(flows)
		if flows == 1<<32 {
			name = "new"
		}
		b.Run("flows="+name, func(b *testing.B) {
			r, _ := newSelectRig(b, flows)
			for n := 0; n < min(2*flows, 1<<21)+1<<16; n += 64 {
				r.loop.Iterate()
			}
			r.measure(b, "ns/pkt", "Mpps")
		})
	}
}

// TestSelectMegaflows: 100,000 flows through a group of 8 buckets are a decision that asks and one for
// each bucket, made once; a flow that the exact cache knows is not asked again; buckets are within
// 5 % of their weight, and their counts are exact.
func TestSelectMegaflows(t *testing.T) {
	const flows = 100_000
	r, state := newSelectRig(t, flows)
	for r.loop.Counts().Packets < flows {
		r.loop.Iterate()
	}
	s := r.loop.Counts()
	if n := r.loop.Subtables().Len; n != 1+selectBuckets || s.Upcalls != 1 || s.AskedAnew != selectBuckets {
		t.Errorf("%d megaflows, %d translations and %d of answers; want %d, 1, %d", n, s.Upcalls, s.AskedAnew, 1+selectBuckets, selectBuckets)
	}
	r.loop.Ask(r.loop.PushAll())
	g := state.GroupStats(1)[0]
	sum := uint64(0)
	for i, b := range g.Buckets {
		if want := float64(g.Packets) / selectBuckets; math.Abs(float64(b.Packets)-want) > 0.05*want {
			t.Errorf("bucket %d has %d of %d packets", i, b.Packets, g.Packets)
		}
		sum += b.Packets
	}
	if g.Packets != s.Packets || sum != s.Packets {
		t.Errorf("%d packets came, the group counts %d, its buckets %d", s.Packets, g.Packets, sum)
	}
}

// TestKnownFlowsAreNotAsked: packets of few flows, all in the exact cache, go by what was found with
// answers. After a change of tables that does not touch it, it stands; after one that does, each flow
// is asked once more.
func TestKnownFlowsAreNotAsked(t *testing.T) {
	const flows = 64
	r, state := newSelectRig(t, flows)
	for range 4 {
		r.loop.Iterate()
	}
	state.OnPublish(func(s *pipeline.Snapshot) { r.pub.Store(s) })
	other := selectGroup(t)
	other.Buckets = other.Buckets[1:]
	for _, step := range []struct {
		name   string
		change func() error
		asked  bool // some flows are, once more
		anew   bool
	}{
		{"nothing", func() error { return nil }, false, false},
		{"a rule that no flow meets", func() error { return state.Add(mustFlow(t, "table=7,priority=1,udp actions=drop")) }, true, false},
		{"a bucket less", func() error {
			return state.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupModify, Group: other}, nil)
		}, true, true},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		before := r.loop.Counts()
		r.loop.Iterate()
		once := r.loop.Counts()
		for range 8 {
			r.loop.Iterate()
		}
		after := r.loop.Counts()
		if n := once.Asked - before.Asked; (n > 0) != step.asked || after.Asked != once.Asked {
			t.Errorf("%s: %d asked, and then %d", step.name, n, after.Asked-once.Asked)
		}
		if n := after.ExactHits - before.ExactHits; n != after.Packets-before.Packets {
			t.Errorf("%s: %d of %d packets found in the exact cache", step.name, n, after.Packets-before.Packets)
		}
		if n := after.AskedAnew + after.Revalidated - before.AskedAnew - before.Revalidated; (n > 0) != step.anew {
			t.Errorf("%s: %d translations", step.name, n)
		}
	}
}

// TestKnownFlowsThatComeToBeAsked: a decision that did not ask and comes to, as a group of one bucket
// is given more, is renewed in place; flows that the exact cache knows are asked once, and no more. So
// when decisions cease to ask, and when they ask again.
func TestKnownFlowsThatComeToBeAsked(t *testing.T) {
	const flows = 64
	r, state := newSelectRig(t, flows)
	state.OnPublish(func(s *pipeline.Snapshot) { r.pub.Store(s) })
	for step, buckets := range []int{1, selectBuckets, 1, 2, selectBuckets} {
		g := selectGroup(t)
		g.Buckets = g.Buckets[:buckets]
		if err := state.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupModify, Group: g}, nil); err != nil {
			t.Fatal(err)
		}
		before := r.loop.Counts()
		for range 4 {
			r.loop.Iterate()
		}
		once := r.loop.Counts()
		for range 16 {
			r.loop.Iterate()
		}
		after := r.loop.Counts()
		if n := once.Asked - before.Asked; (n > 0) != (buckets > 1) || after.Asked != once.Asked {
			t.Errorf("step %d, %d buckets: %d asked, and then %d of %d", step, buckets, n, after.Asked-once.Asked, after.Packets-once.Packets)
		}
		if n := after.ExactHits - once.ExactHits; n != after.Packets-once.Packets {
			t.Errorf("step %d: %d of %d packets found in the exact cache", step, n, after.Packets-once.Packets)
		}
	}
}

// TestSelectStays: a flow has the same bucket in all loops, whatever else is in the tables, and
// keeps it while others come and go.
func TestSelectStays(t *testing.T) {
	group := func(c pipeline.GroupCommand, buckets ...uint32) *pipeline.GroupMod {
		g := pipeline.Group{ID: 1, Type: pipeline.GroupSelect}
		for _, n := range buckets {
			f := mustFlow(t, fmt.Sprintf("actions=output:%d", n))
			g.Buckets = append(g.Buckets, pipeline.Bucket{ID: n, Weight: uint16(n), WatchPort: n, WatchGroup: pipeline.AnyGroup, Actions: f.Do.Apply})
		}
		return &pipeline.GroupMod{Command: c, Group: g}
	}
	var worlds []*world
	for range 2 {
		w := newWorldVerified(t, nil, nil, 64, nil, 0)
		if err := w.state.GroupMod(group(pipeline.GroupModify, 2, 3, 4), nil); err != nil {
			t.Fatal(err)
		}
		if err := w.state.Add(mustFlow(t, "in_port=1,ip actions=group:1")); err != nil {
			t.Fatal(err)
		}
		worlds = append(worlds, w)
	}
	frame := func(i int) []byte {
		f := udpFrame(60, 80, 0)
		f[28], f[29] = byte(i>>8), byte(i)
		return f
	}
	const flows = 200
	had := make([]string, flows)
	port := func(w *world, i int) string { return w.send(t, arrival{0, frame(i)})[:1] }
	for i := range had {
		had[i] = port(worlds[0], i)
	}
	may := func(w *world, i int, gone string) {
		t.Helper()
		if got := port(w, i); had[i] == gone && got == gone || had[i] != gone && got != had[i] {
			t.Fatalf("flow %d had port %s, and has %s without %q", i, had[i], got, gone)
		}
	}
	for _, w := range worlds {
		for step, change := range []struct {
			what func() error
			gone string
		}{
			{func() error { return nil }, ""},
			{func() error { return w.state.Add(mustFlow(t, "table=0,priority=9,tcp actions=drop")) }, ""},
			{func() error { return w.state.Add(mustFlow(t, "table=0,priority=1,udp,tp_dst=81 actions=drop")) }, ""},
			{func() error { return w.state.SetPortUp(3, false) }, "3"},
			{func() error { return w.state.SetPortUp(3, true) }, ""},
			{func() error { return w.state.GroupMod(group(pipeline.GroupModify, 4, 3), nil) }, "2"},
			{func() error { return w.state.GroupMod(group(pipeline.GroupModify, 3, 4, 2), nil) }, ""},
		} {
			if err := change.what(); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			for i := range had {
				may(w, i, change.gone)
			}
		}
	}
	for _, p := range []string{"2", "3", "4"} {
		if !slices.Contains(had, p) {
			t.Errorf("no flow had port %s", p)
		}
	}
}

// TestSelectAllocs: packets that are asked by hash cost no allocation, be their flow new or known.
func TestSelectAllocs(t *testing.T) {
	for _, flows := range []int{64, 1 << 32} {
		r, _ := newSelectRig(t, flows)
		for range 64 {
			r.loop.Iterate()
		}
		if a := testing.AllocsPerRun(1000, func() { r.loop.Iterate() }); a != 0 {
			t.Errorf("of %d flows: %v allocations a batch", flows, a)
		}
	}
}
