package pipeline

import "slices"

// mostIdle is of how many cookies the flows are counted on though no packet-out in hand learns
// with them: to begin to count is to look at all flows of a table, and packet-outs come in runs.
const mostIdle = 64

// SendOut has send do a packet-out, or refuses it with the error of CheckOut. Meanwhile what the
// limits of its learn actions ask for is counted, so that no loop has to.
func (s *State) SendOut(o *Out, send func(*Out) error) error {
	if err := s.Snapshot().CheckOut(o.List); err != nil {
		return err
	}
	keys := o.limits(nil)
	s.ask(keys)
	defer s.unask(keys)
	return send(o)
}

// SendResumed is SendOut for a packet that had paused, with the error of CheckResume.
func (s *State) SendResumed(f *Frozen, send func() error) error {
	if err := s.Snapshot().CheckResume(f); err != nil {
		return err
	}
	var keys []learnerKey
	for i := range f.Steps {
		keys = (&Out{List: f.Steps[i].Actions}).limits(keys)
	}
	s.ask(keys)
	defer s.unask(keys)
	return send()
}

// limits adds to list what the limits of learn actions ask for.
func (o *Out) limits(list []learnerKey) []learnerKey {
	(&Instructions{Apply: o.List}).limits(func(k learnerKey) { list = append(list, k) })
	return list
}

// ask has what keys say be counted until as many calls of unask.
func (s *State) ask(keys []learnerKey) {
	if len(keys) == 0 {
		return
	}
	s.mu.Lock()
	defer s.unlock()
	s.cookies.ask(keys)
	tx := s.begin(s.next(), nil)
	for _, key := range keys {
		tx.count(key)
	}
	if tx.anew = s.cookies.copied != (tableSet{}); tx.anew {
		tx.commit()
	}
}

// unask undoes ask.
func (s *State) unask(keys []learnerKey) {
	if len(keys) == 0 {
		return
	}
	s.mu.Lock()
	defer s.unlock()
	k := &s.cookies
	for _, key := range keys {
		if k.asked[key]--; k.asked[key] > 0 {
			continue
		}
		if _, counted := s.Snapshot().tables[key.table].learnedBy(key.cookie); counted {
			k.idle = append(k.idle, key)
		} else {
			delete(k.asked, key) // of a bundle that was given up
		}
	}
	if n := len(k.idle) - mostIdle; n > 0 {
		tx := s.begin(s.next(), nil)
		k.unasked = append(k.unasked, k.idle[:n]...)
		for _, key := range k.unasked {
			delete(k.asked, key)
		}
		k.idle = slices.Delete(k.idle, 0, n)
		tx.anew = true
		tx.commit()
	}
}

// ask books that packet-outs have come that learn with a limit.
func (k *cookieBook) ask(keys []learnerKey) {
	if k.asked == nil {
		k.asked = map[learnerKey]int{}
	}
	for _, key := range keys {
		if n, idle := k.asked[key]; idle && n == 0 {
			k.idle = slices.DeleteFunc(k.idle, func(i learnerKey) bool { return i == key })
		}
		k.asked[key]++
	}
}
