package pipeline

import (
	"fmt"
	"slices"

	"pollux/ofp/ofperr"
)

// refusal is why an action cannot be installed.
type refusal struct {
	err   ofperr.Error
	words string
}

// checkActions refuses what the switch cannot do, with the specified error, wherever in the
// flow it stands.
func checkActions(d *Instructions) error {
	for _, list := range [...][]Action{d.Apply, d.Write} {
		if a, why := refused1(list, 0); a != nil {
			return fmt.Errorf("%s: %s: %w", formatAction(a, nil), why.words, why.err)
		}
	}
	if d.clauses() != nil {
		if err := checkConjunction(d); err != nil {
			return err
		}
	}
	for i := range d.Write {
		if a := &d.Write[i]; !inSet(a) {
			return fmt.Errorf("%s cannot be part of the action set: %w", formatAction(a, nil), ofperr.ActionUnsupportedOrder)
		}
	}
	return nil
}

// refused1 returns the first action of a list that is refused, and why.
func refused1(list []Action, clones int) (*Action, refusal) {
	for i := range list {
		a := &list[i]
		if why := a.refused(); why.err != ofperr.NoError {
			return a, why
		}
		if a.Kind == ActClone {
			if clones == maxClones {
				return a, refusal{ofperr.ActionTooMany, "too many clones inside each other"}
			}
			if i := slices.IndexFunc(a.List.Actions, func(b Action) bool { return b.Kind == ActConjunction }); i >= 0 {
				return a, refusal{ofperr.BadConjunction, "a conjunction cannot be part of a list"}
			}
			if in, why := refused1(a.List.Actions, clones+1); in != nil {
				return in, why
			}
		}
	}
	return nil, refusal{}
}

// refused says why the switch cannot do a; err is NoError where it can.
func (a *Action) refused() refusal {
	switch a.Kind {
	case ActEnqueue:
		if !truncates(a.Port) {
			return refusal{ofperr.ActionBadOutPort, "not a port that can have queues"}
		}
	case ActPushMPLS:
		if a.EtherType != etherTypeMPLS && a.EtherType != etherTypeMPLSM {
			return refusal{ofperr.ActionBadArgument, "not the type of MPLS"}
		}
	case ActPopMPLS:
		if why := popsTo(a.EtherType); why != "" {
			return refusal{ofperr.ActionBadArgument, why}
		}
	case ActOutputTrunc:
		switch {
		case !truncates(a.Port):
			return refusal{ofperr.ActionBadArgument, "not a port to send part of a packet to"}
		case a.MaxLen < minTruncated:
			return refusal{ofperr.ActionBadArgument, "shorter than an Ethernet header"}
		}
	case ActBundle:
		switch b := a.List.Bundle; {
		case int(b.Fields) >= len(hashFieldNames):
			return refusal{ofperr.ActionBadArgument, "unknown fields to hash"}
		case len(b.Slaves) > maxSlaves:
			return refusal{ofperr.ActionTooMany, "too many members"}
		}
	case ActMultipath:
		m := a.List.Multipath
		if int(m.Fields) >= len(hashFieldNames) || int(m.Algorithm) >= len(multipathAlgorithms) {
			return refusal{ofperr.ActionBadArgument, "unknown fields to hash, or unknown algorithm"}
		}
		if m.Dst.Bits < 16 && uint32(m.MaxLink) >= 1<<m.Dst.Bits {
			return refusal{ofperr.ActionBadArgument, "the destination does not hold the numbers of all links"}
		}
	case ActConjunction:
		if c := &a.List.Conjunction; c.Clauses < 2 || c.Clauses > maxClauses || c.Clause >= c.Clauses {
			return refusal{ofperr.BadConjunction, "there are 2 to 64 clauses, and the clause is one of them"}
		}
	case ActLearn:
		if l := a.List.Learn; l.Table >= NumTables {
			return refusal{ofperr.ActionBadArgument, "there are tables 0 to 253"}
		}
	}
	return refusal{}
}

// checkConjunction refuses flows that are part of a conjunction and do something besides.
func checkConjunction(d *Instructions) error {
	rest := *d
	rest.Apply = nil
	bad := !rest.empty() || rest.Trigger != nil
	for i := range d.Apply {
		k := d.Apply[i].Kind
		bad = bad || k != ActConjunction && k != ActNote
	}
	if bad {
		return fmt.Errorf("beside conjunction a flow has no other action than note, and no instruction: %w", ofperr.BadConjunction)
	}
	return nil
}

// inSet says whether a can be part of the action set: what has a place in its order
// (OpenFlow 1.5.1 section 5.6), or writes to the packet or its metadata as set_field does.
func inSet(a *Action) bool {
	switch a.Kind {
	case ActOutput, ActOutputReg, ActSetField, ActLoad, ActMove, ActModVID, ActModPCP, ActModTTL, ActModMPLSTTL, ActSetTunnel, ActSetTunnel64,
		ActPushVLAN, ActPopVLAN, ActPushMPLS, ActPopMPLS, ActDecTTL, ActDecTTLIDs, ActDecMPLSTTL, ActCopyTTLIn, ActCopyTTLOut,
		ActSetQueue, ActGroup, ActController, ActResubmit:
		return true
	}
	return false
}
