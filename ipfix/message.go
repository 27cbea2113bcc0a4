package ipfix

import "encoding/binary"

// Set numbers of RFC 7011 section 3.3.2.
const (
	templateSet        = 2
	optionsTemplateSet = 3
)

const (
	version   = 10
	headerLen = 16
	setHeader = 4
	align     = 4 // sets are padded to it

	enterpriseBit = 0x8000
)

// message is an IPFIX message in the making (RFC 7011 section 3.1):
//
//	version:16 length:16 exportTime:32 sequence:32 domain:32 set…
//
// A set is a header (number:16 length:16), records and padding.
type message struct {
	buf     []byte // header included; its capacity is the limit
	set     int    // offset of the open set, or 0
	setID   uint16
	tight   bool   // the open set is not padded
	records uint32 // data records, options included

	flows Totals // of the flow records in it
	src   source // of the record in hand: here, because values are got by calls through pointers
}

func newMessage(limit int, domain uint32) *message {
	m := &message{buf: make([]byte, headerLen, limit)}
	put16(m.buf, version)
	put32(m.buf[12:], domain)
	return m
}

// reset empties the message.
func (m *message) reset() {
	*m = message{buf: m.buf[:headerLen]}
}

func (m *message) empty() bool { return len(m.buf) == headerLen }

// room returns n more bytes of set id, or nil when the message is too full. A set
// that is open goes on if it has the same number.
func (m *message) room(id uint16, n int) []byte {
	need := n
	if m.set == 0 || m.setID != id {
		need += setHeader
		need += -len(m.buf) & (align - 1)
	}
	if end := len(m.buf) + need; end+(-end&(align-1)) > cap(m.buf) {
		return nil
	}
	if m.set == 0 || m.setID != id {
		m.closeSet()
		m.set, m.setID, m.tight = len(m.buf), id, false
		m.buf = append(m.buf, byte(id>>8), byte(id), 0, 0)
	}
	at := len(m.buf)
	m.buf = m.buf[:at+n]
	return m.buf[at:]
}

// closeSet pads the open set and writes its length. Padding is to be shorter than any
// record (RFC 7011 section 3.3.1), and there are readers that take what is not of
// variable length for a record: sets of records that have less of it are not padded.
func (m *message) closeSet() {
	if m.set == 0 {
		return
	}
	for !m.tight && len(m.buf)%align != 0 {
		m.buf = append(m.buf, 0)
	}
	put16(m.buf[m.set+2:], uint16(len(m.buf)-m.set))
	m.set = 0
}

// addRecord adds a data record; false means that it does not fit.
func (m *message) addRecord(t *Template, s *source) bool {
	m.src = *s
	s = &m.src
	s.schema = t.schema
	b := m.room(t.ID, t.size(s))
	if b == nil {
		return false
	}
	m.tight = t.fixed < align
	t.write(b, s)
	m.records++
	if t.Scope == 0 {
		m.flows.add(countsOf(s.rec))
	}
	return true
}

// addTemplate adds a template record; false means that it does not fit.
//
//	data:    number:16 fields:16 (element:16 length:16 [enterprise:32])…
//	options: number:16 fields:16 scope fields:16 (…)…
func (m *message) addTemplate(t *Template) bool {
	set := uint16(templateSet)
	if t.Scope > 0 {
		set = optionsTemplateSet
	}
	b := m.room(set, t.bytes())
	if b == nil {
		return false
	}
	put16(b, t.ID)
	put16(b[2:], uint16(len(t.Elements)))
	b = b[4:]
	if t.Scope > 0 {
		put16(b, uint16(t.Scope))
		b = b[2:]
	}
	for _, e := range t.Elements {
		id, enterprise := e.id(), e.enterprise(t.schema.pen)
		put16(b[2:], e.element().Type.Len())
		if enterprise == 0 {
			put16(b, id)
			b = b[4:]
			continue
		}
		put16(b, id|enterpriseBit)
		put32(b[4:], enterprise)
		b = b[8:]
	}
	return true
}

// addWithdrawal takes a template back, which only sessions that lose no message may
// do (RFC 7011 section 8.1); false means that it does not fit. A withdrawal is a
// template record without fields; with the number of the set itself it takes back all
// templates, or all options templates.
func (m *message) addWithdrawal(options bool, id uint16) bool {
	set := uint16(templateSet)
	if options {
		set = optionsTemplateSet
	}
	b := m.room(set, 4)
	if b == nil {
		return false
	}
	put16(b, id)
	put16(b[2:], 0)
	return true
}

// finish closes the message, whose bytes may then be sent.
func (m *message) finish(unix uint32, seq uint32) []byte {
	m.closeSet()
	put16(m.buf[2:], uint16(len(m.buf)))
	put32(m.buf[4:], unix)
	binary.BigEndian.PutUint32(m.buf[8:], seq)
	return m.buf
}

// countsOf returns what a record holds, both directions together.
func countsOf(r *record) Totals {
	t := Totals{1, r.Packets, r.Octets, r.L2Octets}
	if r.Biflow {
		t.Packets += r.Rev.Packets
		t.Octets += r.Rev.Octets
		t.L2Octets += r.Rev.L2Octets
	}
	return t
}
