package pipeline

import (
	"maps"
	"slices"
	"sort"
)

// shrink removes the entries beyond size and returns how many. Each is the longest
// unused one of the port that has the most, so that a flood of addresses at one port
// takes nothing from ports that have fewer. It looks at every entry once and sorts
// none.
func (e *fdbEdit) shrink(size int) int {
	over := e.next.n - size
	if over <= 0 {
		return 0
	}
	have := map[uint32]int{}
	e.next.each(func(v *fdbEntry) { have[v.port]++ })
	lose := shares(have, size)
	aged := make(map[uint32][]agedKey, len(lose))
	for port := range lose {
		aged[port] = make([]agedKey, 0, have[port])
	}
	e.next.each(func(v *fdbEntry) {
		if lose[v.port] > 0 {
			aged[v.port] = append(aged[v.port], agedKey{v.used.Load(), v.key})
		}
	})
	for port, n := range lose {
		oldestFirst(aged[port], n)
		for _, a := range aged[port][:n] {
			e.remove(a.key)
		}
	}
	return over
}

// shares says how many entries each port loses until size are left, when each is taken
// from a port that has the most then. have is the ports' numbers of entries, more than
// size altogether. That cuts all ports down to one level; of those that were above it
// as many as there is room for keep one more, low port numbers first.
func shares(have map[uint32]int, size int) map[uint32]int {
	left := func(level int) (n int) {
		for _, c := range have {
			n += min(c, level)
		}
		return n
	}
	level := sort.Search(size+1, func(l int) bool { return left(l) > size }) - 1
	room := size - left(level)
	lose := map[uint32]int{}
	for _, port := range slices.Sorted(maps.Keys(have)) {
		n := have[port] - level
		if n <= 0 {
			continue
		}
		if room > 0 {
			room--
			n--
		}
		if n > 0 {
			lose[port] = n
		}
	}
	return lose
}

// agedKey is an entry's age at the time of asking, as loops change it meanwhile.
type agedKey struct {
	used int64
	key  fdbKey
}

// before orders entries by age; no two keys are equal.
func (a agedKey) before(b agedKey) bool {
	return a.used < b.used || a.used == b.used && a.key < b.key
}

// oldestFirst moves the n oldest of s to its front, in no order (Hoare's quickselect).
func oldestFirst(s []agedKey, n int) {
	for n > 0 && n < len(s) {
		mid := s[len(s)/2]
		i, j := 0, len(s)-1
		for i <= j {
			for s[i].before(mid) {
				i++
			}
			for mid.before(s[j]) {
				j--
			}
			if i <= j {
				s[i], s[j] = s[j], s[i]
				i++
				j--
			}
		}
		switch {
		case n <= j+1:
			s = s[:j+1]
		case n > i:
			s, n = s[i:], n-i
		default:
			return
		}
	}
}
