package actions

import (
	"slices"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// Code says what an Op does.
type Code uint8

// The operations. Operands are named after Op's members.
const (
	// OpOutput sends the packet out of port slot A (OpenFlow number B). Unless
	// the op is the program's last output, a copy is sent. Where V.Lo is not 0, no more than
	// the first so many bytes are sent; samples before it account the whole packet. Where V.Hi is
	// not 0, Queues[V.Hi-1], OpenFlow number M.Lo, has to let it through.
	OpOutput Code = iota
	// OpDrop ends the packet's way, counted under Reason(A).
	OpDrop
	// OpSet writes V under M to header field Field and mends the checksums. Only the
	// text form looks at A: 0x86dd there writes a field that IPv4 and IPv6 share (TTL,
	// TOS) as of IPv6.
	OpSet
	// OpPushVLAN pushes a tag with TPID A>>16 and TCI A&0xffff (without CFI).
	OpPushVLAN
	// OpPopVLAN removes the outermost tag.
	OpPopVLAN
	// OpPushMPLS pushes label stack entry B under EtherType A.
	OpPushMPLS
	// OpPopMPLS removes the outermost label; A is the EtherType that follows.
	OpPopMPLS
	// OpSample accounts the packet, as it is now, in the flow cache of
	// Samples[A].Exporter.
	OpSample
	// OpMeter has Meters[A] (OpenFlow number B) drop, or mark, what is beyond its rate.
	OpMeter
	// OpClone does the next A ops to a copy of the packet, which is gone after them. Outputs
	// there send copies of the copy. There are MaxClones inside each other at most.
	OpClone
	// OpController sends a copy of the packet, as it is now, to a controller, as Punts[A] says.
	// Where nothing is output, the last one takes the packet itself: it is consumed.
	OpController
	// OpCopyTTLIn copies the TTL of the outermost label into the label, or the IP header, that is
	// under it.
	OpCopyTTLIn
)

// Op is one step of a program: plain data.
type Op struct {
	Code  Code
	Field flow.Field
	A, B  uint32
	V, M  flow.Value
}

// Sample is the operand of OpSample.
type Sample struct {
	Exporter int // index of the flow cache in Exec.Caches
	Point    cache.Point
	// Probability is how many of 65,535 packets are sampled, drawn for each packet on
	// its own; 0 stands for all of them.
	Probability uint16
	// Rewritten is set when header fields were changed before the sample, so that
	// the key must be taken from the frame again.
	Rewritten bool
}

// Program is what to do with a packet: steps in order. It is immutable once built.
// A program ends with the packet given away: either its last output moves the
// frame, or the last OpController consumes it, or an OpDrop (or the end of the ops) drops
// it. Of the ops after the last output only samples and OpControllers, and changes before
// them, are of use.
type Program struct {
	Ops     []Op
	Samples []Sample
	Meters  []*Meter // of OpMeter; who changes a meter makes another
	Queues  []*Queue // of OpOutput; the same goes for them
	Punts   []Punt   // of OpController
	// Last is the index in Ops of the last OpOutput that is not in an OpClone, or -1.
	Last int
	// Taker is the index in Ops of the OpController that consumes the packet, or -1.
	Taker int
	// Drop is the reason a packet is dropped for when Last is -1, Punted if it is consumed;
	// else DropNone.
	Drop Reason
	// Asks is what a packet is to be asked before it is decided about; nil: the program decides.
	// One that asks drops who runs it.
	Asks *Question
}

// Finish makes p whole from its Ops and Samples, before anybody else has it: steps
// without effect at the end are left out, Last is found, samples that changes go
// before are marked Rewritten. Without an output the reason is drop, or DropNoOutput
// if that is DropNone, or DropSampled if copies of copies are sent. It allocates nothing.
func (p *Program) Finish(drop Reason) {
	// A change is of use only to an output or a sample after it.
	tail, top := 0, -1
	for n := 0; n < len(p.Ops); n++ {
		op := &p.Ops[n]
		if op.Code == OpClone {
			n += int(op.A)
		}
		if !op.changes() {
			tail = n + 1
		}
	}
	p.Ops = p.Ops[:tail]
	copied := p.scan(0, len(p.Ops), false, &top)
	p.Last = top
	p.Drop, p.Taker = DropNone, -1
	if p.Last < 0 {
		switch p.Drop = drop; {
		case copied:
			p.Drop = DropSampled
		case drop == DropNone:
			p.Drop = DropNoOutput
		}
		p.Taker = lastPunt(p.Ops)
		if p.Taker >= 0 {
			p.Drop = Punted
		}
	}
}

// scan marks the samples of ops from to to, and finds the last output in last, which is nil
// inside of an OpClone. It reports whether an OpClone has an output.
func (p *Program) scan(from, to int, rewritten bool, last *int) (copied bool) {
	for i := from; i < to; i++ {
		switch op := &p.Ops[i]; {
		case op.Code == OpOutput && last != nil:
			*last = i
		case op.Code == OpOutput, op.Code == OpController && last == nil:
			copied = true
		case op.Code == OpSample:
			p.Samples[op.A].Rewritten = rewritten
		case op.Code == OpClone:
			end := i + 1 + int(op.A)
			copied = p.scan(i+1, end, rewritten, nil) || copied
			i = end - 1
		case op.changes(), op.Code == OpMeter && p.Meters[op.A].Remarks():
			rewritten = true
		}
	}
	return copied
}

// changes says whether the op writes to the packet.
func (op *Op) changes() bool {
	switch op.Code {
	case OpSet, OpPushVLAN, OpPopVLAN, OpPushMPLS, OpPopMPLS, OpCopyTTLIn:
		return true
	}
	return false
}

// Equal says whether a and b do the same, step by step.
func Equal(a, b *Program) bool {
	if a == b {
		return true
	}
	return a != nil && b != nil && a.Last == b.Last && a.Drop == b.Drop &&
		slices.Equal(a.Ops, b.Ops) && slices.Equal(a.Samples, b.Samples) && slices.Equal(a.Meters, b.Meters) &&
		slices.Equal(a.Queues, b.Queues) && EqualPunts(a.Punts, b.Punts) && (a.Asks == b.Asks || a.Asks != nil && b.Asks != nil && a.Asks.Place == b.Asks.Place && a.Asks.Same(b.Asks))
}

// Headerless says whether p does its work without a look at packets' headers, keys or
// offsets: it outputs or drops them as they are.
func (p *Program) Headerless() bool {
	if p.Asks != nil {
		return false
	}
	for i := range p.Ops {
		if c := p.Ops[i].Code; c != OpOutput && c != OpDrop {
			return false
		}
	}
	return true
}
