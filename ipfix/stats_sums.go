package ipfix

import (
	"time"

	"pollux/ipfix/cache"
)

// Sums is the equation that holds whenever Stats are taken, to the packet and octet:
//
//	Seen = Exported + Held + NotSent
//
// A collector's Seen leaves out what had left the exporter before it was configured.
type Sums struct {
	Seen     cache.Count `json:"seen"`     // selected by sampling and accounted by the caches
	Exported cache.Count `json:"exported"` // sent
	Held     cache.Count `json:"held"`     // in caches, rings, the merge, messages and buffers
	NotSent  cache.Count `json:"not_sent"` // lost by caches, dropped, or not taken by the collector
}

// Stages is where what is held by no collector's side is.
type Stages struct {
	Caches cache.Count `json:"caches"` // entries
	Rings  cache.Count `json:"rings"`
	Lost   cache.Count `json:"lost"`       // by the caches, for any reason
	Flows  uint64      `json:"lost_flows"` // records they would have been, as the caches count them
}

func plus(a, b cache.Count) cache.Count {
	return cache.Count{Packets: a.Packets + b.Packets, Octets: a.Octets + b.Octets, L2Octets: a.L2Octets + b.L2Octets}
}

func minus(a, b cache.Count) cache.Count {
	return cache.Count{Packets: a.Packets - b.Packets, Octets: a.Octets - b.Octets, L2Octets: a.L2Octets - b.L2Octets}
}

// atLeast returns the larger of each.
func atLeast(a, b cache.Count) cache.Count {
	return cache.Count{Packets: max(a.Packets, b.Packets), Octets: max(a.Octets, b.Octets), L2Octets: max(a.L2Octets, b.L2Octets)}
}

// feed is a cache whose records the exporter takes.
type feed struct {
	cache   *cache.Cache
	popped  cache.Count
	leaving bool // SetCaches left it out
	since   int64
}

// account is what a cache's numbers say, or those of many together.
type account struct {
	seen, recorded, popped, lost cache.Count
	noRoom                       cache.Count // of lost: those that came into no flow
	lostFlows, inserted          uint64
	seenBy, noRoomBy             [cache.NumClasses]uint64
}

// account reads the cache's numbers. Those that it publishes may be older than the
// records that were taken from its ring meanwhile: what was popped was recorded, and
// what was recorded or lost was seen.
func (f *feed) account() account {
	s := f.cache.Stats()
	a := account{recorded: atLeast(s.Recorded, f.popped), popped: f.popped, noRoom: s.Lost[cache.LossNoRoom], inserted: s.Inserted, seenBy: s.SeenBy, noRoomBy: s.NoRoomBy}
	for l, lost := range s.Lost {
		a.lost = plus(a.lost, lost)
		a.lostFlows += s.LostFlows[l]
	}
	a.seen = atLeast(s.Seen, plus(a.recorded, a.lost))
	return a
}

func (a *account) add(o account) {
	a.seen = plus(a.seen, o.seen)
	a.recorded = plus(a.recorded, o.recorded)
	a.popped = plus(a.popped, o.popped)
	a.lost = plus(a.lost, o.lost)
	a.noRoom = plus(a.noRoom, o.noRoom)
	a.lostFlows += o.lostFlows
	a.inserted += o.inserted
	for c, n := range o.seenBy {
		a.seenBy[c] += n
		a.noRoomBy[c] += o.noRoomBy[c]
	}
}

// base is what had happened when a target was configured.
type base struct {
	left    cache.Count // popped and no longer pending
	lost    cache.Count
	dropped cache.Count
}

// base returns the base of a target that is configured now.
func (x *Exporter) base() base {
	a := x.accounts()
	return base{left: minus(x.stats.Popped.count(), x.stats.Pending.count()), lost: a.lost, dropped: x.stats.Dropped.count()}
}

// accounts adds up the caches, those that are gone included.
func (x *Exporter) accounts() account {
	a := x.retired
	for _, f := range x.feeds {
		a.add(f.account())
	}
	return a
}

// shown is what Stats needs of a round.
type shown struct {
	stats   Stats // stages and sums apart
	bases   []base
	feeds   []feed
	retired account
	drain   time.Duration // how long sending may go on at stop
}

// Stats returns the counts as of the last round, and those of the caches as of now.
// Any thread may call it.
func (x *Exporter) Stats() Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.shown.stats
	a := x.shown.retired
	for i := range x.shown.feeds {
		a.add(x.shown.feeds[i].account())
	}
	s.Stages = Stages{Caches: minus(a.seen, plus(a.recorded, a.lost)), Rings: minus(a.recorded, a.popped), Lost: a.lost, Flows: a.lostFlows}
	s.Flows, s.SeenBy, s.NoRoomBy = a.inserted, a.seenBy, a.noRoomBy
	held := plus(plus(s.Stages.Caches, s.Stages.Rings), s.Pending.count())
	s.Sums = Sums{
		Seen: a.seen, Held: held, NotSent: plus(a.lost, s.Dropped.count()),
		Exported: minus(minus(s.Popped.count(), s.Pending.count()), s.Dropped.count()),
	}
	s.Collectors = append([]CollectorStats(nil), s.Collectors...)
	for i := range s.Collectors {
		c, b := &s.Collectors[i], &x.shown.bases[i]
		c.Sums = Sums{
			Seen:     minus(a.seen, plus(b.left, b.lost)),
			Exported: c.Sent.count(),
			Held:     plus(held, c.Queued.count()),
			NotSent:  plus(plus(minus(a.lost, b.lost), minus(s.Dropped.count(), b.dropped)), c.NotSent.count()),
		}
	}
	return s
}

// Sums returns the equation of each collector, in the order of the targets.
func (x *Exporter) Sums() []Sums {
	s := x.Stats()
	list := make([]Sums, len(s.Collectors))
	for i := range list {
		list[i] = s.Collectors[i].Sums
	}
	return list
}

// publish makes the round's counts those that Stats shows. Only Run's goroutine gives
// targets anything, so that what a target has sent, queued and not sent adds up to what
// left the exporter, whatever the target's own goroutine does.
func (x *Exporter) publish() {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := &x.shown
	list, bases := p.stats.Collectors[:0], p.bases[:0]
	for _, t := range x.targets {
		list, bases = append(list, t.counts()), append(bases, t.base)
	}
	p.stats = x.stats
	p.stats.Collectors, p.bases = list, bases
	p.feeds = p.feeds[:0]
	for _, f := range x.feeds {
		p.feeds = append(p.feeds, *f)
	}
	p.retired = x.retired
	p.drain = x.cfg.DrainTimeout
}

// options gathers the counts of reliability for option records. What is not sent to a
// target is all that was seen and is neither held nor exported, wherever it was given
// up; ignored are those of its packets that came into no flow, because neither cache nor
// ring had room. They count from the exporter's start, whenever the target came.
func (x *Exporter) options(t *target) options {
	c, a := t.counts(), x.accounts()
	n := c.NotSent
	n.add(x.stats.Dropped)
	n.add(Totals{a.lostFlows, a.lost.Packets, a.lost.Octets, a.lost.L2Octets})
	o := options{
		sampling:   1,
		sentOctets: c.Bytes, sentMessages: c.Messages, sentRecords: c.Sent.Records,
		notSentFlows: n.Records, notSentPackets: n.Packets, notSentOctets: n.Octets,
		flows: a.inserted, ignoredPackets: a.noRoom.Packets, ignoredOctets: a.noRoom.Octets,
	}
	for _, c := range x.caches {
		o.sampling = c.Sampling()
	}
	return o
}
