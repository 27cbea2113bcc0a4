package pipeline

import (
	"iter"

	"pollux/classifier"
	"pollux/flow"
)

// tablesOf is the tables that id means: itself, or all for AllTables.
func tablesOf(id uint8) iter.Seq[uint8] {
	return func(yield func(uint8) bool) {
		if id < NumTables {
			yield(id)
			return
		}
		if id != AllTables {
			return
		}
		for i := range uint8(NumTables) {
			if !yield(i) {
				return
			}
		}
	}
}

// rules are the rules of t that the filter selects. Not strictly that is all whose match is
// the filter's or within it: it costs a look at each rule whose mask covers the filter's.
func (f *FlowFilter) rules(t *classifier.Table) iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		m := normalized(&f.Match)
		if f.Strict {
			if c := t.Find(&m, int32(f.Priority)); c != nil {
				if r := c.Data.(*Rule); f.wants(r) {
					yield(r)
				}
			}
			return
		}
		for c := range t.Matching(&m) {
			if r := c.Data.(*Rule); f.wants(r) && !yield(r) {
				return
			}
		}
	}
}

// wants says whether a rule whose match is selected has the cookie, and goes to the port and
// the group, that the filter asks for.
func (f *FlowFilter) wants(r *Rule) bool {
	return !r.hidden() && (r.Flow.Cookie^f.Cookie)&f.CookieMask == 0 && f.leads(r.Flow.Do)
}

// leads says whether instructions lead to the port and the group that the filter asks for.
func (f *FlowFilter) leads(do *Instructions) bool {
	return (f.OutPort == AnyPort || do.outputsTo(f.OutPort)) && (f.OutGroup == AnyGroup || do.usesGroup(f.OutGroup))
}

// outputsTo says whether the instructions name port as one to output to. What a register or
// a bundle chooses is not named, as in Open vSwitch.
func (i *Instructions) outputsTo(port uint32) bool {
	return i.some(func(a *Action) bool {
		switch a.Kind {
		case ActOutput, ActOutputTrunc, ActEnqueue:
			return a.Port == port
		case ActController:
			return port == flow.PortController
		}
		return false
	})
}

// usesGroup says whether the instructions name the group.
func (i *Instructions) usesGroup(id uint32) bool {
	return i.some(func(a *Action) bool { return a.Kind == ActGroup && a.Group == id })
}

// some says whether fn is true for some action of the instructions, those inside of others
// among them.
func (i *Instructions) some(fn func(*Action) bool) bool {
	return someAction(i.Apply, fn) || someAction(i.Write, fn)
}

func someAction(list []Action, fn func(*Action) bool) bool {
	for k := range list {
		a := &list[k]
		if fn(a) || a.List != nil && someAction(a.List.Actions, fn) {
			return true
		}
	}
	return false
}
