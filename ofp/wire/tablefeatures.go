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
	SyncFrom  []uint8        // 1.4 and up: tables that it is synchronised with
	Ethernet  bool           // 1.5: packets are of type (0,0), Ethernet; there are no others
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
	Actions    uint32 // bit n: the action with number n in the version
	SetFields  []FieldAbility
	CopyFields []FieldAbility // 1.5
}

// Features of tables (OFPTFF_*, 1.5).
const (
	TableIngress     uint32 = 1 << 0 // it can be an ingress table
	TableEgress      uint32 = 1 << 1 // it can be an egress table
	TableFirstEgress uint32 = 1 << 4 // it is the first of them
)

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
	featSyncFrom     uint16 = 16 // 1.4
	featWriteCopy    uint16 = 18 // 1.5, and so those below
	featApplyCopy    uint16 = 20
	featPacketTypes  uint16 = 22
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
	if len(t.SyncFrom) > 0 {
		b = propertyBytes(b, featSyncFrom, t.SyncFrom)
	}
	if v >= V15 && t.Ethernet {
		kind := len(b)
		b = AppendOXM(startProperty(b, featPacketTypes), v, OXM{Field: flow.PacketType, Mask: flow.PacketType.Full()})
		b = endProperty(b, kind)
	}
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

func (t *TableAbilities) append(b []byte, v Version, miss uint16) []byte {
	b = appendBitmap(b, featInstructions+miss, t.Instructions)
	b = propertyBytes(b, featNext+miss, t.Next)
	b = appendBitmap(b, featWrite+miss, t.Write.Actions)
	b = appendFieldIDs(b, v, featWriteSet+miss, t.Write.SetFields)
	b = appendBitmap(b, featApply+miss, t.Apply.Actions)
	b = appendFieldIDs(b, v, featApplySet+miss, t.Apply.SetFields)
	if v >= V15 && len(t.Write.CopyFields)+len(t.Apply.CopyFields) > 0 {
		b = appendFieldIDs(b, v, featWriteCopy+miss, t.Write.CopyFields)
		b = appendFieldIDs(b, v, featApplyCopy+miss, t.Apply.CopyFields)
	}
	return b
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
// are those of properties, among them PropertyTwice and PropertyBadValue for numbers that no
// action or instruction has, and ofperr.MatchBadField for a field that is not known.
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
	var seen uint32
	err = eachProperty(b[tableFeaturesLen:n], func(p property) error {
		if p.kind > lastFeature(v) || p.kind == featMatch+1 || p.kind == featWildcards+1 || p.kind == featSyncFrom+1 {
			return p.unknown("features of a table")
		}
		if seen>>p.kind&1 != 0 {
			return fmt.Errorf("property %d of a table's features: %w", p.kind, ofperr.PropertyTwice)
		}
		seen |= 1 << p.kind
		return t.parse(v, p)
	})
	return t, b[n:], err
}

// lastFeature is the highest property that v has.
func lastFeature(v Version) uint16 {
	switch {
	case v >= V15:
		return featPacketTypes
	case v >= V14:
		return featSyncFrom
	}
	return featApplySet + 1
}

// parse reads one property.
func (t *TableFeatures) parse(v Version, p property) (err error) {
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
		t.Match, err = parseFieldIDs(v, p.data)
	case featWildcards:
		t.Wildcards, err = parseFieldIDs(v, p.data)
	case featWriteSet:
		to.Write.SetFields, err = parseFieldIDs(v, p.data)
	case featApplySet:
		to.Apply.SetFields, err = parseFieldIDs(v, p.data)
	case featWriteCopy:
		to.Write.CopyFields, err = parseFieldIDs(v, p.data)
	case featApplyCopy:
		to.Apply.CopyFields, err = parseFieldIDs(v, p.data)
	case featSyncFrom:
		t.SyncFrom = append([]uint8(nil), p.data...)
	case featPacketTypes:
		return t.parsePacketTypes(p.data)
	}
	return err
}

// parsePacketTypes reads which types of packets a table is for.
func (t *TableFeatures) parsePacketTypes(b []byte) error {
	for len(b) > 0 {
		o, rest, err := ParseOXM(b)
		if err != nil || o.Field != flow.PacketType {
			return fmt.Errorf("type of packets that is not Ethernet's, (0,0): %w", ofperr.PropertyBadValue)
		}
		t.Ethernet, b = true, rest
	}
	return nil
}

// parseBitmap reads heads of instructions or actions. Of those of experimenters nothing is
// kept; they have to be Nicira's or the Open Networking Foundation's.
func parseBitmap(b []byte) (bits uint32, err error) {
	for len(b) > 0 {
		if len(b) < 4 || int(be.Uint16(b[2:])) < 4 || int(be.Uint16(b[2:])) > len(b) {
			return 0, fmt.Errorf("numbers of actions or instructions past their end: %w", ofperr.PropertyBadLen)
		}
		switch n := be.Uint16(b); {
		case n < 32:
			bits |= 1 << n
		case n != actExperimenter:
			return 0, fmt.Errorf("action or instruction %d: %w", n, ofperr.PropertyBadValue)
		case be.Uint16(b[2:]) >= 8 && be.Uint32(b[4:]) != Nicira && be.Uint32(b[4:]) != ONF:
			return 0, fmt.Errorf("action or instruction of experimenter %#x: %w", be.Uint32(b[4:]), ofperr.PropertyBadExperimenter)
		}
		b = b[be.Uint16(b[2:]):]
	}
	return bits, nil
}

// parseFieldIDs reads heads of fields. One that only later versions have is not known.
func parseFieldIDs(v Version, b []byte) (fields []FieldAbility, err error) {
	for len(b) > 0 {
		h, rest, err := readTLVHead(b)
		// Lengths in lists of heads are ignored, as Open vSwitch does.
		if h.tlv == nil {
			return nil, err
		}
		if t := tlvOf(h.field, v); t == nil || t.since > v {
			return nil, fmt.Errorf("field %s, which %s has not: %w", flow.Fields[h.field].Name, v, ofperr.MatchBadField)
		}
		fields, b = append(fields, FieldAbility{h.field, h.masked}), rest
	}
	return fields, nil
}
