package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

// Part is the type of a multipart message, of statistics in 1.0.
type Part uint16

// The parts. Numbers are the same in all versions that have them.
const (
	PartDesc         Part = 0
	PartPortDesc     Part = 13 // not in the specification of 1.0; Open vSwitch has it there, too
	PartExperimenter Part = 0xffff
)

// moreFlag is OFPMPF_REQ_MORE and OFPMPF_REPLY_MORE: another message follows.
const moreFlag = 1

// Multipart is the head of a multipart message, with what follows it.
type Multipart struct {
	Part Part
	More bool
	// Vendor and Subtype are those of PartExperimenter, and 0 of others. Subtypes are
	// read of Nicira's and the Open Networking Foundation's only: other vendors' may be
	// anything.
	Vendor  uint32
	Subtype uint32
	Body    []byte // what follows the head; it points into what was parsed
}

// partHead is the length of the head in the body.
func partHead(v Version) int {
	if v == V10 {
		return 4
	}
	return 8
}

// ParseMultipart reads the body of a MultipartRequest or MultipartReply.
func ParseMultipart(v Version, body []byte) (Multipart, error) {
	n := partHead(v)
	if len(body) < n {
		return Multipart{}, fmt.Errorf("multipart head of %d bytes, want %d: %w", len(body), n, ofperr.BadLen)
	}
	m := Multipart{
		Part: Part(binary.BigEndian.Uint16(body)),
		More: binary.BigEndian.Uint16(body[2:])&moreFlag != 0,
		Body: body[n:],
	}
	if m.Part != PartExperimenter {
		return m, nil
	}
	if len(m.Body) < 4 {
		return Multipart{}, fmt.Errorf("multipart of an experimenter without its number: %w", ofperr.BadLen)
	}
	m.Vendor, m.Body = binary.BigEndian.Uint32(m.Body), m.Body[4:]
	if !m.hasSubtype(v) {
		return m, nil
	}
	if n := niciraPartHead(v); len(m.Body) < n {
		return Multipart{}, fmt.Errorf("multipart of an experimenter with %d bytes of head, want %d: %w", len(m.Body), n, ofperr.BadLen)
	}
	m.Subtype, m.Body = binary.BigEndian.Uint32(m.Body), m.Body[niciraPartHead(v):]
	return m, nil
}

// head appends the message's head up to where the records begin.
func (m *Multipart) head(b []byte, v Version) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(m.Part))
	b = binary.BigEndian.AppendUint16(b, 0)
	b = zeros(b, partHead(v)-4)
	if m.Part == PartExperimenter {
		b = binary.BigEndian.AppendUint32(b, m.Vendor)
		if m.hasSubtype(v) {
			b = binary.BigEndian.AppendUint32(b, m.Subtype)
			b = zeros(b, niciraPartHead(v)-4)
		}
	}
	return b
}

// hasSubtype says whether what follows the vendor is known to be a subtype.
func (m *Multipart) hasSubtype(v Version) bool {
	return m.Vendor == Nicira || m.Vendor == ONF && v != V10
}

// AppendMultipartRequest appends a request for m with m.Body.
func AppendMultipartRequest(b []byte, v Version, xid uint32, m Multipart) []byte {
	at := len(b)
	b = m.head(begin(b, v, MultipartRequest, xid), v)
	if m.More {
		b[at+HeaderLen+3] |= moreFlag
	}
	return end(append(b, m.Body...), at)
}

// Replies writes the reply to a multipart request, which is one message or, if its
// records don't fit, several. A record is never split, and never cut.
type Replies struct {
	v       Version
	emit    func(msg []byte)
	msg     []byte
	head    int
	tooLong int
}

// NewReplies returns the reply to request m with transaction id xid. Each message of
// it is handed to emit, which must not keep it.
func NewReplies(v Version, xid uint32, m Multipart, emit func(msg []byte)) *Replies {
	r := &Replies{v: v, emit: emit}
	r.msg = m.head(begin(nil, v, MultipartReply, xid), v)
	r.head = len(r.msg)
	return r
}

// Room is the length of the longest record.
func (r *Replies) Room() int { return MaxLen - r.head }

// Add adds a record. One that is longer than Room is left out whole, as Open vSwitch does: a
// flow, say, whose actions take more bytes in this version than in that in which it came. (Its
// own length, of 16 bits, may not be what it says; so nobody is to see a part of it.)
func (r *Replies) Add(record []byte) {
	if len(record) > r.Room() {
		r.tooLong++
		return
	}
	if len(r.msg)+len(record) > MaxLen {
		r.flush(moreFlag)
	}
	r.msg = append(r.msg, record...)
}

// Pending says whether records wait for a message.
func (r *Replies) Pending() bool { return len(r.msg) > r.head }

// TooLong is how many records were left out.
func (r *Replies) TooLong() int { return r.tooLong }

// End sends what is left: at least one message, be it without a record.
func (r *Replies) End() { r.flush(0) }

func (r *Replies) flush(flags byte) {
	r.msg[HeaderLen+3] = flags
	r.emit(end(r.msg, 0))
	r.msg = r.msg[:r.head]
}
