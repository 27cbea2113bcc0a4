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

// xlate is one translation in progress, and the memory for the next one. All but walk, and lists,
// is as much as the packet is far from plain: what begins anew costs by the words that are used.
type xlate struct {
	snap *Snapshot
	up   *pmd.Upcall
	tr   *tracer // nil in the loops

	walk

	key    flow.Key       // the working copy
	konst  flow.Mask      // its bits that actions wrote
	hidden flow.Mask      // its bits that are the packet's and were under a label: see xlate_mpls.go
	wild   flow.Mask      // scratch
	choice actions.Choice // scratch

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

	layers []layer  // what pushed labels hide
	set    []Action // the action set
	// Action sets that are being executed, one in the other's outputs.
	ordered []Action
	stack   []flow.Value // of push and pop
	kept    []*saved     // by clones, of what is around them

	// fresh says that the packet brought headers alone: the words of freshKonst are constants
	// from the beginning, and stay so.
	fresh bool

	made made // programs and credits of before
}

// walk is what a translation knows of its way so far that is neither key nor list. Every
// translation begins with its zero value.
type walk struct {
	working
	prefix int // ops that stay when the translation fails

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
	leaving leaving
	depth   int
	inGroup int      // how many groups are being executed
	clones  int      // in which the list is
	ttlIDs  []uint16 // controllers that are told of an expired TTL; nil: the first

	asks     actions.Question // what is to be known first, when the translation has failed for that
	egressAt int              // in how many clones the walk through the egress tables is
	paused   int              // 1 and the number of the punt by which the packet pauses; 0: it does not
	steps    []FrozenStep     // of that, as far as they are known
}

// working is what the working copy of the packet is besides its key and constants. A clone
// gives it back as it was.
type working struct {
	dirty   uint64 // words of the key that were written since base was made
	written uint64 // words of the key that were ever written

	vlan, baseVLAN vlanStack // tags of the working copy, of which the key shows the top two, and of base

	// Of labels: see xlate_mpls.go.
	labels labels // whose the labels are that the key shows
	under  uint16 // 0x100 and the TTL that copy_ttl_in wrote under the packet's own last label; 0: none
	popped uint8  // how many of its own labels are gone
	wrote  bool   // ops wrote to what is under labels, or to labels
	lost   bool   // what hidden bits are is not to be found out by asking
	grown  int    // bytes that ops have added to it

	queue uint32 // that outputs go by
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
	x.walk = walk{}
	x.labels = labels{0, 1, 2}
	x.key.CopyFrom(u.Key)
	x.base.CopyFrom(u.Key)
	x.constants()
	x.baseKonst.Clear()
	x.hidden.Clear()
	x.path = classifier.Path{}
	for i := range u.Asked {
		x.written |= u.Asked[i].Map() // where the caches keep answers
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
	x.ordered = x.ordered[:0]
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
