package datapath

import (
	"cmp"
	"slices"
)

// Policy is how queues that are not pinned are spread over loops (pmd-rxq-assign of Open
// vSwitch).
type Policy string

// The policies.
const (
	Cycles     Policy = "cycles"     // the busiest queues first, up the loops and down again
	RoundRobin Policy = "roundrobin" // by port and queue, round the loops
	Group      Policy = "group"      // the busiest queues first, each to the loop with the least so far
)

// assignment is loops as they fill up.
type assignment struct {
	u    *Usage
	open []int     // loops that may get queues
	load []float64 // by loop
	room []int     // by loop
	n    []int     // queues, by loop
	next int       // turn of cycles and roundrobin
}

// queueAt is a queue and the loop that polls it.
type queueAt struct {
	QueueUsage
	from, to int
}

// assign spreads the queues of u by policy p. Pinned ones stay, and so does one that no
// loop has memory for; if that loop has none left either, all stay.
func assign(p Policy, u *Usage) (queues []queueAt) {
	a := newAssignment(u)
	var free []queueAt
	for _, l := range u.Loops {
		for _, q := range l.Queues {
			at := queueAt{q, l.Loop, l.Loop}
			if q.Pinned {
				a.add(&at, l.Loop)
				queues = append(queues, at)
			} else {
				free = append(free, at)
			}
		}
	}
	slices.SortFunc(free, func(x, y queueAt) int { return byPlace(x.QueueUsage, y.QueueUsage) })
	pick := a.turn
	switch p {
	case Cycles:
		pick = a.zigzag
	case Group:
		pick = a.least
	}
	if p != RoundRobin {
		slices.SortStableFunc(free, func(x, y queueAt) int { return cmp.Compare(y.Usage, x.Usage) })
	}
	for k := range free {
		a.add(&free[k], pick(&free[k]))
	}
	queues = append(queues, free...)
	if slices.ContainsFunc(a.room, func(n int) bool { return n < 0 }) {
		for k := range queues {
			queues[k].to = queues[k].from
		}
	}
	return queues
}

func newAssignment(u *Usage) *assignment {
	n := len(u.Loops)
	a := &assignment{u: u, load: make([]float64, n), room: make([]int, n), n: make([]int, n)}
	for i := range u.Loops {
		a.room[i] = u.Loops[i].Room
		if !u.Loops[i].Isolated {
			a.open = append(a.open, i)
		}
	}
	if len(a.open) == 0 { // every loop is isolated: the others must be polled nevertheless
		for i := range u.Loops {
			a.open = append(a.open, i)
		}
	}
	return a
}

func (a *assignment) add(q *queueAt, loop int) {
	q.to = loop
	a.load[loop] += q.Usage
	a.room[loop] -= q.Frames
	a.n[loop]++
}

func (a *assignment) fits(q *queueAt, loop int) bool { return q.Frames <= a.room[loop] }

// turn takes loops in turn.
func (a *assignment) turn(q *queueAt) int {
	return a.inOrder(q, len(a.open), func(k int) int { return k })
}

// zigzag takes loops up and down.
func (a *assignment) zigzag(q *queueAt) int {
	n := len(a.open)
	return a.inOrder(q, 2*n, func(k int) int { return min(k, 2*n-1-k) })
}

// inOrder takes the next loop of a round of n that has memory for q, the k-th of which is
// a.open[at(k)].
func (a *assignment) inOrder(q *queueAt, n int, at func(k int) int) int {
	for range n {
		loop := a.open[at(a.next%n)]
		a.next++
		if a.fits(q, loop) {
			return loop
		}
	}
	return q.from
}

// least takes the loop with the lowest load; of equals the one that has the queue, or
// else the one with the fewest queues.
func (a *assignment) least(q *queueAt) int {
	best := -1
	for _, loop := range a.open {
		if !a.fits(q, loop) {
			continue
		}
		better := best < 0 || cmp.Or(
			cmp.Compare(a.load[loop], a.load[best]),
			cmp.Compare(away(q, loop), away(q, best)),
			cmp.Compare(a.n[loop], a.n[best]),
		) < 0
		if better {
			best = loop
		}
	}
	if best < 0 {
		return q.from
	}
	return best
}

func away(q *queueAt, loop int) int {
	if q.from == loop {
		return 0
	}
	return 1
}
