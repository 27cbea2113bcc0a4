package session

import (
	"fmt"

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
	configs, err := s.cfg.Tables.TableConfigs(pipeline.AllTables)
	if err != nil {
		return err
	}
	var tables [pipeline.NumTables]*pipeline.TableConfig
	for i := range configs {
		tables[configs[i].Table] = &configs[i]
	}
	s.settle()
	for _, t := range s.cfg.Tables.TableStats() {
		c := tables[t.Table]
		if c == nil {
			continue // enabled this very moment
		}
		st := wire.TableStats{
			ID: t.Table, Name: c.Name, Active: uint32(t.Active), Lookups: t.Lookups, Matched: t.Matches,
			Wildcards: wildcards10, MaxEntries: uint32(c.MaxFlows),
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
