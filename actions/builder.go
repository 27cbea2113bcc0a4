package actions

import (
	"slices"

	"pollux/flow"
)

// Builder makes a Program step by step for whoever has no flow tables to make it of:
// benchmarks and tests. It may be used again after Reset. Like any control structure
// it allocates; it is no part of the hot path.
type Builder struct {
	ops     []Op
	samples []Sample
	punts   []Punt
	drop    Reason
	ended   bool
	typ     uint16
	apart   int // ops before this are in another packet than those that follow
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder { return new(Builder) }

// Reset empties the builder.
func (b *Builder) Reset() {
	*b = Builder{ops: b.ops[:0], samples: b.samples[:0], punts: b.punts[:0]}
}

// EthType says of what EtherType the packets are. Only the text form asks, for
// fields that IPv4 and IPv6 share; without it they are written as of IPv4.
func (b *Builder) EthType(typ uint16) { b.typ = typ }

// Output sends the packet, as it is then, out of a slot whose OpenFlow number is
// ofport.
func (b *Builder) Output(slot int, ofport uint32) {
	b.add(Op{Code: OpOutput, A: uint32(slot), B: ofport})
}

// OutputPart sends the first max bytes of the packet.
func (b *Builder) OutputPart(slot int, ofport uint32, max uint16) {
	b.add(Op{Code: OpOutput, A: uint32(slot), B: ofport, V: flow.Value{Lo: uint64(max)}})
}

// Clone does the steps that body adds to a copy of the packet. A Drop there is ignored.
func (b *Builder) Clone(body func()) {
	if b.ended {
		return
	}
	at := len(b.ops)
	b.add(Op{Code: OpClone})
	b.apart = len(b.ops)
	body()
	b.ended = false
	b.ops[at].A = uint32(len(b.ops) - at - 1)
	b.apart = len(b.ops)
}

// Set writes v under m to field f. Setting a field again right away is one step.
func (b *Builder) Set(f flow.Field, v, m flow.Value) {
	m = m.And(f.Full())
	if m.IsZero() {
		return
	}
	v = v.And(m)
	op := Op{Code: OpSet, Field: f, V: v, M: m}
	if i := &flow.Fields[f]; i.Pre == flow.PreIP && b.typ == typeIPv6 {
		op.A = typeIPv6
	}
	if n := len(b.ops); n > b.apart && !b.ended && b.ops[n-1].Code == OpSet && b.ops[n-1].Field == f {
		last := &b.ops[n-1]
		last.V = last.V.AndNot(m).Or(v)
		last.M = last.M.Or(m)
		return
	}
	b.add(op)
}

// PushVLAN pushes a tag; the CFI bit of tci is ignored.
func (b *Builder) PushVLAN(tpid, tci uint16) {
	b.add(Op{Code: OpPushVLAN, A: uint32(tpid)<<16 | uint32(tci&^flow.VlanCFI)})
}

// PopVLAN removes the outermost tag.
func (b *Builder) PopVLAN() { b.add(Op{Code: OpPopVLAN}) }

// PushMPLS pushes label stack entry lse under EtherType typ.
func (b *Builder) PushMPLS(typ uint16, lse uint32) {
	b.add(Op{Code: OpPushMPLS, A: uint32(typ), B: lse})
}

// PopMPLS removes the outermost label, which typ follows.
func (b *Builder) PopMPLS(typ uint16) { b.add(Op{Code: OpPopMPLS, A: uint32(typ)}) }

// CopyTTLIn copies the outermost label's TTL into what is under it.
func (b *Builder) CopyTTLIn() { b.add(Op{Code: OpCopyTTLIn}) }

// Sample accounts the packet as it is then.
func (b *Builder) Sample(s Sample) {
	if b.ended {
		return
	}
	b.add(Op{Code: OpSample, A: uint32(len(b.samples))})
	b.samples = append(b.samples, s)
}

// Controller sends the packet, as it is then, to a controller.
func (b *Builder) Controller(p Punt) {
	if b.ended {
		return
	}
	b.add(Op{Code: OpController, A: uint32(len(b.punts))})
	b.punts = append(b.punts, p)
}

// Drop ends the program: steps added later are ignored, and a packet that was not
// output is dropped for reason r.
func (b *Builder) Drop(r Reason) {
	if !b.ended {
		b.drop, b.ended = r, true
	}
}

func (b *Builder) add(op Op) {
	if !b.ended {
		b.ops = append(b.ops, op)
	}
}

// Program returns what was built, finished.
func (b *Builder) Program() *Program {
	p := &Program{Ops: slices.Clone(b.ops), Samples: slices.Clone(b.samples), Punts: slices.Clone(b.punts)}
	p.Finish(b.drop)
	return p
}
