package ipfix

import (
	"slices"
	"time"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
)

// changes is what Update and SetCaches want; Run's goroutine takes it over at the
// start of its next round.
type changes struct {
	cfg    *ExporterConfig
	remind bool
	caches [][]*cache.Cache // in order: those that were in force for less than a round have records too
}

// Update changes the configuration while the exporter runs; any thread may call it.
// Targets that stay keep their sessions and sequence numbers, unless they use TLS or
// files and that part changed. When records are to hold something else, they get new
// templates in the same session, over TCP and TLS after the withdrawal of the old
// ones; a file is rotated. Records that were taken from the caches before are sent
// first. Epoch stays as it was. On error nothing has changed.
func (x *Exporter) Update(cfg ExporterConfig) error {
	if _, err := prepare(&cfg); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next.cfg = &cfg
	return nil
}

// SetCaches changes the caches while the exporter runs; any thread may call it. What
// caches that are left out still hold is taken as their loops flush it; when they are
// empty they are let go. Their counts stay.
func (x *Exporter) SetCaches(caches []*cache.Cache) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next.caches = append(x.next.caches, slices.Clone(caches))
}

// Remind has the options sent again soon, as what they describe has changed: how packets are
// sampled, which ports there are. Any thread may call it.
func (x *Exporter) Remind() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next.remind = true
}

// change takes over what Update and SetCaches left.
func (x *Exporter) change() {
	x.mu.Lock()
	n := x.next
	x.next = changes{}
	x.mu.Unlock()
	for _, caches := range n.caches {
		x.setCaches(caches)
	}
	if n.cfg != nil {
		x.reckon()
		x.update(*n.cfg)
	}
	if n.remind {
		for _, t := range x.targets {
			for _, s := range t.sessions {
				s.optionsDue = true
			}
		}
	}
	if n.caches != nil || n.cfg != nil {
		x.cfg = x.raw
		x.cfg.defaults(len(x.caches))
		x.setMerge()
	}
}

// update takes over a configuration that was checked.
func (x *Exporter) update(cfg ExporterConfig) {
	cfg.Epoch = x.raw.Epoch
	old := x.cfg
	x.settle()
	x.raw, x.cfg = cfg, cfg
	x.cfg.defaults(len(x.caches))
	if schema, err := x.schema.next(&x.cfg); err == nil { // prepare found no error
		x.schema = schema
	}
	x.retarget(&old)
	if x.cfg.messageSize() != old.messageSize() {
		for _, d := range x.domains {
			d.msg = newMessage(x.cfg.messageSize(), d.id)
		}
	}
	for _, id := range cfg.Domains {
		x.domain(id)
	}
}

// retarget keeps the targets that stay, ends those that go and makes the new ones.
func (x *Exporter) retarget(old *ExporterConfig) {
	have := make(map[address]*target)
	for _, t := range x.targets {
		have[t.addr] = t
	}
	x.targets = nil
	for _, name := range x.cfg.Targets {
		a, _ := parseTarget(name)
		t := have[a]
		if t != nil && !restarts(a.transport, old, &x.cfg) {
			delete(have, a)
			t.name = name
			if t.out != nil {
				t.out.adjust(&x.cfg)
			} else {
				t.udp.q.limit = x.cfg.UDPBuffer
				if x.cfg.MessageRate != old.MessageRate {
					t.udp.pace = newPacer(x.cfg.MessageRate)
				}
			}
			x.targets = append(x.targets, t)
			continue
		}
		n := x.newTarget(name)
		n.base = x.base()
		if t != nil && t.out != nil {
			n.out.after = t.out.done // a file has one writer
		}
		x.targets = append(x.targets, n)
	}
	for _, t := range have {
		if t.udp != nil {
			t.udp.pace = newPacer(1e9) // nothing is held up any more
			t.pump(x.exportTime())
			t.udp.close()
			continue
		}
		t.out.stop(time.Duration(x.cfg.DrainTimeout))
		x.leaving = append(x.leaving, t)
	}
}

// restarts says whether what differs wants a new target of that transport.
func restarts(t Transport, old, now *ExporterConfig) bool {
	switch t {
	case TLS:
		return old.TLS != now.TLS
	case DTLS:
		return old.TLS != now.TLS || old.TemplateInterval != now.TemplateInterval || old.MessageRate != now.MessageRate
	case File:
		return old.File != now.File
	}
	return false
}

// setCaches takes records from these caches, and from others until they are empty.
func (x *Exporter) setCaches(caches []*cache.Cache) {
	x.caches = slices.Clone(caches)
	now := clock.Now()
	for _, f := range x.feeds {
		leaving := !slices.Contains(caches, f.cache)
		if leaving && !f.leaving {
			f.since = now
		}
		f.leaving = leaving
	}
	for _, c := range caches {
		if !slices.ContainsFunc(x.feeds, func(f *feed) bool { return f.cache == c }) {
			x.feeds = append(x.feeds, &feed{cache: c})
		}
	}
}

// retireAfter is how long a cache is kept at least after it was left out: its numbers
// may be behind what its loop has done.
const retireAfter = int64(time.Second)

// retire lets go of feeds and targets that are done.
func (x *Exporter) retire(now int64) {
	x.feeds = slices.DeleteFunc(x.feeds, func(f *feed) bool {
		if !f.leaving || now-f.since < retireAfter || f.cache.Records().Len() > 0 {
			return false
		}
		a := f.account()
		if a.seen != plus(a.recorded, a.lost) || a.recorded != a.popped || f.cache.Stats().Flows > 0 {
			return false
		}
		x.retired.add(a)
		return true
	})
	x.leaving = slices.DeleteFunc(x.leaving, func(t *target) bool {
		select {
		case <-t.out.done:
			return true
		default:
			return false
		}
	})
}

// setMerge makes the merge that the configuration wants. What another one held goes
// to its messages.
func (x *Exporter) setMerge() {
	window := int64(max(x.cfg.MergeWindow, 0))
	if x.cfg.Biflow != BiflowOff {
		window = max(window, int64(x.cfg.BiflowWindow))
	}
	m := x.merge
	switch {
	case m == nil && window == 0:
		return
	case m != nil && window > 0 && m.rule == x.cfg.Biflow && m.limit == x.cfg.MaxPending:
		m.window = window
		return
	}
	for m != nil && !m.empty() {
		x.add(m.pop(), clock.Now())
	}
	x.merge = nil
	if window > 0 {
		x.merge = newMerger(window, x.cfg.MaxPending, x.cfg.Biflow)
		if m != nil {
			x.merge.parts = m.parts
		}
	}
}
