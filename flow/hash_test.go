package flow

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// randKey is a key of random present words.
func randKey(r *rand.Rand) (k Key) {
	for w := Word(0); w < NumWords; w++ {
		if r.IntN(3) == 0 {
			k.Set(w, r.Uint64())
		}
	}
	return k
}

// TestShortHashAvalanche: flipping any bit of a Short flips each bit of its hash in about
// half of all cases.
func TestShortHashAvalanche(t *testing.T) {
	const rounds = 400
	r := rand.New(rand.NewPCG(3, 4))
	for w := range 5 {
		for bit := range 64 {
			var flips [64]int
			for range rounds {
				k := NewSecrets(r.Uint64())
				s := Short{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
				a := s.Hash(&k)
				s[w] ^= 1 << bit
				for d := a ^ s.Hash(&k); d != 0; d &= d - 1 {
					flips[bits.TrailingZeros64(d)]++
				}
			}
			for i, n := range flips {
				// Eight standard deviations of 10 each.
				if n < rounds/2-80 || n > rounds/2+80 {
					t.Errorf("word %d bit %d flips bit %d of the hash in %d of %d cases", w, bit, i, n, rounds)
				}
			}
		}
	}
}

func TestHashMaskedEqualsHashOfMasked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "a"), 1))
		k, v := randKey(r), randKey(r)
		m := Mask(v)
		var masked Key
		m.Apply(&masked, &k)
		if got, want := HashMasked(&k, &m, 5), masked.Hash(m.Map, 5); got != want {
			t.Fatalf("%#x, the masked key's is %#x", got, want)
		}
	})
}

// TestHashAvalanche: flipping any bit of any word flips each bit of the hash
// about half of the time, and so does another seed.
func TestHashAvalanche(t *testing.T) {
	const rounds = 400
	for _, words := range []uint64{mapIPv4L4, mapVlanIP4, 1 << WIPv4, 1<<WIPv4 | 1<<WL4} {
		r := rand.New(rand.NewPCG(words, 6))
		var worst float64
		for b := words; b != 0; b &= b - 1 {
			w := bits.TrailingZeros64(b)
			for bit := range 64 {
				var flips [64]int
				for range rounds {
					k := Key{Map: words}
					for x := words; x != 0; x &= x - 1 {
						k.W[bits.TrailingZeros64(x)] = r.Uint64()
					}
					seed := r.Uint64()
					h := k.Hash(words, seed)
					k.W[w] ^= 1 << bit
					h ^= k.Hash(words, seed)
					for o := range flips {
						flips[o] += int(h >> o & 1)
					}
				}
				for _, n := range flips {
					worst = max(worst, math.Abs(float64(n)/rounds-0.5))
				}
			}
		}
		// With 400 rounds the deviation has a spread of 0.025; of some 10,000
		// pairs of bits the largest of a perfect hash is about 0.11.
		if worst > 0.15 {
			t.Errorf("words %#x: some bit flips another %.2f away from half of the time", words, worst)
		}
	}
}

// TestHashSpread fills tables with hashes of flows as generators make them,
// addresses and ports counting up, and compares the crowding with that of chance.
func TestHashSpread(t *testing.T) {
	const buckets, flows = 4096, 64 * 4096
	shapes := map[string]func(i uint64, k *Key){
		"ports":     func(i uint64, k *Key) { k.W[WL4] = i << 32 },
		"addresses": func(i uint64, k *Key) { k.W[WIPv4] = 0x0a000000<<32 | 0x0b000000 + i },
		"both":      func(i uint64, k *Key) { k.W[WIPv4], k.W[WL4] = i&0xff<<32|i>>8&0xff, i>>16<<48 },
		"macs":      func(i uint64, k *Key) { k.W[WEthDst], k.W[WEthSrc] = i<<16|0x800, i<<24 },
		"high bits": func(i uint64, k *Key) { k.W[WIPv4] = bits.Reverse64(i) },
	}
	for name, shape := range shapes {
		for _, shift := range []int{0, 20, 64 - 12} { // low, middle and high bits of the hash
			t.Run(fmt.Sprintf("%s/%d", name, shift), func(t *testing.T) {
				var count [buckets]int
				seen := make(map[uint64]bool, flows)
				var k Key
				ExtractOne(sampleFrames["udp"], 1, &k)
				for i := range uint64(flows) {
					shape(i, &k)
					h := k.Hash(k.Map, 0x1234567)
					if seen[h] {
						t.Fatalf("flow %d has another's hash", i)
					}
					seen[h] = true
					count[h>>shift%buckets]++
				}
				mean, chi := float64(flows)/buckets, 0.0
				for _, c := range count {
					chi += (float64(c) - mean) * (float64(c) - mean) / mean
				}
				// Chi squared of 4095 degrees of freedom: 4095 ± 90.
				if chi < 4095-6*90 || chi > 4095+6*90 {
					t.Errorf("chi squared %.0f, by chance 4095 give or take 90", chi)
				}
			})
		}
	}
}

func TestHashSeesWhichWords(t *testing.T) {
	var k Key
	seen := make(map[uint64]uint64)
	for w := range NumWords {
		h := k.Hash(1<<w, 1)
		if other, ok := seen[h]; ok {
			t.Errorf("zero in words %#x and %#x hashes alike", uint64(1)<<w, other)
		}
		seen[h] = 1 << w
	}
	k.Set(WReg0, 5)
	k.Set(WReg2, 6)
	a := k.Hash(k.Map, 1)
	k.Set(WReg0, 6)
	k.Set(WReg2, 5)
	if k.Hash(k.Map, 1) == a {
		t.Error("two words swapped hash alike")
	}
}

func BenchmarkHashMasked(b *testing.B) {
	var k Key
	ExtractOne(sampleFrames["udp"], 1, &k)
	m := new(Mask)
	for _, f := range []Field{InPort, EthType, IPv4Dst, IPProto, UDPDst} {
		f.OrMask(m, f.Full())
	}
	var sum uint64
	for b.Loop() {
		for range 32 {
			sum += HashMasked(&k, m, 1)
		}
	}
	if sum == 0 {
		b.Fatal("no hash")
	}
	perPacket(b, 32)
}
