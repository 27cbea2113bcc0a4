package pipeline

import (
	"slices"

	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// sourced stands for the input port of packets that a controller made itself: NORMAL lets
// them into every VLAN, and learns no address.
var sourced = &Port{OFPort: flow.PortController}

// TranslateOut decides what happens to a packet of a packet-out by its list of actions: in
// u.Key are its headers, the port and the metadata that the controller gave it. Output to
// flow.PortTable goes through the tables. It is like Translate in all else, but for Mask and
// Path: the answer is for this packet alone.
func (s *Snapshot) TranslateOut(u *pmd.Upcall, list []Action) {
	x := s.scratch(u.Thread)
	x.begin(s, u, nil)
	x.out = true
	if b := s.sampling.Bridge; b != nil && b.Input {
		x.sample(b.Exporter, cache.Point{Dir: cache.Ingress, Domain: b.Domain, ID: b.Point}, b.Attribute)
		x.prefix = len(x.ops)
	}
	x.actions(list)
	x.finish()
	x.end()
}

// CheckOut refuses a packet-out's list that has what the switch cannot do, or that refers to
// what is not there, with the error that a flow with it would have.
func (s *Snapshot) CheckOut(list []Action) error {
	return (&flowTx{next: s}).checkDo(&Flow{Do: Instructions{Apply: list}})
}

// Out is a packet-out.
type Out struct {
	Frame []byte
	In    flow.Key  // its port and metadata
	List  []Action  // what is to be done to it
	By    *Snapshot // the tables that it meets; nil: those in force
}

// Translate is what pmd.PacketOut asks of the tables in force.
func (o *Out) Translate(t pmd.Tables, u *pmd.Upcall) {
	now := t.(*Snapshot)
	switch {
	case o.By == nil:
		now.TranslateOut(u, o.List)
	case o.By.ports.sameSlots(now.ports):
		o.By.TranslateOut(u, o.List)
	default: // ports have come or gone since: it can only leave by those that there are
		by := *o.By
		by.ports = now.ports
		by.TranslateOut(u, o.List)
	}
}

// PacketOut returns what pmd.PacketOut asks of the tables in force, for a list of actions.
func PacketOut(list []Action) func(pmd.Tables, *pmd.Upcall) { return (&Out{List: list}).Translate }

// sameSlots says whether loops know the same ports by the same numbers.
func (s *portSet) sameSlots(o *portSet) bool {
	if s == o {
		return true
	}
	if len(s.all) != len(o.all) {
		return false
	}
	for i := range s.all {
		if s.all[i].OFPort != o.all[i].OFPort || s.all[i].Slot != o.all[i].Slot {
			return false
		}
	}
	return true
}

// out does a packet-out of a bundle: it meets the tables as the requests before it have made
// them, and no more of them.
func (tx *flowTx) out(o *Out) error {
	if err := tx.checkDo(&Flow{Do: Instructions{Apply: o.List}}); err != nil {
		return err
	}
	(&Instructions{Apply: o.List}).limits(func(key learnerKey) {
		if _, ok := findCookie(tx.limited(key.table), key.cookie); !ok {
			tx.point, tx.anew = nil, true // which do not count them
			tx.count(key)
		}
	})
	if tx.point == nil {
		tx.point = tx.soFar()
	}
	o.By = tx.point
	return nil
}

// soFar returns what the next snapshot is by now.
func (tx *flowTx) soFar() *Snapshot {
	s := *tx.next
	tx.countLearners()
	tx.bookCookies()
	for _, id := range tx.touched {
		s.tables[id] = tx.copied(id)
	}
	for id := range tx.s.cookies.copied.each() {
		s.tables[id] = tx.copied(id)
	}
	tx.metersOwned = false // who changes meters next takes another map
	return &s
}

// copied returns a table as it is by now. Points between which it does not change share it.
func (tx *flowTx) copied(id uint8) *table {
	t := tx.copies[id]
	if t != nil {
		return t
	}
	t = tx.next.tables[id]
	rules := t.rules
	if b := tx.tables[id]; b != nil {
		rules = b.Copy()
	}
	t = t.with(rules, slices.Clone(tx.limited(id)))
	if tx.copies == nil {
		tx.copies = map[uint8]*table{}
	}
	tx.copies[id] = t
	return t
}

// Apart says whether the packet of m, in a bundle behind before, meets tables of its own, which
// are to be kept until it is treated: the first packet behind a change does, and one that learns
// with a limit may. before is nil for the first request.
func (m *Mod) Apart(before *Mod) bool {
	return m.Out != nil && (before == nil || before.Out == nil || len(m.Out.limits(nil)) > 0)
}

// Masks returns how many different masks the matches of flows have, counted in each table: a
// change of a table takes some memory for each, while somebody keeps what it was before.
func (s *Snapshot) Masks() (n int) {
	for _, t := range s.tables {
		n += t.rules.Subtables()
	}
	return n
}

// actionSetLast executes the action set when the pipeline has ended.
func (x *xlate) actionSetLast() {
	x.inSet = true
	x.actionSet()
}
