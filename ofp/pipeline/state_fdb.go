package pipeline

import (
	"fmt"
	"sort"
	"time"
)

// FDBStats counts what became of learned addresses.
type FDBStats struct {
	Learned uint64 `json:"learned"` // new addresses
	Moved   uint64 `json:"moved"`   // to another port
	Expired uint64 `json:"expired"` // no traffic for the ageing time
	Evicted uint64 `json:"evicted"` // for want of room: the oldest of the port with the most
	Lost    uint64 `json:"lost"`    // learned again later, as a loop's ring had no room
	Current int    `json:"current"`
	Max     int    `json:"max"`
}

// learn drains the loops' rings into the table of addresses and, in a sweep, lets
// the old ones go. The mutex is held.
func (s *State) learn(now int64, sweep bool) {
	cur := s.snap.Load()
	var e *fdbEdit
	for _, r := range s.loops.notes {
		for {
			n, ok := r.Pop()
			if !ok {
				break
			}
			if e == nil {
				e = editFDB(cur.fdb)
			}
			s.takeNote(e, cur, n)
		}
	}
	if sweep && cur.fdb.n > 0 || e != nil && e.next.n > s.fdbSize {
		if e == nil {
			e = editFDB(cur.fdb)
		}
		s.fdbStats.Evicted += uint64(e.shrink(s.fdbSize))
		if sweep {
			s.fdbStats.Expired += uint64(e.removeIf(func(v *fdbEntry) bool { return now-v.used.Load() >= s.ageing }))
		}
	}
	lost := s.loops.lost.Load()
	again := lost != s.lost // decisions that did not learn must be asked again
	s.fdbStats.Lost += lost - s.lost
	s.lost = lost
	switch {
	case e != nil && e.dirty:
		s.putFDB(e.next)
	case again:
		s.putFDB(cur.fdb)
	}
}

func (s *State) takeNote(e *fdbEdit, cur *Snapshot, n note) {
	p := cur.ports.get(n.port)
	if p == nil || !p.canSend() || !p.includes(n.key.vlan()) {
		return // the port is not what it was when the packet came
	}
	had := e.next.lookup(n.key.vlan(), n.key.mac()) != nil
	if !e.learn(n.key, n.port, n.now) {
		return
	}
	if had {
		s.fdbStats.Moved++
	} else {
		s.fdbStats.Learned++
	}
}

// putFDB publishes a change of the learned addresses alone.
func (s *State) putFDB(f *fdb) {
	next := *s.snap.Load()
	next.fdb = f
	next.fdbGen++
	next.changes = next.changes.Learned(next.generations())
	s.store(&next)
}

// forget removes the addresses whose port is gone, down or no longer in their VLAN.
func (s *State) forget(next *Snapshot) {
	if next.fdb.n == 0 {
		return
	}
	e := editFDB(next.fdb)
	n := e.removeIf(func(v *fdbEntry) bool {
		p := next.ports.get(v.port)
		return p == nil || !p.canSend() || !p.includes(v.key.vlan())
	})
	if n > 0 {
		next.fdb = e.next
		next.fdbGen++
	}
}

// FlushFDB forgets all learned addresses.
func (s *State) FlushFDB() {
	s.mu.Lock()
	defer s.unlock()
	s.putFDB(&fdb{})
}

// FDBStats returns the counts of learned addresses.
func (s *State) FDBStats() FDBStats {
	s.mu.Lock()
	defer s.unlock()
	st := s.fdbStats
	st.Current, st.Max = s.snap.Load().fdb.n, s.fdbSize
	return st
}

// DumpFDB returns the learned addresses by VLAN and address.
func (s *State) DumpFDB() []FDBEntry {
	return s.snap.Load().DumpFDB(s.now())
}

// DumpFDB is State.DumpFDB for one snapshot.
func (s *Snapshot) DumpFDB(now int64) []FDBEntry {
	all := make([]*fdbEntry, 0, s.fdb.n)
	s.fdb.each(func(e *fdbEntry) { all = append(all, e) })
	sort.Slice(all, func(i, j int) bool { return all[i].key < all[j].key })
	out := make([]FDBEntry, len(all))
	for i, e := range all {
		out[i] = FDBEntry{e.port, e.key.vlan(), macString(e.key.mac()), max(now-e.used.Load(), 0) / int64(time.Second)}
	}
	return out
}

// String writes the entry as a line of ovs-appctl fdb/show.
func (e *FDBEntry) String() string {
	port := fmt.Sprint(e.Port)
	if e.Port == 0xfffffffe {
		port = "LOCAL"
	}
	return fmt.Sprintf("%5s  %4d  %s  %3d", port, e.VLAN, e.MAC, e.Age)
}
