package flow

import (
	"math/rand/v2"
	"testing"

	"pollux/internal/packet"
)

// TestShortenIsShortenPlain: the assembly leaves the same packets to others, and gives the
// rest the same, whatever frames there are and wherever they end.
func TestShortenIsShortenPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	secrets := NewSecrets(9)
	for range 400 {
		frames := make([][]byte, 1+r.IntN(packet.MaxBatch))
		for i := range frames {
			frames[i] = sampleFrames[pick(r, "udp", "tcp", "vlan-udp", "vlan-tcp", "udp")]
			switch r.IntN(4) {
			case 0:
				frames[i] = randFrame(r)
			case 1:
				f := append([]byte(nil), frames[i]...)
				f[12+r.IntN(30)] ^= 1 << r.IntN(8)
				frames[i] = f
			}
		}
		mem, one := put(frames)
		last := &one.Desc[len(frames)-1]
		mem.Buf = mem.Buf[:last.Addr+uint64(last.Len)] // memory may end with a frame
		two := *one
		var sa, sb Shorts
		var ha, hb [packet.MaxBatch]uint64
		a := shorteningOf(mem.Buf, one, &sa, &secrets, &ha)
		b := shorteningOf(mem.Buf, &two, &sb, &secrets, &hb)
		shorten(&a, one.N)
		b.shortenPlain(two.N)
		b.hashPlain(two.N)
		if a.odd != b.odd {
			t.Fatalf("left %x, the plain way %x", a.odd, b.odd)
		}
		for i, f := range frames {
			if a.odd.has(i) {
				continue
			}
			if sa.Of[i] != sb.Of[i] || ha[i] != hb[i] || one.L25[i] != two.L25[i] || one.L3[i] != two.L3[i] ||
				one.L4[i] != two.L4[i] || one.IPLen[i] != two.IPLen[i] {
				t.Fatalf("%x:\n%x %x, the plain way\n%x %x", f, sa.Of[i], ha[i], sb.Of[i], hb[i])
			}
		}
	}
}

// TestShortsAreCommon: what this is for has Shorts.
func TestShortsAreCommon(t *testing.T) {
	for name, want := range map[string]bool{"udp": true, "tcp": true, "vlan-udp": true, "vlan-tcp": true, "udp6": false, "qinq-udp": false, "arp": false} {
		mem, b := put([][]byte{sampleFrames[name]})
		k := Keys{make([]Key, 1), new(Shorts)}
		secrets := NewSecrets(1)
		var hashes [packet.MaxBatch]uint64
		k.ShortenBatch(mem, b, &secrets, 1, &hashes)
		if k.Shorts.Has(0) != want || k.Shorts.All(1) != want {
			t.Errorf("%s has a Short: %v, want %v", name, !want, want)
		}
	}
}
