package ipfix

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	raw     ExporterConfig // as given; what follows belongs to Run's goroutine
	cfg     ExporterConfig // with defaults
	feeds   []*feed
	caches  []*cache.Cache // of the feeds that are not leaving
	retired account        // of feeds that are gone
	merge   *merger        // nil: off
	schema  *schema
	list    *templateList // of the schema, as of the last message
	out     record        // what is being encoded, when nothing is merged
	src     source        // of the record in hand
	targets []*target
	leaving []*target // no longer configured, sending what they have
	domains map[uint32]*domain
	batch   []cache.Record
	hurryBy atomic.Int64     // when not 0, Run is to stop and sending ends then
	wall    func() time.Time // the wall clock
	epoch   time.Time        // the wall clock at 0 of the loops' clock, as of this round
	stats   Stats            // Collectors, stages and sums apart

	mu    sync.Mutex
	shown shown   // what Stats tells; under mu
	next  changes // what the next round is to take over; under mu
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
	schema, err := prepare(&cfg)
	if err != nil {
		return nil, err
	}
	x := &Exporter{
		raw: cfg, cfg: cfg, schema: schema,
		domains: make(map[uint32]*domain),
		batch:   make([]cache.Record, popBatch),
		wall:    time.Now,
	}
	x.cfg.defaults(len(caches))
	x.setCaches(caches)
	x.setMerge()
	for _, name := range cfg.Targets {
		x.targets = append(x.targets, x.newTarget(name))
	}
	for _, id := range cfg.Domains {
		x.domain(id)
	}
	x.publish()
	return x, nil
}

// prepare checks a configuration, and returns the schema of its records.
func prepare(cfg *ExporterConfig) (*schema, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("ipfix: %w", err)
	}
	for _, name := range cfg.Targets {
		if a, _ := parseTarget(name); a.transport == TLS || a.transport == DTLS {
			if _, err := cfg.TLS.load(a.host()); err != nil {
				return nil, fmt.Errorf("ipfix: target %q: %w", name, err)
			}
		}
	}
	full := *cfg
	full.defaults(1)
	schema, err := newSchema(&full)
	if err != nil {
		return nil, fmt.Errorf("ipfix: %w", err)
	}
	return schema, nil
}

// Run sends until ctx is done, then takes what is left in the rings, sends it within
// DrainTimeout, and returns the errors of closing sockets and files. Flows still in the
// caches are to be flushed before ctx is done. Run may be called once.
func (x *Exporter) Run(ctx context.Context) error {
	x.change()
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
		if gap := x.pump(); gap > 0 {
			time.Sleep(gap)
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	x.drain()
	err := x.close()
	x.publish()
	return err
}

// close lets the targets send what they have within the time that is left, and ends them.
func (x *Exporter) close() error {
	var errs []error
	for _, t := range x.targets {
		if t.udp != nil {
			t.giveUp(atStop)
			errs = append(errs, t.udp.close())
		} else {
			t.out.stop(x.left())
		}
	}
	for _, t := range append(x.targets[:len(x.targets):len(x.targets)], x.leaving...) {
		if t.out != nil {
			<-t.out.done
			errs = append(errs, t.out.closeErr)
		}
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
		if t.udp != nil && t.udp.conn == nil && t.udp.dialer.pending != nil {
			t.opened(t.udp.dialer.wait(ctx))
		}
	}
}

// round takes up to popBatch records from each ring, does what is due and returns
// how many it took.
func (x *Exporter) round(now int64) (popped int) {
	x.change()
	x.reckon()
	x.refresh(now)
	x.pump()
	for _, f := range x.feeds {
		if !x.late() && x.stuffed() {
			break // their records wait in the caches, where flows can go on
		}
		n := f.cache.Records().PopN(x.batch)
		for i := range x.batch[:n] {
			f.popped = plus(f.popped, totals(&x.batch[i]).count())
			x.take(&x.batch[i], f, now)
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
	x.retire(now)
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

// pump sends what waits for its time, and returns how long it is until more may go; 0 if
// nothing waits.
func (x *Exporter) pump() (gap time.Duration) {
	for _, t := range x.targets {
		if t.udp == nil || t.udp.q.bytes == 0 || !x.ready(t) {
			continue
		}
		if t.pump(x.exportTime()); t.udp.q.bytes > 0 && (gap == 0 || t.udp.pace.gap < gap) {
			gap = t.udp.pace.gap
		}
	}
	// A few messages at a time: a sleep takes longer than it should.
	return min(burst/4*gap, pollEvery)
}

// stuffed says that every collector is one whose queue is full.
func (x *Exporter) stuffed() bool {
	for _, t := range x.targets {
		if t.udp == nil || t.udp.conn == nil || !t.udp.full() {
			return false
		}
	}
	return len(x.targets) > 0
}

// drain sends everything there is.
func (x *Exporter) drain() {
	x.hurry()
	x.unload()
	for x.round(clock.Now()) > 0 {
		x.unload()
	}
	x.settle()
	for _, d := range x.domains {
		for _, t := range x.targets {
			if s := t.session(d.id); s.started && !x.late() {
				x.sendOptions(t, d.id)
			}
		}
	}
	x.unload()
}

// unload sends what waits for its time, as long as sending may go on.
func (x *Exporter) unload() {
	for {
		gap := x.pump()
		if gap == 0 || x.late() {
			return
		}
		time.Sleep(min(gap, x.left()))
	}
}

// settle sends what is pending.
func (x *Exporter) settle() {
	for x.merge != nil && !x.merge.empty() {
		x.add(x.merge.pop(), clock.Now())
	}
	for _, d := range x.domains {
		if !d.msg.empty() {
			x.flush(d)
		}
	}
}

// take gives a record of a feed to the merge, or at once to its message.
func (x *Exporter) take(r *cache.Record, from *feed, now int64) {
	n := totals(r)
	x.stats.Popped.add(n)
	x.stats.Pending.add(n)
	if x.merge == nil {
		x.out.Record = *r
		x.add(&x.out, now)
		return
	}
	if x.merge.full() {
		x.add(x.merge.pop(), now)
	}
	if x.merge.add(r, from, now) == merged {
		x.stats.Merged++
		x.stats.Pending.Records--
	}
}

// add puts a record into its domain's message, which is sent first when it is full.
func (x *Exporter) add(r *record, now int64) {
	d := x.domain(r.Point.Domain)
	if d == nil || len(x.targets) == 0 {
		x.drop(r)
		return
	}
	s := &x.src
	s.rec, s.epoch = r, x.epoch
	t := x.schema.of(r)
	if !d.msg.addRecord(t, s) {
		x.flush(d)
		if !d.msg.addRecord(t, s) {
			x.drop(r) // longer than a message
			return
		}
	}
	if d.msg.records == 1 {
		d.opened = now
	}
}

func (x *Exporter) drop(r *record) {
	n := r.totals()
	x.stats.Pending.sub(n)
	x.stats.Dropped.add(n)
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
			w := noSocket
			if x.late() {
				w = atStop
			}
			t.lose(m.flows, w)
			continue
		}
		x.start(t, d.id, clock.Now())
		x.send(t, d.id, m, 0)
	}
	x.stats.Pending.sub(m.flows)
	m.reset()
}

// send sends a message to one target.
func (x *Exporter) send(t *target, id uint32, m *message, options int) {
	t.send(id, m, x.templates(), x.exportTime(), options)
}

// templates returns the templates that there are now. The schema makes more as records
// want them.
func (x *Exporter) templates() *templateList {
	data, opts := x.schema.data(), x.schema.options()
	if l := x.list; l == nil || l.of != x.schema || len(l.data) != len(data) || len(l.opts) != len(opts) {
		x.list = &templateList{of: x.schema, data: data[:len(data):len(data)], opts: opts}
	}
	return x.list
}

// ready says whether a target may be sent something.
func (x *Exporter) ready(t *target) bool { return !x.late() && t.open(x.hurryBy.Load() != 0) }

// hurry sets the time when sending ends, once. It is called as soon as Run is to
// stop, from a goroutine of its own, so that a long round counts too.
func (x *Exporter) hurry() {
	x.hurryBy.CompareAndSwap(0, clock.Now()+int64(x.drainTimeout()))
}

func (x *Exporter) drainTimeout() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.shown.drain
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
