package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// check refuses a flow that refers to what is not there.
func (tx *flowTx) check(f *Flow) error {
	if f.Table >= NumTables {
		return noTable(f.Table)
	}
	if tx.next.off.has(f.Table) {
		return fmt.Errorf("table %d is disabled: %w", f.Table, ofperr.FlowModBadTable)
	}
	if g := f.Do.Goto; g != 0 && tx.next.off.has(g) {
		return fmt.Errorf("goto_table:%d, which is disabled: %w", g, ofperr.InstructionBadTable)
	}
	if g := f.Do.Goto; g != 0 && (g <= f.Table || g >= NumTables) {
		return fmt.Errorf("goto_table:%d from table %d; it only goes forward, to %d at most: %w", g, f.Table, NumTables-1, ofperr.InstructionBadTable)
	}
	if f.Do.some(func(a *Action) bool { return a.Kind == ActOutput && a.Port == flow.PortTable }) {
		return fmt.Errorf("output to TABLE is for packet-outs: %w", ofperr.ActionBadOutPort)
	}
	if err := checkStage(f, tx.next.firstEgress); err != nil {
		return err
	}
	return tx.checkDo(f)
}

// checkDo refuses instructions that no flow can have, whatever its table.
func (tx *flowTx) checkDo(f *Flow) (err error) {
	if id := f.Do.Meter; id != 0 && tx.next.meters[id] == nil {
		return fmt.Errorf("meter %d does not exist: %w", id, ofperr.MeterModInvalid)
	}
	if err := checkActions(&f.Do); err != nil {
		return err
	}
	f.Do.some(func(a *Action) bool {
		err = tx.checkAction(a)
		return err != nil
	})
	return err
}

func (tx *flowTx) checkAction(a *Action) error {
	switch a.Kind {
	case ActResubmit:
		if a.Table >= NumTables && a.Table != TableKeep {
			return fmt.Errorf("resubmit to table %d; there are tables 0 to %d: %w", a.Table, NumTables-1, ofperr.ActionBadArgument)
		}
	case ActGroup:
		if tx.next.groups.get(a.Group) == nil {
			return fmt.Errorf("group %d does not exist: %w", a.Group, ofperr.ActionBadOutGroup)
		}
	case ActController:
		c := a.List.Controller
		if c.Meter != 0 && tx.next.meters[c.Meter] == nil {
			return fmt.Errorf("meter %d does not exist: %w", c.Meter, ofperr.MeterModInvalid)
		}
		return c.refused()
	case ActMeter:
		if tx.next.meters[a.Meter] == nil {
			return fmt.Errorf("meter %d does not exist: %w", a.Meter, ofperr.MeterModInvalid)
		}
	case ActSample:
		if _, ok := tx.next.sampling.Sets[a.List.Sample.Set]; !ok {
			return noExporter(a.List.Sample.Set)
		}
	}
	return nil
}

// ErrNoExporter says that a flow samples for a collector set without exporter.
var ErrNoExporter = errors.New("has no exporter")

func noExporter(set uint32) error {
	return fmt.Errorf("collector set %d %w: %w", set, ErrNoExporter, ofperr.ActionBadArgument)
}

// inWords returns what err says, without the OpenFlow error that it wraps: for people who
// wrote a flow into a file.
func inWords(err error) string {
	var code ofperr.Error
	if errors.As(err, &code) {
		return strings.TrimSuffix(err.Error(), ": "+code.Error())
	}
	return err.Error()
}

// flowErr says where a flow stands, as a *ParseError; of one that no text has, what
// it is.
func flowErr(f *Flow, err error) error {
	if f.Line > 0 {
		return &ParseError{Line: f.Line, Column: f.Column, Msg: inWords(err), Err: err}
	}
	return fmt.Errorf("flow %q: %w", f.String(), err)
}
