package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// oldGroups says whether v has groups as 1.1 had them. 1.0 has those of 1.5: they came to it
// later, with Nicira's extension.
func oldGroups(v Version) bool { return v == V13 || v == V14 }

// AppendGroupMod appends a GROUP_MOD, in 1.0 a NXTGroupMod. Selection, and the numbers of
// buckets, are left out in 1.3 and 1.4, which have no place for them. What takes MaxLen bytes may
// have been cut, and is not to be sent.
func AppendGroupMod(b []byte, v Version, xid uint32, m *pipeline.GroupMod) []byte {
	at := len(b)
	if v == V10 {
		b = beginExtension(b, v, xid, Nicira, NXTGroupMod)
	} else {
		b = begin(b, v, GroupMod, xid)
	}
	b = be.AppendUint16(b, uint16(m.Command))
	b = be.AppendUint32(append(b, byte(m.Group.Type), 0), m.Group.ID)
	if oldGroups(v) {
		return end(appendBuckets13(b, v, &m.Group), at)
	}
	length := len(b)
	b = be.AppendUint32(zeros(b, 4), m.Bucket)
	buckets := len(b)
	b = appendBuckets15(b, v, &m.Group)
	be.PutUint16(b[length:], uint16(len(b)-buckets))
	return end(appendSelection(b, v, &m.Group), at)
}

// ParseGroupMod reads the body of a GROUP_MOD, or of a NXTGroupMod. Errors are those of OFPET_GROUP_MOD_FAILED, of
// actions and of properties; whether the group can be is for the switch to say.
func ParseGroupMod(v Version, body []byte) (*pipeline.GroupMod, error) {
	least := 16
	if oldGroups(v) {
		least = 8
	}
	if len(body) < least {
		return nil, fmt.Errorf("group mod of %d bytes, want %d or more: %w", len(body), least, ofperr.BadLen)
	}
	m := &pipeline.GroupMod{Command: pipeline.GroupCommand(be.Uint16(body)), Bucket: pipeline.BucketAll}
	g := &m.Group
	g.Type, g.ID = pipeline.GroupType(body[2]), be.Uint32(body[4:])
	switch m.Command {
	case pipeline.GroupAdd, pipeline.GroupModify, pipeline.GroupDelete, pipeline.GroupAddOrModify:
	case pipeline.GroupInsertBucket, pipeline.GroupRemoveBucket:
		if oldGroups(v) {
			return nil, fmt.Errorf("group mod with command %d: %w", m.Command, ofperr.GroupModBadCommand)
		}
	default:
		return nil, fmt.Errorf("group mod with command %d: %w", m.Command, ofperr.GroupModBadCommand)
	}
	if g.Type > pipeline.GroupFastFailover {
		return nil, fmt.Errorf("group of type %d: %w", g.Type, ofperr.GroupModBadType)
	}
	var err error
	if oldGroups(v) {
		g.Buckets, err = parseBuckets13(v, body[8:])
		return m, err
	}
	n := int(be.Uint16(body[8:]))
	m.Bucket = be.Uint32(body[12:])
	if body = body[16:]; n > len(body) {
		return nil, fmt.Errorf("buckets of %d bytes, of %d: %w", n, len(body), ofperr.GroupModBadBucket)
	}
	if err := checkBucket(m); err != nil {
		return nil, err
	}
	if g.Buckets, err = parseBuckets15(v, g.Type, body[:n]); err != nil {
		return nil, err
	}
	if err := parseSelection(g, body[n:]); err != nil {
		return nil, err
	}
	if g.Selection != "" && m.Command != pipeline.GroupAdd && m.Command != pipeline.GroupModify && m.Command != pipeline.GroupAddOrModify {
		return nil, fmt.Errorf("selection method in a group mod with command %d: %w", m.Command, ofperr.PropertyBadValue)
	}
	return m, nil
}

// checkBucket checks the place of buckets that a command of 1.5 names. Other commands name
// none, whatever they say.
func checkBucket(m *pipeline.GroupMod) error {
	id := m.Bucket
	switch m.Command {
	case pipeline.GroupRemoveBucket:
	case pipeline.GroupInsertBucket:
		if id == pipeline.BucketAll {
			return fmt.Errorf("buckets are inserted after all: %w", ofperr.GroupModBadBucket)
		}
	default:
		m.Bucket = pipeline.BucketAll
		return nil
	}
	if id > pipeline.BucketMax && id < pipeline.BucketFirst {
		return fmt.Errorf("bucket %#x: %w", id, ofperr.GroupModBadBucket)
	}
	return nil
}

// AppendGroup appends the record of replies to PartGroupDesc and NXGroupDesc.
func AppendGroup(b []byte, v Version, g *pipeline.Group) []byte {
	at := len(b)
	b = be.AppendUint32(append(b, 0, 0, byte(g.Type), 0), g.ID)
	if oldGroups(v) {
		b = appendBuckets13(b, v, g)
	} else {
		b = zeros(b, 8)
		b = appendBuckets15(b, v, g)
		be.PutUint16(b[at+8:], uint16(len(b)-at-16))
		b = appendSelection(b, v, g)
	}
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// ParseGroup reads the record that b begins with and returns the rest of b.
func ParseGroup(v Version, b []byte) (g *pipeline.Group, rest []byte, err error) {
	least := 16
	if oldGroups(v) {
		least = 8
	}
	if len(b) < least {
		return nil, nil, fmt.Errorf("group of %d bytes, want %d or more: %w", len(b), least, ofperr.BadLen)
	}
	n := int(be.Uint16(b))
	if n < least || n > len(b) {
		return nil, nil, fmt.Errorf("group that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	g = &pipeline.Group{Type: pipeline.GroupType(b[2]), ID: be.Uint32(b[4:])}
	body := b[least:n]
	if g.Type > pipeline.GroupFastFailover {
		return nil, nil, fmt.Errorf("group of type %d: %w", g.Type, ofperr.GroupModBadType)
	}
	if oldGroups(v) {
		g.Buckets, err = parseBuckets13(v, body)
		return g, b[n:], err
	}
	k := int(be.Uint16(b[8:]))
	if k > len(body) {
		return nil, nil, fmt.Errorf("buckets of %d bytes, of %d: %w", k, len(body), ofperr.GroupModBadBucket)
	}
	if g.Buckets, err = parseBuckets15(v, g.Type, body[:k]); err != nil {
		return nil, nil, err
	}
	return g, b[n:], parseSelection(g, body[k:])
}

// ParseGroupRequest reads the body of a request for PartGroup or PartGroupDesc, or of one of
// Nicira's for the same: which group is wanted, pipeline.GroupAllGroups for all. In 1.3 and
// 1.4 PartGroupDesc is for all.
func ParseGroupRequest(v Version, part Part, body []byte) (uint32, error) {
	want := 8
	if part == PartGroupDesc && oldGroups(v) {
		want = 0
	}
	if len(body) != want {
		return 0, fmt.Errorf("request for groups of %d bytes, want %d: %w", len(body), want, ofperr.BadLen)
	}
	if want == 0 {
		return pipeline.GroupAllGroups, nil
	}
	return be.Uint32(body), nil
}

// The selection method of select groups: a property of Netronome's, and the number that Open
// vSwitch took for it once.
const (
	netronome       uint32 = 0x0000154d
	netronomeBefore uint32 = 0x00001540
	selectionMethod uint32 = 1
	selectionLen           = 28 // behind the property's head, without fields
	methodLen              = 16
)

func appendSelection(b []byte, v Version, g *pipeline.Group) []byte {
	if g.Selection == "" {
		return b
	}
	at := len(b)
	b = zeros(startVendorProperty(b, netronome, selectionMethod), 4)
	b = be.AppendUint64(name(b, g.Selection, methodLen), g.SelectionParam)
	for _, f := range g.Fields {
		// The mask stands where a field's value would.
		if t := tlvOf(f.Field, v); t != nil {
			b = appendBigEndian(t.appendHead(b, false), f.Mask, t.bytes)
		}
	}
	return endProperty(b, at)
}

// parseSelection reads a group's properties.
func parseSelection(g *pipeline.Group, b []byte) error {
	return eachProperty(b, func(p property) error {
		if p.vendor != netronome && p.vendor != netronomeBefore || p.subtype != selectionMethod {
			return p.unknown("a group")
		}
		if len(p.data) < selectionLen {
			return p.wants(selectionLen)
		}
		method := parseName(p.data[4 : 4+methodLen])
		g.SelectionParam = be.Uint64(p.data[4+methodLen:])
		fields := p.data[selectionLen:]
		switch {
		case g.Selection != "":
			return fmt.Errorf("selection method twice: %w", ofperr.PropertyTwice)
		case g.Type != pipeline.GroupSelect:
			return fmt.Errorf("selection method of a group that is not select: %w", ofperr.PropertyBadValue)
		case method != "hash" && method != "dp_hash":
			return fmt.Errorf("selection method %q: %w", method, ofperr.PropertyBadValue)
		case method == "dp_hash" && len(fields) > 0:
			return fmt.Errorf("fields of the selection method dp_hash: %w", ofperr.PropertyBadValue)
		}
		g.Selection = method
		return parseSelectionFields(g, fields)
	})
}

func parseSelectionFields(g *pipeline.Group, b []byte) error {
	seen := [flow.NumFields]bool{}
	for len(b) > 0 {
		h, rest, err := readTLVHead(b)
		if err != nil {
			return err
		}
		if h.masked {
			return fmt.Errorf("field of a selection method with a mask beside its own: %w", ofperr.MatchBadMask)
		}
		if len(rest) < h.bytes {
			return fmt.Errorf("%s with %d bytes left: %w", h.field.Name(), len(rest), ofperr.MatchBadLen)
		}
		if seen[h.field] {
			return fmt.Errorf("%s: %w", h.field.Name(), ofperr.MatchFieldTwice)
		}
		seen[h.field] = true
		mask := bigEndian(rest[:h.bytes])
		if mask.IsZero() || !mask.AndNot(h.field.Full()).IsZero() {
			return fmt.Errorf("mask %#x of %s: %w", mask.Lo, h.field.Name(), ofperr.MatchBadMask)
		}
		g.Fields = append(g.Fields, pipeline.GroupField{Field: h.field, Mask: mask})
		b = rest[h.bytes:]
	}
	return nil
}
