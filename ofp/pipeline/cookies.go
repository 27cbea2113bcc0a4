package pipeline

import (
	"cmp"
	"slices"
)

// # How many flows were learned
//
// A learn action with a limit asks how many flows of its table have its cookie. Loops ask while
// they translate, and so does whoever makes the flow; neither may look at the whole table. So
// State counts the cookies of tables into which some flow learns with a limit, and a snapshot has
// the counts that such flows ask for: few, sorted, and copied by a change of one of them. A
// packet-out's own list asks, too, while it is in hand (cookies_asked.go).

// cookieCount is how many flows of a table have a cookie.
type cookieCount struct {
	cookie uint64
	flows  int
}

func findCookie(list []cookieCount, cookie uint64) (at int, found bool) {
	return slices.BinarySearchFunc(list, cookie, func(c cookieCount, id uint64) int { return cmp.Compare(c.cookie, id) })
}

// learnedBy returns how many flows of a table have a cookie: those that a learn action has learned.
// It is not counted where neither a flow learns with a limit and this cookie nor a packet-out in hand.
func (t *table) learnedBy(cookie uint64) (n int, counted bool) {
	if i, ok := findCookie(t.limited, cookie); ok {
		return t.limited[i].flows, true
	}
	return 0, false
}

// reached says whether a limit of flows with a cookie is reached. Of those that nobody counts it is.
func (t *table) reached(cookie uint64, limit uint32) bool {
	n, counted := t.learnedBy(cookie)
	return limit != 0 && (!counted || n >= int(limit))
}

// cookieBook is what State knows of cookies, for limits. The zero value is ready for use.
type cookieBook struct {
	learners map[learnerKey]int        // actions with a limit, in the flows of all tables
	tables   [NumTables]map[uint64]int // flows by cookie, of the tables of which some learner is
	counts   [NumTables][]cookieCount  // in the transaction in hand; of those in copied
	copied   tableSet                  //
	booked   int                       // steps of the transaction that counts have
	deltas   map[learnerKey]int        // by the transaction's steps, as far as they were looked at
	seen     int                       // of these steps
	learnt   int                       // of these, the ones whose learners are counted
	based    []uint8                   // tables of which all cookies were counted for the transaction

	asked   map[learnerKey]int // packet-outs in hand that learn with a limit
	idle    []learnerKey       // of asked, those without any, the one that lost its last first
	unasked []learnerKey       // that asked has lost
}

// begin forgets the transaction of before.
func (k *cookieBook) begin() {
	if k.copied != (tableSet{}) {
		clear(k.counts[:])
	}
	k.copied, k.booked, k.seen, k.learnt, k.deltas, k.based = tableSet{}, 0, 0, 0, nil, k.based[:0]
}

// abortCookies gives up what was counted for the transaction alone.
func (tx *flowTx) abortCookies() {
	for _, id := range tx.s.cookies.based {
		if len(tx.next.tables[id].limited) == 0 {
			tx.s.cookies.tables[id] = nil
		}
	}
}

// limited are the counts of a table as they are by now.
func (tx *flowTx) limited(id uint8) []cookieCount {
	if k := &tx.s.cookies; k.copied.has(id) {
		return k.counts[id]
	}
	return tx.next.tables[id].limited
}

// ownLimited is limited, to be written.
func (tx *flowTx) ownLimited(id uint8) []cookieCount {
	k := &tx.s.cookies
	delete(tx.copies, id)
	if !k.copied.has(id) {
		k.copied.add(id)
		k.counts[id] = slices.Clone(tx.next.tables[id].limited)
	}
	return k.counts[id]
}

// bookCookies has the counts include all steps.
func (tx *flowTx) bookCookies() {
	k := &tx.s.cookies
	for ; k.booked < len(tx.steps); k.booked++ {
		st := &tx.steps[k.booked]
		tx.bookCookie(st.old, -1)
		tx.bookCookie(st.new, 1)
	}
}

func (tx *flowTx) bookCookie(r *Rule, delta int) {
	if r == nil {
		return
	}
	if i, ok := findCookie(tx.limited(r.Flow.Table), r.Flow.Cookie); ok {
		tx.ownLimited(r.Flow.Table)[i].flows += delta
	}
}

// reached is table.reached as it is by now.
func (tx *flowTx) reached(key learnerKey, limit uint32) bool {
	tx.bookCookies()
	t := table{limited: tx.limited(key.table)}
	return t.reached(key.cookie, limit)
}

// count has the flows with a cookie be counted from now on.
func (tx *flowTx) count(key learnerKey) {
	tx.bookCookies()
	i, there := findCookie(tx.limited(key.table), key.cookie)
	if there {
		return
	}
	k := &tx.s.cookies
	if k.deltas == nil {
		k.deltas = map[learnerKey]int{}
	}
	for ; k.seen < len(tx.steps); k.seen++ {
		st := &tx.steps[k.seen]
		if st.old != nil {
			k.deltas[st.old.cookieKey()]--
		}
		if st.new != nil {
			k.deltas[st.new.cookieKey()]++
		}
	}
	n := tx.cookiesOf(key.table)[key.cookie] + k.deltas[key]
	k.counts[key.table] = slices.Insert(tx.ownLimited(key.table), i, cookieCount{key.cookie, n})
}

func (r *Rule) cookieKey() learnerKey { return learnerKey{r.Flow.Table, r.Flow.Cookie} }

// countLearners has what limits of the flows ask for that have come so far be counted.
func (tx *flowTx) countLearners() {
	k := &tx.s.cookies
	for ; k.learnt < len(tx.steps); k.learnt++ {
		if r := tx.steps[k.learnt].new; r != nil {
			r.Flow.Do.limits(tx.count)
		}
	}
}

// keepCookies makes the counts of the next snapshot, when all steps are there and nothing can
// fail any more.
func (tx *flowTx) keepCookies() {
	tx.bookCookies()
	k := &tx.s.cookies
	changed := k.unasked // that some learner came or went of
	for i := range tx.steps {
		st := &tx.steps[i]
		note := func(delta int) func(learnerKey) {
			return func(key learnerKey) {
				if k.learners == nil {
					k.learners = map[learnerKey]int{}
				}
				if k.learners[key] += delta; k.learners[key] == 0 {
					delete(k.learners, key)
				}
				changed = append(changed, key)
			}
		}
		if st.old != nil {
			st.old.Flow.Do.limits(note(-1))
		}
		if st.new != nil {
			st.new.Flow.Do.limits(note(1))
		}
	}
	for _, key := range changed {
		if k.wanted(key) {
			tx.count(key)
		}
	}
	for i := range tx.steps {
		st := &tx.steps[i]
		k.keep(st.old, -1)
		k.keep(st.new, 1)
	}
	for _, key := range changed {
		i, there := findCookie(tx.limited(key.table), key.cookie)
		if !there || k.wanted(key) {
			continue
		}
		k.counts[key.table] = slices.Delete(tx.ownLimited(key.table), i, i+1)
		if len(k.counts[key.table]) == 0 {
			k.tables[key.table] = nil
		}
	}
	k.unasked = k.unasked[:0]
}

// wanted says whether somebody asks how many flows have a cookie.
func (k *cookieBook) wanted(key learnerKey) bool {
	_, asked := k.asked[key]
	return asked || k.learners[key] > 0
}

// keep books that a rule came or went.
func (k *cookieBook) keep(r *Rule, delta int) {
	if r == nil || k.tables[r.Flow.Table] == nil {
		return
	}
	m := k.tables[r.Flow.Table]
	if m[r.Flow.Cookie] += delta; m[r.Flow.Cookie] == 0 {
		delete(m, r.Flow.Cookie)
	}
}

// cookiesOf are the flows of a table by cookie, before the transaction. It looks at all of them,
// the first time.
func (tx *flowTx) cookiesOf(id uint8) map[uint64]int {
	k := &tx.s.cookies
	if k.tables[id] == nil {
		m := map[uint64]int{}
		for c := range tx.next.tables[id].rules.Rules() {
			m[c.Data.(*Rule).Flow.Cookie]++
		}
		k.tables[id] = m
		k.based = append(k.based, id)
	}
	return k.tables[id]
}

// limits calls fn with what the limits of learn actions ask for.
func (i *Instructions) limits(fn func(learnerKey)) {
	i.eachLearn(func(l *Learn) {
		if l.Limit != 0 {
			fn(learnerKey{l.Table, l.Cookie})
		}
	})
}

// eachLearn calls fn with every learn action.
func (i *Instructions) eachLearn(fn func(*Learn)) {
	i.some(func(a *Action) bool {
		if a.Kind == ActLearn {
			fn(a.List.Learn)
		}
		return false
	})
}
