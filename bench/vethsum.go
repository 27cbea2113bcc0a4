package bench

import "fmt"

// VethDevice is what all runs of a device come to. Ratios are of the medians to those of
// the best of all devices in the same figure, so that 1 is the best.
type VethDevice struct {
	Name      string  `json:"name"`
	Mpps      Spread  `json:"mpps"`
	Own       Spread  `json:"own_mpps"`
	Ratio     float64 `json:"ratio"`     // of Mpps
	RatioOwn  float64 `json:"ratio_own"` // of Own, for a machine that is busy otherwise
	First     Spread  `json:"first_packet_ms"`
	P50       Spread  `json:"round_trip_p50_us"`
	P99       Spread  `json:"round_trip_p99_us"`
	RatioP50  float64 `json:"ratio_p50"` // the best's p50 to this one's
	RatioP99  float64 `json:"ratio_p99"`
	Calls     Spread  `json:"calls_a_packet"`
	Wakeups   Spread  `json:"wakeups_a_packet"`
	Disturbed float64 `json:"disturbed"` // the most of a run that others had the core
	Starved   float64 `json:"starved"`   // the most of a run that others had the generator's
}

// quietCore is the share of a run that others may have had the device's core for
// which what was delivered still speaks for itself.
const quietCore = 0.05

// sum fills in Devices from Runs.
func (r *VethResult) sum(devices []Device) {
	for _, d := range devices {
		v := VethDevice{Name: d.Name()}
		pick := func(f func(*VethRun) (float64, bool)) Spread {
			var x []float64
			for i := range r.Runs {
				if r.Runs[i].Device == v.Name {
					if y, ok := f(&r.Runs[i]); ok {
						x = append(x, y)
					}
				}
			}
			return NewSpread(x)
		}
		v.Mpps = pick(func(r *VethRun) (float64, bool) { return r.Delivered, true })
		v.Own = pick(func(r *VethRun) (float64, bool) { return r.Own, true })
		v.First = pick(func(r *VethRun) (float64, bool) { return r.First, true })
		v.Calls = pick(func(r *VethRun) (float64, bool) { return r.Work.Calls, r.Work.Calls >= 0 })
		v.Wakeups = pick(func(r *VethRun) (float64, bool) { return r.Work.Wakeups, r.Work.Wakeups >= 0 })
		v.Disturbed = pick(func(r *VethRun) (float64, bool) { return r.Disturbed, true }).Max
		v.Starved = pick(func(r *VethRun) (float64, bool) { return r.Starved, true }).Max
		trip := func(f func(*RoundTrips) float64) Spread {
			return pick(func(r *VethRun) (float64, bool) {
				if r.Trips == nil {
					return 0, false
				}
				return f(r.Trips), true
			})
		}
		v.P50 = trip(func(t *RoundTrips) float64 { return t.P50 })
		v.P99 = trip(func(t *RoundTrips) float64 { return t.P99 })
		r.Devices = append(r.Devices, v)
	}
	most := func(f func(*VethDevice) float64) (m float64) {
		for i := range r.Devices {
			m = max(m, f(&r.Devices[i]))
		}
		return m
	}
	inverse := func(x float64) float64 {
		if x == 0 {
			return 0
		}
		return 1 / x
	}
	share := func(x, best float64) float64 {
		if best == 0 {
			return 0
		}
		return x / best
	}
	mpps := most(func(d *VethDevice) float64 { return d.Mpps.Median })
	own := most(func(d *VethDevice) float64 { return d.Own.Median })
	p50 := most(func(d *VethDevice) float64 { return inverse(d.P50.Median) })
	p99 := most(func(d *VethDevice) float64 { return inverse(d.P99.Median) })
	for i := range r.Devices {
		d := &r.Devices[i]
		d.Ratio, d.RatioOwn = share(d.Mpps.Median, mpps), share(d.Own.Median, own)
		d.RatioP50, d.RatioP99 = share(inverse(d.P50.Median), p50), share(inverse(d.P99.Median), p99)
	}
}

// Reading says which of the two ratios to go by, in a line: Ratio where the devices had
// their core to themselves, RatioOwn where others had much of it. Where the generator had
// not, it says that too: no ratio makes up for it.
func (r *VethResult) Reading() string {
	most, starved := 0.0, 0.0
	for i := range r.Devices {
		most, starved = max(most, r.Devices[i].Disturbed), max(starved, r.Devices[i].Starved)
	}
	text := fmt.Sprintf("read ratio: nobody else had the core for more than %.1f %% of a run", 100*most)
	if most > quietCore {
		text = fmt.Sprintf("read the column own ratio: others had the core for up to %.1f %% of a run", 100*most)
	}
	if starved > fedGenerator {
		text += fmt.Sprintf("; the generator's core they had for up to %.1f %%, and rates are too low by that", 100*starved)
	}
	return text
}
