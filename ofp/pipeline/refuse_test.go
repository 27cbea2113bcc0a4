package pipeline

import (
	"errors"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// TestRefusedActions is what no flow can have, wherever it stands, and the error that says so.
func TestRefusedActions(t *testing.T) {
	s := testState(t, "")
	deep := Action{Kind: ActOutput, Port: 2}
	for range maxClones + 1 {
		deep = Action{Kind: ActClone, List: &Lists{Actions: []Action{deep}}}
	}
	reg := Subfield{Field: flow.Reg0, Bits: 2}
	for _, c := range []struct {
		a    Action
		want ofperr.Error
	}{
		{Action{Kind: ActEnqueue, Port: flow.PortFlood, Queue: 1}, ofperr.ActionBadOutPort},
		{Action{Kind: ActPushMPLS, EtherType: 0x0800}, ofperr.ActionBadArgument},
		{Action{Kind: ActPopMPLS, EtherType: 0x8100}, ofperr.ActionBadArgument},
		{Action{Kind: ActPopMPLS, EtherType: 0x05ff}, ofperr.ActionBadArgument},
		{Action{Kind: ActOutputTrunc, Port: flow.PortNormal, MaxLen: 100}, ofperr.ActionBadArgument},
		{Action{Kind: ActOutputTrunc, Port: 2, MaxLen: 13}, ofperr.ActionBadArgument},
		{Action{Kind: ActMultipath, List: &Lists{Multipath: &Multipath{MaxLink: 4, Dst: reg}}}, ofperr.ActionBadArgument},
		{Action{Kind: ActMultipath, List: &Lists{Multipath: &Multipath{Fields: 7, Dst: reg}}}, ofperr.ActionBadArgument},
		{Action{Kind: ActMultipath, List: &Lists{Multipath: &Multipath{Algorithm: 4, Dst: reg}}}, ofperr.ActionBadArgument},
		{Action{Kind: ActBundle, List: &Lists{Bundle: &Bundle{Fields: 9}}}, ofperr.ActionBadArgument},
		{Action{Kind: ActBundle, List: &Lists{Bundle: &Bundle{Slaves: make([]uint32, 2049)}}}, ofperr.ActionTooMany},
		{Action{Kind: ActConjunction, List: &Lists{Conjunction: Conjunction{ID: 1, Clause: 2, Clauses: 2}}}, ofperr.BadConjunction},
		{Action{Kind: ActConjunction, List: &Lists{Conjunction: Conjunction{ID: 1, Clauses: 1}}}, ofperr.BadConjunction},
		{Action{Kind: ActLearn, List: &Lists{Learn: &Learn{Table: 254}}}, ofperr.ActionBadArgument},
		{deep, ofperr.ActionTooMany},
	} {
		for place, do := range map[string]Instructions{
			"applied":   {Apply: []Action{c.a}},
			"in a list": {Apply: []Action{{Kind: ActClone, List: &Lists{Actions: []Action{c.a}}}}},
		} {
			if err := s.Add(Flow{Do: do}); !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v, want %v", formatAction(&c.a, nil), place, err, c.want)
			}
		}
	}
	for _, k := range []Kind{ActClone, ActPush, ActPop, ActNote, ActExit, ActMultipath, ActBundle, ActLearn, ActFinTimeout} {
		a := Action{Kind: k, Src: reg, Dst: reg, List: &Lists{Multipath: &Multipath{Dst: reg}, Bundle: &Bundle{}, Learn: &Learn{}}}
		if err := s.Add(Flow{Do: Instructions{Write: []Action{a}}}); !errors.Is(err, ofperr.ActionUnsupportedOrder) {
			t.Errorf("%s in the action set: %v", formatAction(&a, nil), err)
		}
	}
	if n := len(s.DumpFlows()); n != 0 {
		t.Errorf("%d flows are there", n)
	}
}
