package datapath

import (
	"time"

	"pollux/pmd"
)

// Plan is how queues would be polled, and what that is expected to bring.
type Plan struct {
	Policy      Policy      `json:"policy"`
	Seconds     float64     `json:"seconds"`     // of the usage that it goes by
	Before      []float64   `json:"before"`      // by loop: what its queues take of a core, 0 to 1
	After       []float64   `json:"after"`       // likewise, as expected
	Variance    [2]float64  `json:"variance"`    // of Before and After, in percent squared
	Improvement float64     `json:"improvement"` // of the variance, in percent; negative is worse
	Moves       []QueueMove `json:"moves"`
}

// QueueMove is a queue that changes loops.
type QueueMove struct {
	Port  string  `json:"port"`
	Slot  int     `json:"slot"`
	Queue int     `json:"queue"`
	From  int     `json:"from"` // loop
	To    int     `json:"to"`
	Usage float64 `json:"usage"` // share of one core
}

// Plan works out how policy would spread the queues, by the usage of the last window.
func (d *Datapath) Plan(policy Policy, window time.Duration) Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return planOf(policy, d.usageOf(window))
}

// Rebalance carries out what Plan would tell where want agrees: queues change loops
// under traffic, with no packet lost on the way, and none overtaken by a later one of its
// flow. It returns the plan, and whether it was carried out.
func (d *Datapath) Rebalance(policy Policy, window time.Duration, want func(*Plan) bool) (Plan, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := planOf(policy, d.usageOf(window))
	if len(p.Moves) == 0 || !want(&p) {
		return p, false
	}
	var moves []pmd.Move
	for _, m := range p.Moves {
		moves = append(moves, pmd.Move{Slot: m.Slot, Queue: m.Queue, From: m.From, To: m.To})
	}
	d.move(moves)
	return p, true
}

func planOf(policy Policy, u Usage) Plan {
	p := Plan{
		Policy: policy, Seconds: u.Seconds, Moves: []QueueMove{},
		Before: make([]float64, len(u.Loops)), After: make([]float64, len(u.Loops)),
	}
	for _, q := range assign(policy, &u) {
		p.Before[q.from] += q.Usage
		p.After[q.to] += q.Usage
		if q.from != q.to {
			p.Moves = append(p.Moves, QueueMove{q.Port, q.Slot, q.Queue, q.from, q.to, q.Usage})
		}
	}
	p.Variance = [2]float64{variance(p.Before), variance(p.After)}
	if p.Variance[0] > 0 {
		p.Improvement = 100 * (p.Variance[0] - p.Variance[1]) / p.Variance[0]
	}
	return p
}

// variance is that of loads told in percent.
func variance(loads []float64) (v float64) {
	mean := 0.0
	for _, x := range loads {
		mean += 100 * x / float64(len(loads))
	}
	for _, x := range loads {
		v += (100*x - mean) * (100*x - mean) / float64(len(loads))
	}
	return v
}
