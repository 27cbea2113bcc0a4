package classifier

import "pollux/flow"

// shape is what all versions of one subtable of a table share: its mask, cut into
// the stages of a lookup. Immutable.
type shape struct {
	mask   flow.Mask
	hash   uint64 // of the mask, to tell masks apart quickly
	all    packedMask
	stages []stage // at least one
	length [numPrefixes]uint8
}

// stage is the words of a mask that lie in one layer: metadata, L2, L3 or L4.
type stage struct {
	packed   packedMask
	prefixes []uint8 // fields with tries whose prefix this stage looks at
}

// newShape cuts m. Layers at which m does not look make no stage.
func newShape(m *flow.Mask) *shape {
	s := &shape{mask: *m, hash: hashMask(m), all: pack(m, 0, flow.NumWords, fixedSalts)}
	bound := [...]flow.Word{0, flow.StageL2, flow.StageL3, flow.StageL4, flow.NumWords}
	for i := range len(bound) - 1 {
		st := stage{packed: pack(m, bound[i], bound[i+1], fixedSalts)}
		if len(st.packed.word) == 0 {
			continue
		}
		for f, p := range prefixFields {
			if p.word < bound[i] || p.word >= bound[i+1] {
				continue
			}
			if n := p.length(m); n > 0 {
				s.length[f] = uint8(n)
				st.prefixes = append(st.prefixes, uint8(f))
			}
		}
		s.stages = append(s.stages, st)
	}
	if len(s.stages) == 0 {
		s.stages = []stage{{packed: pack(m, 0, flow.NumWords, fixedSalts)}}
	}
	return s
}

// hashes writes the hash at the end of each stage to h and returns their number.
func (s *shape) hashes(k *flow.Key, h *[4]uint64) int {
	v := uint64(0)
	for i := range s.stages {
		v = s.stages[i].packed.hash(k, v)
		h[i] = v
	}
	return len(s.stages)
}

// or adds the bits of the first n stages to wild.
func (s *shape) or(wild *flow.Mask, n int) {
	for i := range s.stages[:n] {
		p := &s.stages[i].packed
		for j, w := range p.word {
			wild.Or(w, p.bits[j])
		}
	}
}

func hashMask(m *flow.Mask) uint64 {
	h := m.Map
	for w := range m.W {
		h = fold(h^m.W[w]^fixedSalts[w], fixedSalts[flow.NumWords])
	}
	return h
}
