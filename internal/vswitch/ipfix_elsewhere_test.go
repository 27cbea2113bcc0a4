package vswitch

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pollux/actions"
	"pollux/internal/mixed"
	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

// TestDropsOfEveryPacketOfAMegaflow: a rule drops all UDP. Every packet of it is told as
// dropped, those that the caches of decisions handled too, with rule, table, reason and
// status; what is forwarded has no drops and the status of that.
func TestDropsOfEveryPacketOfAMegaflow(t *testing.T) {
	t.Parallel()
	c := listenUDP(t)
	r := newIPFIXRig(t, mixed.Config{Seed: 6, Flows: 2000, Packets: 20_000, Split: 0.2})
	r.flows = `flows: |
  cookie=0x11,table=0,priority=9,udp,actions=goto_table:3
  cookie=0x12,table=0,priority=9,udp6,actions=drop
  cookie=0x33,table=3,priority=9,udp,actions=drop
  cookie=0x99,table=0,priority=0,actions=output:sink
`
	r.exporter([]string{c.Addr()}, soon+"    elements: [full]\n    rule_attribution: true\n")
	r.run()
	r.played()
	r.idle()
	r.equation()
	var drops DropsShow
	r.ask(&drops, "drops")
	r.stop()
	c.Wait(r.total.Packets, patience)
	if s := c.Totals(); s.Errors != 0 || s.Missing != 0 || s.Packets != r.total.Packets {
		t.Fatalf("errors %d (%s), missing %d, %d packets of %d", s.Errors, s.LastError, s.Missing, s.Packets, r.total.Packets)
	}
	dropped := uint64(0)
	flows, details := c.Flows(), c.Details()
	for k, f := range flows {
		d := details[k]
		udp := k.Src.IsValid() && k.Proto == 17
		switch {
		case !udp && (d.Dropped != 0 || d.TotalDropped != 0 || d.Status>>6 != cache.StatusForwarded>>6 || d.Cookie != 0x99):
			t.Errorf("%v is forwarded: %+v", k, d)
		case udp && (d.Dropped != f.Packets || d.DroppedOctets != f.Octets || d.DroppedL2Octets != f.L2Octets || d.Status>>6 != cache.StatusDropped>>6):
			t.Errorf("%v is dropped, all %d packets: %+v", k, f.Packets, d)
		case udp && (d.Drop != uint64(actions.DropAction) || !d.Rule || k.Src.Is4() && (d.Cookie != 0x33 || d.Table != 3) || k.Src.Is6() && d.Cookie != 0x12):
			t.Errorf("%v is dropped by a rule: %+v", k, d)
		}
		dropped += d.Dropped
	}
	if n := drops.Sums.Dropped[actions.DropAction].Packets; n != dropped || dropped < 1000 {
		t.Errorf("records tell of %d drops, the switch of %d", dropped, n)
	}
	t.Logf("%d flows, %d packets, %d of them dropped", len(flows), r.total.Packets, dropped)
}

// TestSampleActionOfASwitch: a rule samples with probability 40000 of 65535 for a
// collector set, beside the bridge's own exporter of every packet and a set that takes
// one in 10 of all. The estimates are what was played, and the options say how.
func TestSampleActionOfASwitch(t *testing.T) {
	t.Parallel()
	all, set, tenth := listenUDP(t), listenUDP(t), listenUDP(t)
	r := newIPFIXRig(t, mixed.Config{Seed: 7, Flows: 2000, Packets: 40_000})
	r.repeat = 3
	r.setRate(60_000)
	r.flows = `flows: |
  actions=sample(probability=40000,collector_set_id=1,obs_domain_id=21,obs_point_id=22),sample(probability=65535,collector_set_id=2,obs_domain_id=31,obs_point_id=32),output:sink
`
	r.exporter([]string{all.Addr()}, fmt.Sprintf(`%s  sets:
    - {id: 1, targets: [%q], cache_idle_timeout: 1s}
    - {id: 2, targets: [%q], cache_idle_timeout: 1s, sampling: 10}
`, soon, set.Addr(), tenth.Addr()))
	r.run()
	r.played()
	r.idle()
	r.equation()
	var shown []exporterShow
	r.until("the sets' flows to leave", func() bool {
		r.ask(&shown, "ipfix")
		return !slices.ContainsFunc(shown, func(x exporterShow) bool { return x.Exporter.Sums.Held.Packets > 0 })
	})
	r.stop()
	n := r.all().Packets
	all.Wait(n, patience)
	if s := all.Totals(); s.Packets != n || s.Errors != 0 {
		t.Errorf("the bridge's collector has %+v of %d packets", s, n)
	}
	for i, tt := range []struct {
		c      *collector.Collector
		name   string
		p      float64
		domain uint32
	}{{set, "probability 40000", 40000 / 65535.0, 21}, {tenth, "one in 10", 0.1, 31}} {
		x := shown[slices.IndexFunc(shown, func(x exporterShow) bool { return x.Name == fmt.Sprintf("set %d", i+1) })]
		tt.c.Wait(x.Exporter.Sums.Seen.Packets, patience)
		s := tt.c.Totals()
		if s.Packets != x.Exporter.Sums.Seen.Packets || s.Errors != 0 || s.Missing != 0 {
			t.Errorf("%s: %+v, seen %d packets", tt.name, s, x.Exporter.Sums.Seen.Packets)
		}
		// Six standard deviations: one run in 10^9 is beyond.
		if d, sd := math.Abs(float64(s.Packets)-tt.p*float64(n)), math.Sqrt(tt.p*(1-tt.p)*float64(n)); d > 6*sd {
			t.Errorf("%s: %d packets of %d, want %.0f ± %.0f", tt.name, s.Packets, n, tt.p*float64(n), 6*sd)
		}
		told := false
		for _, v := range tt.c.Sessions() {
			for _, sel := range v.Told.Selectors {
				told = told || v.Domain == tt.domain && math.Abs(sel.Probability-tt.p) < 1e-9
			}
		}
		if !told {
			t.Errorf("%s: no selector of domain %d says so: %+v", tt.name, tt.domain, tt.c.Sessions())
		}
	}
}
