package classifier

import (
	"math/bits"

	"pollux/flow"
)

// The fields whose prefixes a table keeps in tries, in the order of their words.
// They are ranges of bits of the key: what the packet is does not matter here.
const (
	prefixNwSrc = iota
	prefixNwDst
	prefixIPv6Src
	prefixIPv6Dst
	prefixTpSrc
	prefixTpDst
	numPrefixes
)

// prefixField says where a field is. Values are left-aligned in 128 bits, so that a
// prefix of length n is the upper n bits.
type prefixField struct {
	word  flow.Word
	shift uint8
	width uint8 // bits; 128 for two words
}

var prefixFields = [numPrefixes]prefixField{
	prefixNwSrc:   {flow.WIPv4, 32, 32},
	prefixNwDst:   {flow.WIPv4, 0, 32},
	prefixIPv6Src: {flow.WIPv6SrcHi, 0, 128},
	prefixIPv6Dst: {flow.WIPv6DstHi, 0, 128},
	prefixTpSrc:   {flow.WL4, 48, 16},
	prefixTpDst:   {flow.WL4, 32, 16},
}

// read returns the field of w, left-aligned.
func (f prefixField) read(w *[flow.NumWords]uint64) flow.Value {
	if f.width == 128 {
		return flow.Value{Hi: w[f.word], Lo: w[f.word+1]}
	}
	return flow.Value{Hi: w[f.word] >> f.shift << (64 - f.width)}
}

// or adds the upper n bits of the field to m.
func (f prefixField) or(m *flow.Mask, n int) {
	v := highOnes(n)
	if f.width == 128 {
		m.Or(f.word, v.Hi)
		m.Or(f.word+1, v.Lo)
		return
	}
	m.Or(f.word, v.Hi>>(64-f.width)<<f.shift)
}

// length returns how many of the field's upper bits m has without a gap.
func (f prefixField) length(m *flow.Mask) int {
	v := f.read(&m.W)
	return leadingZeros(flow.Value{Hi: ^v.Hi, Lo: ^v.Lo})
}

// highOnes returns the value whose upper n bits are 1.
func highOnes(n int) flow.Value {
	switch {
	case n <= 0:
		return flow.Value{}
	case n <= 64:
		return flow.Value{Hi: ^uint64(0) << (64 - n)}
	}
	return flow.Value{Hi: ^uint64(0), Lo: ^uint64(0) << (128 - n)}
}

func leadingZeros(v flow.Value) int {
	if v.Hi != 0 {
		return bits.LeadingZeros64(v.Hi)
	}
	return 64 + bits.LeadingZeros64(v.Lo)
}

// bitAt returns bit i of v, counted from the highest.
func bitAt(v flow.Value, i int) int {
	if i < 64 {
		return int(v.Hi >> (63 - i) & 1)
	}
	return int(v.Lo >> (127 - i) & 1)
}
