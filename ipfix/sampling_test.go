package ipfix

import (
	"math"
	"testing"
	"time"

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
	c.Wait(seen.Seen.Packets, time.Second)
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
