package actions

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

// TestMended compares the incremental update with a sum computed anew.
func TestMended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		msg := rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "message")
		msg[0] |= 1 // no message that is summed is all zero
		c := ^sum(msg)
		o := 2 * rapid.IntRange(1, 6).Draw(t, "at")
		was := be.Uint64(msg[o:])
		is := rapid.Uint64().Draw(t, "is")
		be.PutUint64(msg[o:], is)
		want := ^sum(msg)
		if got := mended(c, diff64(was, is)); got != want && was != is {
			t.Fatalf("%#x with %#x for %#x: %#x, want %#x", c, is, was, got, want)
		}
	})
}

func TestMendUDP(t *testing.T) {
	none := []byte{0, 0}
	if mendUDP(none, diff16(1, 2)); be.Uint16(none) != 0 {
		t.Errorf("a UDP packet without a checksum got %x", none)
	}
	// ~0x1234 + 0x1234 is 0: the checksum of a message summing up to 0xffff.
	one := []byte{0x12, 0x34}
	if mendUDP(one, diff16(0, 0x1234)); be.Uint16(one) != 0xffff {
		t.Errorf("a UDP checksum of 0 is sent as %x, want ffff", one)
	}
}

// TestChecksumsByGopacket has an independent implementation verify what random sets
// left of packets that were right.
func TestChecksumsByGopacket(t *testing.T) {
	seen := map[gopacket.LayerType]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 10 {
			f := drawFrame(t)
			if verified(f, map[gopacket.LayerType]int{}) != right {
				continue
			}
			r := newRig(1, 1)
			r.receive(f, 256)
			b := NewBuilder()
			for range rapid.IntRange(1, 6).Draw(t, "sets") {
				b.Set(rapid.SampledFrom(settable).Draw(t, "field"), valueGen.Draw(t, "value"), valueGen.Draw(t, "mask"))
			}
			b.Output(0, 1)
			p := b.Program()
			r.run(p)
			if got := r.Mem.Frame(r.sent[0][0]); verified(got, seen) == wrong {
				t.Fatalf("%v made a packet with a wrong checksum:\n was %x\n  is %x", p, f, got)
			}
		}
	})
	for _, l := range []gopacket.LayerType{layers.LayerTypeTCP, layers.LayerTypeUDP,
		layers.LayerTypeICMPv4, layers.LayerTypeICMPv6, layers.LayerTypeIPv4} {
		if seen[l] == 0 {
			t.Errorf("no packet with %v was verified", l)
		}
	}
}

// verdict is what gopacket says of a frame's checksums.
type verdict int

const (
	unread verdict = iota // it cannot decode the frame, or does not know what is covered
	wrong
	right
)

// verified has gopacket read a frame and judge its checksums. What was right is
// counted in seen.
func verified(f []byte, seen map[gopacket.LayerType]int) verdict {
	g := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
	if g.ErrorLayer() != nil || g.NetworkLayer() == nil {
		return unread
	}
	for _, l := range g.Layers() {
		switch l := l.(type) {
		case *layers.IPv6Routing:
			return unread // it takes the address of the IPv6 header for the last one
		case *layers.TCP:
			_ = l.SetNetworkLayerForChecksum(g.NetworkLayer())
		case *layers.UDP:
			_ = l.SetNetworkLayerForChecksum(g.NetworkLayer())
		case *layers.ICMPv6:
			_ = l.SetNetworkLayerForChecksum(g.NetworkLayer())
		}
	}
	err, bad := g.VerifyChecksums()
	if err != nil {
		return unread
	}
	if len(bad) != 0 {
		return wrong
	}
	for _, l := range g.Layers() {
		seen[l.LayerType()]++
	}
	return right
}
