package classifier

import (
	"testing"

	"pgregory.net/rapid"
)

// TestCopy edits a table at random, and copies it in between: a copy has the rules of its time,
// and finds them as a table that was made of them does; what changed since another version is
// told as if there were no copies.
func TestCopy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapidSource{t}
		type copied struct {
			table *Table
			rules []*Rule
		}
		var copies []copied
		old := new(Table)
		for range rapid.IntRange(1, 4).Draw(t, "versions") {
			b, plain := old.Builder(), old.Builder()
			for range rapid.IntRange(1, 25).Draw(t, "changes") {
				var there []*Rule
				for r := range b.View().Rules() {
					there = append(there, r)
				}
				switch {
				case s.IntN(4) == 0:
					copies = append(copies, copied{b.Copy(), there})
				case len(there) > 0 && s.IntN(3) == 0:
					r := pick(s, there...)
					b.RemoveRule(r)
					plain.RemoveRule(r)
				default:
					r := randomRule(s)
					b.Add(r)
					twin := *r
					plain.Add(&twin)
				}
			}
			next, twin := b.Table(), plain.Table()
			got, ok := next.Since(old)
			want, _ := twin.Since(old)
			if !ok || len(got) != len(want) {
				t.Fatalf("%d changes are told, %v, want %d", len(got), ok, len(want))
			}
			old = next
		}
		for _, c := range copies {
			if c.table.Len() != len(c.rules) {
				t.Fatalf("a copy has %d rules, want %d", c.table.Len(), len(c.rules))
			}
			for _, r := range c.rules {
				if m := r.Unpack(); c.table.Find(&m, r.Priority) != r {
					t.Fatalf("%s is not in its copy", show(r))
				}
			}
			for range 5 {
				key := randomKey(s)
				best := -1
				for _, r := range c.rules {
					if m := r.Unpack(); m.Matches(&key) {
						best = max(best, int(r.Priority))
					}
				}
				got := -1
				if r := c.table.Lookup(&key, nil); r != nil {
					got = int(r.Priority)
				}
				if got != best {
					t.Fatalf("a copy finds a rule of priority %d, want %d", got, best)
				}
			}
		}
	})
}
