package actions

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
)

// drawChoice draws a choice of any kind.
func drawChoice(t *rapid.T) *Choice {
	c := &Choice{Hash: Hash{Of: HashOf(rapid.IntRange(0, int(HashList)).Draw(t, "of")), Basis: uint16(rapid.IntRange(0, 3).Draw(t, "basis"))}}
	if c.Hash.Of == HashList {
		for range rapid.IntRange(1, 4).Draw(t, "fields") {
			f := flow.Field(rapid.IntRange(int(flow.EthSrc), int(flow.NumFields)-1).Draw(t, "field"))
			m := f.Full()
			if rapid.Bool().Draw(t, "part") {
				m = m.And(flow.Value{Lo: rapid.Uint64().Draw(t, "mask")})
			}
			c.Hash.Fields = append(c.Hash.Fields, HashField{f, m})
		}
	}
	if rapid.Bool().Draw(t, "links") {
		c.Links = uint32(rapid.IntRange(1, 70).Draw(t, "n"))
		c.Algorithm, c.Arg = uint16(rapid.IntRange(0, 3).Draw(t, "algorithm")), uint32(rapid.IntRange(0, 9).Draw(t, "arg"))
		return c
	}
	for n := range rapid.IntRange(1, 5).Draw(t, "places") {
		c.Places = append(c.Places, Place{ID: uint32(n * 10), N: uint16(n), Weight: uint16(rapid.IntRange(1, 3).Draw(t, "weight"))})
	}
	return c
}

// drawHashed draws a key of the kinds of packets that hashes tell apart.
func drawHashed(t *rapid.T) *flow.Key {
	k := new(flow.Key)
	for w := flow.WEthDst; w < flow.NumWords; w++ {
		k.Set(w, rapid.Uint64().Draw(t, "word"))
	}
	typ := rapid.SampledFrom([]uint64{0x0800, 0x86dd, 0x0806, 0x8847, 0x88b5}).Draw(t, "type")
	flow.EthType.Set(k, flow.Value{Lo: typ})
	flow.IPProto.Set(k, flow.Value{Lo: rapid.SampledFrom([]uint64{1, 6, 17, 58, 132}).Draw(t, "proto")})
	flow.IPFrag.Set(k, flow.Value{Lo: rapid.SampledFrom([]uint64{0, 1, 3}).Draw(t, "frag")})
	return k
}

// TestHashesLookWhereTheySay: packets that agree on the bits that Needs names of one of them have
// one hash, and need the same; and Might names all that Needs does.
func TestHashesLookWhereTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawChoice(t).Hash
		a, b := drawHashed(t), drawHashed(t)
		var need, might, mixed flow.Mask
		h.Needs(a, &need)
		if h.Might(&might); !might.Covers(&need) {
			t.Fatalf("%s may look at %v, and looks at %v", &h, might, need)
		}
		for w := range flow.NumWords {
			b.Set(w, a.W[w]&need.W[w]|b.W[w]&^need.W[w])
		}
		h.Needs(b, &mixed)
		if mixed != need || h.Sum(a) != h.Sum(b) {
			t.Fatalf("%s of\n%v\nand %v,\nwhich agree on %v", &h, a, b, need)
		}
		// And each bit matters, but those that say what the packet is.
		c := *a
		for w, m := range need.W {
			if w := flow.Word(w); w != flow.WEthDst && w != flow.WIP && m != 0 && h.Of != HashList {
				c.W[w] ^= m & -m
				if m&-m != m && h.Sum(&c) == h.Sum(a) {
					t.Fatalf("%s does not look at bit %#x of word %d", &h, m&-m, w)
				}
				c.W[w] = a.W[w]
			}
		}
	})
}

// TestChoicesAreOfWhatThereIs: what is chosen is one of the places, by waits as the definition has
// them; and equal choices are equal, whoever made them.
func TestChoicesAreOfWhatThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, k := drawChoice(t), drawHashed(t)
		n := c.Of(k)
		if d := c.Clone(); !d.Equal(c) || d.Key() != c.Key() || d.Of(k) != n {
			t.Fatalf("%s is not what it is copied from", d)
		}
		if only, ok := c.Only(); ok && only != n {
			t.Fatalf("%s: only %d, chosen %d", c, only, n)
		}
		if c.Links > 0 {
			if n >= int(c.Links) {
				t.Fatalf("%s: link %d", c, n)
			}
			return
		}
		hash, best, least := c.Hash.Sum(k), -1, math.Inf(1)
		for i, p := range c.Places {
			wait := -math.Log((float64(weight(hash, p.ID))+0.5)/(1<<32)) / float64(p.Weight)
			if wait < least {
				best, least = i, wait
			}
		}
		if int(c.Places[best].N) != n {
			t.Fatalf("%s: %d, the first to come is %d", c, n, best)
		}
		// Without another place it is chosen all the same, unless it goes itself.
		out := rapid.IntRange(0, len(c.Places)-1).Draw(t, "goes")
		d := c.Clone()
		d.Places = append(d.Places[:out], d.Places[out+1:]...)
		if len(d.Places) > 0 && out != best && d.Of(k) != n {
			t.Fatalf("%s: %d; without place %d %d", c, n, out, d.Of(k))
		}
		if len(d.Places) != len(c.Places) && (d.Equal(c) || c.Equal(d)) {
			t.Fatalf("%s equals %s", c, d)
		}
	})
}

// BenchmarkChoice is what it costs to ask a packet which of 8 buckets it has.
func BenchmarkChoice(b *testing.B) {
	k := new(flow.Key)
	flow.EthType.Set(k, flow.Value{Lo: 0x0800})
	flow.IPProto.Set(k, flow.Value{Lo: 17})
	for name, by := range map[string]int{"even": 0, "weights": 1} {
		b.Run(name, func(b *testing.B) {
			c := &Choice{Hash: Hash{Of: HashFlow}}
			for i := range 8 {
				c.Places = append(c.Places, Place{ID: uint32(i), N: uint16(i), Weight: uint16(1 + by*i)})
			}
			n := 0
			for i := 0; b.Loop(); i++ {
				k.W[flow.WIPv4] = uint64(i)
				n += c.Of(k)
			}
			if n == 0 {
				b.Fatal("all flows go one way")
			}
		})
	}
}
