package wire

import (
	"slices"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// Continuation is how a packet goes on that controller(pause) has stopped: what a switch puts
// in PacketInMsg.Continuation, and gets back in a NXTResume. It is written as Open vSwitch
// does, so that ovs-ofctl can print it.
type Continuation struct {
	Switch    [16]byte     // which switch, and which of its lives; zeros: not told
	Stack     []flow.Value // what push has left, the last on top
	Steps     []ContinuationStep
	ActionSet []pipeline.Action
	Copy      bool   // of a clone or a bucket: the action set is not executed
	Port      uint32 // that it leaves by, in the egress tables; 0: it is not there
	Most      uint16 // bytes of it that leave then; 0: all
}

// ContinuationStep is the rest of one list of actions, and whose they are. The first is the
// innermost.
type ContinuationStep struct {
	Table   uint8
	Cookie  uint64
	Actions []pipeline.Action
	Rest    pipeline.Instructions // after them: neither Apply nor Meter
}

// NewContinuation returns how a packet goes on of which f is left to do.
func NewContinuation(id [16]byte, f *pipeline.Frozen) *Continuation {
	c := &Continuation{Switch: id, Stack: f.Stack, ActionSet: f.Set, Copy: f.Copy, Port: f.Port, Most: f.Most}
	for _, s := range f.Steps {
		c.Steps = append(c.Steps, ContinuationStep(s))
	}
	return c
}

// Frozen returns what is left to do.
func (c *Continuation) Frozen() *pipeline.Frozen {
	f := &pipeline.Frozen{Stack: c.Stack, Set: c.ActionSet, Copy: c.Copy, Port: c.Port, Most: c.Most}
	for _, s := range c.Steps {
		f.Steps = append(f.Steps, pipeline.FrozenStep(s))
	}
	return f
}

// Properties of continuations (enum nx_continuation_prop_type).
const (
	contBridge    uint16 = 0x8000
	contStack     uint16 = 0x8001
	contTable     uint16 = 0x8004
	contCookie    uint16 = 0x8005
	contActions   uint16 = 0x8006
	contActionSet uint16 = 0x8007

	// Our own: instructions after the actions before it, as 1.3 and up have them. Open vSwitch
	// has no place for them; ovs-ofctl passes it on.
	contInstructions uint16 = 0x80f0
	// In the egress tables: the port that the packet leaves by in 32 bits, and how much of it in 16.
	contLeaving uint16 = 0x80f1
	// Of a clone or a bucket; nothing else in it.
	contCopy uint16 = 0x80f2
)

// stackEntry is how long a value on the stack is written.
const stackEntry = 16

// Append appends the continuation, with actions as v has them: those that AppendActions
// leaves out are lost. Where it takes more than 64 KiB it is longer than a message has room
// for, and lengths in it may be wrong.
func (c *Continuation) Append(b []byte, v Version) []byte {
	if c.Switch != [16]byte{} {
		b = propertyBytes(b, contBridge, c.Switch[:])
	}
	for i := len(c.Stack) - 1; i >= 0; i-- {
		b = propertyBytes(b, contStack, appendBigEndian(nil, c.Stack[i], stackEntry))
	}
	var table uint8
	var cookie uint64
	for _, s := range c.Steps {
		if s.Table != table {
			table = s.Table
			b = property8(b, contTable, table)
		}
		if s.Cookie != cookie {
			cookie = s.Cookie
			b = property64(b, contCookie, cookie)
		}
		b = appendNested(b, v, contActions, s.Actions)
		if rest := AppendInstructions(nil, max(v, V13), &s.Rest, nil); len(rest) > 0 {
			at := len(b)
			b = endProperty(append(zeros(startProperty(b, contInstructions), 4), rest...), at)
		}
	}
	if c.Port != 0 {
		b = propertyBytes(b, contLeaving, be.AppendUint16(be.AppendUint32(nil, c.Port), c.Most))
	}
	if c.Copy {
		b = propertyBytes(b, contCopy, nil)
	}
	if len(c.ActionSet) > 0 {
		b = appendNested(b, v, contActionSet, c.ActionSet)
	}
	return b
}

// appendNested appends a property of actions.
func appendNested(b []byte, v Version, kind uint16, actions []pipeline.Action) []byte {
	at := len(b)
	return endProperty(AppendActions(zeros(startProperty(b, kind), 4), v, actions, nil), at)
}

// ParseContinuation reads what Append wrote. Errors are those of properties and actions; a
// property that no switch of this kind writes is one.
func ParseContinuation(v Version, b []byte) (*Continuation, error) {
	c := &Continuation{}
	var step ContinuationStep
	err := eachProperty(b, func(p property) (err error) {
		switch p.kind {
		case contBridge:
			if err := p.wants(len(c.Switch)); err != nil {
				return err
			}
			copy(c.Switch[:], p.data)
		case contStack:
			if len(p.data) > stackEntry {
				return p.wants(stackEntry)
			}
			c.Stack = append(c.Stack, bigEndian(p.data)) // the top is first
		case contLeaving:
			if err := p.wants(6); err != nil {
				return err
			}
			c.Port, c.Most = be.Uint32(p.data), be.Uint16(p.data[4:])
		case contCopy:
			if err := p.wants(0); err != nil {
				return err
			}
			c.Copy = true
		case contTable:
			step.Table, err = p.u8()
		case contCookie:
			step.Cookie, err = p.u64()
		case contActions, contActionSet:
			if len(p.data) < 4 {
				return p.wants(4)
			}
			actions, err := ParseActions(v, p.data[4:], nil)
			if err != nil {
				return err
			}
			if p.kind == contActionSet {
				c.ActionSet = actions
				return nil
			}
			step.Actions = actions
			c.Steps = append(c.Steps, step)
		case contInstructions:
			if len(p.data) < 4 {
				return p.wants(4)
			}
			in, err := ParseInstructions(max(v, V13), p.data[4:], nil)
			if err != nil {
				return err
			}
			n := len(c.Steps)
			if n == 0 || len(in.Apply) > 0 || in.Meter != 0 {
				return p.unknown("a continuation at that place")
			}
			c.Steps[n-1].Rest = in
		default:
			return p.unknown("a continuation")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(c.Stack)
	return c, nil
}
