package bench

import (
	"fmt"
	"strings"
)

// KindStorm is the Kind of a StormResult.
const KindStorm = "storm"

// StormNumbers is what a storm was asked to be.
type StormNumbers struct {
	Flows   int `json:"flows"` // a second, added and deleted
	Batch   int `json:"batch"` // before a barrier
	Traffic int `json:"traffic"`
}

// StormRate is how fast a loop was.
type StormRate struct {
	Mpps    float64 `json:"mpps"`     // by the wall's clock
	OwnMpps float64 `json:"own_mpps"` // by the loop's processor time
}

func newStormRate(t *memoryTurn) StormRate {
	return StormRate{float64(t.packets) / float64(max(t.wall, 1)) * 1e3, float64(t.packets) / float64(max(t.loop, 1)) * 1e3}
}

// StormResult is what a storm comes to.
type StormResult struct {
	Kind    string       `json:"kind"`
	Machine Machine      `json:"machine"`
	Spec    StormNumbers `json:"spec"`
	Seconds float64      `json:"seconds"`

	FlowMods  uint64   `json:"flow_mods"`
	Barriers  int      `json:"barriers"`
	BarrierNs [3]int64 `json:"barrier_ns"` // p50, p99 and longest, from the first of the batch on

	Calm       StormRate `json:"calm"` // before and after
	Stormy     StormRate `json:"stormy"`
	Renewed    uint64    `json:"renewed"`     // decisions that no change had touched
	Translated uint64    `json:"revalidated"` // that were translated again

	Checked     uint64 `json:"checked"` // packets
	Stale       uint64 `json:"stale"`   // of them those with a version older than the last barrier of before they came
	Unaccounted int64  `json:"unaccounted"`
}

// Kept is what the loop kept of its rate in the storm, in percent, by its own processor time.
func (r *StormResult) Kept() float64 { return 100 * r.Stormy.OwnMpps / r.Calm.OwnMpps }

// String is the whole in some lines.
func (r *StormResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d flows of traffic; %d flows a second added and %d deleted, a barrier every %d of each\n", r.Spec.Traffic, r.Spec.Flows, r.Spec.Flows, r.Spec.Batch)
	fmt.Fprintf(&b, "%.0f s: %.0f flow-mods a second over an OpenFlow session, %.0f barriers a second: p50 %s, p99 %s, longest %s\n", r.Seconds,
		float64(r.FlowMods)/r.Seconds, float64(r.Barriers)/r.Seconds, NsText(float64(r.BarrierNs[0])), NsText(float64(r.BarrierNs[1])), NsText(float64(r.BarrierNs[2])))
	fmt.Fprintf(&b, "%.2f Mpps in it, %.2f before and after: %.2f of it (in the loop's own time %.2f, %.2f: %.2f)\n", r.Stormy.Mpps, r.Calm.Mpps, r.Stormy.Mpps/r.Calm.Mpps,
		r.Stormy.OwnMpps, r.Calm.OwnMpps, r.Kept()/100)
	fmt.Fprintf(&b, "decisions older than the tables: %d renewed, %d translated again\n", r.Renewed, r.Translated)
	fmt.Fprintf(&b, "packets that met tables older than the last barrier: %d of %d; unaccounted %d\n", r.Stale, r.Checked, r.Unaccounted)
	return b.String()
}
