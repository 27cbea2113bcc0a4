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
// the counts that such flows ask for: few, sorted, and copied by a change of one of them.

// cookieCount is how many flows of a table have a cookie.
type cookieCount struct {
	cookie uint64
	flows  int
}

func findCookie(list []cookieCount, cookie uint64) (at int, found bool) {
	return slices.BinarySearchFunc(list, cookie, func(c cookieCount, id uint64) int { return cmp.Compare(c.cookie, id) })
}

// learnedBy counts the flows of a table with a cookie: those that a learn action has learned. If
// no flow learns with a limit and this cookie it looks at all of them.
func (t *table) learnedBy(cookie uint64) (n int) {
	if i, ok := findCookie(t.limited, cookie); ok {
		return t.limited[i].flows
	}
	for c := range t.rules.Rules() {
		if c.Data.(*Rule).Flow.Cookie == cookie {
			n++
		}
	}
	return n
}

// cookieBook is what State knows of cookies, for limits. The zero value is ready for use.
type cookieBook struct {
	learners map[learnerKey]int        // actions with a limit, in the flows of all tables
	tables   [NumTables]map[uint64]int // flows by cookie, of the tables of which some learner is
	counts   [NumTables][]cookieCount  // in the transaction in hand; of those in copied
	copied   tableSet                  //
	booked   int                       // steps of the transaction that counts have
}

// begin forgets the transaction of before.
func (k *cookieBook) begin() {
	if k.copied != (tableSet{}) {
		clear(k.counts[:])
	}
	k.copied, k.booked = tableSet{}, 0
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

// learnedBy is table.learnedBy as it is by now.
func (tx *flowTx) learnedBy(id uint8, cookie uint64) int {
	tx.bookCookies()
	t := table{rules: tx.view(id), limited: tx.limited(id)}
	return t.learnedBy(cookie)
}

// keepCookies makes the counts of the next snapshot, when all steps are there and nothing can
// fail any more.
func (tx *flowTx) keepCookies() {
	tx.bookCookies()
	k := &tx.s.cookies
	var changed []learnerKey // that some learner came or went of
	for i := range tx.steps {
		st := &tx.steps[i]
		for _, side := range [2]struct {
			r     *Rule
			delta int
		}{{st.old, -1}, {st.new, 1}} {
			if side.r == nil {
				continue
			}
			if m := k.tables[side.r.Flow.Table]; m != nil {
				if m[side.r.Flow.Cookie] += side.delta; m[side.r.Flow.Cookie] == 0 {
					delete(m, side.r.Flow.Cookie)
				}
			}
			side.r.Flow.Do.eachLearn(func(l *Learn) {
				if l.Limit == 0 {
					return
				}
				if k.learners == nil {
					k.learners = map[learnerKey]int{}
				}
				key := learnerKey{l.Table, l.Cookie}
				k.learners[key] += side.delta
				changed = append(changed, key)
			})
		}
	}
	for _, key := range changed {
		i, there := findCookie(tx.limited(key.table), key.cookie)
		wanted := k.learners[key] > 0
		if !wanted {
			delete(k.learners, key)
		}
		switch {
		case wanted == there:
		case wanted:
			n := tx.cookiesOf(key.table)[key.cookie]
			k.counts[key.table] = slices.Insert(tx.ownLimited(key.table), i, cookieCount{key.cookie, n})
		default:
			k.counts[key.table] = slices.Delete(tx.ownLimited(key.table), i, i+1)
			if len(k.counts[key.table]) == 0 {
				k.tables[key.table] = nil
			}
		}
	}
}

// cookiesOf are the flows of a table by cookie. It looks at all of them, the first time.
func (tx *flowTx) cookiesOf(id uint8) map[uint64]int {
	k := &tx.s.cookies
	if k.tables[id] == nil {
		m := map[uint64]int{}
		for c := range tx.view(id).Rules() {
			m[c.Data.(*Rule).Flow.Cookie]++
		}
		k.tables[id] = m
	}
	return k.tables[id]
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
