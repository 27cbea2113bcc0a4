package session

import (
	"fmt"
	"slices"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// wildcards10 is what a flow of 1.0 can leave out: everything (OFPFW_ALL).
const wildcards10 = 1<<22 - 1

// tablePart answers requests for the counters of tables.
func tablePart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	s.settle()
	for _, t := range s.cfg.Tables.TableStats() {
		st := wire.TableStats{
			ID: t.Table, Active: uint32(t.Active), Lookups: t.Lookups, Matched: t.Matches,
			Wildcards: wildcards10, MaxEntries: pipeline.DefaultMaxFlows,
		}
		out.Add(st.Append(nil, s.version))
	}
	return nil
}

// evictsBy is by what tables evict: importance and lifetime, and whether flows have a lifetime
// that ends at all, which is the other thing.
const evictsBy = wire.EvictOther | wire.EvictImportance | wire.EvictLifetime

// settings is how a table is set, in the words of the wire.
func settings(c *pipeline.TableConfig) wire.TableSettings {
	t := wire.TableSettings{ID: c.Table, HasEviction: true, Eviction: evictsBy}
	t.HasVacancy, t.Vacancy = true, wire.Vacancy{Down: c.VacancyDown, Up: c.VacancyUp, Now: c.Free()}
	if c.Eviction {
		t.Config |= wire.TableEviction
	}
	if c.Vacancy {
		t.Config |= wire.TableVacancyEvents
	}
	return t
}

// tableDescPart answers how tables are set (1.4 and up).
func tableDescPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if err := none(m); err != nil {
		return err
	}
	all, err := s.cfg.Tables.TableConfigs(pipeline.AllTables)
	if err != nil {
		return err
	}
	for i := range all {
		t := settings(&all[i])
		out.Add(t.Append(nil))
	}
	return nil
}

// tableMod answers TABLE_MOD.
func tableMod(s *session, q *request) error {
	t, err := wire.ParseTableMod(s.version, q.body)
	if err != nil {
		return err
	}
	m := pipeline.TableMod{Table: t.ID}
	if s.version >= wire.V14 {
		m.Eviction, m.Vacancy = pipeline.Off, pipeline.Off
		if t.Config&wire.TableEviction != 0 {
			m.Eviction = pipeline.On
		}
		if t.Config&wire.TableVacancyEvents != 0 {
			m.Vacancy = pipeline.On
			if t.HasVacancy {
				m.VacancyDown, m.VacancyUp = t.Vacancy.Down, t.Vacancy.Up
			}
		}
		if t.HasEviction && t.Eviction&^evictsBy != 0 {
			return fmt.Errorf("eviction by %#x; tables evict by importance and lifetime: %w", uint32(t.Eviction), ofperr.TableModBadConfig)
		}
	}
	return s.cfg.Tables.TableMod(&m)
}

// TableStatusChanged tells of a table that fills or empties (pipeline.State.OnTableStatus).
func (s *Server) TableStatusChanged(t pipeline.TableStatus) {
	s.TableStatus(&wire.TableStatusMsg{Reason: wire.TableReason(t.Reason), Table: settings(&t.Config)})
}

// abilities are what tables can match and write, by version: all fields that have a number
// there and that some packet can have.
func abilities() (match, wild, set []wire.FieldAbility) {
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		i := &flow.Fields[f]
		if i.OXM == "" && i.NXM == "" || !pipeline.Matchable(f) {
			continue
		}
		match = append(match, wire.FieldAbility{Field: f, Masked: i.Maskable})
		wild = append(wild, wire.FieldAbility{Field: f})
		if i.Writable {
			set = append(set, wire.FieldAbility{Field: f})
		}
	}
	return match, wild, set
}

// tableFeaturesPart answers what tables can do. All can do the same. A request to change that
// is refused: the switch has one kind of table, which can do everything.
func tableFeaturesPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	if len(m.Body) > 0 {
		for b := m.Body; len(b) > 0; {
			t, rest, err := wire.ParseTableFeatures(s.version, b)
			if err != nil {
				return err
			}
			if t.ID >= pipeline.NumTables {
				return fmt.Errorf("table %d; there are tables 0 to %d: %w", t.ID, pipeline.NumTables-1, ofperr.TableFeaturesBadTable)
			}
			b = rest
		}
		return fmt.Errorf("what tables can do cannot be changed: %w", ofperr.TableFeaturesDenied)
	}
	configs, err := s.cfg.Tables.TableConfigs(pipeline.AllTables)
	if err != nil {
		return err
	}
	match, wild, set := abilities()
	// goto, write metadata, write, apply and clear actions, meter
	instructions := uint32(1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6)
	if s.version >= wire.V15 {
		instructions &^= 1 << 6 // an action there
	}
	next := make([]uint8, 0, pipeline.NumTables)
	for id := uint8(1); id < pipeline.NumTables; id++ {
		next = append(next, id)
	}
	for i := range configs {
		c := &configs[i]
		can := wire.TableAbilities{
			Instructions: instructions, Next: slices.Clone(next[min(int(c.Table), len(next)):]),
			Write: wire.ActionAbilities{Actions: setActions(s.version), SetFields: set},
			Apply: wire.ActionAbilities{Actions: applyActions(s.version), SetFields: set},
		}
		if len(can.Next) == 0 {
			can.Instructions &^= 1 << 1
		}
		f := wire.TableFeatures{
			ID: c.Table, MetadataMatch: ^uint64(0), MetadataWrite: ^uint64(0), MaxEntries: uint32(c.MaxFlows),
			Match: match, Wildcards: wild, Hit: can, Miss: can,
		}
		if s.version >= wire.V14 {
			f.Config = wire.TableEviction | wire.TableVacancyEvents
		}
		out.Add(f.Append(nil, s.version))
	}
	return nil
}
