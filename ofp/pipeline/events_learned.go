package pipeline

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
	list []learnedChange
	told int // of list
}

// mostKept is for how many changes a queue keeps memory.
const mostKept = 4096

func (q *learnedChanges) add(c learnedChange) { q.list = append(q.list, c) }

// tellAtOnce is of how many learned flows Tick tells before it lets others have the mutex.
const tellAtOnce = 64

// TellChanges tells of what packets have had the switch learn (OnFlowChange, OnTableStatus),
// as far as that has not been told.
func (s *State) TellChanges() {
	for more := true; more; {
		s.mu.Lock()
		more = s.tellLearned(tellAtOnce)
		s.unlock()
	}
}

// tellLearned tells of learned flows, of the first so many or of all for 0, and says whether there are more.
// Whoever tells of other changes calls it first. The mutex is held, and it is no loop that holds it.
func (s *State) tellLearned(most int) (more bool) {
	q := &s.learned
	list := q.list[q.told:]
	if most > 0 && len(list) > most {
		list, more = list[:most], true
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
	clear(list) // of rules
	if q.told += len(list); !more {
		q.list, q.told = q.list[:0], 0
		if cap(q.list) > mostKept {
			q.list = nil
		}
	}
	return more
}

// tellChange tells of one step. The change is completed by it.
func (s *State) tellChange(c FlowChange, st *step) {
	c.Kind, c.Reason, c.Request, c.step = st.kind, st.why, st.request, st
	s.change = c
	for _, fn := range s.onChange {
		fn(&s.change)
	}
}
