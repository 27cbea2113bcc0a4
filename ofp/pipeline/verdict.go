package pipeline

import (
	"pollux/actions"
	"pollux/ipfix/cache"
)

// cause is who decided something about a packet: a rule, or a table without one
// that matches.
type cause struct {
	rule  *Rule // nil: no rule of the table matched
	table uint8
}

// cause returns who decides now.
func (x *xlate) cause() cause { return cause{x.current, x.table} }

// conclude makes the last rule that matched the one that decides: it ended the
// pipeline, so the action set is executed on its behalf.
func (x *xlate) conclude() {
	if x.last != nil {
		x.current, x.table = x.last, x.last.Flow.Table
	}
}

// judge tells the samples that are taken before all is decided what was decided: the
// fate of the packet, and where the exporter wants it the rule. The first output
// decides about a packet that is sent, the first step that gave it to a controller about one
// that went nowhere else, and the first reason about one that is not.
func (x *xlate) judge() {
	if len(x.samples) == 0 {
		return
	}
	c, why := x.sender, actions.DropNone
	if !x.sent && x.punted {
		c, why = x.punter, actions.Punted
	} else if !x.sent {
		c, why = x.blamed, x.reason
		if why == actions.DropNone {
			c, why = x.cause(), actions.DropNoOutput
		}
	}
	for i := range x.samples {
		if v := &x.samples[i].Point.Verdict; v.Status == cache.StatusUnknown {
			*v = x.verdict(c, why, x.tell[i])
		}
	}
}

// verdict writes down a decision. The table is told without a rule too: it is the one
// that the packet missed in.
func (x *xlate) verdict(c cause, why actions.Reason, tell bool) cache.Verdict {
	v := cache.Verdict{Status: why.ForwardingStatus()}
	if why != actions.DropNone && why != actions.Punted {
		v.Drop = uint8(why)
	}
	if tell {
		v.Table = c.table
		if c.rule != nil {
			v.Known, v.Cookie = true, c.rule.Flow.Cookie
		}
	}
	return v
}
