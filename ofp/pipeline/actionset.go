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
var outKinds = []Kind{ActOutput, ActOutputReg, ActController}

// orderSet puts what was written to an action set into the order of its execution. It is
// empty where the set neither outputs nor has a group: then the packet is dropped, and the
// rest is moot.
func orderSet(set []Action) []Action {
	last := func(kinds ...Kind) *Action {
		for i := len(set) - 1; i >= 0; i-- {
			if slices.Contains(kinds, set[i].Kind) {
				return &set[i]
			}
		}
		return nil
	}
	out := last(ActGroup)
	if out == nil {
		out = last(outKinds...)
	}
	if out == nil {
		out = last(ActResubmit) // Open vSwitch's, after everything else
	}
	if out == nil {
		return nil
	}
	list := make([]Action, 0, len(set))
	for i, kinds := range setOrder {
		if i == setPlace {
			for k := range set {
				if slices.Contains(setKinds, set[k].Kind) {
					list = append(list, set[k])
				}
			}
			continue
		}
		if a := last(kinds...); a != nil {
			list = append(list, *a)
		}
	}
	return append(list, *out)
}

// setPlace is where setKinds stand in setOrder.
const setPlace = 8

// actionSet executes the action set.
func (x *xlate) actionSet() {
	if len(x.set) == 0 || x.paused != 0 || x.failed != actions.DropNone {
		return
	}
	list := orderSet(x.set)
	if list == nil {
		return
	}
	if x.tr != nil {
		x.tr.set()
	}
	x.exit = false // exit ends the tables, not the action set
	x.set = x.set[:0]
	x.actions(list)
}
