package pipeline

import (
	"fmt"
	"maps"
	"sync/atomic"
)

// fdbShards is how many parts the table of learned addresses has; a change copies
// one of them.
const fdbShards = 1024

// fdbKey is a learned address: its VLAN above its 48 bits.
type fdbKey uint64

func makeFDBKey(vlan uint16, mac uint64) fdbKey { return fdbKey(uint64(vlan)<<48 | mac) }

func (k fdbKey) vlan() uint16 { return uint16(k >> 48) }
func (k fdbKey) mac() uint64  { return uint64(k) & (1<<48 - 1) }

func (k fdbKey) shard() int {
	return int(uint64(k) * 0x9e3779b97f4a7c15 >> 54) // the top 10 bits
}

// fdbEntry says where an address was last seen.
type fdbEntry struct {
	key     fdbKey
	port    uint32
	created int64        // ns
	used    atomic.Int64 // ns; loops write it through credits, several at once
}

// touch notes that the address sent something at now.
func (e *fdbEntry) touch(now int64) {
	if e.used.Load() < now {
		e.used.Store(now)
	}
}

// fdb is an immutable table of learned addresses. Only the used member of its
// entries changes.
type fdb struct {
	shards [fdbShards]map[fdbKey]*fdbEntry
	n      int
}

// lookup returns the entry of mac in vlan, or nil.
func (f *fdb) lookup(vlan uint16, mac uint64) *fdbEntry {
	k := makeFDBKey(vlan, mac)
	return f.shards[k.shard()][k]
}

// each calls fn for every entry, in no particular order.
func (f *fdb) each(fn func(*fdbEntry)) {
	for _, s := range f.shards {
		for _, e := range s {
			fn(e)
		}
	}
}

// hasOlder says whether an address was last seen at t or before.
func (f *fdb) hasOlder(t int64) bool {
	for _, s := range f.shards {
		for _, e := range s {
			if e.used.Load() <= t {
				return true
			}
		}
	}
	return false
}

// fdbEdit makes the successor of an fdb, copying each shard it touches once.
type fdbEdit struct {
	next  *fdb
	owned [fdbShards / 64]uint64
	dirty bool
}

func editFDB(old *fdb) *fdbEdit {
	e := &fdbEdit{next: &fdb{}}
	*e.next = *old
	return e
}

func (e *fdbEdit) own(i int) map[fdbKey]*fdbEntry {
	if e.owned[i>>6]>>(i&63)&1 == 0 {
		if e.next.shards[i] == nil {
			e.next.shards[i] = map[fdbKey]*fdbEntry{}
		} else {
			e.next.shards[i] = maps.Clone(e.next.shards[i])
		}
		e.owned[i>>6] |= 1 << (i & 63)
	}
	e.dirty = true
	return e.next.shards[i]
}

// learn notes that key was seen at port. It reports whether that was news.
func (e *fdbEdit) learn(key fdbKey, port uint32, now int64) bool {
	old := e.next.shards[key.shard()][key]
	if old != nil && old.port == port {
		old.touch(now)
		return false
	}
	s := e.own(key.shard())
	n := &fdbEntry{key: key, port: port, created: now}
	n.used.Store(now)
	s[key] = n
	if old == nil {
		e.next.n++
	}
	return true
}

func (e *fdbEdit) remove(key fdbKey) {
	i := key.shard()
	if _, ok := e.next.shards[i][key]; ok {
		delete(e.own(i), key)
		e.next.n--
	}
}

// removeIf removes the entries for which fn says so and returns how many.
func (e *fdbEdit) removeIf(fn func(*fdbEntry) bool) int {
	before := e.next.n
	for i := range e.next.shards {
		for k, v := range e.next.shards[i] {
			if fn(v) {
				// The range goes on over the map it began with, as own replaces
				// the shard by a copy.
				delete(e.own(i), k)
				e.next.n--
			}
		}
	}
	return before - e.next.n
}

// FDBEntry is a learned address for people.
type FDBEntry struct {
	Port uint32 `json:"port"`
	VLAN uint16 `json:"vlan"`
	MAC  string `json:"mac"`
	Age  int64  `json:"age"` // whole seconds since it was last seen
}

func macString(m uint64) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte(m>>40), byte(m>>32), byte(m>>24), byte(m>>16), byte(m>>8), byte(m))
}
