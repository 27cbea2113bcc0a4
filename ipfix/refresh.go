package ipfix

import "pollux/internal/clock"

// refresh sends templates and options that are due to targets that are ready.
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
			case !s.started, age >= int64(x.cfg.TemplateInterval), stale && age >= refreshAfter:
				x.sendTemplates(t, id, now)
			case now-s.optionsAt >= int64(x.cfg.StatsInterval):
				x.sendOptions(t, id)
			}
		}
	}
}

// start sends a target that is ready the templates of a domain it has not had any of.
func (x *Exporter) start(t *target, id uint32, now int64) {
	if !t.session(id).started {
		x.sendTemplates(t, id, now)
	}
}

// sendTemplates sends all templates, in as many messages as they need, and options.
func (x *Exporter) sendTemplates(t *target, id uint32, now int64) {
	s := t.session(id)
	s.started, s.templatesAt, t.stale = true, now, false
	m := newMessage(x.cfg.messageSize(), id)
	for _, list := range [][]*Template{x.schema.data(), x.schema.options()} {
		for _, tpl := range list {
			if !m.addTemplate(tpl) {
				x.sendExtra(t, id, m)
				m.addTemplate(tpl)
			}
			t.stats.Templates++
		}
	}
	x.sendExtra(t, id, m)
	x.sendOptions(t, id)
}

// sendOptions sends how packets are sampled and what was lost on the way.
func (x *Exporter) sendOptions(t *target, id uint32) {
	t.session(id).optionsAt = clock.Now()
	m := newMessage(x.cfg.messageSize(), id)
	x.eachOption(t, id, func(tpl *Template, s *source) {
		if !m.addRecord(tpl, s) {
			x.sendExtra(t, id, m)
			m.addRecord(tpl, s)
		}
		t.stats.Options++
	})
	x.sendExtra(t, id, m)
}

// sendExtra sends a message without flow records and empties it.
func (x *Exporter) sendExtra(t *target, id uint32, m *message) {
	x.pace.wait(x.left())
	t.send(id, m, x.exportTime())
	m.reset()
}

// options gathers the values of option records.
func (x *Exporter) options(t *target) options {
	o := options{
		sampling:       1,
		sentOctets:     t.stats.Bytes,
		sentMessages:   t.stats.Messages,
		sentRecords:    t.stats.Sent.Records,
		notSentFlows:   t.stats.NotSent.Records + x.stats.Dropped.Records,
		notSentPackets: t.stats.NotSent.Packets + x.stats.Dropped.Packets,
		notSentOctets:  t.stats.NotSent.Octets + x.stats.Dropped.Octets,
	}
	for _, c := range x.caches {
		s := c.Stats()
		o.sampling = c.Sampling()
		o.flows += s.Inserted
		for _, l := range s.Lost {
			o.ignoredPackets += l.Packets
			o.ignoredOctets += l.Octets
		}
	}
	return o
}
