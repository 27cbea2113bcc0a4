package classifier

import "pollux/flow"

// trie is a node of a path-compressed binary trie of the prefixes that a table's
// rules have in one field. Nodes are shared between versions of a table and
// belong to builders as those of node do.
type trie struct {
	edit   uint64
	prefix flow.Value // the whole prefix from the root, left-aligned, zero after length
	length int16
	count  int32   // rules whose prefix is exactly this
	below  lengths // the lengths of the prefixes here and below
	kid    [2]*trie
}

// lengths is a set of prefix lengths, 0 to 128.
type lengths [3]uint64

func (l *lengths) add(n int)      { l[n>>6] |= 1 << (n & 63) }
func (l *lengths) has(n int) bool { return l[n>>6]>>(n&63)&1 != 0 }
func (l *lengths) merge(o *lengths) {
	l[0] |= o[0]
	l[1] |= o[1]
	l[2] |= o[2]
}

// check says whether some prefix of the given length matches v, and how many upper
// bits of v the answer depends on: with those equal the answer is equal, and with one
// bit fewer it might not be.
func (t *trie) check(v flow.Value, length int) (match bool, depends int) {
	for t != nil && t.below.has(length) {
		same := leadingZeros(v.Xor(t.prefix))
		if same < int(t.length) {
			return false, same + 1
		}
		// All below is at least t.length long, so length is, too.
		if int(t.length) == length {
			return true, length
		}
		depends = int(t.length) + 1
		t = t.kid[bitAt(v, int(t.length))]
	}
	return false, depends
}

// add returns t with delta more rules of the upper length bits of v. Fewer than none
// must not be asked for. The result is nil when nothing is left.
func (t *trie) add(edit uint64, v flow.Value, length int, delta int32) *trie {
	v = v.And(highOnes(length))
	if t == nil {
		n := &trie{edit: edit, prefix: v, length: int16(length), count: delta}
		n.below.add(length)
		return n
	}
	same := min(leadingZeros(v.Xor(t.prefix)), length, int(t.length))
	switch {
	case same == int(t.length) && same == length:
		t = t.own(edit)
		t.count += delta
	case same == int(t.length):
		t = t.own(edit)
		b := bitAt(v, same)
		t.kid[b] = t.kid[b].add(edit, v, length, delta)
	case same == length:
		n := &trie{edit: edit, prefix: v, length: int16(length), count: delta}
		n.kid[bitAt(t.prefix, same)] = t
		t = n
	default:
		n := &trie{edit: edit, prefix: v.And(highOnes(same)), length: int16(same)}
		n.kid[bitAt(t.prefix, same)] = t
		n.kid[bitAt(v, same)] = (*trie)(nil).add(edit, v, length, delta)
		t = n
	}
	return t.tidy()
}

// tidy does without a node that no rule needs, and sums up the lengths below.
func (t *trie) tidy() *trie {
	if t.count == 0 {
		if t.kid[0] == nil {
			return t.kid[1]
		}
		if t.kid[1] == nil {
			return t.kid[0]
		}
	}
	t.below = lengths{}
	if t.count != 0 {
		t.below.add(int(t.length))
	}
	for _, k := range t.kid {
		if k != nil {
			t.below.merge(&k.below)
		}
	}
	return t
}

func (t *trie) own(edit uint64) *trie {
	if t.edit == edit {
		return t
	}
	c := *t
	c.edit = edit
	return &c
}
