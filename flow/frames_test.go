package flow

import (
	"encoding/binary"
	"math/rand/v2"
)

// bytesOf concatenates big-endian integers of their types' sizes and bytes.
func bytesOf(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

func randBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// pick returns one of the choices.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randFrame makes a frame of random headers that fit together, now and then
// with something wrong in them.
func randFrame(r *rand.Rand) []byte {
	typ := pick[uint16](r, etherIPv4, etherIPv4, etherIPv4, etherIPv6, etherIPv6, etherARP, etherRARP, etherMPLS, 0x88cc, 0x0026)
	f := randBytes(r, 12)
	for range pick(r, 0, 0, 0, 1, 1, 2, 3) {
		f = bytesOf(f, pick[uint16](r, etherVLAN, etherQinQ), uint16(r.Uint32()))
	}
	f = bytesOf(f, typ)
	if typ < EthTypeMin {
		inner := pick[uint16](r, etherIPv4, etherARP, 0x100)
		f = bytesOf(f, uint32(0xaaaa0300), pick(r, 0, 0, 0, 1), 0, inner)
		typ = inner
	}
	switch typ {
	case etherIPv4:
		f = append(f, randIPv4(r)...)
	case etherIPv6:
		f = append(f, randIPv6(r)...)
	case etherARP, etherRARP:
		f = bytesOf(f, uint32(1<<16|etherIPv4), 6, 4, uint16(r.IntN(260)), randBytes(r, 20))
	case etherMPLS:
		for n := r.IntN(5); n >= 0; n-- {
			lse := r.Uint32() &^ 0x100
			if n == 0 {
				lse |= 0x100
			}
			f = bytesOf(f, lse)
		}
	}
	f = append(f, randBytes(r, pick(r, 0, 0, 6, 18, 300))...)
	switch r.IntN(8) {
	case 0:
		f = f[:r.IntN(len(f)+1)]
	case 1:
		f[r.IntN(len(f))] = byte(r.Uint32())
	}
	return f
}

func randIPv4(r *rand.Rand) []byte {
	proto := pick(r, protoTCP, protoUDP, protoUDP, protoSCTP, protoICMP, protoIGMP, protoICMPv6, 47)
	options := randBytes(r, pick(r, 0, 0, 0, 4, 40))
	p := randL4(r, proto)
	frag := pick[uint16](r, 0, 0, 0x4000, 0x2000, 0x2010, 0x0010, 0x8000)
	return bytesOf(0x45+len(options)/4, r.IntN(256), uint16(20+len(options)+len(p)), uint16(r.Uint32()), frag,
		r.IntN(256), proto, randBytes(r, 10), options, p)
}

func randIPv6(r *rand.Rand) []byte {
	proto := pick(r, protoTCP, protoUDP, protoICMPv6, protoICMPv6, protoSCTP, protoNone, protoESP, protoICMP)
	p := randL4(r, proto)
	for range pick(r, 0, 0, 1, 2, 5) {
		ext := pick(r, protoHopOpts, protoRouting, protoDstOpts, protoAH, protoFragment)
		switch ext {
		case protoFragment:
			p = bytesOf(proto, 0, pick[uint16](r, 0, 1, 6, 9, 0xfff8), r.Uint32(), p)
		case protoAH:
			p = bytesOf(proto, 4, randBytes(r, 22), p)
		default:
			n := r.IntN(3)
			p = bytesOf(proto, n, randBytes(r, 6+8*n), p)
		}
		proto = ext
	}
	return bytesOf(0x60000000|r.Uint32()&0x0fffffff, uint16(len(p)), proto, r.IntN(256), randBytes(r, 32), p)
}

func randL4(r *rand.Rand, proto int) []byte {
	if proto == protoICMPv6 && r.IntN(3) > 0 {
		p := bytesOf(pick(r, ndSol, ndAdv), pick(r, 0, 0, 0, 1), randBytes(r, 22))
		for range r.IntN(4) {
			n := pick(r, 1, 1, 1, 2, 0)
			p = bytesOf(p, pick(r, ndOptSLL, ndOptTLL, 3), n, randBytes(r, max(0, 8*n-2)))
		}
		return p
	}
	return randBytes(r, pick(r, 0, 4, 8, 12, 20, 20, 24, 60))
}

// Frames of one kind each, whole and right.
var sampleFrames = func() map[string][]byte {
	macs := []byte{0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1}
	v4 := func(proto int, frag uint16, l4 []byte) []byte {
		return bytesOf(0x45, 0xb8, uint16(20+len(l4)), uint16(7), frag, 64, proto, uint16(0), uint32(0x0a000001), uint32(0x0a000102), l4)
	}
	udp := bytesOf(uint16(1000), uint16(53), uint16(26), uint16(0), make([]byte, 18))
	tcp := bytesOf(uint16(40000), uint16(443), uint32(1), uint32(2), uint16(0x5012), uint16(100), uint32(0), make([]byte, 6))
	v6addrs := bytesOf(uint32(0xfe800000), uint32(0), uint32(0), uint32(1), uint32(0xff020000), uint32(0), uint32(1), uint32(0xff000002))
	v6 := func(next int, p []byte) []byte {
		return bytesOf(uint32(0x6b812345), uint16(len(p)), next, 255, v6addrs, p)
	}
	nd := bytesOf(ndSol, 0, uint16(0), uint32(0), v6addrs[16:], 1, 1, macs[6:])
	return map[string][]byte{
		"udp":        bytesOf(macs, uint16(etherIPv4), v4(protoUDP, 0, udp)),
		"tcp":        bytesOf(macs, uint16(etherIPv4), v4(protoTCP, 0x4000, tcp)),
		"vlan-udp":   bytesOf(macs, uint16(etherVLAN), uint16(0x6005), uint16(etherIPv4), v4(protoUDP, 0, udp)),
		"vlan-tcp":   bytesOf(macs, uint16(etherVLAN), uint16(5), uint16(etherIPv4), v4(protoTCP, 0, tcp)),
		"qinq-udp":   bytesOf(macs, uint16(etherQinQ), uint16(7), uint16(etherVLAN), uint16(0x2009), uint16(etherIPv4), v4(protoUDP, 0, udp)),
		"three-tags": bytesOf(macs, uint16(etherVLAN), uint16(1), uint16(etherVLAN), uint16(2), uint16(etherVLAN), uint16(3), uint16(etherIPv4), v4(protoUDP, 0, udp)),
		"mpls":       bytesOf(macs, uint16(etherMPLS), uint32(0x00010040), uint32(0x00020040), uint32(0x00030040), uint32(0x00040140), v4(protoUDP, 0, udp)),
		"mpls-cut":   bytesOf(macs, uint16(etherMPLS), uint32(0x00010040), 1, 2),
		"arp":        bytesOf(macs, uint16(etherARP), uint32(0x00010800), 6, 4, uint16(1), macs[6:], uint32(0x0a000001), make([]byte, 6), uint32(0x0a000002), make([]byte, 18)),
		"options":    bytesOf(macs, uint16(etherIPv4), 0x46, 0, uint16(50), uint32(0), 64, protoUDP, uint16(0), uint32(1), uint32(2), uint32(0x94040000), udp),
		"frag-first": bytesOf(macs, uint16(etherIPv4), v4(protoUDP, 0x2000, udp)),
		"frag-later": bytesOf(macs, uint16(etherIPv4), v4(protoUDP, 0x0010, udp)),
		"icmp":       bytesOf(macs, uint16(etherIPv4), v4(protoICMP, 0, bytesOf(8, 0, uint16(0), uint32(1), make([]byte, 48)))),
		"igmp":       bytesOf(macs, uint16(etherIPv4), v4(protoIGMP, 0, bytesOf(0x16, 0, uint16(0), uint32(1)))),
		"sctp":       bytesOf(macs, uint16(etherIPv4), v4(protoSCTP, 0, randBytes(rand.New(rand.NewPCG(1, 1)), 28))),
		"udp6":       bytesOf(macs, uint16(etherIPv6), v6(protoUDP, udp)),
		"ext6":       bytesOf(macs, uint16(etherIPv6), v6(protoHopOpts, bytesOf(protoDstOpts, 0, make([]byte, 6), protoRouting, 0, make([]byte, 6), protoFragment, 0, make([]byte, 6), protoAH, 0, uint16(1), uint32(0), protoTCP, 0, make([]byte, 6), tcp))),
		"frag6":      bytesOf(macs, uint16(etherIPv6), v6(protoFragment, bytesOf(protoUDP, 0, uint16(1), uint32(1), udp))),
		"later6":     bytesOf(macs, uint16(etherIPv6), v6(protoFragment, bytesOf(protoUDP, 0, uint16(0x100), uint32(1), udp))),
		"nd":         bytesOf(macs, uint16(etherIPv6), v6(protoICMPv6, nd)),
		"nd-twice":   bytesOf(macs, uint16(etherIPv6), v6(protoICMPv6, bytesOf(nd, 1, 1, macs[:6]))),
		"snap":       bytesOf(macs, uint16(60), uint32(0xaaaa0300), uint16(0), uint16(etherIPv4), v4(protoUDP, 0, udp)),
		"llc":        bytesOf(macs, uint16(38), uint32(0x42420300), make([]byte, 35)),
		"padded":     bytesOf(macs, uint16(etherIPv4), v4(protoTCP, 0, tcp[:20]), make([]byte, 6)),
		"long-pad":   bytesOf(macs, uint16(etherIPv4), v4(protoTCP, 0, tcp), make([]byte, 256)),
		"short-l4":   bytesOf(macs, uint16(etherIPv4), v4(protoTCP, 0, tcp[:12]), make([]byte, 20)),
		"runt":       macs,
	}
}()
