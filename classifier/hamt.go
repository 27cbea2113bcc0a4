package classifier

import (
	"math/bits"

	"pollux/flow"
)

// node is a node of a hash-array-mapped trie from 64-bit hashes to leaves: five bits
// of the hash a level, children only where there are some. A version that is
// derived from another shares all nodes but those on the way to what changed.
//
// A node belongs to the builder whose edit number it carries, which alone may write
// it; with any other number it is shared and copied first.
type node struct {
	edit   uint64
	bitmap uint32 // which of the 32 children there are
	top    *Rule  // the rule below that wins over all others below
	kids   []kid
}

// kid is a child: a node or a leaf.
type kid struct {
	node *node
	leaf *leaf
}

// leaf is what one hash leads to.
type leaf struct {
	edit  uint64
	hash  uint64
	count int32   // in sets of hashes: how many rules have it
	rules []*Rule // in maps of rules: those that have it, winners first
}

const hamtBits = 5

// get returns the leaf of hash, or nil.
func (n *node) get(hash uint64) *leaf {
	for h := hash; n != nil; h >>= hamtBits {
		bit := uint32(1) << (h & 31)
		if n.bitmap&bit == 0 {
			return nil
		}
		k := &n.kids[bits.OnesCount32(n.bitmap&(bit-1))]
		if k.leaf != nil {
			if k.leaf.hash != hash {
				return nil
			}
			return k.leaf
		}
		n = k.node
	}
	return nil
}

// winner returns the rule that wins over all others, or nil.
func (n *node) winner() *Rule {
	if n == nil {
		return nil
	}
	return n.top
}

// update returns n with the leaf of hash changed: change gets a leaf that it may write,
// a new one if need be. A leaf that is left with nothing goes. The result is nil
// when no leaf remains.
func (n *node) update(edit uint64, shift uint, hash uint64, change func(*leaf)) *node {
	n = n.own(edit)
	bit := uint32(1) << (hash >> shift & 31)
	at := bits.OnesCount32(n.bitmap & (bit - 1))
	if n.bitmap&bit == 0 {
		l := &leaf{edit: edit, hash: hash}
		change(l)
		if !l.empty() {
			n.bitmap |= bit
			n.kids = append(n.kids, kid{})
			copy(n.kids[at+1:], n.kids[at:])
			n.kids[at] = kid{leaf: l}
		}
	} else if k := &n.kids[at]; k.leaf != nil && k.leaf.hash == hash {
		k.leaf = k.leaf.own(edit)
		change(k.leaf)
		if k.leaf.empty() {
			n.remove(at, bit)
		}
	} else {
		if k.leaf != nil {
			k.node = pushDown(edit, shift+hamtBits, k.leaf)
			k.leaf = nil
		}
		k.node = k.node.update(edit, shift+hamtBits, hash, change)
		switch {
		case k.node == nil:
			n.remove(at, bit)
		case len(k.node.kids) == 1 && k.node.kids[0].leaf != nil:
			*k = k.node.kids[0]
		}
	}
	if n.bitmap == 0 {
		return nil
	}
	n.crown()
	return n
}

// own returns a node with n's children that edit may write.
func (n *node) own(edit uint64) *node {
	if n == nil {
		return &node{edit: edit}
	}
	if n.edit == edit {
		return n
	}
	c := *n
	c.edit = edit
	c.kids = append(make([]kid, 0, len(n.kids)+1), n.kids...)
	return &c
}

func (n *node) remove(at int, bit uint32) {
	n.bitmap &^= bit
	copy(n.kids[at:], n.kids[at+1:])
	n.kids[len(n.kids)-1] = kid{}
	n.kids = n.kids[:len(n.kids)-1]
}

// pushDown returns a node with l as its only child.
func pushDown(edit uint64, shift uint, l *leaf) *node {
	return &node{edit: edit, bitmap: 1 << (l.hash >> shift & 31), top: l.winner(), kids: []kid{{leaf: l}}}
}

// crown finds the winner anew.
func (n *node) crown() {
	n.top = nil
	for i := range n.kids {
		k := &n.kids[i]
		r := k.node.winner()
		if k.leaf != nil {
			r = k.leaf.winner()
		}
		if r != nil && (n.top == nil || r.before(n.top)) {
			n.top = r
		}
	}
}

// each calls yield for every rule until it returns false, and says whether it never did.
func (n *node) each(yield func(*Rule) bool) bool {
	if n == nil {
		return true
	}
	for i := range n.kids {
		k := &n.kids[i]
		if k.leaf == nil {
			if !k.node.each(yield) {
				return false
			}
			continue
		}
		for _, r := range k.leaf.rules {
			if !yield(r) {
				return false
			}
		}
	}
	return true
}

func (l *leaf) empty() bool { return l.count == 0 && len(l.rules) == 0 }

func (l *leaf) winner() *Rule {
	if len(l.rules) == 0 {
		return nil
	}
	return l.rules[0]
}

func (l *leaf) own(edit uint64) *leaf {
	if l.edit == edit {
		return l
	}
	c := *l
	c.edit = edit
	c.rules = append([]*Rule(nil), l.rules...)
	return &c
}

// find returns the index of the rule with this key, of the mask that all here have, and
// priority, or -1.
func (l *leaf) find(k *flow.Key, priority int32) int {
	if l != nil {
		for i, r := range l.rules {
			if r.Priority == priority && r.shape.all.equal(k, r.key) {
				return i
			}
		}
	}
	return -1
}

// add puts r among the rules, in order.
func (l *leaf) add(r *Rule) {
	i := len(l.rules)
	for i > 0 && r.before(l.rules[i-1]) {
		i--
	}
	l.rules = append(l.rules, nil)
	copy(l.rules[i+1:], l.rules[i:])
	l.rules[i] = r
}

// remove takes rule i out.
func (l *leaf) remove(i int) {
	copy(l.rules[i:], l.rules[i+1:])
	l.rules[len(l.rules)-1] = nil
	l.rules = l.rules[:len(l.rules)-1]
}
