package pipeline

import (
	"testing"

	"pollux/ipfix/cache"
	"pollux/pmd"
)

// TestSamplingPortTellsTheDirection: a sample action that says no direction is of a packet that
// leaves when its sampling_port is another than that it came in by, as in Open vSwitch.
func TestSamplingPortTellsTheDirection(t *testing.T) {
	for _, c := range []struct {
		args string
		want cache.Point
	}{
		{"", cache.Point{Dir: cache.Ingress}},
		{",sampling_port=1", cache.Point{Dir: cache.Ingress}},
		{",sampling_port=2", cache.Point{Dir: cache.Egress, Egress: 2}},
		{",sampling_port=2,ingress", cache.Point{Dir: cache.Ingress}},
		{",sampling_port=1,egress", cache.Point{Dir: cache.Egress, Egress: 1}},
		{",egress", cache.Point{Dir: cache.Egress}},
	} {
		s := testState(t, "actions=sample(probability=65535,collector_set_id=7,obs_domain_id=8,obs_point_id=9"+c.args+"),output:3",
			func(c *Config) { c.Sampling = Sampling{Sets: map[uint32]SetSampling{7: {}}} })
		u := pmd.Upcall{Key: packetOf(t, s, "in_port=1"), Thread: -1}
		s.Snapshot().Translate(&u)
		if len(u.Program.Samples) != 1 {
			t.Fatalf("%q: %v", c.args, u.Program)
		}
		if p := u.Program.Samples[0].Point; p.Dir != c.want.Dir || p.Egress != c.want.Egress {
			t.Errorf("%q: %+v, want direction %d, egress port %d", c.args, p, c.want.Dir, c.want.Egress)
		}
	}
}
