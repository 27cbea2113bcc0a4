package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// leaving is the way of a packet through the egress tables; the zero value is that of the
// ingress tables.
type leaving struct {
	port uint32 // that it leaves by; 0: it is in the ingress tables
	most uint16 // bytes of it that leave; 0: all
}

// egress walks a packet that leaves by port n through the egress tables (OpenFlow 1.5.1
// section 5.1): from the first of them, with headers, metadata and registers as they are, and
// an action set that outputs to n. Flows there may write to the packet, meter it, or take the
// output away (clear_actions); they cannot choose another port. What their lists send besides
// leaves at once, and does not come here again. Whatever they do is done to a copy: what
// follows the output sees the packet as it was.
func (x *xlate) egress(n uint32) {
	table, current, last := x.table, x.current, x.last
	inSet, inGroup, ids, most := x.inSet, x.inGroup, x.ttlIDs, x.most
	x.commit() // once, before there are copies
	x.cloned(func() {
		x.leaving, x.egressAt = leaving{n, most}, x.clones
		x.table, x.current, x.last = 0, nil, nil
		x.inSet, x.inGroup, x.ttlIDs, x.most, x.silent = false, 0, nil, 0, false
		x.set = append(x.set[:0], Action{Kind: ActOutput, Port: n})
		x.noteSet()
		up := func() {}
		if x.tr != nil {
			up = x.tr.egress(n)
		}
		x.tableAction(x.key.InPort(), x.snap.firstEgress)
		x.conclude()
		x.actionSetLast()
		up()
	})
	x.egressAt = 0
	x.leaving, x.table, x.current, x.last = leaving{}, table, current, last
	x.inSet, x.inGroup, x.ttlIDs, x.most = inSet, inGroup, ids, most
}

// stays says whether a table is of the stage that the packet is in: ingress or egress.
func (x *xlate) stays(table uint8) bool {
	return x.snap.firstEgress == 0 || (table >= x.snap.firstEgress) == (x.leaving.port != 0)
}

// noteSet keeps actset_output up to date: the port that the action set outputs to, UNSET
// where it outputs to none, or has a group (OpenFlow 1.5.1 section 7.2.3.8).
func (x *xlate) noteSet() {
	n := flow.PortUnset
	for i := range x.set {
		switch a := &x.set[i]; a.Kind {
		case ActOutput:
			n = a.Port
		case ActController:
			n = flow.PortController
		case ActGroup:
			x.setOutput(flow.PortUnset)
			return
		}
	}
	x.setOutput(n)
}

// setOutput writes actset_output.
func (x *xlate) setOutput(n uint32) {
	x.key.Set(flow.WSet, x.key.W[flow.WSet]&0xffffffff|uint64(n)<<32)
	x.konst.Or(flow.WSet, 0xffffffff<<32)
	x.written |= 1 << flow.WSet
}

// limit is how many bytes an output sends, by its own limit and that of the way out; 0 is all.
func (x *xlate) limit() uint16 {
	if m := x.leaving.most; m != 0 && (x.most == 0 || m < x.most) {
		return m
	}
	return x.most
}

// missedEgress discards a packet that an egress table has no flow for (section 5.4).
func (x *xlate) missedEgress() {
	x.note(actions.DropTableMiss)
	x.stayHere()
}

// stayHere takes back what sends a packet in the egress tables.
func (x *xlate) stayHere() {
	x.set = x.set[:0]
	x.noteSet()
}
