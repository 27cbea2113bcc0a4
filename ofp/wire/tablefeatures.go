package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// TableFeatures is what a table can do (OpenFlow 1.3 section 7.3.5.5): the record of replies
// to PartTableFeatures, and of requests that want to change it.
type TableFeatures struct {
	ID            uint8
	Command       uint8  // 1.5, in requests: OFPTFC_*
	Features      uint32 // 1.5: OFPTFF_*
	Name          string // at most 31 bytes are sent
	MetadataMatch uint64 // bits that can be matched
	MetadataWrite uint64 // bits that can be written
	Config        TableConfig
	MaxEntries    uint32

	Match     []FieldAbility
	Wildcards []FieldAbility // that may be left out of a match
	Hit       TableAbilities // of flows
	Miss      TableAbilities // of the table-miss flow
}

// FieldAbility is a field, and that any mask may be given.
type FieldAbility struct {
	Field  flow.Field
	Masked bool
}

// TableAbilities are what flows of a table can do.
type TableAbilities struct {
	Instructions uint32  // bit n: the instruction with number n
	Next         []uint8 // tables that can follow
	Write, Apply ActionAbilities
}

// ActionAbilities are which actions can be in a list.
type ActionAbilities struct {
	Actions   uint32 // bit n: the action with number n in the version
	SetFields []FieldAbility
}

// Properties of tables' features (OFPTFPT_*); those of Miss are one more.
const (
	featInstructions uint16 = 0
	featNext         uint16 = 2
	featWrite        uint16 = 4
	featApply        uint16 = 6
	featMatch        uint16 = 8
	featWildcards    uint16 = 10
	featWriteSet     uint16 = 12
	featApplySet     uint16 = 14
)

const tableFeaturesLen = 64

// Append appends the record. Fields that v has no numbers for are left out.
func (t *TableFeatures) Append(b []byte, v Version) []byte {
	at := len(b)
	b = append(b, 0, 0, t.ID)
	if v >= V15 {
		b = be.AppendUint32(append(b, t.Command), t.Features)
	} else {
		b = zeros(b, 5)
	}
	b = name(b, t.Name, tableNameLen)
	b = be.AppendUint64(be.AppendUint64(b, t.MetadataMatch), t.MetadataWrite)
	b = be.AppendUint32(be.AppendUint32(b, uint32(t.Config)), t.MaxEntries)
	b = t.Hit.append(b, v, 0)
	b = t.Miss.append(b, v, 1)
	b = appendFieldIDs(b, v, featMatch, t.Match)
	b = appendFieldIDs(b, v, featWildcards, t.Wildcards)
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

func (t *TableAbilities) append(b []byte, v Version, miss uint16) []byte {
	b = appendBitmap(b, featInstructions+miss, t.Instructions)
	b = propertyBytes(b, featNext+miss, t.Next)
	b = appendBitmap(b, featWrite+miss, t.Write.Actions)
	b = appendFieldIDs(b, v, featWriteSet+miss, t.Write.SetFields)
	b = appendBitmap(b, featApply+miss, t.Apply.Actions)
	return appendFieldIDs(b, v, featApplySet+miss, t.Apply.SetFields)
}

// appendBitmap appends a property with a head of 4 bytes for every bit.
func appendBitmap(b []byte, kind uint16, bits uint32) []byte {
	at := len(b)
	b = startProperty(b, kind)
	for n := range uint16(32) {
		if bits>>n&1 != 0 {
			b = be.AppendUint16(be.AppendUint16(b, n), 4)
		}
	}
	return endProperty(b, at)
}

// appendFieldIDs appends a property with the head of every field.
func appendFieldIDs(b []byte, v Version, kind uint16, fields []FieldAbility) []byte {
	at := len(b)
	b = startProperty(b, kind)
	for _, f := range fields {
		if t := tlvOf(f.Field, v); t != nil && t.since <= v {
			b = t.appendHead(b, f.Masked)
		}
	}
	return endProperty(b, at)
}

// ParseTableFeatures reads the record that b begins with and returns the rest of b. Errors
// are those of properties, and ofperr.MatchBadField for a field that is not known.
func ParseTableFeatures(v Version, b []byte) (t *TableFeatures, rest []byte, err error) {
	if len(b) < tableFeaturesLen {
		return nil, nil, fmt.Errorf("features of a table of %d bytes, want %d or more: %w", len(b), tableFeaturesLen, ofperr.PropertyBadLen)
	}
	n := int(be.Uint16(b))
	if n < tableFeaturesLen || n > len(b) || n%8 != 0 {
		return nil, nil, fmt.Errorf("features of a table that say they have %d bytes of %d: %w", n, len(b), ofperr.PropertyBadLen)
	}
	t = &TableFeatures{
		ID: b[2], Name: parseName(b[8:40]), MetadataMatch: be.Uint64(b[40:]), MetadataWrite: be.Uint64(b[48:]),
		Config: TableConfig(be.Uint32(b[56:])), MaxEntries: be.Uint32(b[60:]),
	}
	if v >= V15 {
		t.Command, t.Features = b[3], be.Uint32(b[4:])
	}
	err = eachProperty(b[tableFeaturesLen:n], t.parse)
	return t, b[n:], err
}

// parse reads one property.
func (t *TableFeatures) parse(p property) (err error) {
	if p.kind > featApplySet+1 || p.kind == featMatch+1 || p.kind == featWildcards+1 {
		return p.unknown("features of a table")
	}
	to := &t.Hit
	if p.kind&1 != 0 {
		to = &t.Miss
	}
	switch p.kind &^ 1 {
	case featInstructions:
		to.Instructions, err = parseBitmap(p.data)
	case featNext:
		for _, id := range p.data {
			if id == 0xff {
				return fmt.Errorf("table 255 to go to: %w", ofperr.PropertyBadValue)
			}
		}
		to.Next = append([]uint8(nil), p.data...)
	case featWrite:
		to.Write.Actions, err = parseBitmap(p.data)
	case featApply:
		to.Apply.Actions, err = parseBitmap(p.data)
	case featMatch:
		t.Match, err = parseFieldIDs(p.data)
	case featWildcards:
		t.Wildcards, err = parseFieldIDs(p.data)
	case featWriteSet:
		to.Write.SetFields, err = parseFieldIDs(p.data)
	case featApplySet:
		to.Apply.SetFields, err = parseFieldIDs(p.data)
	}
	return err
}

// parseBitmap reads heads of instructions or actions. Of experimenters, and numbers that no
// version has, nothing is kept.
func parseBitmap(b []byte) (bits uint32, err error) {
	for len(b) > 0 {
		if len(b) < 4 || int(be.Uint16(b[2:])) < 4 || int(be.Uint16(b[2:])) > len(b) {
			return 0, fmt.Errorf("numbers of actions or instructions past their end: %w", ofperr.PropertyBadLen)
		}
		if n := be.Uint16(b); n < 32 {
			bits |= 1 << n
		}
		b = b[be.Uint16(b[2:]):]
	}
	return bits, nil
}

// parseFieldIDs reads heads of fields.
func parseFieldIDs(b []byte) (fields []FieldAbility, err error) {
	for len(b) > 0 {
		h, rest, err := readTLVHead(b)
		// Lengths in lists of heads are ignored, as Open vSwitch does.
		if h.tlv == nil {
			return nil, err
		}
		fields, b = append(fields, FieldAbility{h.field, h.masked}), rest
	}
	return fields, nil
}
