package pipeline

import "slices"

// learnedChange is what is to be told of a change that a loop has published: by nobody, and by one
// request. Loops leave these to the control plane, in order, as to tell is to encode messages.
type learnedChange struct {
	step   step
	last   bool         // FlowChange.Last
	number uint64       // FlowChange.Number
	status *TableStatus // this is to be told instead; nil: no
}

// learnedChanges is a queue of them, whose memory is used again.
type learnedChanges struct {
	list  []learnedChange
	told  int    // of list
	taken uint64 // that have been told, of all
}

// mostKept is for how many changes a queue keeps memory.
const mostKept = 4096

func (q *learnedChanges) add(c learnedChange) { q.list = append(q.list, c) }

// last is the number of the last one, counted from 1.
func (q *learnedChanges) last() uint64 { return q.taken + uint64(len(q.list)-q.told) }

// take takes n from the queue.
func (q *learnedChanges) take(n int) {
	clear(q.list[q.told : q.told+n]) // of rules
	q.told += n
	q.taken += uint64(n)
	switch left := len(q.list) - q.told; {
	case left == 0 && cap(q.list) > mostKept:
		q.list, q.told = nil, 0
	case q.told <= len(q.list)/2: // so that each is moved once at most, on average
	case cap(q.list) > mostKept && left < cap(q.list)/4:
		q.list, q.told = slices.Clone(q.list[q.told:]), 0
	default:
		copy(q.list, q.list[q.told:])
		clear(q.list[left:])
		q.list, q.told = q.list[:left], 0
	}
}

// tellAtOnce is of how many learned flows Tick tells before it lets others have the mutex.
const tellAtOnce = 64

// TellChanges tells of what packets have had the switch learn (OnFlowChange, OnTableStatus),
// as far as that has not been told. What they have it learn meanwhile is for the next call: loops
// may learn faster than controllers can be told.
func (s *State) TellChanges() {
	s.mu.Lock()
	last := s.learned.last()
	s.unlock()
	for more := true; more; {
		s.mu.Lock()
		if left := last - s.learned.taken; int64(left) <= 0 {
			more = false
		} else {
			s.tellLearned(int(min(left, tellAtOnce)))
		}
		s.unlock()
	}
}

// tellLearned tells of learned flows, of the first so many or of all for 0.
// Whoever tells of other changes calls it first. The mutex is held, and it is no loop that holds it.
func (s *State) tellLearned(most int) {
	q := &s.learned
	list := q.list[q.told:]
	if most > 0 && len(list) > most {
		list = list[:most]
	}
	for i := range list {
		l := &list[i]
		if l.status != nil {
			for _, fn := range s.onTable {
				fn(*l.status)
			}
			continue
		}
		s.tellChange(FlowChange{Last: l.last, Number: l.number}, &l.step)
	}
	q.take(len(list))
}

// tellChange tells of one step. The change is completed by it.
func (s *State) tellChange(c FlowChange, st *step) {
	c.Kind, c.Reason, c.Request, c.step = st.kind, st.why, st.request, st
	s.change = c
	for _, fn := range s.onChange {
		fn(&s.change)
	}
}
