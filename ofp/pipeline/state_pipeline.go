package pipeline

import (
	"fmt"
	"iter"
	"math/bits"

	"pollux/ofp/ofperr"
)

// PipelineCommand is what a change of the pipeline does (enum ofp_table_features_command).
type PipelineCommand uint8

// The commands, with their numbers on the wire.
const (
	PipelineReplace PipelineCommand = iota // the tables named are the pipeline, others are disabled
	PipelineModify                         // the tables named are set, others stay as they are
	PipelineEnable                         // the tables named become a part of the pipeline
	PipelineDisable                        // the tables named are disabled, and lose their flows
)

// PipelineMod is a request to change what tables there are and how they are used (OpenFlow
// 1.5.1 section 7.3.5.18).
type PipelineMod struct {
	Command PipelineCommand
	Tables  []PipelineTable // each once
}

// PipelineTable is what a PipelineMod wants of a table. PipelineEnable and PipelineDisable look
// at the number alone.
type PipelineTable struct {
	Table       uint8
	Name        string // "": none; 31 bytes at most
	MaxFlows    int    // 0: as many as there can be
	FirstEgress bool   // this table and those behind it are for packets that leave
}

// tableSet is a set of tables.
type tableSet [4]uint64

func (s *tableSet) has(id uint8) bool { return s[id>>6]>>(id&63)&1 != 0 }
func (s *tableSet) add(id uint8)      { s[id>>6] |= 1 << (id & 63) }
func (s *tableSet) remove(id uint8)   { s[id>>6] &^= 1 << (id & 63) }

// each is the tables of the set, by number.
func (s *tableSet) each() iter.Seq[uint8] {
	return func(yield func(uint8) bool) {
		for w, b := range s {
			for ; b != 0; b &= b - 1 {
				if !yield(uint8(w<<6 + bits.TrailingZeros64(b))) {
					return
				}
			}
		}
	}
}

// pipelineTx is a PipelineMod in the making.
type pipelineTx struct {
	*flowTx
	tables     [NumTables]tableState
	firstNamed bool // the request has a first egress table
}

// SetPipeline does m whole, or nothing of it. Flows of tables that are disabled go, and nobody
// is told of them as removed. Errors are ofperr.TableFeaturesBadTable, for a table that does not
// exist, is disabled or named twice, and for table 0, where the pipeline begins;
// TableFeaturesBadMaxEntries, TableFeaturesBadFeatures and TableFeaturesBadCommand; and
// TableFeaturesDenied for what flows that are there stand against.
func (s *State) SetPipeline(m *PipelineMod) error {
	s.mu.Lock()
	defer s.unlock()
	tx := &pipelineTx{flowTx: s.begin(s.next(), nil), tables: s.tables}
	if err := tx.pipeline(m); err != nil {
		tx.abort()
		return err
	}
	s.tables = tx.tables
	changed, roomier := tx.next.setBounds(&s.tables)
	tx.beyond, tx.anew, tx.quiet = tx.divides() || roomier, changed, true
	tx.commit()
	return nil
}

// divides says whether the change is one of what tables there are, or of their stages: packets know
// nothing of names and bounds.
func (tx *pipelineTx) divides() bool {
	old := tx.s.snap.Load()
	return tx.next.off != old.off || tx.next.firstEgress != old.firstEgress
}

func (tx *pipelineTx) pipeline(m *PipelineMod) error {
	var named, off tableSet
	off = tx.next.off
	for i := range m.Tables {
		t := &m.Tables[i]
		switch id := t.Table; {
		case id >= NumTables:
			return fmt.Errorf("table %d; there are tables 0 to %d: %w", id, NumTables-1, ofperr.TableFeaturesBadTable)
		case named.has(id):
			return fmt.Errorf("table %d twice: %w", id, ofperr.TableFeaturesBadTable)
		case m.Command == PipelineModify && off.has(id):
			return fmt.Errorf("table %d is disabled: %w", id, ofperr.TableFeaturesBadTable)
		case m.Command == PipelineDisable:
			off.add(id)
		default:
			off.remove(id)
		}
		named.add(t.Table)
	}
	first := tx.next.firstEgress
	switch m.Command {
	case PipelineReplace:
		first = 0
		for id := range tablesOf(AllTables) {
			if !named.has(id) {
				off.add(id)
			}
		}
	case PipelineModify:
		if named.has(first) {
			first = 0
		}
	case PipelineEnable, PipelineDisable:
	default:
		return fmt.Errorf("command %d: %w", m.Command, ofperr.TableFeaturesBadCommand)
	}
	if off.has(0) {
		return fmt.Errorf("without table 0, where packets begin: %w", ofperr.TableFeaturesBadTable)
	}
	if m.Command <= PipelineModify {
		for i := range m.Tables {
			if err := tx.set(&m.Tables[i], &first); err != nil {
				return err
			}
		}
	}
	if first != 0 && off.has(first) {
		return fmt.Errorf("table %d, the first egress table, cannot be disabled: %w", first, ofperr.TableFeaturesBadFeatures)
	}
	tx.next.off, tx.next.firstEgress = off, first
	return tx.fits()
}

// set sets one table.
func (tx *pipelineTx) set(t *PipelineTable, first *uint8) error {
	to := &tx.tables[t.Table]
	switch {
	case len(t.Name) > maxTableName:
		return fmt.Errorf("table %d: a name of %d bytes, %d at most: %w", t.Table, len(t.Name), maxTableName, ofperr.TableFeaturesDenied)
	case t.MaxFlows < 0 || t.MaxFlows > DefaultMaxFlows:
		return fmt.Errorf("table %d: %d flows, %d at most: %w", t.Table, t.MaxFlows, DefaultMaxFlows, ofperr.TableFeaturesBadMaxEntries)
	case t.FirstEgress && t.Table == 0:
		return fmt.Errorf("table 0 cannot be an egress table: %w", ofperr.TableFeaturesBadFeatures)
	case t.FirstEgress && *first != 0 && tx.firstNamed:
		return fmt.Errorf("tables %d and %d as first egress table: %w", *first, t.Table, ofperr.TableFeaturesBadFeatures)
	}
	to.name, to.max = t.Name, t.MaxFlows
	if t.FirstEgress {
		*first, tx.firstNamed = t.Table, true
	}
	return nil
}

// fits checks that flows, those of the configuration in any case, can stay where they are, and
// takes those of disabled tables away.
func (tx *pipelineTx) fits() error {
	for id := range tablesOf(AllTables) {
		t, off := tx.view(id), tx.next.off.has(id)
		if n, most := t.Len(), tx.tables[id].limit(); n > most && !off {
			return fmt.Errorf("table %d has %d flows, more than %d: %w", id, n, most, ofperr.TableFeaturesDenied)
		}
		if !tx.divides() {
			continue
		}
		for c := range t.Rules() {
			r := c.Data.(*Rule)
			if off && r.origin == fromController {
				continue
			}
			f := r.whole()
			err := checkStage(&f, tx.next.firstEgress)
			switch {
			case off:
				err = fmt.Errorf("table %d is of the configuration", id)
			case err == nil && f.Do.Goto != 0 && tx.next.off.has(f.Do.Goto):
				err = fmt.Errorf("table %d goes to table %d", id, f.Do.Goto)
			}
			if err != nil {
				return fmt.Errorf("%v: flow %q: %w", err, f.String(), ofperr.TableFeaturesDenied)
			}
		}
		if off && t.Len() > 0 {
			tx.clear(id, RemovedDelete)
		}
	}
	return nil
}
