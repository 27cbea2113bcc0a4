package cache

// bond is what is remembered of a slot of the loop's exact-match cache: the entry that
// its packets count in. The slot stands for a whole key, and a flow key is a part of
// it, so that the bond holds until the slot gets another key (Forget) or the entry
// another flow (its generation moves on). Several slots may be bound to one entry: they
// differ in what is not in the flow key, such as TTL and TCP flags.
//
//	bits 0-31 offset of the entry in bytes, 32-47 kind, 48-63 generation; no bond has generation 0
type bond uint64

const (
	bondEntry = 6 // entries have 64 bytes, and there are at most 1<<26
	bondKind  = 32
)

func (d bond) entry() uint32 { return uint32(d) >> bondEntry }
func (d bond) kind() kind    { return kind(d >> bondKind) }

// UseSlots makes room to remember the flows of n slots of the loop's exact-match
// cache; 0 is none. To be called before the loop runs.
func (c *Cache) UseSlots(n int) {
	for i := range c.bonds {
		c.bonds[i] = room[bond](c.arena, n, true)
	}
}

// Forget says that slot holds another key from now on, or none. Owner only.
func (c *Cache) Forget(slot int32) {
	for _, b := range c.bonds {
		if uint(slot) < uint(len(b)) {
			b[slot] = 0
		}
	}
}

// bind remembers that packets of slot, which have this kind, count in entry x.
func (c *Cache) bind(bonds []bond, slot int32, x uint32, k kind) {
	if uint(slot) < uint(len(bonds)) {
		bonds[slot] = bond(c.hot[x].check>>16)<<48 | bond(k)<<bondKind | bond(x)<<bondEntry
	}
}

// unbind ends all bonds of entry x. Generations have 16 bits: when they begin again,
// bonds of long ago must not come true, and all go.
func (c *Cache) unbind(x uint32) {
	e := &c.hot[x]
	if e.check += 1 << 16; e.check>>16 == 0 {
		e.check += 1 << 16
		for _, b := range c.bonds {
			clear(b)
		}
	}
}

// bound returns the entry that packets of slot at the point with this number count in.
func (c *Cache) bound(bonds []bond, slot int32, point uint32) (d bond, ok bool) {
	if uint(slot) >= uint(len(bonds)) {
		return 0, false
	}
	d = bonds[slot]
	return d, c.hot[d.entry()].check == d.check(point)
}

// check returns what hot.check is if the bond is to hold for a point.
func (d bond) check(point uint32) uint32 { return uint32(d>>32)&^nowhere | point }
