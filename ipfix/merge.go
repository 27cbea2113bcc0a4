package ipfix

import "pollux/ipfix/cache"

// merger holds records for a window, so that the parts of one flow that several
// loops recorded become one record. Records leave in the order their first parts
// came. Its memory is bounded.
type merger struct {
	window int64 // ns
	slots  []pending
	head   uint64 // records that ever left
	tail   uint64 // records that ever came; slot = number modulo len(slots)
	at     map[cache.Key]uint64
}

type pending struct {
	rec cache.Record
	due int64
}

func newMerger(window int64, limit int) *merger {
	return &merger{window: window, slots: make([]pending, limit), at: make(map[cache.Key]uint64)}
}

func (m *merger) slot(n uint64) *pending { return &m.slots[n%uint64(len(m.slots))] }

// add takes a record and says whether it became part of one that was held. The
// merger must not be full.
func (m *merger) add(r *cache.Record, now int64) (merged bool) {
	if n, ok := m.at[r.Key]; ok {
		held := &m.slot(n).rec
		if r.Last >= held.Last {
			held.End = r.End
		}
		held.Merge(&r.Counters)
		return true
	}
	m.at[r.Key] = m.tail
	*m.slot(m.tail) = pending{*r, now + m.window}
	m.tail++
	return false
}

func (m *merger) full() bool { return m.tail-m.head == uint64(len(m.slots)) }

func (m *merger) empty() bool { return m.tail == m.head }

// due says whether the oldest record's window has passed.
func (m *merger) due(now int64) bool { return !m.empty() && m.slot(m.head).due <= now }

// pop takes out the oldest record.
func (m *merger) pop() *cache.Record {
	r := &m.slot(m.head).rec
	delete(m.at, r.Key)
	m.head++
	return r
}
