package session

import (
	"errors"
	"fmt"
	"slices"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Numbers of instructions and actions, as bits of what tables can do.
const (
	instructionGoto    uint32 = 1 << 1
	instructionMeter   uint32 = 1 << 6 // an action in 1.5
	instructionTrigger uint32 = 1 << 7 // 1.5
	actionsOut         uint32 = 1<<0 | 1<<22
)

// abilities are what tables can match and write, by version: all fields that have a number
// there and that some packet can have.
func abilities() (match, wild, set, copied []wire.FieldAbility) {
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		i := &flow.Fields[f]
		if i.OXM == "" && i.NXM == "" || !pipeline.Matchable(f) {
			continue
		}
		match = append(match, wire.FieldAbility{Field: f, Masked: i.Maskable})
		wild = append(wild, wire.FieldAbility{Field: f})
		copied = append(copied, wire.FieldAbility{Field: f}) // to read; what can be written is in set
		if i.Writable {
			set = append(set, wire.FieldAbility{Field: f})
		}
	}
	return match, wild, set, copied
}

// tableFeatures is what a table can do. All can do the same, save that egress tables are behind
// ingress tables, and that their action sets have an output already.
func tableFeatures(v wire.Version, c *pipeline.TableConfig, all []pipeline.TableConfig) *wire.TableFeatures {
	match, wild, set, copied := abilities()
	// goto, write metadata, write, apply and clear actions, meter
	instructions := uint32(1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6)
	if v >= wire.V15 {
		instructions = instructions&^instructionMeter | instructionTrigger
	}
	var next []uint8
	for i := range all {
		if to := &all[i]; to.Table > c.Table && to.Egress == c.Egress {
			next = append(next, to.Table)
		}
	}
	can := wire.TableAbilities{
		Instructions: instructions, Next: next,
		Write: wire.ActionAbilities{Actions: setActions(v), SetFields: set, CopyFields: copied},
		Apply: wire.ActionAbilities{Actions: applyActions(v), SetFields: set, CopyFields: copied},
	}
	if len(can.Next) == 0 {
		can.Instructions &^= instructionGoto
	}
	if c.Egress {
		can.Write.Actions &^= actionsOut
	}
	f := &wire.TableFeatures{
		ID: c.Table, Name: c.Name, MetadataMatch: ^uint64(0), MetadataWrite: ^uint64(0), MaxEntries: uint32(c.MaxFlows),
		Match: match, Wildcards: wild, Hit: can, Miss: can, Ethernet: true, Features: wire.TableIngress,
	}
	if c.Table != 0 {
		f.Features |= wire.TableEgress
	}
	if c.FirstEgress {
		f.Features |= wire.TableFirstEgress
	}
	if v >= wire.V14 {
		f.Config = wire.TableEviction | wire.TableVacancyEvents
	}
	return f
}

// tableFeaturesPart answers what tables can do. A request with a body first changes what can be
// changed: which tables there are, their names and bounds, and from which on they are egress
// tables. What tables can do cannot be changed, and need not: that it is at least what was
// asked for is all that the specification wants (OpenFlow 1.3.5 section 7.3.5.5.1).
func tableFeaturesPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if len(m.Body) > 0 {
		if err := s.setTableFeatures(m.Body); err != nil {
			return err
		}
	}
	configs, err := s.cfg.Tables.TableConfigs(pipeline.AllTables)
	if err != nil {
		return err
	}
	for i := range configs {
		out.Add(tableFeatures(s.version, &configs[i], configs).Append(nil, s.version))
	}
	return nil
}

// setTableFeatures does what a request with a body asks for, or nothing.
func (s *session) setTableFeatures(b []byte) error {
	configs, err := s.cfg.Tables.TableConfigs(pipeline.AllTables)
	if err != nil {
		return err
	}
	var list []*wire.TableFeatures
	for len(b) > 0 {
		t, rest, err := wire.ParseTableFeatures(s.version, b)
		if err != nil {
			return err
		}
		if t.ID >= pipeline.NumTables {
			return fmt.Errorf("table %d; there are tables 0 to %d: %w", t.ID, pipeline.NumTables-1, ofperr.TableFeaturesBadTable)
		}
		if len(list) > 0 && t.Command != list[0].Command {
			return fmt.Errorf("commands %d and %d in one request: %w", list[0].Command, t.Command, ofperr.TableFeaturesBadCommand)
		}
		list, b = append(list, t), rest
	}
	mod := pipeline.PipelineMod{Command: pipeline.PipelineCommand(list[0].Command)}
	first := s.firstEgress(list, configs)
	if s.version < wire.V15 && first != 0 && !slices.ContainsFunc(list, func(t *wire.TableFeatures) bool { return t.ID == first }) {
		return fmt.Errorf("without table %d, the first egress table: %w", first, ofperr.TableFeaturesDenied)
	}
	for _, t := range list {
		if mod.Command <= pipeline.PipelineModify {
			if err := s.checkTableFeatures(t, first); err != nil {
				return s.inVersion(err)
			}
		}
		mod.Tables = append(mod.Tables, pipeline.PipelineTable{
			Table: t.ID, Name: t.Name, MaxFlows: int(t.MaxEntries), FirstEgress: t.Features&wire.TableFirstEgress != 0,
		})
	}
	return s.inVersion(s.cfg.Tables.SetPipeline(&mod))
}

// firstEgress returns which table would be the first egress table, 0 for none. Before 1.5
// requests know of none, and leave it as it is.
func (s *session) firstEgress(list []*wire.TableFeatures, configs []pipeline.TableConfig) (first uint8) {
	for i := range configs {
		if configs[i].FirstEgress {
			first = configs[i].Table
		}
	}
	if s.version < wire.V15 {
		for _, t := range list {
			if first != 0 && t.ID == first {
				t.Features |= wire.TableFirstEgress
			}
		}
		return first
	}
	if pipeline.PipelineCommand(list[0].Command) == pipeline.PipelineReplace || slices.ContainsFunc(list, func(t *wire.TableFeatures) bool { return t.ID == first }) {
		first = 0
	}
	for _, t := range list {
		if t.Features&wire.TableFirstEgress != 0 {
			first = t.ID
		}
	}
	return first
}

// checkTableFeatures refuses what the table cannot do, where first is the first egress table.
func (s *session) checkTableFeatures(t *wire.TableFeatures, first uint8) error {
	if t.Features&^(wire.TableIngress|wire.TableEgress|wire.TableFirstEgress) != 0 {
		return fmt.Errorf("table %d: features %#x: %w", t.ID, t.Features, ofperr.TableFeaturesBadFeatures)
	}
	known := wire.TableDeprecated
	if s.version >= wire.V14 {
		known |= wire.TableEviction | wire.TableVacancyEvents
	}
	if t.Config&^known != 0 {
		return fmt.Errorf("table %d: capabilities %#x: %w", t.ID, uint32(t.Config), ofperr.TableFeaturesBadCapabilities)
	}
	if t.MaxEntries > pipeline.DefaultMaxFlows {
		return fmt.Errorf("table %d: %d flows, %d at most: %w", t.ID, t.MaxEntries, pipeline.DefaultMaxFlows, ofperr.TableFeaturesBadMaxEntries)
	}
	leaves := func(id uint8) bool { return first != 0 && id >= first }
	has := tableFeatures(s.version, &pipeline.TableConfig{Table: t.ID, Egress: leaves(t.ID)}, nil)
	bad := func(what string) error {
		return fmt.Errorf("table %d: %s that it does not have: %w", t.ID, what, ofperr.PropertyBadValue)
	}
	fields := func(want, have []wire.FieldAbility) bool {
		return slices.ContainsFunc(want, func(w wire.FieldAbility) bool {
			return !slices.ContainsFunc(have, func(h wire.FieldAbility) bool { return h.Field == w.Field && (h.Masked || !w.Masked) })
		})
	}
	if fields(t.Match, has.Match) || fields(t.Wildcards, has.Match) {
		return bad("a field to match")
	}
	if len(t.SyncFrom) > 0 {
		return bad("a table to be synchronised with")
	}
	for i, want := range [...]*wire.TableAbilities{&t.Hit, &t.Miss} {
		have := [...]*wire.TableAbilities{&has.Hit, &has.Miss}[i]
		if want.Instructions&^(have.Instructions|instructionGoto) != 0 {
			return bad("an instruction")
		}
		if slices.ContainsFunc(want.Next, func(id uint8) bool { return id <= t.ID || id >= pipeline.NumTables || leaves(id) != leaves(t.ID) }) {
			return bad("a next table")
		}
		for k, list := range [...]*wire.ActionAbilities{&want.Write, &want.Apply} {
			can := [...]*wire.ActionAbilities{&have.Write, &have.Apply}[k]
			if list.Actions&^can.Actions != 0 {
				return bad("an action")
			}
			if fields(list.SetFields, can.SetFields) || fields(list.CopyFields, can.CopyFields) {
				return bad("a field to write or copy")
			}
		}
	}
	return nil
}

// inVersion makes an error of 1.5 one that versions before have.
func (s *session) inVersion(err error) error {
	if s.version >= wire.V15 {
		return err
	}
	for _, e := range []ofperr.Error{
		ofperr.TableFeaturesBadCapabilities, ofperr.TableFeaturesBadMaxEntries, ofperr.TableFeaturesBadFeatures, ofperr.TableFeaturesBadCommand,
	} {
		if errors.Is(err, e) {
			return fmt.Errorf("%v: %w", err, ofperr.TableFeaturesDenied)
		}
	}
	return err
}
