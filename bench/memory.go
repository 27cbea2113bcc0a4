package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"pollux/internal/cpu"
)

// MemoryScenario is one setting in which the poll loop is measured: its packets come
// from a memory port, that writes the headers of each, and go to another.
type MemoryScenario struct {
	Flows    int `json:"flows"`    // distinct UDP flows, sent in turn: the worst order for caches
	Masks    int `json:"masks"`    // megaflow masks that the flows are spread over evenly
	Sampling int `json:"sampling"` // IPFIX 1:N of every packet on input, in a cache larger than the flows; 0 is off
}

// IPFIX is the scenario's sampling in words.
func (s MemoryScenario) IPFIX() string {
	if s.Sampling == 0 {
		return "off"
	}
	return fmt.Sprintf("1:%d", s.Sampling)
}

// String is the scenario as the table's first columns.
func (s MemoryScenario) String() string {
	return fmt.Sprintf("%8d %5d %5s", s.Flows, s.Masks, s.IPFIX())
}

// Samplings are the settings of IPFIX that are measured side by side.
var Samplings = []int{0, 100, 1}

// MemoryMix is a number of flows and masks, measured with each of Samplings.
type MemoryMix struct{ Flows, Masks int }

// MemoryMixes are those of the project's own figures. One flow has one mask.
func MemoryMixes() (list []MemoryMix) {
	for _, flows := range []int{1, 1_000, 100_000, 1_000_000} {
		for _, masks := range []int{1, 20} {
			if masks <= flows {
				list = append(list, MemoryMix{flows, masks})
			}
		}
	}
	return list
}

// MemorySpec is a measurement.
type MemorySpec struct {
	Mixes  []MemoryMix
	Turns  int           // of each setting; default 21
	Time   time.Duration // of a turn; default 60 ms
	Settle time.Duration // of a turn before that, in which the processor's caches fill; default 10 ms
	Burst  int           // packets that the loop takes at a time; default 256, that of the switch
	Core   int           // of the loop
	Each   func(done, all int)
}

func (s *MemorySpec) defaults() {
	if s.Turns == 0 {
		s.Turns = 21
	}
	if s.Time == 0 {
		s.Time = 60 * time.Millisecond
	}
	if s.Settle == 0 {
		s.Settle = 10 * time.Millisecond
	}
	if s.Burst == 0 {
		s.Burst = 256
	}
}

// MemoryResult is what one scenario comes to. Times are processor time of threads, so
// that others who use the machine count as little as may be.
type MemoryResult struct {
	MemoryScenario
	Mpps          Spread  `json:"mpps"`           // packets by NsPacket: what the core would do undisturbed
	NsPacket      Spread  `json:"ns_packet"`      // of the loop's own time, source and sink included
	Cost          Spread  `json:"cost"`           // NsPacket beyond that of IPFIX off in the same round, in percent
	CostFastest   float64 `json:"cost_fastest"`   // the same by the fastest turns of both: steadier where others use the core
	Disturbed     float64 `json:"disturbed"`      // share of the time that others had the core, 0 to 1
	ExactShare    float64 `json:"exact_share"`    // of packets, 0 to 1
	MegaflowShare float64 `json:"megaflow_share"` // likewise; simple matches among them

	// Elsewhere is the processor time of all other threads of the process while the loop
	// ran, by the loop's packets: the exporter's, which shares no core with the loop, and
	// what Go's runtime does besides. That of IPFIX off is the latter alone.
	Elsewhere Spread `json:"elsewhere_ns_packet"`
	// Record is the cost of a record, which is what an exporter's work goes by; nil
	// where IPFIX is off, or there are too few flows to tell.
	Record *RecordCost `json:"record,omitempty"`
}

// RecordCost is the processor time a flow record takes, in ns, measured with the caches'
// flows all ended at once, over UDP to a socket on loopback.
type RecordCost struct {
	Records  int     `json:"records"`
	Loop     float64 `json:"loop"`     // to end a flow and put its record into the ring
	Exporter float64 `json:"exporter"` // to take it from there, encode it, and send it
}

// RunMemory measures each mix of flows with each setting of IPFIX. The loops of the
// settings live side by side and run in turn on one core, never two at once, so that what
// disturbs the machine for a while disturbs all of them; every round gives one cost. It
// moves the other threads of the process off that core, for good.
func RunMemory(ctx context.Context, s MemorySpec) (results []MemoryResult, err error) {
	s.defaults()
	if _, _, err := cpu.SetProcs(1); err != nil {
		return nil, err
	}
	if err := cpu.Reserve([]int{s.Core}); err != nil {
		return nil, err
	}
	for i, mix := range s.Mixes {
		res, err := s.mix(ctx, mix)
		if err != nil {
			return nil, fmt.Errorf("flows %d, masks %d: %w", mix.Flows, mix.Masks, err)
		}
		results = append(results, res...)
		if s.Each != nil {
			s.Each(i+1, len(s.Mixes))
		}
	}
	return results, nil
}

// fewRecords is below how many flows the cost of a record drowns in that of a start.
const fewRecords = 10_000

// mix measures one mix of flows.
func (s *MemorySpec) mix(ctx context.Context, mix MemoryMix) (res []MemoryResult, err error) {
	rigs := make([]*memoryRig, len(Samplings))
	defer func() {
		for _, r := range rigs {
			if r != nil {
				err = errors.Join(err, r.close())
			}
		}
	}()
	for i, n := range Samplings {
		spec, err := RigConfig{MemoryScenario: MemoryScenario{mix.Flows, mix.Masks, n}, Core: s.Core, Burst: s.Burst}.spec()
		if err != nil {
			return nil, err
		}
		if rigs[i], err = newMemoryRig(spec); err != nil {
			return nil, err
		}
		if err := rigs[i].warm(ctx); err != nil {
			return nil, err
		}
	}
	turns := make([][]memoryTurn, len(rigs))
	for range s.Turns {
		for i, r := range rigs {
			t, err := r.turn(ctx, s.Settle, s.Time)
			if err != nil {
				return nil, err
			}
			turns[i] = append(turns[i], t)
		}
	}
	for i, r := range rigs {
		m := summary(MemoryScenario{mix.Flows, mix.Masks, Samplings[i]}, turns[i], turns[0])
		if r.x != nil && mix.Flows >= fewRecords {
			if m.Record, err = r.records(ctx); err != nil {
				return nil, err
			}
		}
		res = append(res, m)
	}
	return res, nil
}

// summary makes figures of the turns of one setting; off are those of the setting that
// costs are told by, turn by turn.
func summary(sc MemoryScenario, turns, off []memoryTurn) MemoryResult {
	m := MemoryResult{MemoryScenario: sc}
	var mpps, ns, cost, other []float64
	var all memoryTurn
	best := math.Inf(1)
	for _, t := range off {
		best = min(best, t.ns())
	}
	for i, t := range turns {
		n := t.ns()
		ns, mpps = append(ns, n), append(mpps, 1e3/n)
		cost = append(cost, 100*(n/off[i].ns()-1))
		other = append(other, float64(t.other)/float64(t.packets))
		all.add(t)
	}
	m.Mpps, m.NsPacket, m.Cost, m.Elsewhere = NewSpread(mpps), NewSpread(ns), NewSpread(cost), NewSpread(other)
	m.CostFastest = 100 * (m.NsPacket.Min/best - 1)
	m.ExactShare = float64(all.exact) / float64(all.packets)
	m.MegaflowShare = float64(all.mega) / float64(all.packets)
	m.Disturbed = max(0, 1-float64(all.loop)/float64(all.wall))
	return m
}
