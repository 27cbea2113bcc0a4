package collector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	version      = 10
	headerLen    = 16 // of a message
	setHeaderLen = 4
)

// Set identifiers (RFC 7011 section 3.3.2).
const (
	templateSet        = 2
	optionsTemplateSet = 3
	firstDataSet       = 256
)

// errSession is wrapped by errors after which a stream cannot go on.
var errSession = errors.New("the session is broken")

// message takes one whole message. An error that wraps errSession is one after which
// a stream has to be closed; others concern this message alone. What is wrong with
// single sets is counted here and is no error. The caller holds the lock.
func (c *Collector) message(s *session, b []byte) error {
	c.clock++
	s.heard = c.clock
	c.totals.Messages++
	c.totals.Bytes += uint64(len(b))
	if err := checkMessage(b); err != nil {
		return err
	}
	m := msg{
		c: c, s: s,
		exported: time.Unix(int64(binary.BigEndian.Uint32(b[4:])), 0),
		domain:   binary.BigEndian.Uint32(b[12:]),
	}
	if m.d = s.domain(m.domain); m.d == nil {
		return fmt.Errorf("observation domain %d: more than %d of one exporter", m.domain, maxDomains)
	}
	// The numbers are those of the records before this message's, whatever of it
	// can be decoded.
	missing := m.d.sequence.check(binary.BigEndian.Uint32(b[8:]))
	for rest := b[headerLen:]; len(rest) > 0; {
		n := int(binary.BigEndian.Uint16(rest[2:])) // checkMessage has seen that it fits
		if err := m.set(binary.BigEndian.Uint16(rest), rest[:n:n]); err != nil {
			if errors.Is(err, errSession) {
				return err
			}
			m.fail(err)
		}
		rest = rest[n:]
	}
	m.d.sequence.next += uint32(m.records)
	if missing > 0 {
		c.totals.Gaps++
		c.totals.Missing += uint64(missing)
	}
	return nil
}

// checkMessage looks whether the sets of a message fill it (RFC 7011 section 3.3:
// a message whose lengths do not add up is discarded as a whole).
func checkMessage(b []byte) error {
	if len(b) < headerLen {
		if len(b) >= 2 && binary.BigEndian.Uint16(b) != version {
			return fmt.Errorf("message of version %d: want %d", binary.BigEndian.Uint16(b), version)
		}
		return fmt.Errorf("message of %d bytes: want at least the %d of a header", len(b), headerLen)
	}
	if v := binary.BigEndian.Uint16(b); v != version {
		return fmt.Errorf("message of version %d: want %d", v, version)
	}
	if n := int(binary.BigEndian.Uint16(b[2:])); n != len(b) {
		return fmt.Errorf("message of %d bytes says it has %d", len(b), n)
	}
	for off := headerLen; off < len(b); {
		if len(b)-off < setHeaderLen {
			return fmt.Errorf("%d bytes behind the last set: want none", len(b)-off)
		}
		n := int(binary.BigEndian.Uint16(b[off+2:]))
		if n < setHeaderLen || n > len(b)-off {
			return fmt.Errorf("set of length %d at byte %d of a message of %d: want %d to %d", n, off, len(b), setHeaderLen, len(b)-off)
		}
		off += n
	}
	return nil
}

// msg is a message being decoded.
type msg struct {
	c        *Collector
	s        *session
	d        *domain
	domain   uint32
	exported time.Time
	records  int // data records so far
}

// fail counts an error that concerns a part of the message.
func (m *msg) fail(err error) { m.c.fail(fmt.Errorf("%s: %w", m.s.peer, err)) }

// set takes one set, header included.
func (m *msg) set(id uint16, b []byte) error {
	switch {
	case id == templateSet, id == optionsTemplateSet:
		return m.templates(id, b)
	case id >= firstDataSet:
		return m.data(id, b)
	}
	return fmt.Errorf("set %d: want %d, %d or %d and up", id, templateSet, optionsTemplateSet, firstDataSet)
}
