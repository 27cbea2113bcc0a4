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
	credits  [recentCredits]*credit
	paths    [recentPaths]*classifier.Path
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
)

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

// program returns the program of these steps.
func (m *made) program(ops []actions.Op, samples []actions.Sample, meters []*actions.Meter, punts []actions.Punt, queues []*actions.Queue, reason actions.Reason, asks actions.Question) *actions.Program {
	h := (uint32(len(ops))<<8 | uint32(reason)) ^ asks.Length<<4 ^ uint32(asks.What)<<13
	for i := range ops {
		op := &ops[i]
		h = (h ^ uint32(op.Code) ^ op.A<<4 ^ op.B<<9 ^ uint32(op.V.Lo) ^ uint32(op.V.Hi)) * 0x9e3779b1
	}
	for i := range punts {
		h = (h ^ uint32(punts[i].Hash()>>16)) * 0x9e3779b1
	}
	e := &m.programs[h>>16%recentPrograms]
	if e.p != nil && e.reason == reason && e.asks == asks && slices.Equal(e.ops, ops) && slices.Equal(e.samples, samples) && slices.Equal(e.meters, meters) && actions.EqualPunts(e.punts, punts) && slices.Equal(e.queues, queues) {
		return e.p
	}
	p := &actions.Program{Ops: slices.Clone(ops), Samples: slices.Clone(samples), Meters: slices.Clone(meters), Punts: slices.Clone(punts), Queues: slices.Clone(queues)}
	p.Finish(reason)
	if asks.What != actions.AskNothing {
		q := asks
		p.Asks = &q
	}
	// Others have p from now on, so what it was made of is kept apart.
	e.ops, e.samples = append(e.ops[:0], ops...), append(e.samples[:0], samples...)
	e.meters, e.punts = append(e.meters[:0], meters...), append(e.punts[:0], punts...)
	e.queues = append(e.queues[:0], queues...)
	e.reason, e.asks, e.p = reason, asks, p
	return p
}

// credit returns the credit of a translation.
func (m *made) credit(of *credit) *credit {
	rules, missed := of.rules, of.missed
	h := uint32(len(missed))
	for _, r := range rules {
		h = (h ^ uint32(r.seq)) * 0x9e3779b1
	}
	for _, n := range of.names {
		h = (h ^ uint32(n.name>>32)) * 0x9e3779b1
	}
	at := &m.credits[h>>16%recentCredits]
	if c := *at; c != nil && c.equal(of) {
		return c
	}
	c := newCredit(of)
	*at = c
	return c
}

// path returns what a translation gathered of its way, to be shared.
func (m *made) path(p *classifier.Path) *classifier.Path {
	at := &m.paths[p.Hash()>>32%recentPaths]
	if *at == nil || **at != *p {
		c := *p
		*at = &c
	}
	return *at
}
