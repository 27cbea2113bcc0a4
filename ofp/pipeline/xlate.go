package pipeline

import (
	"math/bits"
	"slices"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// Bounds of one translation (the same as Open vSwitch's).
const (
	maxDepth   = 64   // resubmits to the same or an earlier table inside each other
	maxLookups = 4096 // table look-ups
)

// xlate is one translation in progress, and the memory for the next one. All but walk, and lists,
// is as much as the packet is far from plain: what begins anew costs by the words that are used.
type xlate struct {
	snap *Snapshot
	up   *pmd.Upcall
	tr   *tracer // nil in the loops

	walk

	key    flow.Key  // the working copy
	konst  flow.Mask // its bits that actions wrote
	hidden flow.Mask // its bits that are the packet's and were under a label: see xlate_mpls.go
	wild   flow.Mask // scratch

	base      flow.Key  // the packet's headers after the ops so far; VLAN tags apart
	baseKonst flow.Mask // its bits that ops wrote

	path classifier.Path

	ops     []actions.Op
	samples []actions.Sample
	meters  []*actions.Meter
	punts   []actions.Punt
	queues  []*actions.Queue
	tell    []bool // of each sample: its exporter is told the rule

	counted // who the decision counts for

	layers []layer      // what pushed labels hide
	set    []Action     // the action set
	stack  []flow.Value // of push and pop

	// fresh says that the packet brought headers alone: the words of freshKonst are constants
	// from the beginning, and stay so.
	fresh bool

	made made // programs and credits of before
}

// walk is what a translation knows of its way so far that is neither key nor list. Every
// translation begins with its zero value.
type walk struct {
	dirty   uint64 // words of the key that were written since base was made
	written uint64 // words of the key that were ever written
	prefix  int    // ops that stay when the translation fails

	// Who decided: see verdict.go.
	current *Rule // whose instructions are being executed
	last    *Rule // that a look-up of this stage found
	sender  cause // of the first that was sent
	punter  cause // of the first that was sent to a controller
	blamed  cause // of the reason why nothing was sent
	sent    bool  // something was sent
	punted  bool  // something was sent to a controller
	// A table was looked in for a packet with hidden headers. Whether that asks for them may
	// follow from rules that cannot match: any change of rules may touch such a decision.
	blind bool

	table   uint8
	exit    bool
	out     bool           // the packet is a packet-out's
	resumed bool           // it had paused
	ofCopy  bool           // and is a clone or in a bucket
	silent  bool           // the next look-up is a resubmit's: that it finds nothing is not told
	inSet   bool           // the action set is being executed
	copied  bool           // an OpClone was emitted
	reason  actions.Reason // why nothing was sent, as far as known
	failed  actions.Reason
	most    uint16 // bytes that an output sends; 0: all
	queue   uint32 // that outputs go by
	leaving leaving
	depth   int
	inGroup int      // how many groups are being executed
	clones  int      // in which the list is
	ttlIDs  []uint16 // controllers that are told of an expired TTL; nil: the first

	vlan, baseVLAN vlanStack // tags of the working copy, of which the key shows the top two, and of base

	// Of labels: see xlate_mpls.go.
	labels labels // whose the labels are that the key shows
	under  uint16 // 0x100 and the TTL that copy_ttl_in wrote under the packet's own last label; 0: none
	popped uint8  // how many of its own labels are gone
	wrote  bool   // ops wrote to what is under labels, or to labels
	lost   bool   // what hidden bits are is not to be found out by asking
	grown  int    // bytes that ops have added to it

	asks     actions.Question // what is to be known first, when the translation has failed for that
	egressAt int              // in how many clones the walk through the egress tables is
	paused   int              // 1 and the number of the punt by which the packet pauses; 0: it does not
	steps    []FrozenStep     // of that, as far as they are known
}

// run translates and fills u's answers.
func (x *xlate) run(s *Snapshot, u *pmd.Upcall, tr *tracer) {
	x.begin(s, u, tr)
	x.packet()
	x.end()
}

func (x *xlate) begin(s *Snapshot, u *pmd.Upcall, tr *tracer) {
	u.Mask.Clear()
	u.FDB, u.Unsettled = false, false
	x.snap, x.up, x.tr = s, u, tr
	x.walk = walk{labels: labels{0, 1, 2}}
	x.key.CopyFrom(u.Key)
	x.base.CopyFrom(u.Key)
	x.constants()
	x.baseKonst.Clear()
	x.hidden.Clear()
	x.path = classifier.Path{}
	if len(u.Asked) > 0 {
		x.written = actions.AnswerMap // where the caches keep answers
	}
	x.forget()
	if x.key.W[flow.WSet]>>32 == 0 {
		x.setOutput(flow.PortUnset)
	}
}

// forget empties the lists. Each is a statement of its own: so it is one store, of a length.
func (x *xlate) forget() {
	x.ops = x.ops[:0]
	x.samples = x.samples[:0]
	x.tell = x.tell[:0]
	x.meters = x.meters[:0]
	x.punts = x.punts[:0]
	x.queues = x.queues[:0]
	x.rules = x.rules[:0]
	x.missed = x.missed[:0]
	x.groups = x.groups[:0]
	x.floors = x.floors[:0]
	x.young = x.young[:0]
	x.names = x.names[:0]
	x.seen = nil
	x.layers = x.layers[:0]
	x.set = x.set[:0]
	x.stack = x.stack[:0]
}

// constants makes constants of what no packet brings with it: metadata, registers, marks and
// what would be a tunnel's are 0 in every packet with recirc_id 0, which the mask always has.
func (x *xlate) constants() {
	was := x.fresh
	x.fresh = x.key.Map&freshKonst.Map == 0 && x.key.W[flow.WPort]>>32 == 0
	switch {
	case x.fresh && was:
		for b := x.konst.Map &^ freshKonst.Map; b != 0; b &= b - 1 {
			x.konst.W[bits.TrailingZeros64(b)] = 0
		}
		x.konst.Map = freshKonst.Map
	case x.fresh:
		x.konst = freshKonst
	case x.key.W[flow.WPort]>>32 != 0:
		x.konst.Clear()
	default:
		x.konst.Clear()
		for _, w := range &pipelineWords {
			if x.key.W[w] == 0 {
				x.konst.Or(w, ^uint64(0))
			}
		}
	}
}

var pipelineWords = [...]flow.Word{
	flow.WMeta, flow.WMark, flow.WTunID, flow.WTunIPv4, flow.WTunMisc,
	flow.WTunSrcHi, flow.WTunSrcLo, flow.WTunDstHi, flow.WTunDstLo,
	flow.WReg0, flow.WReg2, flow.WReg4, flow.WReg6, flow.WReg8, flow.WReg10, flow.WReg12, flow.WReg14, flow.WSet, flow.WConj,
}

// freshKonst is what constants makes of a packet that brings nothing with it, as most do.
var freshKonst = func() (m flow.Mask) {
	for _, w := range &pipelineWords {
		m.Or(w, ^uint64(0))
	}
	return m
}()

// packet walks the packet through the switch.
func (x *xlate) packet() {
	// As in Open vSwitch, every decision is for one port and recirculation.
	x.up.Mask.Or(flow.WPort, ^uint64(0))
	in := x.snap.ports.get(x.key.InPort())
	if b := x.snap.sampling.Bridge; b != nil && b.Input {
		x.sample(b.Exporter, cache.Point{Dir: cache.Ingress, Domain: b.Domain, ID: b.Point}, b.Attribute)
		x.prefix = len(x.ops)
	}
	if in != nil && (in.NoRecv || in.Down) {
		x.note(actions.DropNoRecv)
		if x.tr != nil {
			x.tr.warn("port %d is configured not to receive, dropping", in.OFPort)
		}
		return
	}
	x.tableAction(x.key.InPort(), 0)
	x.finish()
}

// finish is what is done when the pipeline has ended.
func (x *xlate) finish() {
	x.conclude()
	x.actionSetLast()
	x.freeze()
}

// end makes the answers. Program and credit are apart, as loops keep programs
// longer.
func (x *xlate) end() {
	if x.failed != actions.DropNone {
		x.ops = x.ops[:x.prefix]
		x.samples = x.samples[:min(x.prefix, len(x.samples))]
		x.meters, x.punts, x.queues = x.meters[:0], x.punts[:0], x.queues[:0]
		x.reason, x.sent, x.punted = x.failed, false, false
	}
	if x.copied {
		x.ops = unclone(x.ops)
	}
	if x.failed == actions.DropHidden && x.asks.What == actions.AskNothing {
		// A look-up that shows by one bit that a rule does not match may have asked for it
		// because of others, which it does not name: the decision is for these headers alone.
		for w := flow.StageL2; w < flow.NumWords; w++ {
			x.up.Mask.Or(w, ^uint64(0))
		}
	}
	x.judge()
	x.up.Program = x.program()
	// And for one Ethernet type and one kind of fragment, unless it serves whatever comes in
	// by the port as it is: then loops need not read headers.
	if m := &x.up.Mask; m.Map != 1<<flow.WPort || !x.up.Program.Headerless() {
		m.Or(flow.WEthDst, 0xffff)
		if flow.PreIP.Met(x.up.Key) {
			m.Or(flow.WIP, 0xff<<32)
		}
	}
	c := x.made.credit(&x.counted)
	x.up.Credit = c.credit
	switch {
	case x.blind:
		x.up.Path = nil
	case c.path != nil && c.path.Equal(&x.path):
		x.up.Path = c.path
	default:
		c.path = x.made.path(&x.path)
		x.up.Path = c.path
	}
	x.snap, x.up, x.tr, x.seen = nil, nil, nil, nil
}

// note keeps the first reason why the packet was not sent.
func (x *xlate) note(r actions.Reason) {
	if x.reason == actions.DropNone {
		x.reason, x.blamed = r, x.cause()
	}
}

// fail ends the translation.
func (x *xlate) fail(r actions.Reason) {
	if x.failed == actions.DropNone {
		x.failed, x.blamed = r, x.cause()
	}
	x.exit = true
}

// emit adds a step to the program. Its caller completes it where it is: to copy one that was
// just made is to wait for all stores before it.
func (x *xlate) emit(c actions.Code) *actions.Op {
	switch c {
	case actions.OpPushVLAN, actions.OpPushMPLS:
		x.grown += 4
	case actions.OpPopVLAN, actions.OpPopMPLS:
		x.grown -= 4
	case actions.OpCopyTTLIn:
		x.wrote = true
	case actions.OpClone:
		x.copied = true
	}
	n := len(x.ops)
	if n == cap(x.ops) {
		x.ops = slices.Grow(x.ops, 1)
	}
	x.ops = x.ops[:n+1]
	op := &x.ops[n]
	*op = actions.Op{}
	op.Code = c
	return op
}

// emitSet adds the writing of bits m of a field.
func (x *xlate) emitSet(f flow.Field, v, m flow.Value) *actions.Op {
	x.wrote = x.wrote || flow.Fields[f].Word >= flow.WMPLS
	op := x.emit(actions.OpSet)
	op.Field, op.V, op.M = f, v, m
	return op
}

// sample emits the accounting of the packet as it is in the base. With tell the
// exporter is told the rule that decides about the packet.
func (x *xlate) sample(exporter int, p cache.Point, tell bool) {
	x.emit(actions.OpSample).A = uint32(len(x.samples))
	x.samples = append(x.samples, actions.Sample{Exporter: exporter, Point: p, Probability: p.Probability})
	x.tell = append(x.tell, tell)
}

// need un-wildcards bits of a word of the working copy that were looked at, as far
// as they are the packet's.
func (x *xlate) need(w flow.Word, b uint64) {
	if 1<<w&(shiftedWords|x.hidden.Map) != 0 {
		x.needShifted(w, b)
		return
	}
	x.up.Mask.Or(w, b&^x.konst.W[w])
}

// shiftedWords may show bits that are elsewhere in the packet's key: tags and labels.
const shiftedWords = 1<<flow.WVLAN | 1<<flow.WMPLS | 1<<flow.WMPLS2

// needShifted is need for words of which some bits may be hidden, or elsewhere.
func (x *xlate) needShifted(w flow.Word, b uint64) {
	if w == flow.WVLAN {
		x.needVLAN(b)
		return
	}
	b &^= x.konst.W[w]
	switch {
	case b&x.hidden.W[w] != 0:
		x.hide(x.question(x.key.EthType()))
	case w == flow.WMPLS || w == flow.WMPLS2:
		x.needLabels(w, b)
	default:
		x.up.Mask.Or(w, b)
	}
}

// needMask is need for every word of m.
func (x *xlate) needMask(m *flow.Mask) {
	for b := m.Map; b != 0; b &= b - 1 {
		w := flow.Word(bits.TrailingZeros64(b))
		x.need(w, m.W[w])
	}
}

// needField un-wildcards bits m of a field.
func (x *xlate) needField(f flow.Field, m flow.Value) {
	i := &flow.Fields[f]
	if i.Bits == 128 {
		x.need(i.Word, m.Hi)
		x.need(i.Word+1, m.Lo)
		return
	}
	x.need(i.Word, m.Lo<<i.Shift&inPlace[f])
}

// has says whether the packet has f now; that is looking at it.
func (x *xlate) has(f flow.Field) bool {
	p := flow.Fields[f].Pre
	return p == flow.PreNone || x.meets(p)
}

// meets says whether a prerequisite is met now; that is looking at the packet.
func (x *xlate) meets(p flow.Prereq) bool {
	x.needMask(&prereqMasks[p])
	return p.Met(&x.key)
}

// lookups is how many look-ups there were.
func (x *xlate) lookups() int { return len(x.rules) + len(x.missed) }

// lookup finds the rule of a table for the working copy, looked at as if it had
// come in by inPort.
func (x *xlate) lookup(t *table, inPort uint32) *Rule {
	var r *classifier.Rule
	if x.plain(inPort) {
		x.path.Look(t.id, 1<<flow.WSet)
		m := &x.up.Mask
		r = x.search(t, m)
		for b := m.Map & freshKonst.Map; b != 0; b &= b - 1 {
			m.W[bits.TrailingZeros64(b)] = 0
		}
		m.Map &^= freshKonst.Map
	} else {
		r = x.lookupWritten(t, inPort)
	}
	if r == nil || x.failed != actions.DropNone { // what failed stands as long as nothing in the table changes
		x.missed = append(x.missed, t.counts)
		return nil
	}
	found := r.Data.(*Rule)
	x.rules = append(x.rules, found)
	x.last = found
	return found
}

// plain says whether the packet is looked up as it came in, and nothing but headers is the
// packet's: then what is looked at, but for constants, is what the mask is to have.
func (x *xlate) plain(inPort uint32) bool {
	return x.fresh && x.written == 1<<flow.WSet && inPort == x.up.Key.InPort() && x.key.W[flow.WIP]&fragBit == 0
}

// lookupWritten is lookup where actions have written to the packet.
func (x *xlate) lookupWritten(t *table, inPort uint32) *classifier.Rule {
	was, written := x.key.W[flow.WPort], x.written
	if inPort != x.up.Key.InPort() {
		written |= 1 << flow.WPort
	}
	ports := x.portless()
	if ports != 0 {
		written |= 1 << flow.WL4
	}
	x.path.Look(t.id, written)
	x.blind = x.blind || x.hidden.Map != 0
	x.key.Set(flow.WPort, was&^0xffffffff|uint64(inPort))
	x.wild.Clear()
	r := x.search(t, &x.wild)
	x.key.Set(flow.WPort, was)
	x.withPorts(ports)
	x.needMask(&x.wild)
	return r
}

// search asks the classifier, which adds to wild what it looked at.
func (x *xlate) search(t *table, wild *flow.Mask) *classifier.Rule {
	if !t.rules.HasClauses() {
		return t.rules.Lookup(&x.key, wild)
	}
	r, least := t.rules.LookupConjunctive(&x.key, wild)
	if r != nil && least < r.Priority {
		x.floors = append(x.floors, floor{t.id, least})
	}
	return r
}

// tableAction looks the packet up in a table and does what the rule says.
func (x *xlate) tableAction(inPort uint32, id uint8) {
	silent := x.silent
	x.silent = false
	deeper := 0
	if id <= x.table && x.lookups() > 0 {
		deeper = 1
	}
	switch {
	case x.depth+deeper > maxDepth:
		if x.tr != nil {
			x.tr.fail("over max translation depth %d", maxDepth)
		}
		x.fail(actions.DropResubmitDepth)
		return
	case x.lookups() >= maxLookups:
		if x.tr != nil {
			x.tr.fail("over %d resubmit actions", maxLookups)
		}
		x.fail(actions.DropResubmitCount)
		return
	}
	if x.fragmentDropped() {
		return
	}
	t := x.snap.tables[id]
	r := x.lookup(t, inPort)
	was, by := x.table, x.current
	x.table, x.current = id, r
	x.depth += deeper
	var leave func()
	if x.tr != nil {
		leave = x.tr.table(id, r)
	}
	if r == nil {
		x.missedTable(silent)
	} else {
		x.do(r)
	}
	if leave != nil {
		leave()
	}
	x.depth -= deeper
	x.table, x.current = was, by
}

// do executes a rule's instructions in the order of OpenFlow 1.3 section 5.9.
func (x *xlate) do(r *Rule) {
	d := r.Flow.Do
	if d.empty() {
		x.note(actions.DropAction)
		if x.tr != nil {
			x.tr.action("drop")
		}
		return
	}
	x.instructions(d)
}

// instructions executes them.
func (x *xlate) instructions(d *Instructions) {
	if d.Meter != 0 {
		if x.tr != nil {
			x.tr.action("meter:%d", d.Meter)
		}
		x.meter(d.Meter)
	}
	if !x.actions(d.Apply) {
		x.unfinished(d)
		return
	}
	if d.Clear {
		if x.tr != nil {
			x.tr.action("clear_actions")
		}
		x.set = x.set[:0]
		x.noteSet()
	}
	if len(d.Write) > 0 {
		if x.tr != nil {
			x.tr.action("%s", formatWrite(d.Write, x.tr.ports()))
		}
		x.set = append(x.set, d.Write...)
		x.noteSet()
	}
	if d.MetadataMask != 0 {
		if x.tr != nil {
			x.tr.action("%s", formatMetadata(d))
		}
		x.write(flow.Metadata, flow.Value{Lo: d.Metadata}, flow.Value{Lo: d.MetadataMask})
	}
	if d.Goto != 0 {
		if x.tr != nil {
			x.tr.action("goto_table:%d", d.Goto)
		}
		x.tableAction(x.key.InPort(), d.Goto)
	}
}
