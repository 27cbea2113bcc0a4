package ipfix

import (
	"strings"
	"testing"

	"pollux/internal/mixed/peers"
	"pollux/ipfix/cache"
)

// TestTsharkKnowsEverything lets tshark dissect what an exporter sends: all
// templates, options and records of all kinds, in both directions. Nothing may be
// malformed or unknown, and what it reads of each flow is what was sent.
func TestTsharkKnowsEverything(t *testing.T) {
	need(t, "tshark", "tshark")
	addr, received := capture(t)
	l := newLab(cache.Config{Sampling: 1}, 1)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{addr}, Epoch: epoch, MessageRate: 2000, DrainTimeout: patience, Domains: []uint32{9},
	}, l.caches)
	all := specs(200, 9)
	l.send(0, cache.Point{Domain: 9}, all)
	l.send(0, cache.Point{Dir: cache.Egress, Egress: 2, Domain: 9}, all)
	l.flush(t)
	stop()
	messages := received()
	text := peers.Tshark(t, messages)
	if c := peers.Complaints(text); len(c) > 0 {
		t.Errorf("tshark complains %d times, as in %q", len(c), c[0])
	}
	if n := strings.Count(text, "Version: 10"); n != len(messages) {
		t.Errorf("tshark found %d messages of %d", n, len(messages))
	}
	if d := l.truth(peers.TsharkView).Diff(peers.TsharkReport(t, text)); d != "" {
		t.Error(d)
	}
}
