package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// BundleType is what a BUNDLE_CONTROL asks or answers (OFPBCT_*): the reply to a request has
// the next number.
type BundleType uint16

// The types.
const (
	BundleOpen BundleType = 2 * iota
	BundleClose
	BundleCommit
	BundleDiscard

	bundleTypes
)

// Reply returns the type that answers t.
func (t BundleType) Reply() BundleType { return t | 1 }

// BundleFlags are how a bundle is to be committed (OFPBF_*).
type BundleFlags uint16

// The flags.
const (
	BundleAtomic BundleFlags = 1 << iota
	BundleOrdered

	bundleFlags = BundleAtomic | BundleOrdered
)

// BundleMsg is a BUNDLE_CONTROL; and with a message a BUNDLE_ADD_MESSAGE, which has no type.
type BundleMsg struct {
	ID      uint32
	Type    BundleType
	Flags   BundleFlags
	Message []byte // whole, with its header
}

// beginBundle appends the head of a message of kind k: of the version, or in 1.3 of the
// Open Networking Foundation's extension.
func beginBundle(b []byte, v Version, k Kind, xid uint32) []byte {
	if v >= V14 {
		return begin(b, v, k, xid)
	}
	subtype := ONFBundleControl
	if k == BundleAdd {
		subtype = ONFBundleAdd
	}
	return beginExtension(b, v, xid, ONF, subtype)
}

// AppendBundle appends a BUNDLE_CONTROL, or of kind BundleAdd a BUNDLE_ADD_MESSAGE; in 1.3
// as the extension has it.
func AppendBundle(b []byte, v Version, k Kind, xid uint32, m *BundleMsg) []byte {
	at := len(b)
	b = be.AppendUint32(beginBundle(b, v, k, xid), m.ID)
	b = be.AppendUint16(be.AppendUint16(b, uint16(m.Type)), uint16(m.Flags))
	return end(append(b, m.Message...), at)
}

// parseBundle reads what both messages begin with.
func parseBundle(body []byte) (*BundleMsg, error) {
	if len(body) < 8 {
		return nil, fmt.Errorf("bundle message of %d bytes, want 8 or more: %w", len(body), ofperr.BadLen)
	}
	m := &BundleMsg{ID: be.Uint32(body), Type: BundleType(be.Uint16(body[4:])), Flags: BundleFlags(be.Uint16(body[6:]))}
	if m.Flags&^bundleFlags != 0 {
		return nil, fmt.Errorf("flags %#x of a bundle: %w", uint16(m.Flags), ofperr.BundleBadFlags)
	}
	return m, nil
}

// ParseBundleControl reads the body of a BUNDLE_CONTROL, or of ONFBundleControl. There is no
// property that it knows.
func ParseBundleControl(body []byte) (*BundleMsg, error) {
	m, err := parseBundle(body)
	if err != nil {
		return nil, err
	}
	if m.Type >= bundleTypes {
		return nil, fmt.Errorf("bundle control of type %d: %w", m.Type, ofperr.BundleBadType)
	}
	return m, eachProperty(body[8:], func(p property) error { return p.unknown("a bundle control") })
}

// ParseBundleAdd reads the body of a BUNDLE_ADD_MESSAGE, or of ONFBundleAdd, with header h.
// Message points into it; whether such a message may be in a bundle is for the switch to
// say. Errors are ofperr.BundleBadMessageLen, BundleBadVersion and BundleBadXID if it is not
// as the outer message wants it.
func ParseBundleAdd(h Header, body []byte) (*BundleMsg, error) {
	m, err := parseBundle(body)
	if err != nil {
		return nil, err
	}
	m.Type, body = 0, body[8:]
	inner, err := ParseHeader(body)
	switch {
	case err != nil || int(inner.Length) > len(body):
		return nil, fmt.Errorf("message in a bundle of %d bytes, that says it has %d: %w", len(body), inner.Length, ofperr.BundleBadMessageLen)
	case inner.Version != h.Version:
		return nil, fmt.Errorf("message of %s in a bundle of %s: %w", inner.Version, h.Version, ofperr.BundleBadVersion)
	case inner.XID != h.XID:
		return nil, fmt.Errorf("message with xid %#x in one with %#x: %w", inner.XID, h.XID, ofperr.BundleBadXID)
	}
	n := int(inner.Length)
	m.Message = body[:n:n]
	return m, eachProperty(body[min(len(body), pad8(n)):], func(p property) error { return p.unknown("a bundle add") })
}

// AppendRequestForward appends a REQUESTFORWARD (1.4 and up) of a request of version v,
// header included, that another controller has sent.
func AppendRequestForward(b []byte, v Version, xid uint32, request []byte) []byte {
	return AppendMessage(b, v, RequestForward, xid, request)
}

// ParseRequestForward reads the body of a REQUESTFORWARD: the request, which points into it.
func ParseRequestForward(v Version, body []byte) ([]byte, error) {
	h, err := ParseHeader(body)
	if err != nil || int(h.Length) != len(body) || h.Version != v {
		return nil, fmt.Errorf("forwarded request of %s and %d bytes, that says it has %d: %w", h.Version, len(body), h.Length, ofperr.BadLen)
	}
	return body, nil
}
