// Package lines finds false sharing: cache lines that one thread writes and another
// touches. It is for tests.
//
// # How
//
// A Map is filled by walks. Each walk begins at a pointer, belongs to an owner (a
// thread), and takes all memory it reaches, by reflection and real addresses, for
// written by that owner: fields, arrays behind slices, what pointers and interfaces
// lead to. Rules say where it stops and what is only read. So memory that two owners
// reach is an error unless a rule says why not.
//
// Conflicts lists lines that happen to be shared in this run. Exposed lists objects that
// the allocator may place beside those of other threads in another run: Go's small size
// classes are no multiples of a line.
//
// # What it does not see
//
// The inside of maps, what functions and channels hold, stacks, and memory that only an
// unsafe pointer leads to.
package lines

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// Line is two cache lines of 64 bytes, which processors fetch in pairs.
const Line = 128

// Map is memory and its owners.
type Map struct {
	spans   []span
	exposed map[string]int // where → bytes
}

// span is memory from lo up to hi.
type span struct {
	lo, hi uintptr
	owner  string
	writes bool
	where  string // path from the root
}

// New returns an empty map.
func New() *Map { return &Map{exposed: map[string]int{}} }

// Add notes memory from address lo on as touched, or written, by owner.
func (m *Map) Add(owner string, writes bool, where string, lo, size uintptr) {
	if size == 0 {
		return
	}
	if n := len(m.spans); n > 0 {
		// The next field of the same object, mostly.
		if s := &m.spans[n-1]; s.hi == lo && s.owner == owner && s.writes == writes {
			s.hi += size
			return
		}
	}
	m.spans = append(m.spans, span{lo, lo + size, owner, writes, where})
}

// Conflicts describes each pair of places on one line with different owners of whom one
// writes, one line for each pair.
func (m *Map) Conflicts() (found []string) {
	s := slices.Clone(m.spans)
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	seen := map[string]bool{}
	for i := range s {
		for k := i + 1; k < len(s) && s[k].lo/Line <= (s[i].hi-1)/Line; k++ {
			a, b := &s[i], &s[k]
			if a.owner == b.owner || !a.writes && !b.writes {
				continue
			}
			text := fmt.Sprintf("%s and %s are on one line", a, b)
			if b.lo < a.hi {
				text = fmt.Sprintf("%s and %s are the same memory", a, b)
			}
			if !seen[text] {
				seen[text] = true
				found = append(found, text)
			}
		}
	}
	return found
}

func (s *span) String() string {
	verb := "reads"
	if s.writes {
		verb = "writes"
	}
	return fmt.Sprintf("%s, which %s %s", s.where, s.owner, verb)
}

// Exposed describes the types of written objects that may share a line with whatever the
// allocator puts beside them.
func (m *Map) Exposed() (found []string) {
	for where, size := range m.exposed {
		found = append(found, fmt.Sprintf("%s (%d bytes) is written and may share its line with others: pad it, or make it a multiple of %d bytes", where, size, Line))
	}
	slices.Sort(found)
	return found
}

// Field returns what the named fields lead to from v, through pointers, exported or not.
func Field(v any, names ...string) reflect.Value {
	x := reflect.ValueOf(v)
	for _, n := range names {
		for x.Kind() == reflect.Pointer || x.Kind() == reflect.Interface {
			x = x.Elem()
		}
		x = open(x.FieldByName(n))
	}
	return x
}
