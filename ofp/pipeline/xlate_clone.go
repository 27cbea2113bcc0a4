package pipeline

import (
	"slices"

	"pollux/actions"
	"pollux/flow"
)

// saved is what a clone restores: the packet and everything about it.
type saved struct {
	working
	key, base                flow.Key
	konst, baseKonst, hidden flow.Mask

	layers []layer
	set    []Action
	stack  []flow.Value
}

// keep saves what x's clone in hand may change. The memory is used again.
func (x *xlate) keep() *saved {
	if x.clones == len(x.kept) {
		x.kept = append(x.kept, new(saved))
	}
	s := x.kept[x.clones]
	s.working = x.working
	s.key.CopyFrom(&x.key)
	s.base.CopyFrom(&x.base)
	s.konst = x.konst
	s.baseKonst.CopyFrom(&x.baseKonst)
	s.hidden.CopyFrom(&x.hidden)
	s.layers = append(s.layers[:0], x.layers...)
	s.set = append(s.set[:0], x.set...)
	s.stack = append(s.stack[:0], x.stack...)
	return s
}

// giveBack makes x what it was.
func (s *saved) giveBack(x *xlate) {
	x.working = s.working
	x.key.CopyFrom(&s.key)
	x.base.CopyFrom(&s.base)
	x.konst = s.konst
	x.baseKonst.CopyFrom(&s.baseKonst)
	x.hidden.CopyFrom(&s.hidden)
	x.layers = append(x.layers[:0], s.layers...)
	x.set = append(x.set[:0], s.set...)
	x.stack = append(x.stack[:0], s.stack...)
}

// clone executes a list on a copy of the packet: whatever it does to packet, metadata, stack
// and action set is undone after it, and an exit or an expired TTL ends the list alone.
func (x *xlate) clone(list []Action) {
	x.cloned(func() { x.actions(list) })
}

// cloned calls fn, which works on a copy of the packet. Where it changes nothing, before it
// sends or accounts it, no copy is needed.
func (x *xlate) cloned(fn func()) {
	if x.clones == actions.MaxClones {
		if x.tr != nil {
			x.tr.fail("more than %d clones inside each other", actions.MaxClones)
		}
		x.fail(actions.DropTranslate)
		return
	}
	s := x.keep()
	at := len(x.ops)
	x.emit(actions.OpClone)
	x.clones++
	fn()
	x.freeze()
	x.clones--
	if x.failed != actions.DropNone {
		return
	}
	s.giveBack(x)
	x.exit = false
	// What changes after its last output, sample or meter does nothing. A clone in it ends in
	// one of those.
	for len(x.ops) > at+1 && changes(&x.ops[len(x.ops)-1]) && x.ops[len(x.ops)-1].Code != actions.OpMeter {
		x.ops = x.ops[:len(x.ops)-1]
	}
	body := unclone(x.ops[at+1:])
	x.ops = x.ops[:at+1+len(body)]
	if slices.ContainsFunc(body, func(op actions.Op) bool { return changes(&op) }) {
		x.ops[at].A = uint32(len(body))
		return
	}
	x.ops = slices.Delete(x.ops, at, at+1)
}

// unclone takes the last copy away, where the packet itself is not needed after it.
func unclone(ops []actions.Op) []actions.Op {
	for i := 0; i < len(ops); i++ {
		if ops[i].Code != actions.OpClone {
			continue
		}
		if end := i + 1 + int(ops[i].A); end < len(ops) {
			i = end - 1
			continue
		}
		ops = slices.Delete(ops, i, i+1)
		i--
	}
	return ops
}

// changes says whether an op changes the packet, or may drop it.
func changes(op *actions.Op) bool {
	switch op.Code {
	case actions.OpOutput, actions.OpDrop, actions.OpSample, actions.OpController, actions.OpClone:
		return false
	}
	return true
}

// maxStack is how many values the stack holds.
const maxStack = 1024

// stackPush pushes a subfield, which is 0 in a packet that does not have it.
func (x *xlate) stackPush(s Subfield) {
	var v flow.Value
	if x.has(s.Field) {
		x.needField(s.Field, s.mask())
		v = x.subfield(s)
	}
	if len(x.stack) >= maxStack {
		if x.tr != nil {
			x.tr.fail("more than %d values on the stack", maxStack)
		}
		x.fail(actions.DropTranslate)
		return
	}
	x.stack = append(x.stack, v)
}

// stackPop pops into a subfield; bits that it has no room for are lost.
func (x *xlate) stackPop(s Subfield) {
	n := len(x.stack)
	if n == 0 {
		if x.tr != nil {
			x.tr.warn("nothing on the stack to pop")
		}
		return
	}
	v := x.stack[n-1]
	x.stack = x.stack[:n-1]
	x.setField(s.Field, v.And(flow.Ones(uint(s.Bits))).Shl(uint(s.Lo)), s.mask())
}
