package classifier

import (
	"fmt"
	"math/rand/v2"

	"pollux/flow"
)

// The tests draw rules and keys from a small world, in which rules overlap, share
// masks and are hit often: few values, short and long prefixes of the same
// addresses, all layers.

// source is what draws: a seeded generator, or rapid through draw.
type source interface{ IntN(n int) int }

func pick[T any](s source, from ...T) T { return from[s.IntN(len(from))] }

var addresses = []uint32{
	0x0a000001, 0x0a000002, 0x0a000102, 0x0a010203, 0x0a800001, 0x0b000001,
	0xc0a80001, 0xc0a80101, 0xffffffff, 0x00000000,
}

func randomKey(s source) flow.Key {
	var k flow.Key
	flow.InPort.Set(&k, lo(uint64(s.IntN(3))))
	flow.Metadata.Set(&k, lo(uint64(s.IntN(2))))
	flow.EthSrc.Set(&k, lo(uint64(0x020000000000+s.IntN(3))))
	flow.EthDst.Set(&k, lo(uint64(0x020000000000+s.IntN(3))))
	if s.IntN(3) == 0 {
		flow.VlanTCI.Set(&k, lo(uint64(flow.VlanCFI|s.IntN(3))))
	}
	switch s.IntN(4) {
	case 0:
		flow.EthType.Set(&k, lo(0x86dd))
		flow.IPv6Src.Set(&k, randomIPv6(s))
		flow.IPv6Dst.Set(&k, randomIPv6(s))
	case 1:
		flow.EthType.Set(&k, lo(0x0806))
		flow.ARPSPA.Set(&k, lo(uint64(pick(s, addresses...))))
		flow.ARPTPA.Set(&k, lo(uint64(pick(s, addresses...))))
		return k
	default:
		flow.EthType.Set(&k, lo(0x0800))
		flow.IPv4Src.Set(&k, lo(uint64(pick(s, addresses...))))
		flow.IPv4Dst.Set(&k, lo(uint64(pick(s, addresses...))))
	}
	flow.IPProto.Set(&k, lo(pick[uint64](s, 6, 17)))
	flow.TCPSrc.Set(&k, lo(pick[uint64](s, 80, 81, 1024, 65535)))
	flow.TCPDst.Set(&k, lo(pick[uint64](s, 53, 80, 88, 443, 8080)))
	return k
}

func randomIPv6(s source) flow.Value {
	return flow.Value{
		Hi: 0x20010db8_00000000 | uint64(s.IntN(2))<<16,
		Lo: pick[uint64](s, 1, 2, 1<<63, 1<<32),
	}
}

func lo(v uint64) flow.Value { return flow.Value{Lo: v} }

// universeFields are the fields that randomMatch looks at.
var universeFields = []flow.Field{
	flow.InPort, flow.Metadata, flow.EthSrc, flow.EthDst, flow.EthType, flow.VlanTCI,
	flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.IPProto, flow.TCPSrc, flow.TCPDst,
}

// randomMatch looks at a few fields of some key, wholly, by a prefix or by odd bits.
func randomMatch(s source) Match {
	m := Match{Key: randomKey(s)}
	for range s.IntN(4) {
		f := pick(s, universeFields...)
		width := uint(flow.Fields[f].Bits)
		v := f.Full()
		switch s.IntN(4) {
		case 0, 1:
			n := uint(s.IntN(int(width))) + 1
			v = flow.Ones(n).Shl(width - n)
		case 2:
			switch s.IntN(4) {
			case 0:
				v = flow.Value{Hi: 0xff00ff, Lo: 0x00ff00ff0f0f0f05}
			case 1: // some upper bits, a gap, more bits
				v = flow.Value{Hi: 0xff00ff00_00ff00ff, Lo: 0xff00ff00c1c1c005}
			}
		}
		f.OrMask(&m.Mask, v)
	}
	m.Normalize()
	return m
}

func randomRule(s source) *Rule {
	m := randomMatch(s)
	return &Rule{Match: &m, Priority: int32(pick(s, 0, 1, 1, 2, 100, 65535))}
}

// newSource returns a generator that always draws the same.
func newSource(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// show names a rule by what sets it apart from others.
func show(r *Rule) string {
	if r == nil {
		return "no rule"
	}
	return fmt.Sprintf("rule %d of priority %d", r.seq, r.Priority)
}

// byteSource draws from bytes, as the fuzzer gives them, and zeros at their end.
type byteSource struct{ b []byte }

func (s *byteSource) IntN(n int) int {
	if len(s.b) == 0 {
		return 0
	}
	v := int(s.b[0])
	s.b = s.b[1:]
	return v % n
}
