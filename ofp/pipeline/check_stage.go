package pipeline

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// checkStage refuses a flow that leads from ingress tables to egress tables or back, and one
// of an egress table that would choose another port than the one that the packet leaves by
// (OpenFlow 1.5.1 sections 5.1 and 5.6). first is the first egress table, 0 for none.
func checkStage(f *Flow, first uint8) (err error) {
	if first == 0 {
		return nil
	}
	leaves := f.Table >= first
	if g := f.Do.Goto; g != 0 && !leaves && g >= first {
		return fmt.Errorf("goto_table:%d from table %d; egress tables begin at %d: %w", g, f.Table, first, ofperr.InstructionBadTable)
	}
	f.Do.some(func(a *Action) bool {
		if a.Kind == ActResubmit && a.Table != TableKeep && (a.Table >= first) != leaves {
			err = fmt.Errorf("resubmit to table %d from table %d; egress tables begin at %d: %w", a.Table, f.Table, first, ofperr.ActionBadArgument)
		}
		return err != nil
	})
	if err != nil || !leaves {
		return err
	}
	for i := range f.Do.Write {
		switch a := &f.Do.Write[i]; a.Kind {
		case ActOutput, ActOutputReg, ActController, ActGroup, ActResubmit:
			return fmt.Errorf("%s in the action set of egress table %d, which outputs to the packet's port: %w", formatAction(a, nil), f.Table, ofperr.ActionBadType)
		}
	}
	return nil
}
