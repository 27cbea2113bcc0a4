package pipeline

import (
	"slices"

	"pollux/actions"
	"pollux/flow"
	"pollux/ipfix/cache"
)

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
