package pipeline

// dueRule is a rule and when it is to be looked at.
type dueRule struct {
	rank uint16 // those of a lower rank come before all others
	at   int64  // ns
	rule *Rule
}

func (a *dueRule) before(b *dueRule) bool {
	switch {
	case a.rank != b.rank:
		return a.rank < b.rank
	case a.at != b.at:
		return a.at < b.at
	}
	return a.rule.seq < b.rule.seq
}

// dueHeap is rules by the time when they are to be looked at: a binary heap. That of a rule
// which had packets since is too early, and is corrected when it comes up; rules that are
// dead stay until they come up or are more than half.
type dueHeap struct {
	h    []dueRule
	dead int
}

func (d *dueHeap) push(r dueRule) {
	d.h = append(d.h, r)
	i := len(d.h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !d.h[i].before(&d.h[up]) {
			break
		}
		d.h[i], d.h[up] = d.h[up], d.h[i]
		i = up
	}
}

// sink puts the rule at i where it belongs, if that is further down.
func (d *dueHeap) sink(i int) {
	for {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < len(d.h); k++ {
			if d.h[k].before(&d.h[least]) {
				least = k
			}
		}
		if least == i {
			return
		}
		d.h[i], d.h[least] = d.h[least], d.h[i]
		i = least
	}
}

func (d *dueHeap) pop() {
	last := len(d.h) - 1
	d.h[0] = d.h[last]
	d.h[last] = dueRule{}
	d.h = d.h[:last]
	d.sink(0)
}

// first returns the live rule whose time comes first, nil if there is none. Of those that
// come up on the way the time is corrected.
func (d *dueHeap) first() *dueRule {
	for len(d.h) > 0 {
		top := &d.h[0]
		if top.rule.dead {
			d.dead--
			d.pop()
			continue
		}
		at, _ := top.rule.deadline()
		if at == top.at {
			return top
		}
		top.at = at
		d.sink(0)
	}
	return nil
}

// forget counts a rule that is dead, and takes the dead out when they are many.
func (d *dueHeap) forget() {
	if d.dead++; d.dead < 64 || d.dead <= len(d.h)/2 {
		return
	}
	live := d.h[:0]
	for _, r := range d.h {
		if !r.rule.dead {
			live = append(live, r)
		}
	}
	clear(d.h[len(live):])
	d.h, d.dead = live, 0
	for i := len(live)/2 - 1; i >= 0; i-- {
		d.sink(i)
	}
}

// noteTimes has the timeouts of a rule looked at that has come into its table.
func (s *State) noteTimes(r *Rule) {
	at, some := r.deadline()
	if !some {
		return
	}
	s.due.push(dueRule{at: at, rule: r})
	if h := s.tables[r.Flow.Table].evict; h != nil {
		h.push(dueRule{rank: r.Flow.Importance, at: at, rule: r})
	}
}

// forgetTimes is for a rule that goes out of its table.
func (s *State) forgetTimes(r *Rule) {
	if _, some := r.deadline(); !some {
		return
	}
	r.dead = true
	s.due.forget()
	if h := s.tables[r.Flow.Table].evict; h != nil {
		h.forget()
	}
}

// someDue says whether some rule's time seems to be over.
func (s *State) someDue(now int64) bool {
	d := s.due.first()
	return d != nil && d.at <= now
}

// Expire removes the rules whose idle or hard timeout has passed at now, and
// returns how many. What loops have counted and not yet credited is asked for
// first, through OnIdle. Rules without timeouts cost nothing.
func (s *State) Expire(now int64) int {
	s.bringUpToDate(now)
	return s.expire(now)
}

func (s *State) expire(now int64) int {
	s.mu.Lock()
	defer s.unlock()
	if !s.someDue(now) {
		return 0
	}
	tx := s.begin(s.next(), nil)
	tx.now = now
	for s.someDue(now) {
		r := s.due.h[0].rule
		s.due.pop()
		s.due.dead-- // which finish will say that it is
		why := RemovedIdle
		if r.late(now) {
			why = RemovedHard
			s.expired.Hard++
		} else {
			s.expired.Idle++
		}
		tx.remove(r, why)
	}
	n := len(tx.steps)
	tx.commit()
	return n
}

// Expired returns how many rules have timed out.
func (s *State) Expired() ExpiryStats {
	s.mu.Lock()
	defer s.unlock()
	return s.expired
}
