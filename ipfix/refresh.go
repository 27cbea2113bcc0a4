package ipfix

import "pollux/internal/clock"

// refresh sends templates and options that are due to targets that are ready. Over TCP
// and to files templates go once a session, which their streams see to.
func (x *Exporter) refresh(now int64) {
	for _, t := range x.targets {
		stale := t.stale
		for id := range x.domains {
			if !x.ready(t) {
				break
			}
			s := t.session(id)
			age := now - s.templatesAt
			switch {
			case !s.started, s.of != x.schema, s.mark != x.schema.mark():
				x.start(t, id, now)
			case t.udp != nil && (age >= int64(x.cfg.TemplateInterval) || stale && age >= refreshAfter):
				x.sendTemplates(t, id, now)
			case s.optionsDue, now-s.optionsAt >= int64(x.cfg.StatsInterval):
				x.sendOptions(t, id)
			}
		}
	}
}

// start sends a target that is ready what it has not had of a domain: templates and
// options.
func (x *Exporter) start(t *target, id uint32, now int64) {
	s := t.session(id)
	switch {
	case !s.started || s.of != x.schema:
		x.sendTemplates(t, id, now)
	case s.mark != x.schema.mark():
		x.sendNew(t, id)
	}
}

// sendTemplates sends all templates, in as many messages as they need, and options. A
// stream gets options alone.
func (x *Exporter) sendTemplates(t *target, id uint32, now int64) {
	s := t.session(id)
	s.started, s.templatesAt, t.stale = true, now, false
	s.of, s.mark = x.schema, x.schema.mark()
	if t.udp != nil {
		m := newMessage(x.cfg.messageSize(), id)
		for _, tpl := range x.templates().less(nil) {
			x.addTemplate(t, id, m, tpl)
		}
		x.sendExtra(t, id, m, 0)
	}
	x.sendOptions(t, id)
}

// sendNew sends what has come to the schema since the session was last given something.
func (x *Exporter) sendNew(t *target, id uint32) {
	s := t.session(id)
	since := s.mark
	s.mark = x.schema.mark()
	m := newMessage(x.cfg.messageSize(), id)
	template := func(tpl *Template) { x.addTemplate(t, id, m, tpl) }
	if t.udp == nil {
		template = nil
	}
	round := 2
	x.schema.eachNew(since, template, func(tpl *Template, s *source) { x.addOption(t, id, m, &round, tpl, s) })
	x.sendExtra(t, id, m, round)
}

func (x *Exporter) addTemplate(t *target, id uint32, m *message, tpl *Template) {
	if !m.addTemplate(tpl) {
		x.sendExtra(t, id, m, 0)
		m.addTemplate(tpl)
	}
	t.stats.Templates++
}

func (x *Exporter) addOption(t *target, id uint32, m *message, round *int, tpl *Template, s *source) {
	if !m.addRecord(tpl, s) {
		x.sendExtra(t, id, m, *round)
		*round = 2
		m.addRecord(tpl, s)
	}
	if t.udp != nil {
		t.stats.Options++
	}
}

// sendOptions sends how packets are sampled and what was lost on the way.
func (x *Exporter) sendOptions(t *target, id uint32) {
	s := t.session(id)
	s.optionsAt, s.optionsDue = clock.Now(), false
	m := newMessage(x.cfg.messageSize(), id)
	t.counts()
	round := 1
	x.eachOption(t, id, func(tpl *Template, s *source) { x.addOption(t, id, m, &round, tpl, s) })
	x.sendExtra(t, id, m, round)
}

// sendExtra sends a message without flow records, unless it is empty, and empties it.
func (x *Exporter) sendExtra(t *target, id uint32, m *message, options int) {
	if !m.empty() {
		x.send(t, id, m, options)
		m.reset()
	}
}
