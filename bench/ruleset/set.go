package ruleset

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
)

// Set is rules and their traffic.
type Set struct {
	Lines  []string // one rule each
	draw   func(*rand.Rand) Packet
	attack func(*rand.Rand) []Packet // nil: there is none
}

// Kinds are the sets that Make makes.
var Kinds = []string{"acl", "fw", "ipc", "pipeline", "whitelist"}

// Most is the most rules of a set.
const Most = 1_000_000

// Make makes a set of about so many rules: lists have exactly as many, a pipeline may have
// a few more or less; a whitelist has those that it has.
func Make(kind string, rules int, seed uint64) (*Set, error) {
	if rules < 1 || rules > Most {
		return nil, fmt.Errorf("%d rules: want 1 to %d", rules, Most)
	}
	rng := rand.New(rand.NewPCG(seed, 0x72756c6573))
	switch kind {
	case "pipeline":
		return newPipeline(rules, rng), nil
	case "whitelist":
		return newWhitelist(), nil
	}
	if p, ok := profiles[kind]; ok {
		return newList(p, rules, rng), nil
	}
	return nil, fmt.Errorf("rule set %q: want %s", kind, strings.Join(Kinds, ", "))
}

// Draw makes a packet that some rule is about.
func (s *Set) Draw(rng *rand.Rand) Packet { return s.draw(rng) }

// Attack makes the packets of an attack on the set; nil where there is none.
func (s *Set) Attack(rng *rand.Rand) []Packet {
	if s.attack == nil {
		return nil
	}
	return s.attack(rng)
}

// favoured draws one of n, the first ones far more often: the first, the next two, the next
// four and so on are equally likely, which is close to Zipf's law and takes whole numbers
// only, so that all machines draw alike.
func favoured(rng *rand.Rand, n int) int {
	octave := rng.IntN(bits.Len(uint(n)))
	lo := 1<<octave - 1
	return lo + rng.IntN(min(1<<octave, n-lo))
}

// weighted draws an index by weights.
func weighted(rng *rand.Rand, weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	x := rng.IntN(sum)
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}
