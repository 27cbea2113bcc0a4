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

// coldLimit is the most megaflows that EachCold visits.
const coldLimit = 256

// EachCold calls fn with the megaflows of the masks that were hit least when Rank was called
// last, n masks and coldLimit megaflows at most, if there are too many masks (SetMasks): without
// that, masks that are hardly used could keep out others for long. fn may remove them.
func (t *Megaflows) EachCold(n int, fn func(*Megaflow)) {
	if t.masks == 0 || len(t.subs) < t.masks {
		return
	}
	cold := t.cold[:0]
	for i := len(t.subs) - 1; i >= 0 && n > 0; i, n = i-1, n-1 {
		s := t.subs[i]
		if len(cold)+s.len() > cap(cold) {
			break
		}
		cold = s.cur.appendTo(cold)
		if s.old != nil {
			cold = s.old.appendTo(cold)
		}
	}
	for _, mf := range cold {
		fn(mf)
	}
	clear(cold)
}
