package ipfix

import "pollux/ipfix/cache"

// parts remembers the totals of flows of which more than one cache has a part, or had one: a
// record says what the whole flow has come to, also when only one part had packets since the
// record before. Flows that one cache has to itself, as nearly all are, are not in it.
type parts map[cache.Key]*split

// split is such a flow.
type split struct {
	list []share
	last int64 // when a record of it came
}

// share is what one cache counts of the flow.
type share struct {
	from  *feed
	gone  cache.Total // of what has ended in this cache
	total cache.Total // of what goes on
	live  bool        // something goes on
}

const (
	maxParts  = 65536       // flows that are remembered
	partsLife = int64(3600) // s without a record after which a flow is forgotten when there are many
)

// note takes the totals of a record over if its flow is remembered.
func (p parts) note(r *cache.Record, from *feed, now int64) {
	if len(p) == 0 {
		return
	}
	if s := p[r.Key]; s != nil {
		s.note(&r.Total, r.End, from, now)
	}
}

// begin remembers a flow of which another record has come.
func (p parts) begin(k *cache.Key, t *cache.Total, end cache.EndReason, from *feed, now int64) {
	if p[*k] != nil {
		return
	}
	if len(p) >= maxParts {
		p.forget(now)
		if len(p) >= maxParts {
			return
		}
	}
	s := new(split)
	s.note(t, end, from, now)
	p[*k] = s
}

func (s *split) note(t *cache.Total, end cache.EndReason, from *feed, now int64) {
	s.last = now
	x := s.of(from)
	x.total, x.live = *t, end == cache.EndActive
	if !x.live {
		x.gone = plusTotal(x.gone, x.total)
		x.total = cache.Total{}
	}
}

func (s *split) of(from *feed) *share {
	for i := range s.list {
		if s.list[i].from == from {
			return &s.list[i]
		}
	}
	s.list = append(s.list, share{from: from})
	return &s.list[len(s.list)-1]
}

// settle makes t the total of the whole flow, if it is remembered, and forgets a flow of which
// nothing goes on.
func (p parts) settle(k *cache.Key, t *cache.Total) {
	if len(p) == 0 {
		return
	}
	s := p[*k]
	if s == nil {
		return
	}
	var sum cache.Total
	live := false
	for i := range s.list {
		sum = plusTotal(plusTotal(sum, s.list[i].gone), s.list[i].total)
		live = live || s.list[i].live
	}
	*t = sum
	if !live {
		delete(p, *k)
	}
}

// forget lets go of flows of which no record has come for long.
func (p parts) forget(now int64) {
	for k, s := range p {
		if now-s.last > partsLife*1e9 {
			delete(p, k)
		}
	}
}

// plusTotal adds totals; a zero one has not begun.
func plusTotal(a, b cache.Total) cache.Total {
	if a.Began == 0 {
		return b
	}
	if b.Began != 0 {
		a.Merge(&b)
	}
	return a
}
