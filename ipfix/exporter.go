package ipfix

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
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
	schema  *schema
	out     record // what is being encoded
	targets []*target
	domains map[uint32]*domain
	pace    pacer
	batch   []cache.Record
	hurryBy atomic.Int64     // when not 0, Run is to stop and sending ends then
	wall    func() time.Time // the wall clock
	epoch   time.Time        // the wall clock at 0 of the loops' clock, as of this round

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
	schema, err := newSchema(&cfg)
	if err != nil {
		return nil, fmt.Errorf("ipfix: %w", err)
	}
	x := &Exporter{
		cfg: cfg, schema: schema, caches: slices.Clone(caches),
		domains: make(map[uint32]*domain),
		pace:    newPacer(cfg.MessageRate),
		batch:   make([]cache.Record, popBatch),
		wall:    time.Now,
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
	x.open(ctx)
	defer context.AfterFunc(ctx, x.hurry)()
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

// open opens the targets' sockets. What is given by name is waited for a little,
// all names together, so that a resolver that works costs no record.
func (x *Exporter) open(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for _, t := range x.targets {
		t.open(false)
	}
	for _, t := range x.targets {
		if t.conn == nil && t.dialer.pending != nil {
			t.opened(t.dialer.wait(ctx))
		}
	}
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
	x.reckon()
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

// reckon sets the epoch for what is encoded next.
func (x *Exporter) reckon() {
	x.epoch = x.cfg.Epoch
	if x.epoch.IsZero() {
		x.epoch = x.wall().Add(-time.Duration(clock.Now()))
	}
}

// exportTime returns the time of a message, seconds since 1970.
func (x *Exporter) exportTime() uint32 { return uint32(x.wall().Unix()) }

// drain sends everything there is.
func (x *Exporter) drain() {
	x.hurry()
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
			if s := t.session(d.id); s.started && !x.late() {
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
	x.out = record{Record: *r}
	s := source{rec: &x.out, epoch: x.epoch}
	t := x.schema.of(&x.out)
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
		if !x.ready(t) {
			t.stats.NotSent.add(m.flows)
			continue
		}
		x.start(t, d.id, clock.Now())
		x.pace.wait(x.left())
		t.send(d.id, m, x.exportTime())
	}
	x.stats.Pending.sub(m.flows)
	m.reset()
}

// ready says whether a target may be sent something.
func (x *Exporter) ready(t *target) bool { return !x.late() && t.open(x.hurryBy.Load() != 0) }

// hurry sets the time when sending ends, once. It is called as soon as Run is to
// stop, from a goroutine of its own, so that a long round counts too.
func (x *Exporter) hurry() {
	x.hurryBy.CompareAndSwap(0, clock.Now()+int64(x.cfg.DrainTimeout))
}

// left returns how long sending may go on.
func (x *Exporter) left() time.Duration {
	if by := x.hurryBy.Load(); by != 0 {
		return time.Duration(by - clock.Now())
	}
	return math.MaxInt64
}

// late says that stopping has taken too long.
func (x *Exporter) late() bool { return x.left() <= 0 }
