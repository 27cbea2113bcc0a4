package pipeline

import (
	"cmp"
	"slices"
)

// # Who uses groups and meters
//
// To count those who lead to a group, and to find the flows that go with it, takes no look at all
// flows: State keeps the users of each group and meter. They are those of the transaction in hand as far
// as it has been booked; one that is given up takes back what it booked.

// users is who uses a group or a meter.
type users struct {
	flows   map[*Rule]struct{}
	times   int // that flows do, of which one may several times
	buckets int // times that buckets of groups lead to the group
	watches int // times that buckets of groups watch the group
}

// userBook is the users of all groups and meters, by number; of those that have some. The zero
// value is ready for use.
type userBook struct {
	groups, meters map[uint32]*users
	booked         int         // steps of the transaction that it has
	changed        []groupStep // of the transaction, which it has
}

// groupStep is a group that came (old is nil), went (new is nil) or was replaced.
type groupStep struct{ old, new *groupEntry }

// begin forgets the transaction of before.
func (u *userBook) begin() {
	clear(u.changed)
	u.booked, u.changed = 0, u.changed[:0]
}

// change has fn change the users of one group or meter.
func change(in *map[uint32]*users, id uint32, fn func(*users)) {
	u := (*in)[id]
	if u == nil {
		u = &users{}
		if *in == nil {
			*in = map[uint32]*users{}
		}
		(*in)[id] = u
	}
	fn(u)
	if u.times == 0 && u.buckets == 0 && u.watches == 0 {
		delete(*in, id)
	}
}

// flow books a rule that came, for 1, or went, for -1; nil is none.
func (u *userBook) flow(r *Rule, delta int) {
	if r == nil {
		return
	}
	use := func(in *map[uint32]*users, id uint32) {
		change(in, id, func(of *users) {
			of.times += delta
			switch {
			case delta < 0:
				delete(of.flows, r)
			case of.flows == nil:
				of.flows = map[*Rule]struct{}{r: {}}
			default:
				of.flows[r] = struct{}{}
			}
		})
	}
	do := r.Flow.Do
	eachGroup(do.Apply, func(id uint32) { use(&u.groups, id) })
	eachGroup(do.Write, func(id uint32) { use(&u.groups, id) })
	do.eachMeter(func(id uint32) { use(&u.meters, id) })
}

// group books an entry that came or went; nil is none.
func (u *userBook) group(e *groupEntry, delta int) {
	if e == nil {
		return
	}
	for i := range e.Buckets {
		b := &e.Buckets[i]
		eachGroup(b.Actions, func(id uint32) { change(&u.groups, id, func(of *users) { of.buckets += delta }) })
		if b.WatchGroup != AnyGroup {
			change(&u.groups, b.WatchGroup, func(of *users) { of.watches += delta })
		}
	}
}

// bookUsers books all steps.
func (tx *flowTx) bookUsers() {
	u := &tx.s.users
	for ; u.booked < len(tx.steps); u.booked++ {
		u.flow(tx.steps[u.booked].old, -1)
		u.flow(tx.steps[u.booked].new, 1)
	}
}

// setGroup puts e in the place of group id, or takes that away if e is nil.
func (tx *flowTx) setGroup(id uint32, e *groupEntry) {
	old := tx.next.groups.get(id)
	tx.next.groups = tx.next.groups.with(id, e)
	tx.bookGroup(old, e)
}

func (tx *flowTx) bookGroup(old, new *groupEntry) {
	u := &tx.s.users
	u.group(old, -1)
	u.group(new, 1)
	u.changed = append(u.changed, groupStep{old, new})
}

// unbookUsers takes back what the transaction has booked.
func (tx *flowTx) unbookUsers() {
	u := &tx.s.users
	for i := u.booked - 1; i >= 0; i-- {
		u.flow(tx.steps[i].new, -1)
		u.flow(tx.steps[i].old, 1)
	}
	for i := len(u.changed) - 1; i >= 0; i-- {
		u.group(u.changed[i].new, -1)
		u.group(u.changed[i].old, 1)
	}
	u.begin()
}

// removeUsers removes the flows that use one of these, in the order of tables and of age.
func (tx *flowTx) removeUsers(of []*users, why RemovedReason) {
	var list []*Rule
	for _, u := range of {
		if u != nil {
			for r := range u.flows {
				list = append(list, r)
			}
		}
	}
	slices.SortFunc(list, func(a, b *Rule) int {
		return cmp.Or(cmp.Compare(a.Flow.Table, b.Flow.Table), cmp.Compare(a.seq, b.seq))
	})
	for _, r := range slices.Compact(list) { // one may use several
		tx.remove(r, why)
	}
}
