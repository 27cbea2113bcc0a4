package bench

import (
	"bytes"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"
)

func drawSpec(t *rapid.T) FlowSpec {
	shape := rapid.Custom(func(t *rapid.T) Shape {
		return Shape{
			Proto: rapid.SampledFrom([]Proto{UDP, TCP, ICMP}).Draw(t, "proto"),
			IPv6:  rapid.Bool().Draw(t, "ipv6"),
			VLAN:  uint16(rapid.IntRange(0, 4094).Draw(t, "vlan")),
			Sizes: rapid.SliceOfN(rapid.IntRange(14, MaxFrame), 0, 4).Draw(t, "sizes"),
		}
	})
	return FlowSpec{
		Flows:  rapid.IntRange(1, 300).Draw(t, "flows"),
		Shapes: rapid.SliceOfN(shape, 1, 4).Draw(t, "shapes"),
		Skew:   rapid.Float64Range(0, 2).Draw(t, "skew"),
		Seed:   rapid.Uint64().Draw(t, "seed"),
	}
}

// zeroSum says whether the words of b and the extra ones add up to all ones:
// what RFC 1071 asks of a packet with a right checksum.
func zeroSum(b []byte, extra ...uint32) bool {
	var s uint64
	for i, c := range b {
		if i%2 == 0 {
			s += uint64(c) << 8
		} else {
			s += uint64(c)
		}
	}
	for _, e := range extra {
		s += uint64(e)
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return s == 0xffff
}

func TestFramesAreWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		fs, err := NewFlowSet(spec)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, fs.Len()-1).Draw(t, "flow")
		seq := rapid.Uint64().Draw(t, "seq")
		buf := make([]byte, MaxFrame)
		for j := range maxTagEnd { // another shape's frame was here
			buf[j] = 0xff
		}
		n := fs.Build(buf, i, seq)
		frame := buf[:n]
		if n != fs.Size(i, seq) {
			t.Fatalf("built %d bytes, Size says %d", n, fs.Size(i, seq))
		}
		if f, s, ok := Parse(frame); !ok || f != i || s != seq {
			t.Fatalf("parse(build(%d, %d)) = %d, %d, %v", i, seq, f, s, ok)
		}
		checkLayers(t, frame, fs.Info(i), spec.Shapes[i%len(spec.Shapes)])
	})
}

func checkLayers(t *rapid.T, frame []byte, info FlowInfo, shape Shape) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("gopacket: %v", e.Error())
	}
	var vid uint16
	if l, ok := p.Layer(layers.LayerTypeDot1Q).(*layers.Dot1Q); ok {
		vid = l.VLANIdentifier
	}
	if vid != info.VLAN || vid != shape.VLAN {
		t.Fatalf("vlan %d on the wire, %d in Info, %d asked", vid, info.VLAN, shape.VLAN)
	}
	var l4 []byte
	var pseudo []uint32
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if !zeroSum(ip.Contents) {
			t.Fatalf("IPv4 header checksum wrong: % x", ip.Contents)
		}
		if !ip.SrcIP.Equal(info.Src.AsSlice()) || !ip.DstIP.Equal(info.Dst.AsSlice()) || uint8(ip.Protocol) != uint8(info.Proto) {
			t.Fatalf("%v > %v proto %v, want %+v", ip.SrcIP, ip.DstIP, ip.Protocol, info)
		}
		if int(ip.Length) != len(ip.Contents)+len(ip.Payload) {
			t.Fatalf("IPv4 length %d, have %d", ip.Length, len(ip.Contents)+len(ip.Payload))
		}
		l4 = ip.Payload
		if shape.Proto != ICMP {
			pseudo = words(ip.SrcIP.To4(), ip.DstIP.To4(), uint32(ip.Protocol), len(l4))
		}
	case *layers.IPv6:
		if !ip.SrcIP.Equal(info.Src.AsSlice()) || !ip.DstIP.Equal(info.Dst.AsSlice()) || uint8(ip.NextHeader) != uint8(info.Proto) {
			t.Fatalf("%v > %v proto %v, want %+v", ip.SrcIP, ip.DstIP, ip.NextHeader, info)
		}
		l4 = ip.Payload
		pseudo = words(ip.SrcIP, ip.DstIP, uint32(ip.NextHeader), len(l4))
	default:
		t.Fatalf("no network layer in % x", frame)
	}
	if !zeroSum(l4, pseudo...) {
		t.Fatalf("transport checksum wrong: % x", l4)
	}
	switch l := p.TransportLayer().(type) {
	case *layers.UDP:
		if uint16(l.SrcPort) != info.SrcPort || uint16(l.DstPort) != info.DstPort || l.Checksum == 0 {
			t.Fatalf("udp %v > %v checksum %d, want %+v", l.SrcPort, l.DstPort, l.Checksum, info)
		}
	case *layers.TCP:
		if uint16(l.SrcPort) != info.SrcPort || uint16(l.DstPort) != info.DstPort {
			t.Fatalf("tcp %v > %v, want %+v", l.SrcPort, l.DstPort, info)
		}
	default:
		if shape.Proto != ICMP || uint16(l4[0])<<8|uint16(l4[1]) != info.DstPort || info.SrcPort != 0 {
			t.Fatalf("icmp type and code % x, want %+v", l4[:2], info)
		}
	}
}

func words(src, dst []byte, proto uint32, length int) []uint32 {
	out := []uint32{proto, uint32(length)}
	for b := append(bytes.Clone(src), dst...); len(b) > 0; b = b[2:] {
		out = append(out, uint32(be.Uint16(b)))
	}
	return out
}

func TestParseRefuses(t *testing.T) {
	fs, err := NewFlowSet(FlowSpec{Flows: 1})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, MaxFrame)
	n := fs.Build(buf, 0, 7)
	for cut := range n - 2 { // the last two bytes of a smallest frame are padding
		if _, _, ok := Parse(buf[:cut]); ok {
			t.Errorf("%d of %d bytes parsed", cut, n)
		}
	}
	arp := bytes.Clone(buf[:n])
	be.PutUint16(arp[12:], 0x0806)
	if _, _, ok := Parse(arp); ok {
		t.Error("ARP parsed")
	}
}

func FuzzParse(f *testing.F) {
	fs, err := NewFlowSet(FlowSpec{Flows: 2, Shapes: []Shape{{Proto: TCP, IPv6: true, VLAN: 5}, {Proto: UDP}}})
	if err != nil {
		f.Fatal(err)
	}
	buf := make([]byte, MaxFrame)
	f.Add(bytes.Clone(buf[:fs.Build(buf, 0, 1)]))
	clear(buf)
	f.Add(bytes.Clone(buf[:fs.Build(buf, 1, 2)]))
	f.Fuzz(func(t *testing.T, b []byte) {
		flow, seq, ok := Parse(b)
		if !ok {
			return
		}
		var tag [tagLen]byte
		be.PutUint32(tag[:], tagMagic)
		be.PutUint32(tag[4:], uint32(flow))
		be.PutUint64(tag[8:], seq)
		if !bytes.Contains(b, tag[:]) {
			t.Errorf("tag %d/%d is not in the frame", flow, seq)
		}
	})
}
