package actions

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"pollux/flow"
)

// Choice is how a flow is given one of several places by a hash of its headers: a bucket of a
// select group, a link of a multipath action, a member of a bundle. It is plain data, and
// not written once somebody else has it.
type Choice struct {
	Hash Hash
	// Links is how many links there are; 0: Places are chosen from.
	Links     uint32
	Algorithm uint16 // of Links, enum nx_mp_algorithm
	Arg       uint32 // of Links, the parameter of iter_hash
	// Places are those that can be chosen, in order. Each draws a time by the flow's hash, as if
	// it came after an exponentially distributed wait, and the first has the flow (rendezvous
	// hashing). So flows spread by weight, and only those of a place that comes or goes move.
	Places []Place
}

// Place is one of the places of a Choice.
type Place struct {
	ID     uint32 // by which it draws; unlike the others'
	N      uint16 // what is chosen with it
	Weight uint16 // at least 1
}

// Algorithms of multipath (enum nx_mp_algorithm).
const (
	modulo = iota
	hashThreshold
	highestWeight
	// iter_hash is any other.
)

// Only returns what is chosen where there is one place, whatever the hash.
func (c *Choice) Only() (n int, ok bool) {
	switch {
	case c.Links == 1:
		return 0, true
	case c.Links == 0 && len(c.Places) == 1:
		return int(c.Places[0].N), true
	}
	return 0, false
}

// Of returns the number of the place that the packet of k has.
func (c *Choice) Of(k *flow.Key) int { return c.By(c.Hash.Sum(k)) }

// By returns the number of the place that a hash has.
func (c *Choice) By(hash uint32) int {
	if c.Links > 0 {
		return int(c.link(hash))
	}
	if c.even() {
		// The shortest wait is that of the greatest number drawn: no logarithm is needed.
		best, most := 0, uint32(0)
		for i := range c.Places {
			if w := weight(hash, c.Places[i].ID); i == 0 || w > most {
				best, most = i, w
			}
		}
		return int(c.Places[best].N)
	}
	best, least := 0, math.Inf(1)
	for i := range c.Places {
		p := &c.Places[i]
		u, rate := (float64(weight(hash, p.ID))+0.5)/(1<<32), float64(p.Weight)
		if 1-u >= least*rate {
			continue // as -log(u) is more than 1-u: most places need no logarithm
		}
		if wait := -math.Log(u) / rate; wait < least {
			best, least = i, wait
		}
	}
	return int(c.Places[best].N)
}

// even says whether all places have one weight.
func (c *Choice) even() bool {
	for i := range c.Places {
		if c.Places[i].Weight != c.Places[0].Weight {
			return false
		}
	}
	return true
}

// weight is how much a hash wants the nth of some places.
func weight(hash, n uint32) uint32 { return uint32(mix64(uint64(hash)<<32|uint64(n)) >> 32) }

// link chooses one of the links by a hash, as the algorithm says.
func (c *Choice) link(hash uint32) uint32 {
	links := c.Links
	switch c.Algorithm {
	case modulo:
		return hash % links
	case hashThreshold:
		if links == 1 {
			return 0
		}
		return hash / (^uint32(0)/links + 1)
	case highestWeight:
		if links > 64 {
			return iterHash(hash, links, 0)
		}
		best := uint32(0)
		for i := uint32(1); i < links; i++ {
			if weight(hash, i) > weight(hash, best) {
				best = i
			}
		}
		return best
	}
	return iterHash(hash, links, c.Arg)
}

// iterHash hashes modulo a number that stays when links come and go, until there is a link of
// the number found.
func iterHash(hash, links, modulo uint32) uint32 {
	if modulo < links || modulo/2 > links {
		modulo = 1 << bits.Len32(links-1)
	}
	for i := range uint32(1024) {
		if l := weight(hash, i) % modulo; l < links {
			return l
		}
	}
	return hash % links // with two in three tries failing each time, once in 2^600
}

// Equal says whether c and o choose alike for all packets.
func (c *Choice) Equal(o *Choice) bool {
	return c == o || c != nil && o != nil && c.Hash.equal(&o.Hash) && c.Links == o.Links && c.Algorithm == o.Algorithm &&
		c.Arg == o.Arg && slices.Equal(c.Places, o.Places)
}

// Key hashes what Equal compares.
func (c *Choice) Key() uint64 {
	h := mix64(uint64(c.Hash.Of)<<48 | uint64(c.Hash.Basis)<<32 | uint64(c.Links))
	h = mix64(h ^ uint64(c.Algorithm)<<32 ^ uint64(c.Arg))
	for i := range c.Hash.Fields {
		f := &c.Hash.Fields[i]
		h = mix64(mix64(h^uint64(f.Field)^f.Mask.Hi) ^ f.Mask.Lo)
	}
	for i := range c.Places {
		p := &c.Places[i]
		h = mix64(h ^ uint64(p.ID)<<32 ^ uint64(p.N)<<16 ^ uint64(p.Weight))
	}
	return h
}

// Clone returns a copy that shares nothing with c.
func (c *Choice) Clone() *Choice {
	d := *c
	d.Hash.Fields, d.Places = slices.Clone(c.Hash.Fields), slices.Clone(c.Places)
	return &d
}

// String writes what is hashed and what is chosen from.
func (c *Choice) String() string {
	if c.Links > 0 {
		return fmt.Sprintf("%s,links=%d", &c.Hash, c.Links)
	}
	var w strings.Builder
	for i := range c.Places {
		p := &c.Places[i]
		if i > 0 {
			w.WriteByte(' ')
		}
		fmt.Fprintf(&w, "%d", p.N)
		if p.Weight != 1 {
			fmt.Fprintf(&w, "*%d", p.Weight)
		}
	}
	return fmt.Sprintf("%s,of=%s", &c.Hash, w.String())
}
