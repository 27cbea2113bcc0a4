package classifier

import (
	"sync"
	"sync/atomic"
	"testing"

	"pollux/flow"
)

// TestReadersWhileBuilding has threads look up in the newest version while a builder
// makes the next: under the race detector this shows that a builder writes nothing
// that a published table shares.
func TestReadersWhileBuilding(t *testing.T) {
	s := newSource(11)
	rules := make([]*Rule, 200)
	for i := range rules {
		rules[i] = randomRule(s)
	}
	keys := make([]flow.Key, 64)
	for i := range keys {
		keys[i] = randomKey(s)
	}
	var current atomic.Pointer[Table]
	current.Store(new(Table))
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var wild flow.Mask
			for !stop.Load() {
				table := current.Load()
				for i := range keys {
					wild.Clear()
					if a, b := table.Lookup(&keys[i], &wild), table.Lookup(&keys[i], nil); a != b {
						t.Errorf("one version gave %s and %s", show(a), show(b))
						return
					}
				}
			}
		})
	}
	b := new(Table).Builder()
	for i := range scaled(3000) {
		r := &Rule{Match: rules[i%len(rules)].Match, Priority: rules[i%len(rules)].Priority}
		if i/len(rules)%2 == 0 {
			b.Add(r)
		} else {
			b.Remove(r.Match, r.Priority)
		}
		if i%3 == 0 {
			current.Store(b.Table())
		}
	}
	stop.Store(true)
	wg.Wait()
}
