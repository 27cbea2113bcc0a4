package pipeline

import (
	"math/bits"

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

// xlate is one translation in progress, and the memory for the next one.
type xlate struct {
	snap *Snapshot
	up   *pmd.Upcall
	tr   *tracer // nil in the loops

	key   flow.Key  // the working copy
	konst flow.Mask // its bits that actions wrote
	vlan  vlanStack // its tags; the key shows the top two
	wild  flow.Mask // scratch

	hidden flow.Mask // its bits that are the packet's and were under a label: see xlate_mpls.go
	labels labels    // whose the labels are that it shows
	layers []layer   // what pushed labels hide
	under  uint16    // 0x100 and the TTL that copy_ttl_in wrote under the packet's own last label; 0: none
	popped uint8     // how many of its own labels are gone
	grown  int       // bytes that ops have added to it
	wrote  bool      // ops wrote to what is under labels, or to labels
	lost   bool      // what hidden bits are is not to be found out by asking

	egressAt int              // in how many clones the walk through the egress tables is
	paused   int              // 1 and the number of the punt by which the packet pauses; 0: it does not
	steps    []FrozenStep     // of that, as far as they are known
	asks     actions.Question // what is to be known first, when the translation has failed for that

	base      flow.Key  // the packet's headers after the ops so far; VLAN tags apart
	baseKonst flow.Mask // its bits that ops wrote
	baseVLAN  vlanStack
	dirty     uint64 // words of the key that were written since base was made
	written   uint64 // words of the key that were ever written
	path      classifier.Path

	ops     []actions.Op
	samples []actions.Sample
	meters  []*actions.Meter
	punts   []actions.Punt
	queues  []*actions.Queue
	tell    []bool // of each sample: its exporter is told the rule
	prefix  int    // ops that stay when the translation fails

	rules  []*Rule          // that matched
	missed []*tableCounters // of look-ups where none did
	groups []*groupCounts   // groups and buckets that it went through
	floors []floor          // of look-ups that depended on lesser rules than the one found
	young  []*Rule          // that were learned again
	names  []named          // of flows that were, or are to be, learned
	seen   *fdbEntry

	// Who decided: see verdict.go.
	current *Rule // whose instructions are being executed
	last    *Rule // that a look-up of this stage found
	sent    bool  // something was sent
	sender  cause // of the first that was sent
	// A table was looked in for a packet with hidden headers. Whether that asks for them may
	// follow from rules that cannot match: any change of rules may touch such a decision.
	blind  bool
	punted bool  // something was sent to a controller
	punter cause // of the first of that
	blamed cause // of the reason why nothing was

	table   uint8
	leaving leaving
	depth   int
	exit    bool
	set     []Action       // the action set
	out     bool           // the packet is a packet-out's
	resumed bool           // it had paused
	ofCopy  bool           // and is a clone or in a bucket
	silent  bool           // the next look-up is a resubmit's: that it finds nothing is not told
	inSet   bool           // the action set is being executed
	inGroup int            // how many groups are being executed
	ttlIDs  []uint16       // controllers that are told of an expired TTL; nil: the first
	stack   []flow.Value   // of push and pop
	clones  int            // in which the list is
	most    uint16         // bytes that an output sends; 0: all
	queue   uint32         // that outputs go by
	reason  actions.Reason // why nothing was sent, as far as known
	failed  actions.Reason

	made made // programs and credits of before
}

// run translates and fills u's answers.
func (x *xlate) run(s *Snapshot, u *pmd.Upcall, tr *tracer) {
	x.begin(s, u, tr)
	x.packet()
	x.end()
}

func (x *xlate) begin(s *Snapshot, u *pmd.Upcall, tr *tracer) {
	u.Mask.Clear()
	u.Program, u.Credit, u.Path, u.FDB, u.Unsettled = nil, nil, nil, false, false
	x.snap, x.up, x.tr = s, u, tr
	x.key.CopyFrom(u.Key)
	x.base.CopyFrom(u.Key)
	x.fresh()
	x.baseKonst.Clear()
	x.vlan, x.baseVLAN = vlanStack{}, vlanStack{}
	x.hidden.Clear()
	x.labels, x.layers, x.under = labels{0, 1, 2}, x.layers[:0], 0
	x.paused, x.steps, x.egressAt = 0, nil, 0
	x.popped, x.grown, x.wrote, x.lost, x.asks = 0, 0, false, false, actions.Question{}
	x.dirty, x.written, x.path = 0, 0, classifier.Path{}
	if len(u.Asked) > 0 {
		x.written = actions.AnswerMap // where the caches keep answers
	}
	x.ops, x.samples, x.tell, x.meters, x.prefix = x.ops[:0], x.samples[:0], x.tell[:0], x.meters[:0], 0
	x.current, x.last, x.sent, x.sender, x.blamed = nil, nil, false, cause{}, cause{}
	x.rules, x.missed, x.groups, x.floors, x.young, x.names, x.seen = x.rules[:0], x.missed[:0], x.groups[:0], x.floors[:0], x.young[:0], x.names[:0], nil
	x.punts, x.punted, x.punter, x.blind = x.punts[:0], false, cause{}, false
	x.resumed, x.ofCopy = false, false
	x.out, x.silent, x.inSet, x.inGroup, x.ttlIDs = false, false, false, 0, nil
	x.table, x.depth, x.exit, x.leaving = 0, 0, false, leaving{}
	x.stack, x.clones, x.most, x.queue, x.queues = x.stack[:0], 0, 0, 0, x.queues[:0]
	x.set, x.reason, x.failed = x.set[:0], actions.DropNone, actions.DropNone
	if x.key.W[flow.WSet]>>32 == 0 {
		x.setOutput(flow.PortUnset)
	}
}

// fresh makes constants of what no packet brings with it: metadata, registers, marks and
// what would be a tunnel's are 0 in every packet with recirc_id 0, which the mask always has.
func (x *xlate) fresh() {
	if x.key.Map&freshKonst.Map == 0 && x.key.W[flow.WPort]>>32 == 0 {
		x.konst = freshKonst
		return
	}
	x.konst.Clear()
	if x.key.W[flow.WPort]>>32 != 0 {
		return
	}
	for _, w := range &pipelineWords {
		if x.key.W[w] == 0 {
			x.konst.Or(w, ^uint64(0))
		}
	}
}

var pipelineWords = [...]flow.Word{
	flow.WMeta, flow.WMark, flow.WTunID, flow.WTunIPv4, flow.WTunMisc,
	flow.WTunSrcHi, flow.WTunSrcLo, flow.WTunDstHi, flow.WTunDstLo,
	flow.WReg0, flow.WReg2, flow.WReg4, flow.WReg6, flow.WReg8, flow.WReg10, flow.WReg12, flow.WReg14, flow.WSet, flow.WConj,
}

// freshKonst is what fresh makes of a packet that brings nothing with it, as most do.
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
	x.ops = unclone(x.ops)
	if x.failed == actions.DropHidden && x.asks.What == actions.AskNothing {
		// A look-up that shows by one bit that a rule does not match may have asked for it
		// because of others, which it does not name: the decision is for these headers alone.
		for w := flow.StageL2; w < flow.NumWords; w++ {
			x.up.Mask.Or(w, ^uint64(0))
		}
	}
	x.judge()
	x.up.Program = x.made.program(x.ops, x.samples, x.meters, x.punts, x.queues, x.reason, x.asks)
	// And for one Ethernet type and one kind of fragment, unless it serves whatever comes in
	// by the port as it is: then loops need not read headers.
	if m := &x.up.Mask; m.Map != 1<<flow.WPort || !x.up.Program.Headerless() {
		m.Or(flow.WEthDst, 0xffff)
		if flow.PreIP.Met(x.up.Key) {
			m.Or(flow.WIP, 0xff<<32)
		}
	}
	x.up.Credit = x.made.credit(&credit{rules: x.rules, missed: x.missed, groups: x.groups, floors: x.floors, young: x.young, names: x.names, seen: x.seen})
	if x.blind {
		x.up.Path = nil
	} else {
		x.up.Path = x.made.path(&x.path)
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

func (x *xlate) emit(op actions.Op) {
	switch op.Code {
	case actions.OpPushVLAN, actions.OpPushMPLS:
		x.grown += 4
	case actions.OpPopVLAN, actions.OpPopMPLS:
		x.grown -= 4
	case actions.OpSet:
		x.wrote = x.wrote || flow.Fields[op.Field].Word >= flow.WMPLS
	case actions.OpCopyTTLIn:
		x.wrote = true
	}
	x.ops = append(x.ops, op)
}

// sample emits the accounting of the packet as it is in the base. With tell the
// exporter is told the rule that decides about the packet.
func (x *xlate) sample(exporter int, p cache.Point, tell bool) {
	x.emit(actions.Op{Code: actions.OpSample, A: uint32(len(x.samples))})
	x.samples = append(x.samples, actions.Sample{Exporter: exporter, Point: p, Probability: p.Probability})
	x.tell = append(x.tell, tell)
}

// need un-wildcards bits of a word of the working copy that were looked at, as far
// as they are the packet's.
func (x *xlate) need(w flow.Word, b uint64) {
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

func (x *xlate) needMask(m *flow.Mask) {
	for b := m.Map; b != 0; b &= b - 1 {
		w := flow.Word(bits.TrailingZeros64(b))
		x.need(w, m.W[w])
	}
}

// needField un-wildcards bits m of a field.
func (x *xlate) needField(f flow.Field, m flow.Value) {
	x.wild.Clear()
	f.OrMask(&x.wild, m)
	x.needMask(&x.wild)
}

// has says whether the packet has f now; that is looking at it.
func (x *xlate) has(f flow.Field) bool {
	p := flow.Fields[f].Pre
	if p == flow.PreNone {
		return true
	}
	x.wild.Clear()
	p.Mask(&x.wild)
	x.needMask(&x.wild)
	return p.Met(&x.key)
}

// lookups is how many look-ups there were.
func (x *xlate) lookups() int { return len(x.rules) + len(x.missed) }

// lookup finds the rule of a table for the working copy, looked at as if it had
// come in by inPort.
func (x *xlate) lookup(t *table, inPort uint32) *Rule {
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
	var r *classifier.Rule
	if t.rules.HasClauses() {
		var least int32
		r, least = t.rules.LookupConjunctive(&x.key, &x.wild)
		if r != nil && least < r.Priority {
			x.floors = append(x.floors, floor{t.id, least})
		}
	} else {
		r = t.rules.Lookup(&x.key, &x.wild)
	}
	x.key.Set(flow.WPort, was)
	x.withPorts(ports)
	x.needMask(&x.wild)
	if r == nil || x.failed != actions.DropNone { // what failed stands as long as nothing in the table changes
		x.missed = append(x.missed, t.counts)
		return nil
	}
	found := r.Data.(*Rule)
	x.rules = append(x.rules, found)
	x.last = found
	return found
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
	leave := func() {}
	if x.tr != nil {
		leave = x.tr.table(id, r)
	}
	if r == nil {
		x.missedTable(silent)
	} else {
		x.do(r)
	}
	leave()
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
