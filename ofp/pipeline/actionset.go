package pipeline

import (
	"slices"

	"pollux/actions"
)

// setOrder is the order in which an action set is executed, whatever the order in which it
// was written (OpenFlow 1.5.1 section 5.6): copy TTL inwards, pop, push MPLS, push VLAN, copy
// TTL outwards, decrement TTL, set, qos, group, output. Of kinds that share a place, those
// that come first in a list are executed first; of one kind there is one action. Set fields are
// executed in the order in which they were written, so that the last of a field counts.
var setOrder = [...][]Kind{
	{ActCopyTTLIn},
	{ActPopVLAN}, {ActPopMPLS},
	{ActPushMPLS},
	{ActPushVLAN},
	{ActCopyTTLOut},
	{ActDecTTL, ActDecTTLIDs}, {ActDecMPLSTTL},
	setKinds,
	{ActSetQueue},
}

// setKinds write to the packet or its metadata.
var setKinds = []Kind{ActSetField, ActLoad, ActMove, ActModVID, ActModPCP, ActModTTL, ActModMPLSTTL, ActSetTunnel, ActSetTunnel64}

// outKinds are outputs. Of them and of groups one is executed: the last group, or else the
// last output.
var (
	outKinds      = []Kind{ActOutput, ActOutputReg, ActController}
	groupKinds    = []Kind{ActGroup}
	resubmitKinds = []Kind{ActResubmit}
)

// orderSet appends to list what was written to an action set, in the order of its execution. It
// appends nothing where the set neither outputs nor has a group: then the packet is dropped, and
// the rest is moot.
func orderSet(list, set []Action) []Action {
	out := lastOf(set, groupKinds)
	if out == nil {
		out = lastOf(set, outKinds)
	}
	if out == nil {
		out = lastOf(set, resubmitKinds) // Open vSwitch's, after everything else
	}
	if out == nil {
		return list
	}
	for i, kinds := range setOrder {
		if i == setPlace {
			for k := range set {
				if slices.Contains(setKinds, set[k].Kind) {
					list = append(list, set[k])
				}
			}
			continue
		}
		if a := lastOf(set, kinds); a != nil {
			list = append(list, *a)
		}
	}
	return append(list, *out)
}

// lastOf returns the last action of some kinds, or nil.
func lastOf(set []Action, kinds []Kind) *Action {
	for i := len(set) - 1; i >= 0; i-- {
		if slices.Contains(kinds, set[i].Kind) {
			return &set[i]
		}
	}
	return nil
}

// setPlace is where setKinds stand in setOrder.
const setPlace = 8

// actionSet executes the action set.
func (x *xlate) actionSet() {
	if len(x.set) == 0 || x.paused != 0 || x.failed != actions.DropNone {
		return
	}
	// In memory behind that of action sets that are being executed.
	at := len(x.ordered)
	x.ordered = orderSet(x.ordered, x.set)
	list := x.ordered[at:]
	if len(list) == 0 {
		return
	}
	if x.tr != nil {
		x.tr.set()
	}
	x.exit = false // exit ends the tables, not the action set
	x.set = x.set[:0]
	x.actions(list)
	x.ordered = x.ordered[:at]
}
