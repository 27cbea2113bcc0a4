package ipfix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
)

const (
	popBatch  = 256                  // records taken from a ring at a time
	pollEvery = 5 * time.Millisecond // how often empty rings are looked at
)

// Exporter takes records from the rings of caches and sends them. Make it with New.
type Exporter struct {
	cfg     ExporterConfig
	caches  []*cache.Cache
	merge   *merger // nil: off
	targets []*target
	domains map[uint32]*domain
	pace    pacer
	batch   []cache.Record
	hurryBy int64 // when not 0, sending ends then

	stats Stats // Collectors apart
	mu    sync.Mutex
	shown Stats // what Stats returns; under mu
}

// domain is an observation domain: the message that its records go to.
type domain struct {
	id     uint32
	msg    *message
	opened int64 // when the message got its first record
}

// New returns an exporter of the caches' records, which share one sampling rate.
// Nothing is sent before Run.
func New(cfg ExporterConfig, caches []*cache.Cache) (*Exporter, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("ipfix: %w", err)
	}
	cfg.defaults(len(caches))
	x := &Exporter{
		cfg: cfg, caches: slices.Clone(caches),
		domains: make(map[uint32]*domain),
		pace:    newPacer(cfg.MessageRate),
		batch:   make([]cache.Record, popBatch),
	}
	if cfg.MergeWindow > 0 {
		x.merge = newMerger(int64(cfg.MergeWindow), cfg.MaxPending)
	}
	for _, addr := range cfg.Targets {
		x.targets = append(x.targets, newTarget(addr))
	}
	for _, id := range cfg.Domains {
		x.domain(id)
	}
	x.publish()
	return x, nil
}

// Run sends until ctx is done, then takes what is left in the rings, sends it within
// DrainTimeout, and returns the errors of closing sockets. Flows still in the
// caches are to be flushed before ctx is done. Run may be called once.
func (x *Exporter) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		n := x.round(clock.Now())
		x.publish()
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	x.drain()
	x.publish()
	var errs []error
	for _, t := range x.targets {
		errs = append(errs, t.close())
	}
	return errors.Join(errs...)
}

// Stats returns the counts as of the last round.
func (x *Exporter) Stats() Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.shown
	s.Collectors = slices.Clone(s.Collectors)
	return s
}

func (x *Exporter) publish() {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.shown.Collectors[:0]
	for _, t := range x.targets {
		list = append(list, t.stats)
	}
	x.shown = x.stats
	x.shown.Collectors = list
}

// round takes up to popBatch records from each ring, does what is due and returns
// how many it took.
func (x *Exporter) round(now int64) (popped int) {
	x.refresh(now)
	for _, c := range x.caches {
		n := c.Records().PopN(x.batch)
		for i := range x.batch[:n] {
			x.take(&x.batch[i], now)
		}
		popped += n
	}
	for x.merge != nil && x.merge.due(now) {
		x.add(x.merge.pop(), now)
	}
	for _, d := range x.domains {
		if !d.msg.empty() && now-d.opened >= int64(x.cfg.FlushInterval) {
			x.flush(d)
		}
	}
	return popped
}

// drain sends everything there is.
func (x *Exporter) drain() {
	x.hurryBy = clock.Now() + int64(x.cfg.DrainTimeout)
	for x.round(clock.Now()) > 0 {
	}
	for x.merge != nil && !x.merge.empty() {
		x.add(x.merge.pop(), clock.Now())
	}
	for _, d := range x.domains {
		if !d.msg.empty() {
			x.flush(d)
		}
		for _, t := range x.targets {
			if s := t.session(d.id); s.started && clock.Now() < x.hurryBy {
				x.sendOptions(t, d.id)
			}
		}
	}
}

func totals(r *cache.Record) Totals { return Totals{1, r.Packets, r.Octets, r.L2Octets} }

// take gives a record to the merge, or at once to its message.
func (x *Exporter) take(r *cache.Record, now int64) {
	x.stats.Popped.add(totals(r))
	x.stats.Pending.add(totals(r))
	if x.merge == nil {
		x.add(r, now)
		return
	}
	if x.merge.full() {
		x.add(x.merge.pop(), now)
	}
	if x.merge.add(r, now) {
		x.stats.Merged++
		x.stats.Pending.Records--
	}
}

// add puts a record into its domain's message, which is sent first when it is full.
func (x *Exporter) add(r *cache.Record, now int64) {
	d := x.domain(r.Point.Domain)
	if d == nil || len(x.targets) == 0 {
		x.stats.Pending.sub(totals(r))
		x.stats.Dropped.add(totals(r))
		return
	}
	s := source{rec: r, epoch: x.cfg.Epoch}
	t := templateOf(r)
	if !d.msg.addRecord(t, &s) {
		x.flush(d)
		d.msg.addRecord(t, &s)
	}
	if d.msg.records == 1 {
		d.opened = now
	}
}

// domain returns the domain of that number, nil when there are too many.
func (x *Exporter) domain(id uint32) *domain {
	d := x.domains[id]
	if d == nil && len(x.domains) < maxDomains {
		d = &domain{id: id, msg: newMessage(x.cfg.messageSize(), id)}
		x.domains[id] = d
	}
	return d
}

// flush sends the domain's message to all targets.
func (x *Exporter) flush(d *domain) {
	m := d.msg
	for _, t := range x.targets {
		if x.late() {
			t.stats.NotSent.add(m.flows)
			continue
		}
		x.start(t, d.id, clock.Now())
		x.pace.wait()
		t.send(d.id, m)
	}
	x.stats.Pending.sub(m.flows)
	m.reset()
}

// late says that stopping has taken too long.
func (x *Exporter) late() bool { return x.hurryBy != 0 && clock.Now() >= x.hurryBy }
