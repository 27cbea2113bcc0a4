package flow

// Match is a key under a mask: what a rule's packets look like. Key is masked
// (Mask.Apply of itself), so that equal matches are equal structs.
type Match struct {
	Key  Key
	Mask Mask
}

// SetMasked makes the match ask that f be v where m has ones, beside what it
// asks already.
func (m *Match) SetMasked(f Field, v, mask Value) {
	f.Set(&m.Key, v.And(mask).Or(f.Get(&m.Key).AndNot(mask)))
	f.OrMask(&m.Mask, mask)
	m.tidy()
}

// tidy keeps Map of the key to the words that are not zero.
func (m *Match) tidy() {
	for w := range m.Key.W {
		if m.Key.W[w] == 0 {
			m.Key.Map &^= 1 << w
		} else {
			m.Key.Map |= 1 << w
		}
	}
}

// Matches says whether the packet of k is one of the match's.
func (m *Match) Matches(k *Key) bool { return m.Mask.Match(k, &m.Key) }

// String writes the match as ovs-ofctl does, ports as numbers.
func (m *Match) String() string { return m.Format(nil) }
