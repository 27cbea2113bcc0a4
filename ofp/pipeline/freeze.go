package pipeline

import (
	"fmt"
	"slices"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// # Packets that pause
//
// controller(pause) sends the packet to a controller with all that is still to be done to it,
// and that is all that happens to it, until the controller gives it back, changed perhaps
// (NXT_RESUME). Nothing is kept of it here. What is left to do is gathered as the translation
// returns from one list of actions to the next. In a clone, or in a bucket, it is the rest of
// that: what follows is done to the packet itself, at once.

// Frozen is what is left to do to a packet that has paused. Immutable.
type Frozen struct {
	Stack []flow.Value // what push has left, the last on top
	Steps []FrozenStep // the innermost first
	Set   []Action     // the action set
	Copy  bool         // of a clone or a bucket: the action set ends with it, not executed
	// In the egress tables: the port that the packet leaves by, and how much of it; 0: not there.
	Port uint32
	Most uint16
}

// FrozenStep is the rest of a flow's instructions, or of a list of actions.
type FrozenStep struct {
	Table   uint8
	Cookie  uint64 // of the flow; actions.NoCookie: it is no flow's
	Actions []Action
	Rest    Instructions // but for Apply and Meter: after the actions, unless these ended the flow
}

var _ actions.Frozen = (*Frozen)(nil)

// Equal says whether what is left to do is the same.
func (f *Frozen) Equal(o actions.Frozen) bool {
	g, ok := o.(*Frozen)
	return ok && (f == g || f.Copy == g.Copy && f.Port == g.Port && f.Most == g.Most && slices.Equal(f.Stack, g.Stack) && equalActions(f.Set, g.Set) && slices.EqualFunc(f.Steps, g.Steps, func(a, b FrozenStep) bool {
		return a.Table == b.Table && a.Cookie == b.Cookie && equalActions(a.Actions, b.Actions) && a.Rest.equal(&b.Rest)
	}))
}

// unroll adds the rest of a list of actions to what is left to do.
func (x *xlate) unroll(rest []Action) {
	cookie := uint64(actions.NoCookie)
	if x.current != nil {
		cookie = x.current.Flow.Cookie
	}
	x.steps = append(x.steps, FrozenStep{Table: x.table, Cookie: cookie, Actions: rest})
}

// unfinished adds the instructions after those actions of which unroll was told last, if the
// packet has paused in them.
func (x *xlate) unfinished(d *Instructions) {
	if x.paused == 0 {
		return
	}
	r := &x.steps[len(x.steps)-1].Rest
	*r = *d
	r.Apply, r.Meter = nil, 0
}

// freeze ends a packet's way, or a clone's, that has paused.
func (x *xlate) freeze() {
	if x.paused == 0 {
		return
	}
	f := &Frozen{Stack: slices.Clone(x.stack), Set: slices.Clone(x.set)}
	// What leaves by the egress tables has an action set of its own, whoever sent it there.
	f.Copy = x.clones != x.egressAt || x.ofCopy && x.egressAt == 0
	for _, s := range x.steps {
		if len(s.Actions) > 0 || !s.Rest.empty() {
			s.Actions = slices.Clone(s.Actions) // which may be in memory that is used again
			f.Steps = append(f.Steps, s)
		}
	}
	f.Port, f.Most = x.leaving.port, x.leaving.most
	if x.failed == actions.DropNone {
		x.punts[x.paused-1].Frozen = f
	}
	x.paused, x.steps = 0, nil
}

// TranslateResumed decides what happens to a packet that paused, by what is left to do. It is
// like TranslateOut in all else, but that the packet was accounted as it came in.
func (s *Snapshot) TranslateResumed(u *pmd.Upcall, f *Frozen) {
	x := s.scratch(u.Thread)
	x.begin(s, u, nil)
	x.out, x.resumed = true, true
	x.leaving = leaving{f.Port, f.Most}
	x.stack, x.set, x.ofCopy = append(x.stack, f.Stack...), append(x.set, f.Set...), f.Copy
	x.noteSet()
	for i := range f.Steps {
		step := &f.Steps[i]
		x.table, x.current = step.Table, nil
		if step.Cookie != actions.NoCookie {
			x.current = &Rule{Flow: ruleFlow{Table: step.Table, Cookie: step.Cookie, Priority: 1}}
		}
		d := step.Rest
		d.Apply = step.Actions
		x.instructions(&d)
		if x.paused != 0 {
			x.steps = append(x.steps, f.Steps[i+1:]...)
		}
		if x.paused != 0 || x.exit {
			break
		}
	}
	if f.Copy {
		x.freeze()
	} else {
		x.finish()
	}
	x.end()
}

// Resume returns what pmd.PacketOut asks of the tables in force, for a packet that has paused.
func Resume(f *Frozen) func(pmd.Tables, *pmd.Upcall) {
	return func(t pmd.Tables, u *pmd.Upcall) { t.(*Snapshot).TranslateResumed(u, f) }
}

// CheckResume refuses what no switch can have left to do, with the error that a flow with it
// would have: it comes from a controller.
func (s *Snapshot) CheckResume(f *Frozen) error {
	if len(f.Stack) > maxStack {
		return fmt.Errorf("a stack of %d values, and %d is the most: %w", len(f.Stack), maxStack, ofperr.ActionBadArgument)
	}
	tx := &flowTx{next: s}
	for i := range f.Steps {
		step := &f.Steps[i]
		if g := step.Rest.Goto; step.Table >= NumTables || g != 0 && (g <= step.Table || g >= NumTables) {
			return fmt.Errorf("goto_table:%d from table %d; tables are 0 to %d, and it only goes forward: %w", g, step.Table, NumTables-1, ofperr.InstructionBadTable)
		}
		d := step.Rest
		d.Apply, d.Meter = step.Actions, 0
		if err := tx.checkDo(&Flow{Do: d}); err != nil {
			return err
		}
	}
	return tx.checkDo(&Flow{Do: Instructions{Write: f.Set}})
}
