package pmd

import (
	"math/bits"

	"pollux/actions"
	"pollux/classifier"
	"pollux/internal/packet"
)

// identity is the order of a batch whose packets all go the same way.
var identity = func() (o [packet.MaxBatch]uint16) {
	for i := range o {
		o[i] = uint16(i)
	}
	return
}()

// groups splits a batch by program, keeping the packets' order within each: packets
// of one flow have one program, but for those that are asked (asking.go), so none overtakes
// another of its flow.
type groups struct {
	n     int
	one   []uint16 // the members where n is 1
	start [packet.MaxBatch + 1]uint16
	order [packet.MaxBatch]uint16
	at    [packet.MaxBatch]uint16 // the packet's group
	ids   [packet.MaxBatch]int32  // the group's program number
	of    []int16                 // by program number: its group in this batch, or -1
}

// sort makes the groups of one batch in two passes and no comparison.
func (g *groups) sort(flows []*classifier.Megaflow) {
	first, same := flows[0].Group, true
	for _, mf := range flows[1:] {
		if mf.Group != first {
			same = false
			break
		}
	}
	if same {
		g.n, g.one = 1, identity[:len(flows)]
		return
	}
	g.one = nil
	g.n = 0
	var count [packet.MaxBatch]uint16
	for i, mf := range flows {
		id := mf.Group
		k := g.of[id]
		if k < 0 {
			k = int16(g.n)
			g.of[id], g.ids[k] = k, id
			g.n++
		}
		g.at[i] = uint16(k)
		count[k]++
	}
	var sum uint16
	for k := 0; k < g.n; k++ {
		g.start[k] = sum
		sum += count[k]
		count[k] = g.start[k]
		g.of[g.ids[k]] = -1
	}
	g.start[g.n] = sum
	for i := range flows {
		k := g.at[i]
		g.order[count[k]] = uint16(i)
		count[k]++
	}
}

// members returns the packets of group k, in order of arrival.
func (g *groups) members(k int) []uint16 {
	if g.one != nil {
		return g.one
	}
	return g.order[g.start[k]:g.start[k+1]]
}

// programs keeps one copy of each distinct program of a loop and numbers them, so
// that a thousand flows with the same actions form one group.
type programs struct {
	byHash map[uint64][]int32
	all    []interned
	free   []int32
	last   int32 // of what intern was asked last: one new flow is mostly as the one before
}

type interned struct {
	p    *actions.Program
	hash uint64
	refs int
}

func newPrograms() programs {
	return programs{byHash: map[uint64][]int32{}, all: make([]interned, 0, roomy), free: make([]int32, 0, 4*roomy)}
}

// roomy is the least room that a loop gives lists which it writes as traffic goes: from
// about a kilobyte on the allocator puts nothing else on a list's cache lines. Small ones
// would lie beside those of other loops.
const roomy = 64

// intern returns the loop's copy of p and its number, counting one more user.
func (s *programs) intern(p *actions.Program, g *groups) (*actions.Program, int32) {
	if id := s.last; int(id) < len(s.all) && s.all[id].p == p {
		s.all[id].refs++
		return p, id
	}
	h := hashProgram(p)
	for _, id := range s.byHash[h] {
		if e := &s.all[id]; e.p == p || actions.Equal(e.p, p) {
			e.refs++
			s.last = id
			return e.p, id
		}
	}
	var id int32
	if n := len(s.free); n > 0 {
		id = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		id = int32(len(s.all))
		s.all = append(s.all, interned{})
		g.of = append(g.of, -1)
	}
	s.all[id] = interned{p, h, 1}
	s.byHash[h] = append(s.byHash[h], id)
	s.last = id
	return p, id
}

// drop takes one user off program id and forgets it with the last.
func (s *programs) drop(id int32) {
	e := &s.all[id]
	if e.refs--; e.refs > 0 {
		return
	}
	ids := s.byHash[e.hash]
	for i, v := range ids {
		if v == id {
			ids[i] = ids[len(ids)-1]
			ids = ids[:len(ids)-1]
			break
		}
	}
	if len(ids) == 0 {
		delete(s.byHash, e.hash)
	} else {
		s.byHash[e.hash] = ids
	}
	*e = interned{}
	s.free = append(s.free, id)
}

// hashProgram is the same for equal programs.
func hashProgram(p *actions.Program) uint64 {
	h := uint64(len(p.Ops))<<8 | uint64(p.Drop)
	mix := func(v uint64) {
		hi, lo := bits.Mul64(h^v, 0x9e3779b97f4a7c15)
		h = hi ^ lo
	}
	for i := range p.Ops {
		op := &p.Ops[i]
		mix(uint64(op.Code)<<32 | uint64(op.Field))
		mix(uint64(op.A)<<32 | uint64(op.B))
		mix(op.V.Hi ^ bits.RotateLeft64(op.V.Lo, 17))
		mix(op.M.Hi ^ bits.RotateLeft64(op.M.Lo, 31))
	}
	for i := range p.Punts {
		mix(p.Punts[i].Hash())
	}
	return h
}
