package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// TableStats are the counters of a table: the record of replies to PartTable.
type TableStats struct {
	ID      uint8
	Active  uint32 // flows
	Lookups uint64 // packets
	Matched uint64 // packets

	// 1.0 only; later versions have TableFeatures.
	Name       string // at most 31 bytes are sent
	Wildcards  uint32 // OFPFW_* of 1.0
	MaxEntries uint32
}

// tableNameLen is the length of a table's name (OFP_MAX_TABLE_NAME_LEN).
const tableNameLen = 32

// Append appends the record.
func (s *TableStats) Append(b []byte, v Version) []byte {
	b = zeros(append(b, s.ID), 3)
	if v == V10 {
		b = name(b, s.Name, tableNameLen)
		b = be.AppendUint32(be.AppendUint32(b, s.Wildcards), s.MaxEntries)
	}
	b = be.AppendUint32(b, s.Active)
	return be.AppendUint64(be.AppendUint64(b, s.Lookups), s.Matched)
}

// ParseTableStats reads the record that b begins with and returns the rest of b.
func ParseTableStats(v Version, b []byte) (s *TableStats, rest []byte, err error) {
	n := 24
	if v == V10 {
		n = 64
	}
	if len(b) < n {
		return nil, nil, fmt.Errorf("statistics of a table of %d bytes, want %d: %w", len(b), n, ofperr.BadLen)
	}
	s = &TableStats{ID: b[0]}
	d := b[4:n]
	if v == V10 {
		s.Name = parseName(d[:tableNameLen])
		s.Wildcards, s.MaxEntries = be.Uint32(d[32:]), be.Uint32(d[36:])
		d = d[40:]
	}
	s.Active, s.Lookups, s.Matched = be.Uint32(d), be.Uint64(d[4:]), be.Uint64(d[12:])
	return s, b[n:], nil
}

// TableConfig is how a table is set (OFPTC_*).
type TableConfig uint32

// The bits.
const (
	TableDeprecated    TableConfig = 3      // without effect since 1.3
	TableEviction      TableConfig = 1 << 2 // 1.4 and up
	TableVacancyEvents TableConfig = 1 << 3 // 1.4 and up
)

// EvictionFlags are by what a table chooses flows to evict (OFPTMPEF_*).
type EvictionFlags uint32

// The flags.
const (
	EvictOther EvictionFlags = 1 << iota
	EvictImportance
	EvictLifetime
)

// Vacancy is at which free space of a table controllers are told, in percent.
type Vacancy struct {
	Down, Up uint8 // told when it falls below Down, and then when it rises above Up
	Now      uint8 // in descriptions
}

// TableSettings are how a table is set: a TABLE_MOD, the record of replies to PartTableDesc,
// and what a TABLE_STATUS is about.
type TableSettings struct {
	ID     uint8 // in a TABLE_MOD pipeline.AllTables for all
	Config TableConfig

	// 1.4 and up; each only if it Has.
	HasEviction bool
	Eviction    EvictionFlags
	HasVacancy  bool
	Vacancy     Vacancy
}

// Properties of tables (OFPTMPT_*).
const (
	tableEviction uint16 = 2
	tableVacancy  uint16 = 3
)

func (s *TableSettings) properties(b []byte) []byte {
	if s.HasEviction {
		b = property32(b, tableEviction, uint32(s.Eviction))
	}
	if s.HasVacancy {
		b = propertyBytes(b, tableVacancy, []byte{s.Vacancy.Down, s.Vacancy.Up, s.Vacancy.Now, 0})
	}
	return b
}

func (s *TableSettings) parseProperties(b []byte) error {
	return eachProperty(b, func(p property) error {
		switch p.kind {
		case tableEviction:
			flags, err := p.u32()
			s.HasEviction, s.Eviction = true, EvictionFlags(flags)
			return err
		case tableVacancy:
			if err := p.wants(4); err != nil {
				return err
			}
			s.HasVacancy, s.Vacancy = true, Vacancy{p.data[0], p.data[1], p.data[2]}
			return nil
		}
		return p.unknown("settings of a table")
	})
}

// Append appends the record of PartTableDesc (1.4 and up).
func (s *TableSettings) Append(b []byte) []byte {
	at := len(b)
	b = be.AppendUint32(append(b, 0, 0, s.ID, 0), uint32(s.Config))
	b = s.properties(b)
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// ParseTableSettings reads the record that b begins with and returns the rest of b.
func ParseTableSettings(b []byte) (s *TableSettings, rest []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("description of a table of %d bytes, want 8 or more: %w", len(b), ofperr.BadLen)
	}
	n := int(be.Uint16(b))
	if n < 8 || n > len(b) {
		return nil, nil, fmt.Errorf("description of a table that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	s = &TableSettings{ID: b[2], Config: TableConfig(be.Uint32(b[4:]))}
	return s, b[n:], s.parseProperties(b[8:n])
}

// AppendTableMod appends a TABLE_MOD (1.3 and up).
func AppendTableMod(b []byte, v Version, xid uint32, s *TableSettings) []byte {
	at := len(b)
	b = be.AppendUint32(append(begin(b, v, TableMod, xid), s.ID, 0, 0, 0), uint32(s.Config))
	if v >= V14 {
		b = s.properties(b)
	}
	return end(b, at)
}

// ParseTableMod reads the body of a TABLE_MOD. Errors are ofperr.TableModBadConfig for bits
// that the version does not have, ofperr.PropertyBadValue for a vacancy that can't be, and
// those of properties.
func ParseTableMod(v Version, body []byte) (*TableSettings, error) {
	if len(body) < 8 || v == V13 && len(body) != 8 {
		return nil, fmt.Errorf("table mod of %d bytes, want 8: %w", len(body), ofperr.BadLen)
	}
	s := &TableSettings{ID: body[0], Config: TableConfig(be.Uint32(body[4:]))}
	known := TableDeprecated
	if v >= V14 {
		known |= TableEviction | TableVacancyEvents
	}
	if s.Config&^known != 0 {
		return nil, fmt.Errorf("table mod with the bits %#x: %w", uint32(s.Config), ofperr.TableModBadConfig)
	}
	if err := s.parseProperties(body[8:]); err != nil {
		return nil, err
	}
	if w := s.Vacancy; w.Down > w.Up || w.Up > 100 || w.Now != 0 {
		return nil, fmt.Errorf("vacancy from %d to %d %%, now %d: %w", w.Down, w.Up, w.Now, ofperr.PropertyBadValue)
	}
	if s.Eviction&^(EvictOther|EvictImportance|EvictLifetime) != 0 {
		return nil, fmt.Errorf("eviction by %#x: %w", uint32(s.Eviction), ofperr.PropertyBadValue)
	}
	return s, nil
}

// TableReason is what happened to a table (OFPTR_*).
type TableReason uint8

// The reasons.
const (
	TableVacancyDown TableReason = 3
	TableVacancyUp   TableReason = 4
)

// TableStatusMsg tells of a table's vacancy (1.4 and up).
type TableStatusMsg struct {
	Reason TableReason
	Table  TableSettings
}

// AppendTableStatus appends a TABLE_STATUS.
func AppendTableStatus(b []byte, v Version, xid uint32, s *TableStatusMsg) []byte {
	at := len(b)
	b = zeros(append(begin(b, v, TableStatus, xid), byte(s.Reason)), 7)
	return end(s.Table.Append(b), at)
}

// ParseTableStatus reads the body of a TABLE_STATUS.
func ParseTableStatus(body []byte) (*TableStatusMsg, error) {
	if len(body) < 8 {
		return nil, fmt.Errorf("table status of %d bytes, want 16 or more: %w", len(body), ofperr.BadLen)
	}
	s := &TableStatusMsg{Reason: TableReason(body[0])}
	if s.Reason != TableVacancyDown && s.Reason != TableVacancyUp {
		return nil, fmt.Errorf("reason %d of a table status: %w", s.Reason, ofperr.BadReason)
	}
	t, rest, err := ParseTableSettings(body[8:])
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("table status with %d bytes behind its table: %w", len(rest), ofperr.BadLen)
	}
	s.Table = *t
	return s, nil
}
