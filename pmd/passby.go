package pmd

import "slices"

// passBy decides whether packets are looked for in the exact-match cache at all. Where far
// more flows are about than it holds, or where one subtable knows them all, asking it and
// writing to it costs more than it saves; where flow caches know flows by its slots, it
// saves more than look-ups. So nothing is reckoned: both ways are tried in turn, and what a
// packet took, from its batch's arrival until it was staged, decides.
//
// While packets ask, a short trial without is made now and then, for which nothing is
// forgotten. While they pass by, a longer one is made with a cache that is empty at first,
// and judged by its end.
type passBy struct {
	off   bool
	phase phase
	left  int // packets until the phase ends
	batch int // packets of the batch in hand that asked, or passed by
	rest  int // so many trials long is the next time of passing by

	cost  [2]float64        // ticks a packet at the end of the last phase with (0), and without (1)
	ticks [judgedOn]float64 // a packet, of the last batches
	n     int               // how many batches have been written there in this phase
	order [judgedOn]float64 // scratch
}

// phase is what packets do now, and why.
type phase uint8

const (
	asking   phase = iota // packets ask the cache
	probing               // they pass it by for a moment
	passing               // they pass it by
	trialing              // they ask it, to see
)

const (
	askRounds   = 64   // packets for each entry of the cache between two trials without
	trialRounds = 4    // packets for each entry of the cache in a trial with
	restTrials  = 16   // and after one that did not pay they pass by for so many times as long,
	mostRest    = 256  // twice as long after each one that follows, up to so many times
	judgedOn    = 64   // batches, of which the median decides
	leastBatch  = 16   // packets of a batch that is looked at: in small ones a batch's own cost rules
	better      = 0.95 // of the other way's cost is enough to change
)

// begin is before the first packet.
func (l *Loop) begin() {
	l.passBy = passBy{phase: trialing, left: trialRounds * l.exactSlots, rest: restTrials}
	l.exec.Slots = l.slots[:]
}

// spent tells what the batch that asked, or passed by, took, and goes to the next phase at a
// phase's end. Batches whose packets nobody looked at do not count.
func (l *Loop) spent(ticks uint64) {
	p := &l.passBy
	n := p.batch
	if n == 0 {
		return
	}
	p.batch = 0
	if n >= leastBatch {
		p.ticks[p.n%judgedOn] = float64(ticks) / float64(n)
		p.n++
	}
	if p.left -= n; p.left > 0 {
		return
	}
	if p.n < judgedOn {
		p.left = n // too few to judge by: batches are small, and nothing presses
		return
	}
	p.cost[b2i(p.off)] = p.median()
	with, without := p.cost[0], p.cost[1]
	switch {
	case p.phase == asking, without == 0:
		l.enter(probing)
	case p.phase == passing:
		l.enter(trialing)
	case p.phase == probing && without < better*with:
		p.rest = restTrials
		l.enter(passing)
	case p.phase == trialing && with >= better*without:
		p.rest = min(2*p.rest, mostRest)
		l.enter(passing)
	default:
		l.enter(asking)
	}
}

// enter begins a phase.
func (l *Loop) enter(to phase) {
	p := &l.passBy
	p.phase, p.n = to, 0
	p.off = to == probing || to == passing
	switch to {
	case asking:
		p.left = askRounds * l.exactSlots
	case probing:
		p.left = 2 * judgedOn * l.cfg.Burst
	case passing:
		p.left = p.rest * trialRounds * l.exactSlots
	case trialing:
		l.exact.Forget()
		p.left = trialRounds * l.exactSlots
	}
	l.exec.Slots = l.slots[:]
	if p.off {
		l.exec.Slots = nil // packets have none
	}
}

// median returns that of the last batches' ticks a packet.
func (p *passBy) median() float64 {
	p.order = p.ticks
	slices.Sort(p.order[:])
	return p.order[judgedOn/2]
}
