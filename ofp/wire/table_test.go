package wire

import (
	"errors"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

func init() {
	partReplies[PartTable] = records(PartTable, ParseTableStats, func(b []byte, v Version, s *TableStats) []byte { return s.Append(b, v) })
	partReplies[PartTableDesc] = records(PartTableDesc,
		func(_ Version, b []byte) (*TableSettings, []byte, error) { return ParseTableSettings(b) },
		func(b []byte, _ Version, s *TableSettings) []byte { return s.Append(b) })
	partReplies[PartTableFeatures] = records(PartTableFeatures, ParseTableFeatures,
		func(b []byte, v Version, f *TableFeatures) []byte { return f.Append(b, v) })
	partRequests[PartTableFeatures] = func(v Version, body []byte) error {
		_, err := partReplies[PartTableFeatures].parse(v, body)
		return err
	}
	readers[TableMod] = of(ParseTableMod, AppendTableMod)
	readers[TableStatus] = of(func(_ Version, b []byte) (*TableStatusMsg, error) { return ParseTableStatus(b) }, AppendTableStatus)
	samplesOf = append(samplesOf, tableSamples)
}

func sampleTableFeatures(v Version) *TableFeatures {
	set := ActionAbilities{
		Actions:   1<<0 | 1<<17 | 1<<22 | 1<<25,
		SetFields: []FieldAbility{{flow.Metadata, false}, {flow.EthSrc, false}, {flow.TunID, false}},
	}
	t := &TableFeatures{
		ID: 1, Name: "table1", MetadataMatch: 1<<64 - 1, MetadataWrite: 0xffff, MaxEntries: 1_000_000,
		Match:     []FieldAbility{{flow.InPort, false}, {flow.EthDst, true}, {flow.Reg3, true}, {flow.TCPFlags, true}, {flow.XXReg1, true}},
		Wildcards: []FieldAbility{{flow.InPort, false}, {flow.EthDst, false}},
		Hit:       TableAbilities{Instructions: 0x7e, Next: []uint8{2, 3, 253}, Write: set, Apply: set},
		Miss:      TableAbilities{Instructions: 0x1e, Next: []uint8{2}, Write: set, Apply: ActionAbilities{Actions: 1}},
	}
	if v >= V14 {
		t.Config = TableEviction | TableVacancyEvents
	}
	if v >= V15 {
		t.Features = 1
	}
	return t
}

func tableSamples(v Version) map[string][]byte {
	stats := []*TableStats{{ID: 0, Active: 5, Lookups: 1000, Matched: 900}, {ID: 253}}
	if v == V10 {
		stats[0].Name, stats[0].Wildcards, stats[0].MaxEntries = "classifier", 0x3fffff, 1_000_000
		return map[string][]byte{"table-stats": partReplies[PartTable].append(v, 2, stats)}
	}
	mod := &TableSettings{ID: 3}
	if v >= V14 {
		mod.Config = TableEviction | TableVacancyEvents
		mod.HasEviction, mod.Eviction = true, EvictImportance|EvictLifetime
		mod.HasVacancy, mod.Vacancy = true, Vacancy{Down: 20, Up: 80}
	}
	out := map[string][]byte{
		"table-stats":    partReplies[PartTable].append(v, 2, stats),
		"table-mod":      AppendTableMod(nil, v, 3, mod),
		"table-features": partReplies[PartTableFeatures].append(v, 4, []*TableFeatures{sampleTableFeatures(v), {ID: 2, Name: "empty"}}),
	}
	if v >= V14 {
		desc := *mod
		desc.Vacancy.Now = 55
		out["table-desc"] = partReplies[PartTableDesc].append(v, 5, []*TableSettings{&desc, {ID: 4}})
		out["table-status"] = AppendTableStatus(nil, v, 0, &TableStatusMsg{TableVacancyUp, desc})
	}
	return out
}

// Table mods that no table can do are refused with the error of the specification.
func TestBadTableMods(t *testing.T) {
	vacancy := func(down, up, now uint8) TableSettings {
		return TableSettings{HasVacancy: true, Vacancy: Vacancy{down, up, now}}
	}
	for _, c := range []struct {
		v    Version
		s    TableSettings
		want ofperr.Error
	}{
		{V13, TableSettings{Config: TableDeprecated}, 0},
		{V13, TableSettings{Config: TableEviction}, ofperr.TableModBadConfig},
		{V14, TableSettings{Config: TableEviction}, 0},
		{V14, TableSettings{Config: 1 << 4}, ofperr.TableModBadConfig},
		{V14, vacancy(10, 20, 0), 0},
		{V14, vacancy(20, 10, 0), ofperr.PropertyBadValue},
		{V14, vacancy(20, 101, 0), ofperr.PropertyBadValue},
		{V15, vacancy(10, 20, 1), ofperr.PropertyBadValue},
		{V15, TableSettings{HasEviction: true, Eviction: 8}, ofperr.PropertyBadValue},
	} {
		_, err := ParseTableMod(c.v, AppendTableMod(nil, c.v, 1, &c.s)[HeaderLen:])
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s %+v: %v, want %v", c.v, c.s, err, c.want)
		}
	}
}

// A property that is not known, a field that is not, and a table that nothing goes to.
func TestBadTableFeatures(t *testing.T) {
	record := func(prop ...byte) []byte {
		b := (&TableFeatures{}).Append(nil, V13)[:tableFeaturesLen]
		b = append(b, prop...)
		be.PutUint16(b, uint16(len(b)))
		return b
	}
	for _, c := range []struct {
		b    []byte
		want ofperr.Error
	}{
		{record(0, 9, 0, 4, 0, 0, 0, 0), ofperr.PropertyBadType},
		{record(0, 40, 0, 4, 0, 0, 0, 0), ofperr.PropertyBadType},
		{record(0, 8, 0, 8, 0x80, 0, 0xfe, 4), ofperr.MatchBadField},
		{record(0, 2, 0, 5, 255, 0, 0, 0), ofperr.PropertyBadValue},
		{record(0, 0, 0, 8, 0, 1, 0, 3), ofperr.PropertyBadLen},
		{record()[:60], ofperr.PropertyBadLen},
	} {
		if _, _, err := ParseTableFeatures(V13, c.b); !errors.Is(err, c.want) {
			t.Errorf("%x: %v, want %v", c.b[min(len(c.b), tableFeaturesLen):], err, c.want)
		}
	}
}
