package pmd_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// world is a switch of four memory ports and one loop that the test drives by hand.
type world struct {
	state *pipeline.State
	pub   pmd.Published
	loop  *pmd.Loop
	ports [4]*port.Memory
	mem   *packet.Memory
	flows *cache.Cache // of the bridge exporter, every packet as it comes in and goes out
}

// worldFrames is few enough that a leak shows soon.
const worldFrames = 512

func worldPorts() []pipeline.Port {
	return []pipeline.Port{
		{OFPort: 1, Slot: 0, Name: "p1", Up: true},
		{OFPort: 2, Slot: 1, Name: "p2", Up: true, Mode: pipeline.Access, Tag: 10},
		{OFPort: 3, Slot: 2, Name: "p3", Up: true, Mode: pipeline.Access, Tag: 10},
		{OFPort: 4, Slot: 3, Name: "p4", Up: true, Mode: pipeline.NativeUntagged, Tag: 20},
	}
}

// newWorld makes the switch. wrap, if not nil, stands between the tables and the loop.
func newWorld(tb rapid.TB, flows []pipeline.Flow, wrap func(pmd.Tables) pmd.Tables) *world {
	// Small enough that flows are pushed out, and that the ring fills.
	return newWorldOf(tb, flows, wrap, 64, &cache.Config{MaxFlows: 16, RecordRing: 64})
}

// newWorldOf is newWorld with an exact cache and a flow cache of some size, or none.
func newWorldOf(tb rapid.TB, flows []pipeline.Flow, wrap func(pmd.Tables) pmd.Tables, exact int, c *cache.Config) *world {
	return newWorldVerified(tb, flows, wrap, exact, c, 3)
}

// newWorldVerified is newWorldOf that translates one hit in verify again; 0: none.
func newWorldVerified(tb rapid.TB, flows []pipeline.Flow, wrap func(pmd.Tables) pmd.Tables, exact int, c *cache.Config, verify uint32) *world {
	w := &world{mem: &packet.Memory{
		Buf: make([]byte, worldFrames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: worldFrames,
	}}
	var sampling pipeline.Sampling
	var caches []*cache.Cache
	if c != nil {
		c.Memory = w.mem
		w.flows = cache.New(*c)
		sampling.Bridge = &pipeline.BridgeSampling{Input: true, Output: true}
		caches = append(caches, w.flows)
	}
	var err error
	w.state, err = pipeline.New(pipeline.Config{Name: "br0", Ports: worldPorts(), Threads: 1, Now: func() int64 { return 1 }, Sampling: sampling})
	if err != nil {
		tb.Fatal(err)
	}
	addGroups(tb, w.state)
	if err := w.state.Replace(flows); err != nil {
		tb.Fatal(err)
	}
	w.state.OnPublish(func(s *pipeline.Snapshot) {
		if wrap != nil {
			w.pub.Store(wrap(s))
			return
		}
		w.pub.Store(s)
	})
	w.loop, err = pmd.NewLoop(pmd.LoopConfig{
		Burst: 32, ExactEntries: exact, Megaflows: 12, MegaflowMasks: 3, MegaflowIdle: 1e18,
		Memory: w.mem, Tables: &w.pub, Slots: 4, Caches: caches, Verify: verify,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range w.ports {
		if w.ports[i], err = port.OpenMemory(port.MemoryConfig{Capture: 256}, w.mem); err != nil {
			tb.Fatal(err)
		}
		rx, tx := w.ports[i].Queues()
		w.loop.AddRx(i, 0, uint32(i+1), rx[0])
		w.loop.AddTx(i, 0, uint32(i+1), tx[0], 0, &actions.Staging{})
	}
	return w
}

// arrival is a frame that comes in by a port.
type arrival struct {
	in    int
	frame []byte
}

// send has frames come in at once and returns what left, by port, in words: sorted, as
// packets of different flows may overtake each other within a batch.
func (w *world) send(tb rapid.TB, frames ...arrival) string {
	for _, a := range frames {
		if w.ports[a.in].Inject(a.frame) != 1 {
			tb.Fatal("no room to inject a frame")
		}
	}
	for w.loop.Iterate() > 0 {
	}
	return w.left(tb)
}

// sendApart is send with the caches forgotten before each frame.
func (w *world) sendApart(tb rapid.TB, frames ...arrival) string {
	for _, a := range frames {
		w.loop.FlushMegaflows()
		if w.ports[a.in].Inject(a.frame) != 1 {
			tb.Fatal("no room to inject a frame")
		}
		for w.loop.Iterate() > 0 {
		}
	}
	return w.left(tb)
}

func (w *world) left(tb rapid.TB) string {
	var out []string
	for i, p := range w.ports {
		frames, lost := p.Captured()
		if lost != 0 {
			tb.Fatalf("port %d: %d captured frames lost", i+1, lost)
		}
		for _, f := range frames {
			out = append(out, fmt.Sprintf("%d:%x\n", i+1, f))
		}
	}
	out = append(out, w.punted()...)
	slices.Sort(out)
	return strings.Join(out, "")
}

// genFlows draws a set of flows over few values, so that packets hit them.
func genFlows(t *rapid.T, label string) []pipeline.Flow { return genFlowsOf(t, label, matches, does) }

func genFlowsOf(t *rapid.T, label string, matches, does []string, more ...string) []pipeline.Flow {
	n := rapid.IntRange(1, 8).Draw(t, label)
	var lines []string
	for i := range n {
		// A table of the last draw comes after those that jump: goto_table goes forward.
		table, do := rapid.IntRange(0, 2).Draw(t, "table"), rapid.SampledFrom(does).Draw(t, "do")
		if strings.Contains(do, "goto_table") {
			table = min(table, 1)
		}
		match := rapid.SampledFrom(matches).Draw(t, "match")
		if of, list, ok := strings.Cut(do, " "); ok { // that is for some packets alone
			match, do = of, list
		}
		lines = append(lines, fmt.Sprintf("table=%d,priority=%d,%sactions=%s", table, i+1, match, do))
	}
	lines = append(lines, more...)
	flows, err := pipeline.ParseFlows(strings.Join(lines, "\n"), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	addPunts(t, flows)
	return flows
}

var matches = []string{
	"", "in_port=1,", "in_port=2,", "ip,", "arp,", "ip,nw_dst=10.0.0.0/8,", "ip,nw_dst=10.1.0.0/16,",
	"ip,nw_src=10.0.0.1,", "udp,tp_dst=2000/0xfff0,", "tcp,tp_dst=80,", "dl_dst=02:00:00:00:00:01,",
	"dl_src=02:00:00:00:00:00/ff:ff:ff:ff:ff:fe,", "dl_vlan=10,", "vlan_tci=0x0000,", "reg0=1,", "metadata=0x1/0x1,",
	"ip,nw_tos=16,", "ip,nw_ttl=1,", "icmp,icmp_type=8,", "ipv6,", "ipv6,ipv6_dst=2001:db8::/32,", "udp6,tp_src=53,", "ip,nw_frag=later,",
	"tcp,tcp_flags=+syn-ack,", "tcp,tp_dst=2000/0xfff0,", "udp,tp_dst=2000/0xfff8,", "sctp,tp_dst=2000/0xfff0,",
}

var does = []string{
	"output:1", "output:2", "output:3,output:4", "drop", "NORMAL", "FLOOD", "ALL", "IN_PORT",
	"resubmit(,1)", "resubmit(,2)", "resubmit(2,1),output:4", "resubmit(,1),resubmit(,2)",
	"set_field:02:00:00:00:00:01->eth_dst,resubmit(,1)", "load:1->NXM_NX_REG0[],resubmit(,1)", "push_vlan:0x8100,set_field:4106->vlan_vid,output:1",
	"strip_vlan,output:3", "mod_vlan_vid:20,NORMAL", "write_metadata:0x1/0x1,goto_table:2",
	"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],output:IN_PORT",
	"check_pkt_larger(58)->NXM_NX_REG0[0],resubmit(,1)", "push_vlan:0x8100,check_pkt_larger(62)->NXM_NX_REG0[0],resubmit(,1),strip_vlan,resubmit(,2)",
	"mpls, pop_mpls:0x0800,resubmit(,1)", "mpls, pop_mpls:0x0800,output:2,resubmit(,2)", "mpls, pop_mpls:0x8847,pop_mpls:0x0800,check_pkt_larger(58)->NXM_NX_REG0[0],resubmit(,2)",
}

// genFrame draws a frame over few values.
func genFrame(t *rapid.T) []byte {
	mac := func(label string) []byte {
		return []byte{2, 0, 0, 0, 0, byte(rapid.IntRange(0, 3).Draw(t, label))}
	}
	var f []byte
	if rapid.IntRange(0, 9).Draw(t, "multicast") == 0 {
		f = append(f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	} else {
		f = append(f, mac("dst")...)
	}
	f = append(f, mac("src")...)
	if v := rapid.SampledFrom([]int{-1, -1, 0, 8, 10}).Draw(t, "vlan"); v >= 0 {
		f = append(f, 0x81, 0x00, byte(v>>8), byte(v))
	}
	proto := rapid.SampledFrom([]byte{1, 6, 17, 132, 99}).Draw(t, "proto")
	l4 := make([]byte, 24)
	copy(l4, []byte{0, rapid.SampledFrom([]byte{53, 80}).Draw(t, "sport"), 0x07, byte(0xc0 + rapid.IntRange(0, 31).Draw(t, "dport"))})
	if proto == 1 {
		l4[0] = rapid.SampledFrom([]byte{0, 8}).Draw(t, "type")
	}
	l4[12], l4[13] = 0x50, rapid.SampledFrom([]byte{0x02, 0x12, 0x10}).Draw(t, "flags")
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0: // ARP
		f = append(f, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1)
		f = append(f, make([]byte, 20)...)
	case 3: // MPLS, of which one label lies on IPv4
		label := byte(rapid.IntRange(0, 1).Draw(t, "label"))
		f = append(f, 0x88, 0x47, 0, 1, label<<4|1, 9)
		f = append(f, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 99, 0, 0, 10, 0, 0, 1, 10, 1, 0, 2)
	case 1, 2: // IPv6
		f = append(f, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, proto, 64)
		f = append(f, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
		f = append(f, 0x20, 0x01, 0x0d, byte(0xb8+rapid.IntRange(0, 1).Draw(t, "net")), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
		f = append(f, l4...)
	default:
		ip := []byte{0x45, rapid.SampledFrom([]byte{0, 16}).Draw(t, "tos"), 0, 44, 0, 0, 0, rapid.SampledFrom([]byte{0, 0, 0, 5}).Draw(t, "frag"),
			rapid.SampledFrom([]byte{1, 64}).Draw(t, "ttl"), proto, 0, 0, 10, 0, 0, byte(rapid.IntRange(1, 2).Draw(t, "saddr")),
			rapid.SampledFrom([]byte{10, 11}).Draw(t, "net"), byte(rapid.IntRange(0, 2).Draw(t, "subnet")), 0, byte(rapid.IntRange(0, 255).Draw(t, "daddr"))}
		sum := uint32(0)
		for i := 0; i < 20; i += 2 {
			sum += uint32(ip[i])<<8 | uint32(ip[i+1])
		}
		sum = sum&0xffff + sum>>16
		sum = sum&0xffff + sum>>16
		ip[10], ip[11] = byte(^sum>>8), byte(^sum)
		f = append(f, 0x08, 0x00)
		f = append(append(f, ip...), l4...)
	}
	if n := rapid.IntRange(-8, 2).Draw(t, "labels"); n > 0 {
		o := 12
		if f[o] == 0x81 {
			o = 16
		}
		rest := f[o+2:]
		f = append(f[:o:o], 0x88, 0x47)
		for ; n > 0; n-- {
			f = append(f, 0, 1, byte(b2i(n == 1)), 64)
		}
		f = append(f, rest...)
	}
	if n := rapid.IntRange(0, 19).Draw(t, "cut"); n == 0 {
		f = f[:rapid.IntRange(14, len(f)).Draw(t, "length")]
	}
	return f
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// words writes a batch for people.
func words(batch []arrival) string {
	var b strings.Builder
	for _, a := range batch {
		fmt.Fprintf(&b, "in_port=%d %x\n", a.in+1, a.frame)
	}
	return b.String()
}

// equivalence is design law 1: one switch forwards by its caches, the other forgets
// them before every packet; what leaves must be the same, and so must the rules'
// counts. It returns the first difference.
func equivalence(t *rapid.T, gen func(*rapid.T, string) []pipeline.Flow, wrap func(pmd.Tables) pmd.Tables, batches int) string {
	flows := gen(t, "flows")
	return compared(t, newWorld(t, flows, wrap), newWorld(t, flows, nil), gen, batches)
}

// compared is equivalence of two worlds with the same tables, which change to those of gen.
func compared(t *rapid.T, cached, fresh *world, gen func(*rapid.T, string) []pipeline.Flow, batches int, sizes ...int) string {
	if sizes == nil {
		sizes = []int{1, 1, 2, 8, 32}
	}
	for n := range batches {
		change(t, gen, cached, fresh)
		// By port, as the loop polls them.
		batch := make([]arrival, rapid.SampledFrom(sizes).Draw(t, "batch"))
		for i := range batch {
			batch[i] = arrival{rapid.IntRange(0, 3).Draw(t, "in"), genFrame(t)}
		}
		slices.SortStableFunc(batch, func(a, b arrival) int { return a.in - b.in })
		a, b := cached.send(t, batch...), fresh.sendApart(t, batch...)
		if a != b {
			return fmt.Sprintf("batch %d, %s\nby caches:\n%sby translation:\n%s", n, words(batch), a, b)
		}
		cached.state.Tick()
		fresh.state.Tick()
	}
	for _, w := range []*world{cached, fresh} {
		w.loop.Ask(w.loop.PushAll())
		s, rx, tx := w.loop.Stats()
		if err := closedSum(s, rx, tx); err != nil {
			t.Fatal(err)
		}
		if w.flows != nil {
			if err := recorded(w.flows, rx, tx); err != nil {
				t.Fatal(err)
			}
		}
		if s.Differed != 0 {
			return fmt.Sprintf("of %d decisions verified %d differed", s.Verified, s.Differed)
		}
		// Sinks give their chunks back when reclaimed: with the loop at rest, all are home.
		if free := w.loop.FreeFrames(); free != worldFrames {
			t.Fatalf("%d of %d frames came home", free, worldFrames)
		}
	}
	a, b := dump(cached.state), dump(fresh.state)
	if a != b {
		return fmt.Sprintf("flows by caches:\n%sby translation:\n%s", a, b)
	}
	return ""
}

// change draws a change of the tables or none: now and then other flows altogether, more
// often some that are added, replaced or deleted one by one.
func change(t *rapid.T, gen func(*rapid.T, string) []pipeline.Flow, worlds ...*world) {
	each := func(what string, fn func(s *pipeline.State) error) {
		for _, w := range worlds {
			if err := fn(w.state); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	switch rapid.IntRange(0, 31).Draw(t, "change") {
	case 0, 1:
		flows := gen(t, "new flows")
		each("replace", func(s *pipeline.State) error { return s.Replace(flows) })
	case 2, 3:
		flows := gen(t, "added flows")
		for _, f := range flows {
			// Some take the place of others, or come beside them.
			f.Priority += uint16(rapid.IntRange(0, 2).Draw(t, "above"))
			each("add", func(s *pipeline.State) error { return s.Add(f) })
		}
	case 4, 5:
		have := worlds[0].state.DumpFlows()
		if len(have) == 0 {
			return
		}
		f := rapid.SampledFrom(have).Draw(t, "deleted").Flow
		each("delete", func(s *pipeline.State) error { return s.Delete(f.Table, f.Priority, f.Match) })
	case 6, 7, 8, 9:
		changeBeside(t, each)
	}
}

func dump(s *pipeline.State) string {
	var b bytes.Buffer
	for _, f := range s.DumpFlows() {
		fmt.Fprintf(&b, "table=%d,priority=%d n_packets=%d n_bytes=%d %s\n", f.Table, f.Priority, f.Packets, f.Bytes, f.Match)
	}
	for _, g := range s.GroupStats(pipeline.GroupAllGroups) {
		fmt.Fprintf(&b, "group=%d n_packets=%d n_bytes=%d %v\n", g.Group.ID, g.Packets, g.Bytes, g.Buckets)
	}
	return b.String()
}

// closedSum is design law 2 for one loop at rest.
func closedSum(s pmd.LoopStats, rx []pmd.RxStats, tx []pmd.TxStats) error {
	var in, out actions.Count
	for _, q := range rx {
		in.Packets += q.Packets
		in.Bytes += q.Bytes
	}
	for _, q := range tx {
		out.Packets += q.Packets
		out.Bytes += q.Bytes
	}
	dropped := uint64(0)
	for _, d := range s.Drops {
		dropped += d.Packets
	}
	if in.Packets+s.Injected.Packets+s.Clones.Packets != out.Packets+s.Consumed.Packets+dropped {
		return fmt.Errorf("in %d + injected %d + copied %d is not sent %d + consumed %d + dropped %d", in.Packets, s.Injected.Packets, s.Clones.Packets,
			out.Packets, s.Consumed.Packets, dropped)
	}
	if in.Packets != s.Packets {
		return fmt.Errorf("queues count %d packets, the loop %d", in.Packets, s.Packets)
	}
	placed := s.Unplaced
	for _, d := range s.Lost {
		placed[d.Reason].Packets += d.Packets
		placed[d.Reason].Bytes += d.Bytes
	}
	if placed != s.Drops {
		return fmt.Errorf("dropped by port %+v and of no port %+v, in all %+v", s.Lost, s.Unplaced, s.Drops)
	}
	return nil
}

// recorded is the other half of law 2: what came in and what went out is in records,
// in the cache, or lost for a named reason, to the packet and the byte.
func recorded(c *cache.Cache, rx []pmd.RxStats, tx []pmd.TxStats) error {
	var in, out, popped actions.Count
	for _, q := range rx {
		in.Packets += q.Packets
		in.Bytes += q.Bytes
	}
	for _, q := range tx {
		out.Packets += q.Packets
		out.Bytes += q.Bytes
	}
	var got [2]actions.Count // by direction, of popped records and held flows
	count := func(r *cache.Record) {
		got[r.Point.Dir].Packets += r.Packets
		got[r.Point.Dir].Bytes += r.L2Octets
	}
	for r, ok := c.Records().Pop(); ok; r, ok = c.Records().Pop() {
		popped.Packets += r.Packets
		popped.Bytes += r.L2Octets
		count(&r)
	}
	cursor := 0
	for {
		c.Each(&cursor, 16, count)
		if cursor == 0 {
			break
		}
	}
	s := c.Stats()
	held := s.Held()
	lost := s.Lost[cache.LossNoRoom]
	if s.Recorded.Packets != popped.Packets || s.Recorded.L2Octets != popped.Bytes {
		return fmt.Errorf("the cache says it recorded %+v, the ring held %+v", s.Recorded, popped)
	}
	if s.Seen.Packets != popped.Packets+held.Packets+lost.Packets || s.Seen.L2Octets != popped.Bytes+held.L2Octets+lost.L2Octets {
		return fmt.Errorf("seen %+v is not recorded %+v + held %+v + lost %+v", s.Seen, popped, held, lost)
	}
	if s.Seen.Packets != in.Packets+out.Packets || s.Seen.L2Octets != in.Bytes+out.Bytes {
		return fmt.Errorf("seen %+v is not in %+v + out %+v", s.Seen, in, out)
	}
	if lost.Packets == 0 && (got[cache.Ingress] != in || got[cache.Egress] != out) {
		return fmt.Errorf("by direction %+v, want in %+v, out %+v", got, in, out)
	}
	return nil
}

// TestEquivalence: laws 1 and 2 over random tables, packets and changes.
func TestEquivalence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if diff := equivalence(t, genFlows, nil, 60); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestEquivalenceOfMore: the same of tables with groups, meters, copies, conjunctions and MPLS.
func TestEquivalenceOfMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if diff := equivalence(t, genMoreFlows, nil, 25); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestEquivalenceOfLearning: the same of flows that learn, packet by packet: what one teaches is
// in force for the next batch, not for those that came in with it.
func TestEquivalenceOfLearning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flows := genLearningFlows(t, "flows")
		if diff := compared(t, newWorld(t, flows, nil), newWorld(t, flows, nil), genLearningFlows, 40, 1); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestSimpleMatches: the same of decisions that look at the port alone, by which all of its
// packets go unread. Such there must have been.
func TestSimpleMatches(t *testing.T) {
	var simple, verified uint64
	gen := func(t *rapid.T, label string) []pipeline.Flow {
		matches := []string{"in_port=1,", "in_port=1,", "in_port=2,", "in_port=3,", "", "", "in_port=1,ip,", "reg0=1,"}
		does := []string{"output:1", "output:2", "output:3,output:4", "drop", "ALL", "IN_PORT", "resubmit(,1)", "push_vlan:0x8100,output:1", "NORMAL"}
		return genFlowsOf(t, label, matches, does)
	}
	rapid.Check(t, func(t *rapid.T) {
		flows := gen(t, "flows")
		cached := newWorldOf(t, flows, nil, 64, nil)
		if diff := compared(t, cached, newWorldOf(t, flows, nil, 64, nil), gen, 40); diff != "" {
			t.Fatal(diff)
		}
		s := cached.loop.Counts()
		simple += s.SimpleHits
		verified += s.Verified
		if s.SimpleHits+s.ExactHits+s.MegaHits+s.Upcalls != s.Packets {
			t.Fatalf("simple %d + exact %d + megaflow %d + upcalls %d is not %d packets", s.SimpleHits, s.ExactHits, s.MegaHits, s.Upcalls, s.Packets)
		}
	})
	if simple == 0 || verified == 0 {
		t.Errorf("%d packets by simple matches, %d verified", simple, verified)
	}
}

// forgetful is tables whose masks lack one bit.
type forgetful struct {
	pmd.Tables
	word flow.Word
	bit  uint64
}

func (f forgetful) Translate(u *pmd.Upcall) {
	f.Tables.Translate(u)
	if m := u.Mask.W[f.word] &^ f.bit; m != u.Mask.W[f.word] {
		u.Mask.W[f.word] = m
		if m == 0 {
			u.Mask.Map &^= 1 << f.word
		}
	}
}

// TestABrokenMaskIsCaught forgets one bit of one field and must see a difference: the
// property above would notice such a bug.
func TestABrokenMaskIsCaught(t *testing.T) {
	for _, c := range []struct {
		name string
		word flow.Word
		bit  uint64
	}{
		{"lowest bit of in_port", flow.WPort, 1},
		{"bit 16 of nw_dst", flow.WIPv4, 1 << 16},
		{"lowest bit of dl_dst", flow.WEthDst, 1 << 16},
		{"bit 4 of tp_dst", flow.WL4, 1 << 36},
		{"bit 1 of the VLAN", flow.WVLAN, 1 << (48 + 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken := func(tb pmd.Tables) pmd.Tables { return forgetful{tb, c.word, c.bit} }
			// The search is deterministic: so many examples, the first that differs wins.
			diff := ""
			for seed := 0; seed < 1000 && diff == ""; seed++ {
				diff = rapid.Custom(func(t *rapid.T) string { return equivalence(t, genFlows, broken, 12) }).Example(seed)
			}
			if diff == "" {
				t.Fatalf("a mask without the %s went unnoticed", c.name)
			}
			t.Logf("caught:\n%s", diff)
		})
	}
}
