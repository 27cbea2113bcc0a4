package pipeline

import (
	"slices"

	"pollux/actions"
	"pollux/classifier"
)

// made remembers some programs and credits that translations of one thread have made. Both
// are immutable, and new flows are mostly treated as others were a moment ago: for those a
// translation allocates nothing.
type made struct {
	programs [recentPrograms]madeProgram
	credits  [recentCredits]madeCredit
	paths    [recentPaths]*classifier.Path
	choices  map[uint64]*actions.Choice // by what Choice.Key says
}

// How many of each are remembered, a place a hash. Credits outlive their snapshot, as the
// same rules mostly are in the next; so that many rules which are gone may stay in memory.
// A decision keeps its credit over all changes that do not touch it (classifier.Changes):
// the rules in it are in the tables still, since the removal of one of them touches it, and
// so does a change of the address in it.
const (
	recentPrograms = 16
	recentCredits  = 1024
	recentPaths    = 64
	recentChoices  = 1024
)

// madeCredit is a credit, and the path of the last translation that had it: mostly that of the
// next one too, which then need not be hashed.
type madeCredit struct {
	credit *credit
	path   *classifier.Path
}

// madeProgram is a program and what it was made of, which Finish may have changed.
type madeProgram struct {
	ops     []actions.Op
	samples []actions.Sample
	meters  []*actions.Meter
	punts   []actions.Punt
	queues  []*actions.Queue
	reason  actions.Reason
	asks    actions.Question // AskNothing: nothing
	p       *actions.Program
}

// is says whether e was made of what x gathered.
func (e *madeProgram) is(x *xlate) bool {
	if e.p == nil || e.reason != x.reason || e.asks != x.asks || len(e.ops) != len(x.ops) {
		return false
	}
	for i := range x.ops {
		// Field by field, as what was just written is read best.
		a, b := &e.ops[i], &x.ops[i]
		if a.Code != b.Code || a.Field != b.Field || a.A != b.A || a.B != b.B ||
			a.V.Hi != b.V.Hi || a.V.Lo != b.V.Lo || a.M.Hi != b.M.Hi || a.M.Lo != b.M.Lo {
			return false
		}
	}
	return slices.Equal(e.samples, x.samples) && slices.Equal(e.meters, x.meters) &&
		actions.EqualPunts(e.punts, x.punts) && slices.Equal(e.queues, x.queues)
}

// program returns the program of the steps that x gathered.
func (x *xlate) program() *actions.Program {
	h := (uint32(len(x.ops))<<8 | uint32(x.reason)) ^ x.asks.Length<<4 ^ uint32(x.asks.What)<<13 ^ uint32(x.asks.Place)<<17
	for i := range x.ops {
		op := &x.ops[i]
		h = (h ^ uint32(op.Code) ^ op.A<<4 ^ op.B<<9 ^ uint32(op.V.Lo) ^ uint32(op.V.Hi)) * 0x9e3779b1
	}
	for i := range x.punts {
		h = (h ^ uint32(x.punts[i].Hash()>>16)) * 0x9e3779b1
	}
	e := &x.made.programs[h>>16%recentPrograms]
	if !e.is(x) {
		e.make(x)
	}
	return e.p
}

// make makes the program.
func (e *madeProgram) make(x *xlate) {
	p := &actions.Program{Ops: slices.Clone(x.ops), Samples: slices.Clone(x.samples), Meters: slices.Clone(x.meters), Punts: slices.Clone(x.punts), Queues: slices.Clone(x.queues)}
	p.Finish(x.reason)
	if x.asks.What != actions.AskNothing {
		q := x.asks
		p.Asks = &q
	}
	// Others have p from now on, so what it was made of is kept apart.
	e.ops, e.samples = append(e.ops[:0], x.ops...), append(e.samples[:0], x.samples...)
	e.meters, e.punts = append(e.meters[:0], x.meters...), append(e.punts[:0], x.punts...)
	e.queues = append(e.queues[:0], x.queues...)
	e.reason, e.asks, e.p = x.reason, x.asks, p
}

// credit returns the credit of a translation, and the place for the path of the last that had it.
func (m *made) credit(of *counted) *madeCredit {
	h := uint32(len(of.missed))
	for _, r := range of.rules {
		h = (h ^ uint32(r.seq)) * 0x9e3779b1
	}
	for _, n := range of.names {
		h = (h ^ uint32(n.name>>32)) * 0x9e3779b1
	}
	at := &m.credits[h>>16%recentCredits]
	if at.credit == nil || !at.credit.equal(of) {
		at.credit = newCredit(of)
	}
	return at
}

// path returns what a translation gathered of its way, to be shared.
func (m *made) path(p *classifier.Path) *classifier.Path {
	at := &m.paths[p.Hash()>>32%recentPaths]
	if *at == nil || !(*at).Equal(p) {
		c := *p
		*at = &c
	}
	return *at
}

// choice returns c to be shared: one and the same as before where that is equal, as loops tell
// questions apart by it.
func (m *made) choice(c *actions.Choice) *actions.Choice {
	key := c.Key()
	if was := m.choices[key]; was != nil && was.Equal(c) {
		return was
	}
	if m.choices == nil || len(m.choices) >= recentChoices {
		m.choices = make(map[uint64]*actions.Choice, 64)
	}
	own := c.Clone()
	m.choices[key] = own
	return own
}
