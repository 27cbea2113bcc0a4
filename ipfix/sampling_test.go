package ipfix

import (
	"math"
	"testing"

	"github.com/netsampler/goflow2/v2/decoders/netflow"

	"pollux/ipfix/cache"
)

// TestSamplingIsDescribed: records of 1:10 carry what was selected, the options say
// how, and what a collector makes of both is near what was sent.
func TestSamplingIsDescribed(t *testing.T) {
	const n = 10
	c := listen(t)
	l := newLab(cache.Config{MaxFlows: 4096, Sampling: n}, 1)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch}, l.caches)
	l.send(0, cache.Point{}, specs(1000, 10))
	l.flush(t)
	stop()
	seen := l.caches[0].Stats()
	c.Wait(seen.Seen.Packets, patience)
	got, options := c.Totals(), c.Options()
	if got.Packets != seen.Seen.Packets || got.L2Octets != seen.Seen.L2Octets || seen.Offered != l.packets {
		t.Errorf("collector %+v, cache %+v, sent %d", got, seen, l.packets)
	}
	if options[304] != uniformProbabilistic || options[305] != 1 || options[306] != n-1 {
		t.Errorf("options %v", options)
	}
	p := math.Float64frombits(options[311])
	estimate := float64(got.Packets) / p
	dev := math.Sqrt(float64(l.packets) * (1 - p) / p)
	if d := math.Abs(estimate - float64(l.packets)); d > 4*dev {
		t.Errorf("estimate %.0f of %d packets, want within %.0f", estimate, l.packets, 4*dev)
	}
}

// TestSampleActionsAreDescribed: each record of packets that a sample action chose
// names its selector, which the collector has been told of before.
func TestSampleActionsAreDescribed(t *testing.T) {
	const n = 3
	addr, received := capture(t)
	l := newLab(cache.Config{MaxFlows: 4096, Sampling: n}, 1)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{addr}, Epoch: epoch}, l.caches)
	probabilities := []uint16{40000, 65535, 7}
	all := specs(100, 10)
	for _, p := range probabilities {
		l.send(0, cache.Point{Domain: 5, Probability: p}, all)
		l.flush(t)
	}
	l.send(0, cache.Point{Domain: 5}, all)
	l.flush(t)
	stop()

	ts := netflow.CreateTemplateSystem()
	told := map[uint64]float64{}
	records := map[uint64]int{}
	for _, b := range received() {
		for _, set := range decode(t, b, ts).FlowSets {
			switch set := set.(type) {
			case netflow.OptionsDataFlowSet:
				for _, r := range set.Records {
					if r.ScopesValues[0].Type != 302 {
						continue
					}
					for _, f := range r.OptionsValues {
						if f.Type == 311 {
							told[number(r.ScopesValues[0].Value.([]byte))] = math.Float64frombits(number(f.Value.([]byte)))
						}
					}
				}
			case netflow.DataFlowSet:
				for _, r := range set.Records {
					id := uint64(ownSelector)
					for _, f := range r.Values {
						if f.Type == 302 {
							id = number(f.Value.([]byte))
						}
					}
					if told[id] == 0 {
						t.Fatalf("a record is of selector %d, of which nothing was told before", id)
					}
					records[id]++
				}
			}
		}
	}
	want := map[uint64]float64{ownSelector: 1.0 / n}
	for _, p := range probabilities {
		want[1+uint64(p)] = float64(p) / 65535 / n
	}
	for id, p := range want {
		if told[id] != p || records[id] == 0 {
			t.Errorf("selector %d: probability %v, want %v; %d records", id, told[id], p, records[id])
		}
	}
	if len(told) != len(want) {
		t.Errorf("%d selectors were told of, want %d", len(told), len(want))
	}
}
