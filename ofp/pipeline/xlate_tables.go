package pipeline

import (
	"math/bits"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
)

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
