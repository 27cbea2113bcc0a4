package pipeline

import (
	"testing"

	"pollux/flow"
	"pollux/pmd"
)

// normalPorts is one port of every kind: 1 and 2 access 10, 3 access 20, 4 a trunk
// of all, 5 a trunk of 10 and 20, 6 native-untagged 10 with trunk 20, 7
// native-tagged 20 with trunk 10, 8 access 10 that does not flood.
func normalPorts(c *Config) {
	c.Ports = []Port{
		{OFPort: 1, Mode: Access, Tag: 10},
		{OFPort: 2, Mode: Access, Tag: 10},
		{OFPort: 3, Mode: Access, Tag: 20},
		{OFPort: 4},
		{OFPort: 5, Trunks: VLANs(10, 20)},
		{OFPort: 6, Mode: NativeUntagged, Tag: 10, Trunks: VLANs(20)},
		{OFPort: 7, Mode: NativeTagged, Tag: 20, Trunks: VLANs(10)},
		{OFPort: 8, Mode: Access, Tag: 10, NoFlood: true},
	}
	for i := range c.Ports {
		c.Ports[i].Up, c.Ports[i].Slot = true, uint32(i)
	}
}

// TestNormalVLANs is a frame to an unknown address, by the port and the tag with
// which it comes, and what leaves of it.
func TestNormalVLANs(t *testing.T) {
	s := testState(t, "actions=NORMAL", normalPorts)
	for _, c := range []struct{ in, want string }{
		{"in_port=1", "2,6,push_vlan(vid=10,pcp=0),4,5,7"},
		{"in_port=2", "1,6,push_vlan(vid=10,pcp=0),4,5,7"},
		{"in_port=8", "1,2,6,push_vlan(vid=10,pcp=0),4,5,7"},
		{"in_port=3", "push_vlan(vid=20,pcp=0),4,5,6,7"},
		{"in_port=1,dl_vlan=10", "drop vlan_filter"},
		{"in_port=1,dl_vlan=0,dl_vlan_pcp=5", "set(vlan(vid=10)),4,5,7,pop_vlan,2,6"},
		{"in_port=4", "drop no_output"}, // VLAN 0 is on no other port
		{"in_port=4,dl_vlan=10", "5,7,pop_vlan,1,2,6"},
		{"in_port=4,dl_vlan=20,dl_vlan_pcp=3", "5,6,7,pop_vlan,3"},
		{"in_port=4,dl_vlan=30", "drop no_output"},
		{"in_port=5,dl_vlan=10", "4,7,pop_vlan,1,2,6"},
		{"in_port=5,dl_vlan=30", "drop vlan_filter"},
		{"in_port=5", "drop vlan_filter"},
		{"in_port=6", "1,2,push_vlan(vid=10,pcp=0),4,5,7"},
		{"in_port=6,dl_vlan=10", "4,5,7,pop_vlan,1,2"},
		{"in_port=6,dl_vlan=20", "4,5,7,pop_vlan,3"},
		{"in_port=6,dl_vlan=30", "drop vlan_filter"},
		{"in_port=7", "3,push_vlan(vid=20,pcp=0),4,5,6"},
		{"in_port=7,dl_vlan=10", "4,5,pop_vlan,1,2,6"},
		{"in_port=9", "drop no_port"},
		{"in_port=1,dl_dst=01:80:c2:00:00:0e", "drop reserved_mac"},
		{"in_port=1,dl_dst=01:80:c2:00:00:10", "2,6,push_vlan(vid=10,pcp=0),4,5,7"},
		{"in_port=3,dl_dst=ff:ff:ff:ff:ff:ff", "push_vlan(vid=20,pcp=0),4,5,6,7"},
		{"in_port=1,dl_dst=02:00:00:00:00:08", "drop to_in_port"}, // where it came from, before it was learned
	} {
		u := pmd.Upcall{Key: packetOf(t, s, "dl_src=02:00:00:00:00:08,"+c.in), Thread: -1}
		s.Snapshot().Translate(&u)
		got := u.Program.String()
		if u.Program.Last < 0 {
			got += " " + u.Program.Drop.String()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

// TestPriorityTags: a tag of VLAN 0 leaves with the packet if it says a priority, unless the port
// takes tags off (ovs-vswitchd.conf.db(5), vlan_mode, as Open vSwitch 3.1 does it).
func TestPriorityTags(t *testing.T) {
	s := testState(t, "actions=NORMAL", func(c *Config) {
		c.Ports = []Port{{OFPort: 1}, {OFPort: 2}, {OFPort: 3, Mode: Access}, {OFPort: 4, Mode: NativeUntagged}, {OFPort: 5, Mode: NativeTagged}}
		for i := range c.Ports {
			c.Ports[i].Up, c.Ports[i].Slot = true, uint32(i)
		}
	})
	for _, c := range []struct{ in, want string }{
		{"in_port=1", "2,3,4,5"},
		{"in_port=1,dl_vlan=0,dl_vlan_pcp=0", "pop_vlan,2,3,4,5"},
		{"in_port=1,dl_vlan=0,dl_vlan_pcp=5", "2,5,pop_vlan,3,4"},
		{"in_port=3,dl_vlan=0,dl_vlan_pcp=5", "1,2,5,pop_vlan,4"},
	} {
		if got := programOf(t, s, "dl_src=02:00:00:00:00:08,"+c.in).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

// bridge sends packets as a poll loop does.
type bridge struct {
	*State
	t   *testing.T
	now int64
}

func newBridge(t *testing.T, change ...func(*Config)) *bridge {
	b := &bridge{t: t}
	change = append(change, func(c *Config) { c.Now = func() int64 { return b.now } })
	b.State = testState(t, "actions=NORMAL", change...)
	return b
}

// send translates one packet, credits it, and returns what it does.
func (b *bridge) send(text string) string {
	u := pmd.Upcall{Key: packetOf(b.t, b.State, text), Thread: 0, Now: b.now, Commit: true}
	b.Snapshot().Translate(&u)
	u.Credit.Credit(1, 64, b.now)
	if u.Program.Last < 0 {
		return u.Program.Drop.String()
	}
	return u.Program.String()
}

func (b *bridge) expect(text, want string) {
	b.t.Helper()
	if got := b.send(text); got != want {
		b.t.Errorf("%s: got %s, want %s", text, got, want)
	}
}

const (
	aToB = "in_port=1,dl_src=00:00:00:00:00:0a,dl_dst=00:00:00:00:00:0b"
	bToA = "in_port=2,dl_src=00:00:00:00:00:0b,dl_dst=00:00:00:00:00:0a"
)

func TestLearning(t *testing.T) {
	b := newBridge(t)
	gen, fdb := b.Snapshot().Generation(), b.Snapshot().FDBGeneration()
	b.expect(aToB, "2,3,4")
	b.expect(bToA, "1,3,4") // nothing is known before Tick
	b.Tick()
	if b.Snapshot().Generation() != gen || b.Snapshot().FDBGeneration() != fdb+1 {
		t.Errorf("generations %d, %d after learning two addresses at once; want %d, %d", b.Snapshot().Generation(), b.Snapshot().FDBGeneration(), gen, fdb+1)
	}
	b.expect(aToB, "2")
	b.expect(bToA, "1")
	b.expect("in_port=2,dl_src=00:00:00:00:00:0a,dl_dst=00:00:00:00:00:0a", "to_in_port")
	b.Tick() // that was a move of 0a to port 2
	b.expect(bToA, "to_in_port")
	b.expect("in_port=3,dl_src=01:00:00:00:00:0c,dl_dst=00:00:00:00:00:0b", "2") // a group address is no source
	b.Tick()
	if st := b.FDBStats(); st.Learned != 2 || st.Moved != 1 || st.Current != 2 {
		t.Errorf("got %+v, want 2 learned, 1 moved, 2 current", st)
	}
	if err := b.SetPortUp(2, false); err != nil {
		t.Fatal(err)
	}
	b.expect(aToB, "3,4") // what was behind a port that went down is unknown again
	if st := b.FDBStats(); st.Current != 0 {
		t.Errorf("%d addresses are left on a port that is down", st.Current)
	}
}

func TestAgeing(t *testing.T) {
	b := newBridge(t)
	b.send(aToB)
	b.send(bToA)
	b.Tick()
	for range 5 { // A goes on sending, B does not
		b.now += 100e9
		b.send(aToB)
		b.Tick()
	}
	var macs []string
	for _, e := range b.DumpFDB() {
		macs = append(macs, e.String())
	}
	if len(macs) != 1 || macs[0] != "    1     0  00:00:00:00:00:0a    0" {
		t.Errorf("after 500 s the table has %q, want A alone", macs)
	}
	b.expect(aToB, "2,3,4")
	if st := b.FDBStats(); st.Expired != 1 {
		t.Errorf("got %+v, want one expired", st)
	}
}

func TestTheOldestAddressMakesRoom(t *testing.T) {
	b := newBridge(t, func(c *Config) { c.MACTableSize = 10 })
	k := packetOf(t, b.State, aToB)
	for i := range uint64(30) {
		b.now++
		flow.EthSrc.Set(k, flow.Value{Lo: 0x100 + i})
		u := pmd.Upcall{Key: k, Thread: 0, Now: b.now, Commit: true}
		b.Snapshot().Translate(&u)
		if i%3 == 0 {
			b.Tick()
		}
	}
	b.Tick()
	if st := b.FDBStats(); st.Current != 10 || st.Evicted != 20 || st.Learned != 30 {
		t.Errorf("got %+v, want 30 learned, 20 evicted, 10 left", st)
	}
	for _, e := range b.DumpFDB() {
		if e.MAC < "00:00:00:00:01:14" {
			t.Errorf("%s is left, which is older than others that are gone", e.MAC)
		}
	}
}

// TestLostNotesAreLearnedLater fills a loop's ring: decisions that could not learn
// are asked for again.
func TestLostNotesAreLearnedLater(t *testing.T) {
	b := newBridge(t, func(c *Config) { c.MACTableSize = 100000 })
	k := packetOf(t, b.State, aToB)
	all := func() {
		for i := range uint64(noteRing + 100) {
			flow.EthSrc.Set(k, flow.Value{Lo: 0x100 + i})
			u := pmd.Upcall{Key: k, Thread: 0, Commit: true}
			b.Snapshot().Translate(&u)
			if !u.FDB {
				t.Fatal("NORMAL says that it does not depend on addresses")
			}
		}
	}
	all()
	before := b.Snapshot().FDBGeneration()
	b.Tick()
	if st := b.FDBStats(); st.Lost != 100 || st.Current != noteRing || b.Snapshot().FDBGeneration() == before {
		t.Errorf("got %+v, want %d learned and 100 lost", st, noteRing)
	}
	all()
	b.Tick()
	if st := b.FDBStats(); st.Current != noteRing+100 {
		t.Errorf("got %+v, want all %d learned", st, noteRing+100)
	}
}

func TestTraceAndControlPlaneLearnNothing(t *testing.T) {
	b := newBridge(t)
	b.Snapshot().Trace(packetOf(t, b.State, aToB))
	for _, u := range []pmd.Upcall{{Thread: -1, Commit: true}, {Thread: 0}} {
		u.Key = packetOf(t, b.State, aToB)
		b.Snapshot().Translate(&u)
	}
	b.Tick()
	if n := b.FDBStats().Current; n != 0 {
		t.Errorf("%d addresses were learned without Commit", n)
	}
}

// TestDecisionsWithoutNormalDoNotDependOnAddresses is what lets cached decisions
// live on when addresses are learned.
func TestDecisionsWithoutNormalDoNotDependOnAddresses(t *testing.T) {
	s := testState(t, "in_port=1 actions=2\nin_port=2 actions=NORMAL\nin_port=3 actions=drop")
	for in, want := range map[string]bool{"in_port=1": false, "in_port=2": true, "in_port=3": false, "in_port=4": false} {
		u := pmd.Upcall{Key: packetOf(t, s, in), Thread: -1}
		s.Snapshot().Translate(&u)
		if u.FDB != want {
			t.Errorf("%s: FDB %v, want %v", in, u.FDB, want)
		}
	}
}

// BenchmarkLearn is the cost of learning and publishing batches of 32 addresses
// into a table of 100,000.
func BenchmarkLearn(b *testing.B) {
	s := testState(b, "actions=NORMAL", func(c *Config) { c.MACTableSize = 200000 })
	e := editFDB(s.Snapshot().fdb)
	for i := range uint64(100000) {
		e.learn(makeFDBKey(0, i), 1, 1)
	}
	s.putFDB(e.next)
	port := uint32(1)
	b.ResetTimer()
	for i := range b.N {
		for j := range uint64(32) {
			s.loops.notes[0].Push(note{makeFDBKey(0, (uint64(i)*32+j)%100000), port%2 + 2, 1})
		}
		port++
		s.Tick()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/address")
}
