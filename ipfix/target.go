package ipfix

import "time"

// refreshAfter is how long after an error templates go again over UDP, ns: the
// collector may be a new one.
const refreshAfter = int64(time.Second)

// target is one collector and the session with it: a datagrams or a stream. Only
// Run's goroutine uses it.
type target struct {
	addr     address
	name     string // as configured
	base     base
	stats    CollectorStats // of a stream: as of the last call of counts
	stale    bool           // an error came since templates were sent last
	sessions map[uint32]*session
	era      uint64     // session of the stream that the sessions are of
	udp      *datagrams // nil: a stream
	out      *stream
}

// session is what a target was sent of one observation domain. A stream's goroutine
// keeps sequence and templates itself, so that it can begin anew with what is queued.
type session struct {
	seq         uint32 // data records sent
	started     bool
	of          *schema       // that of the templates it was given
	mark        mark          // up to which it has that schema's templates and options
	list        *templateList // of a stream, by its goroutine: what was announced
	templatesAt int64         // when they were sent last
	optionsAt   int64
	optionsDue  bool // whatever the interval
}

// templateList are the templates that a message may use. It does not change.
type templateList struct {
	of         *schema // which schema it is, for comparison alone
	data, opts []*Template
}

// has says whether the list has every template of another one of its schema.
func (l *templateList) has(o *templateList) bool {
	return l != nil && l.of == o.of && len(l.data) >= len(o.data)
}

// less returns the templates of l that old, which may be nil, does not have.
func (l *templateList) less(old *templateList) (list []*Template) {
	have := make(map[*Template]bool)
	if old != nil {
		for _, t := range old.data {
			have[t] = true
		}
		for _, t := range old.opts {
			have[t] = true
		}
	}
	for _, all := range [][]*Template{l.data, l.opts} {
		for _, t := range all {
			if !have[t] {
				list = append(list, t)
			}
		}
	}
	return list
}

// newTarget returns a target; nothing is opened or started.
func (x *Exporter) newTarget(name string) *target {
	a, _ := parseTarget(name) // checked with the configuration
	t := &target{addr: a, name: name, sessions: make(map[uint32]*session)}
	if a.transport == UDP {
		t.udp = &datagrams{dialer: newDialer(a), pace: newPacer(x.cfg.MessageRate), q: queue{limit: x.cfg.UDPBuffer}}
		return t
	}
	t.out = newStream(a, &x.cfg, x.wall)
	return t
}

func (t *target) session(domain uint32) *session {
	s := t.sessions[domain]
	if s == nil {
		s = new(session)
		t.sessions[domain] = s
	}
	return s
}

// open says whether the target takes messages now, and opens its socket if it can
// without waiting. A new socket is a new transport session: sequence numbers start
// from 0 and templates go first. When stopping, no new attempt is begun.
func (t *target) open(stopping bool) bool {
	if t.udp != nil {
		if t.udp.conn == nil {
			t.opened(t.udp.dialer.try(stopping))
		}
		return t.udp.conn != nil
	}
	t.out.start()
	if era := t.out.era.Load(); era != t.era {
		t.era = era
		clear(t.sessions)
	}
	return true
}

// counts returns the target's counts of now.
func (t *target) counts() CollectorStats {
	if t.udp != nil {
		t.stats.State = t.udp.state()
		t.stats.QueuedSize = uint64(t.udp.q.bytes)
	} else {
		t.stats = t.out.counts()
	}
	t.stats.Address, t.stats.Transport = t.name, t.addr.transport.String()
	return t.stats
}

// send sends a message, whose flow records are counted as sent or not sent, or
// queues it. The export time is in seconds since 1970. Options says that there are
// option records in it: 1 of the first of a round of them, 2 of others.
func (t *target) send(domain uint32, m *message, list *templateList, exportTime uint32, options int) {
	if t.udp != nil {
		t.sendDatagram(domain, m, exportTime)
		return
	}
	t.out.put(m.finish(exportTime, 0), item{domain: domain, records: m.records, flows: m.flows, list: list, options: options})
}

// lose counts a message's flow records as not sent.
func (t *target) lose(n Totals, w why) {
	if t.udp != nil {
		t.stats.lose(n, w)
		return
	}
	t.out.note(func(c *CollectorStats) { c.lose(n, w) })
}
