package pipeline

import (
	"pollux/classifier"
	"pollux/flow"
)

// flowTx is a change of flows in the making: nobody sees it before build has put its tables
// into a snapshot and that is published. Then finish does what else follows from it. One
// that is given up is simply forgotten. State has one, which is used again and again;
// its mutex is held throughout.
type flowTx struct {
	s       *State
	next    *Snapshot
	now     int64
	by      any
	request int                            // in hand, of several
	number  uint64                         // of the last change that has been told
	tables  [NumTables]*classifier.Builder // of those that were touched
	touched []uint8
	steps   []step    // in order
	evicted []evicted // to be put back if nothing comes of it
	adopted []*Rule   // that are the configuration's from now on

	point       *Snapshot          // what next is by now, if that was asked for
	copies      map[uint8]*table   // of the points: tables that have not changed since; begun by the first
	others      *classifier.Others // what changed beside rules and decisions may have asked; nil: nothing
	beyond      bool               // more changed, and any decision may depend on it
	anew        bool               // something changed, even if it is no rule and no decision depends on it
	again       bool               // decisions are to be made again that learn what there was no room for
	quiet       bool               // nobody is told of flows as removed
	each        bool               // it is of FlowModEach
	learns      bool               // it is of what packets have the switch learn, maybe by a loop
	metersOwned bool               // next.meters may be written
}

// step is one rule that came (old is nil), went (new is nil) or was replaced.
type step struct {
	old, new *Rule
	kind     FlowChangeKind
	why      RemovedReason // of one that went
	request  int           // flowTx.request
}

// begin returns the transaction, empty, on top of next.
func (s *State) begin(next *Snapshot, by any) *flowTx {
	tx := &s.tx
	for _, id := range tx.touched {
		tx.tables[id] = nil
	}
	clear(tx.steps)
	clear(tx.evicted)
	clear(tx.adopted)
	tx.point, tx.copies = nil, nil
	tx.adopted, tx.others, tx.beyond, tx.anew, tx.metersOwned, tx.each, tx.again, tx.learns, tx.quiet = tx.adopted[:0], nil, false, false, false, false, false, false, false
	tx.steps, tx.touched, tx.evicted = tx.steps[:0], tx.touched[:0], tx.evicted[:0]
	s.cookies.begin()
	s.users.begin()
	tx.s, tx.next, tx.now, tx.by, tx.request, tx.number = s, next, s.now(), by, 0, s.seq
	return tx
}

// view returns a table as it is by now, to be read until its next change.
func (tx *flowTx) view(id uint8) *classifier.Table {
	if b := tx.tables[id]; b != nil {
		return b.View()
	}
	return tx.next.tables[id].rules
}

// edit returns the builder of a table.
func (tx *flowTx) edit(id uint8) *classifier.Builder {
	b := tx.tables[id]
	if b == nil {
		b = tx.next.tables[id].rules.Builder()
		tx.tables[id] = b
		tx.touched = append(tx.touched, id)
	}
	delete(tx.copies, id)
	return b
}

// find returns the rule of a table with exactly this match and priority, or nil.
func (tx *flowTx) find(id uint8, m *flow.Match, priority uint16) *Rule {
	c := classifier.Match(*m)
	c.Normalize()
	if r := tx.view(id).Find(&c, int32(priority)); r != nil {
		return r.Data.(*Rule)
	}
	return nil
}

// newRule returns a rule for f that no table has yet.
func (tx *flowTx) newRule(f *Flow, from origin) *Rule {
	tx.s.seq++
	r := &Rule{
		Flow: ruleFlow{
			Cookie: f.Cookie, IdleTimeout: f.IdleTimeout, HardTimeout: f.HardTimeout, Flags: f.Flags, Importance: f.Importance,
			Priority: f.Priority, Table: f.Table, line: int32(f.Line), column: int32(f.Column),
		},
		Created: tx.now, modified: tx.now, origin: from,
		n: &ruleCounts{}, counts: tx.next.tables[f.Table].counts, seq: tx.s.seq, changed: tx.s.seq,
	}
	r.n.used.Store(tx.now)
	r.Flow.Do = tx.s.share(&f.Do)
	m := classifier.Match(f.Match)
	r.cls = classifier.Rule{Match: &m, Priority: int32(f.Priority), Data: r, Clauses: f.Do.clauses()}
	return r
}

// put puts r into its table, in the place of old unless that is nil.
func (tx *flowTx) put(r, old *Rule, kind FlowChangeKind) {
	tx.edit(r.Flow.Table).Add(&r.cls)
	r.cls.Match = nil // the table has it
	if old != nil {
		r.again = kind == FlowAdded || old.again
		if kind == FlowModified && r.doesAs(old) {
			r.changed = old.changed
		}
	}
	tx.steps = append(tx.steps, step{old: old, new: r, kind: kind, request: tx.request})
}

// remove takes r out of its table.
func (tx *flowTx) remove(r *Rule, why RemovedReason) {
	tx.edit(r.Flow.Table).RemoveRule(&r.cls)
	tx.steps = append(tx.steps, step{old: r, kind: FlowDeleted, why: why, request: tx.request})
}

// fewRules is how many rules of a table are removed one by one, so that decisions which
// none of them touches stand.
const fewRules = 64

// clear removes all rules of a table, in less time than one by one.
func (tx *flowTx) clear(id uint8, why RemovedReason) {
	for c := range tx.view(id).Rules() {
		tx.steps = append(tx.steps, step{old: c.Data.(*Rule), kind: FlowDeleted, why: why, request: tx.request})
	}
	tx.edit(id).Clear()
}

// build makes the tables of the next snapshot.
func (tx *flowTx) build() {
	tx.dropLearned()
	tx.keepCookies()
	tx.bookUsers()
	for _, id := range tx.touched {
		tx.next.tables[id] = tx.next.tables[id].with(tx.tables[id].Table(), tx.limited(id))
	}
	for id := range tx.s.cookies.copied.each() {
		if t := tx.next.tables[id]; tx.tables[id] == nil {
			tx.next.tables[id] = t.with(t.rules, tx.limited(id))
		}
	}
}

// finish does what follows from the changes, which have been published.
func (tx *flowTx) finish() {
	s := tx.s
	if !tx.learns {
		s.tellLearned(0)
	}
	for _, r := range tx.adopted {
		r.origin = fromConfig
	}
	for i := range tx.steps {
		st := &tx.steps[i]
		if st.old != nil {
			s.forgetTimes(st.old)
			st.old.dead = true
			s.unshare(st.old.Flow.Do)
		}
		if st.new != nil {
			s.noteTimes(st.new)
			if st.kind == FlowAdded && st.old != nil && st.new.n == st.old.n {
				st.new.n.used.Store(max(tx.now, st.new.n.used.Load()))
			}
		}
		s.watchRule(st, tx.now)
		tx.tell(st, i == len(tx.steps)-1 || tx.each && tx.steps[i+1].request != st.request)
	}
	for _, id := range tx.touched {
		tx.tableChanged(id)
	}
}

// commit publishes the changes; none is no change.
func (tx *flowTx) commit() {
	if len(tx.steps) == 0 && tx.others == nil && !tx.beyond && !tx.anew {
		return
	}
	tx.build()
	if tx.beyond {
		tx.s.put(tx.next)
	} else {
		tx.s.putRules(tx.next, tx.others)
	}
	tx.finish()
}
