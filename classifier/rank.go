package classifier

// Rank puts the subtables in the order of their recent hits, so that most packets
// are found in the first. What was hit before the last ranking counts half, before
// the one before a quarter, and so on. The loop calls it now and then: once a second
// is plenty. It allocates nothing.
func (t *Megaflows) Rank() {
	for _, s := range t.subs {
		s.score = s.score/2 + s.hits - s.ranked
		s.ranked = s.hits
	}
	// Insertion sort: the order is nearly right already, and equals stay put.
	for i := 1; i < len(t.subs); i++ {
		s := t.subs[i]
		j := i
		for ; j > 0 && t.subs[j-1].score < s.score; j-- {
			t.subs[j] = t.subs[j-1]
		}
		t.subs[j] = s
	}
}
