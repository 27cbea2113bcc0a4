package session

import (
	"fmt"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// longParts is the multipart requests that may come in several messages. Others are never
// longer than one.
var longParts = map[wire.Part]bool{
	wire.PartTableFeatures: true,
}

// maxRequest is the longest request in several messages, in bytes of body: the features of
// 254 tables take less than two thirds.
const maxRequest = 1 << 20

// assembly is the multipart request in several messages that is coming in. There is one at
// a time: messages of a request come one after the other.
type assembly struct {
	open bool
	xid  uint32
	part wire.Part
	body []byte
}

// add takes in m, a request with transaction id xid. It is true when the request is whole,
// whose body m has then.
func (a *assembly) add(m *wire.Multipart, xid uint32) (whole bool, err error) {
	if a.open && (a.xid != xid || a.part != m.Part) {
		*a = assembly{} // the rest of the old one is missing, and never comes
	}
	if !a.open && !m.More {
		return true, nil
	}
	if !longParts[m.Part] {
		return false, fmt.Errorf("multipart type %d in several messages: %w", m.Part, ofperr.MultipartOverflow)
	}
	if len(a.body)+len(m.Body) > maxRequest {
		*a = assembly{}
		return false, fmt.Errorf("multipart type %d with more than %d bytes: %w", m.Part, maxRequest, ofperr.MultipartOverflow)
	}
	a.open, a.xid, a.part = true, xid, m.Part
	a.body = append(a.body, m.Body...)
	if m.More {
		return false, nil
	}
	m.Body = a.body
	*a = assembly{}
	return true, nil
}
