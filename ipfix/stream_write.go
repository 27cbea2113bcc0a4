package ipfix

import (
	"encoding/binary"
	"slices"
)

// said returns what the session in hand has said of a domain.
func (s *stream) said(domain uint32) *session {
	d := s.sessions[domain]
	if d == nil {
		d = new(session)
		s.sessions[domain] = d
	}
	return d
}

// another says that a list is of another schema than what was announced of a domain.
func (s *stream) another(l *templateList, domain uint32) bool {
	d := s.sessions[domain]
	return d != nil && d.list != nil && d.list.of != l.of
}

// forget drops the option records of other schemas than that of a list: a new session
// that begins with them would be one of that schema again, and end as the last.
func (s *stream) forget(l *templateList) {
	for domain, list := range s.preamble {
		s.preamble[domain] = slices.DeleteFunc(list, func(m kept) bool { return m.list.of != l.of })
	}
}

// stamp writes export time and sequence number into a message.
func stamp(b []byte, now uint32, d *session, records uint32) {
	binary.BigEndian.PutUint32(b[4:], now)
	binary.BigEndian.PutUint32(b[8:], d.seq)
	d.seq += records
}

func (s *stream) now() uint32 { return uint32(s.wall().Unix()) }

// write sends messages of the batch, as many as use templates that were announced; first
// it announces what the first needs. False means that something failed.
func (s *stream) write(k sink, b *batch) bool {
	if !s.announce(k, b.items[0].domain, b.items[0].list) {
		return false
	}
	n, now := 0, s.now()
	for ; n < len(b.items); n++ {
		it := &b.items[n]
		d := s.said(it.domain)
		if !d.list.has(it.list) {
			break
		}
		stamp(b.message(n), now, d, it.records)
	}
	out, err := k.write(b.buf[b.from:b.items[n-1].end])
	whole := 0
	for i := range b.items[:n] {
		it := &b.items[i]
		if it.end-b.from > out {
			s.said(it.domain).seq -= it.records
			continue
		}
		whole++
		if it.options > 0 {
			s.keep(it, b.message(i))
		}
	}
	s.took(b, whole, err)
	return err == nil
}

// took notes that the first n messages of a batch are out.
func (s *stream) took(b *batch, n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.items[:n] {
		if b.items[i].options > 0 {
			s.stats.Options += uint64(b.items[i].records)
		}
	}
	if n > 0 {
		s.stats.Bytes += uint64(b.items[n-1].end - b.from)
	}
	s.stats.Messages += uint64(n)
	flows := s.q.took(n)
	s.stats.Queued.sub(flows)
	s.stats.Sent.add(flows)
	if err != nil {
		s.stats.Errors++
		s.stats.LastError = err.Error()
	}
}

// keep remembers a message with option records for new sessions.
func (s *stream) keep(it *item, b []byte) {
	list := s.preamble[it.domain]
	if it.options == 1 {
		list = list[:0]
	}
	if len(list) < maxPreamble {
		s.preamble[it.domain] = append(list, kept{append([]byte(nil), b...), it.records, it.list})
	}
}

// resend sends a message that was kept.
func (s *stream) resend(k sink, domain uint32, m *kept) bool {
	if !s.announce(k, domain, m.list) {
		return false
	}
	stamp(m.buf, s.now(), s.said(domain), m.records)
	if !s.plain(k, m.buf) {
		return false
	}
	s.note(func(c *CollectorStats) { c.Options += uint64(m.records) })
	return true
}

// plain sends a message that is not of the queue.
func (s *stream) plain(k sink, b []byte) bool {
	n, err := k.write(b)
	if err != nil || n < len(b) {
		if err != nil {
			s.fail(err)
		}
		return false
	}
	s.note(func(c *CollectorStats) { c.Messages++; c.Bytes += uint64(len(b)) })
	return true
}

// announce sends the templates of a list that the session has not had in a domain, after
// the withdrawal of those of another schema (RFC 7011 section 8.1).
func (s *stream) announce(k sink, domain uint32, l *templateList) bool {
	d := s.said(domain)
	if d.list.has(l) {
		return true
	}
	if d.list != nil && d.list.of != l.of {
		gone := d.list.less(l)
		ok := s.extra(k, domain, len(gone), func(m *message, i int) bool { return withdraw(m, gone[i]) })
		if !ok {
			return false
		}
		s.note(func(c *CollectorStats) { c.Withdrawn += uint64(len(gone)) })
	}
	more := l.less(d.list)
	if !s.extra(k, domain, len(more), func(m *message, i int) bool { return m.addTemplate(more[i]) }) {
		return false
	}
	s.note(func(c *CollectorStats) { c.Templates += uint64(len(more)) })
	d.list = l
	return true
}

// extra sends messages that hold n things without data records, which add puts in.
func (s *stream) extra(k sink, domain uint32, n int, add func(m *message, i int) bool) bool {
	m := newMessage(s.size, domain)
	flush := func() bool {
		ok := m.empty() || s.plain(k, m.finish(s.now(), s.said(domain).seq))
		m = newMessage(s.size, domain)
		return ok
	}
	for i := range n {
		if !add(m, i) {
			if !flush() {
				return false
			}
			add(m, i)
		}
	}
	return flush()
}

// withdraw adds the withdrawal of a template; false means that it does not fit.
func withdraw(m *message, t *Template) bool {
	set := uint16(templateSet)
	if t.Scope > 0 {
		set = optionsTemplateSet
	}
	b := m.room(set, 4)
	if b == nil {
		return false
	}
	put16(b, t.ID)
	put16(b[2:], 0)
	return true
}
