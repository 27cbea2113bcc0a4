package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// matchOXM is the type of a match that is a list of fields (OFPMT_OXM).
const matchOXM = 1

// ParseMatch reads a match (struct ofp_match) at the start of b and returns how many
// bytes it has with its padding. OpenFlow 1.0's is of another form: see match10.go.
func ParseMatch(v Version, b []byte) (m flow.Match, used int, err error) {
	if v == V10 {
		if len(b) < match10Len {
			return m, 0, fmt.Errorf("match of %d bytes, want %d: %w", len(b), match10Len, ofperr.BadLen)
		}
		m, _ = parseMatch10(b)
		return m, match10Len, nil
	}
	if len(b) < 4 {
		return m, 0, fmt.Errorf("match of %d bytes, want 8 or more: %w", len(b), ofperr.MatchBadLen)
	}
	kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if kind != matchOXM {
		return m, 0, fmt.Errorf("match of type %d, want %d: %w", kind, matchOXM, ofperr.MatchBadType)
	}
	used = (n + 7) &^ 7
	if n < 4 || used > len(b) {
		return m, 0, fmt.Errorf("match that says it has %d bytes of %d: %w", n, len(b), ofperr.MatchBadLen)
	}
	r := fieldReader{}
	if err := r.read(b[4:n]); err != nil {
		return m, 0, err
	}
	return r.match, used, nil
}

// AppendMatch appends a match of version v. In 1.0 what it has no place for is left out,
// so that it matches more.
func AppendMatch(b []byte, v Version, m *flow.Match) []byte {
	if v == V10 {
		return appendMatch10(b, m)
	}
	at := len(b)
	b = append(b, 0, matchOXM, 0, 0)
	w := fieldWriter{b: b, v: v, m: m, left: m.Mask}
	b = w.write()
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	return zeros(b, (8-(len(b)-at)%8)%8)
}

// NXMatch is a match of Nicira's messages: fields, and which cookies.
type NXMatch struct {
	Match      flow.Match
	Cookie     uint64
	CookieMask uint64 // 0: any cookie
}

// ParseNXMatch reads a list of fields without head and padding, as Nicira's messages have
// them; cookie says whether it may ask for one.
func ParseNXMatch(b []byte, cookie bool) (NXMatch, error) {
	r := fieldReader{cookie: cookie}
	err := r.read(b)
	return NXMatch{r.match, r.value, r.mask}, err
}

// AppendNXMatch appends a list of fields for 1.0, without padding.
func AppendNXMatch(b []byte, m *NXMatch) []byte {
	w := fieldWriter{b: b, v: V10, m: &m.Match, left: m.Match.Mask}
	b = w.write()
	switch m.CookieMask {
	case 0:
	case ^uint64(0):
		b = binary.BigEndian.AppendUint32(b, cookieHeader)
		b = binary.BigEndian.AppendUint64(b, m.Cookie)
	default:
		b = binary.BigEndian.AppendUint32(b, cookieHeader+1<<8+8)
		b = binary.BigEndian.AppendUint64(b, m.Cookie&m.CookieMask)
		b = binary.BigEndian.AppendUint64(b, m.CookieMask)
	}
	return b
}

// fieldReader makes a match of a list of fields.
type fieldReader struct {
	match       flow.Match
	cookie      bool
	value, mask uint64 // of the cookie
}

func (r *fieldReader) read(b []byte) error {
	for len(b) > 0 {
		if r.cookie {
			rest, is, err := r.readCookie(b)
			if err != nil {
				return err
			}
			if is {
				b = rest
				continue
			}
		}
		o, rest, err := ParseOXM(b)
		if err != nil {
			return err
		}
		if err := r.add(o); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// readCookie reads NXM_NX_COOKIE or NXM_NX_COOKIE_W, if b begins with one.
func (r *fieldReader) readCookie(b []byte) (rest []byte, is bool, err error) {
	if len(b) < 4 {
		return nil, false, nil
	}
	h := binary.BigEndian.Uint32(b)
	if h != cookieHeader && h != cookieHeader+1<<8+8 {
		return nil, false, nil
	}
	n := int(h & 0xff)
	if b = b[4:]; len(b) < n {
		return nil, true, fmt.Errorf("cookie with %d bytes left: %w", len(b), ofperr.MatchBadLen)
	}
	if r.mask != 0 {
		return nil, true, fmt.Errorf("cookie: %w", ofperr.MatchFieldTwice)
	}
	r.value, r.mask = binary.BigEndian.Uint64(b), ^uint64(0)
	if n == 16 {
		r.mask = binary.BigEndian.Uint64(b[8:])
		if r.value&^r.mask != 0 {
			return nil, true, fmt.Errorf("cookie has bits outside its mask: %w", ofperr.MatchBadWildcards)
		}
	}
	return b[n:], true, nil
}

// add takes a field into the match: prerequisites have to stand before it, and no bit of it
// may be there already (OpenFlow 1.3 sections 7.2.3.6 and 7.2.3.3).
func (r *fieldReader) add(o OXM) error {
	if err := flow.Prereqs(o.Field, &r.match.Key, &r.match.Mask); err != nil {
		return fmt.Errorf("%v: %w", err, ofperr.MatchBadPrerequisite)
	}
	if !o.Field.GetMask(&r.match.Mask).IsZero() {
		return fmt.Errorf("%s: %w", o.Field.Name(), ofperr.MatchFieldTwice)
	}
	switch o.Field {
	case flow.PacketType: // Ethernet, which says nothing
		return nil
	case flow.IPTOS: // DSCP alone
		o.Mask.Lo &= 0xfc
	case flow.VlanTCI:
		if o.Mask.Lo == 0xffff && o.Value.IsZero() {
			o.Mask.Lo = vlanPresentMask // without a tag there is no priority to compare
		}
	}
	r.match.SetMasked(o.Field, o.Value, o.Mask)
	return nil
}

// vlanPresentMask is the VID and the bit that says there is a tag.
const vlanPresentMask = 0xfff | flow.VlanCFI
