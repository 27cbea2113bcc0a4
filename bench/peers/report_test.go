package peers

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write golden files anew")

// reported is a run of devices with known figures, a row of each kind.
func reported(t *testing.T) *Result {
	t.Helper()
	open := 0
	ns := map[string]float64{"source": 5, "plain": 25, "slow": 40, "new": 900, "install": 25, "alone": 20, "beside": 80}
	other := map[string]float64{"source": 10, "plain": 60, "slow": 50, "new": 2500, "install": 2000, "alone": 40, "beside": 400}
	s := Spec{Repeats: 3, Cases: []Case{
		{ID: "plain", Traffic: "1 flow", Kind: KindForward, Target: 2},
		{ID: "slow", Traffic: "2 flows", Kind: KindForward, Target: 2},
		{ID: "none", Traffic: "3 flows", Kind: KindForward, Target: 2},
		{ID: "new", Traffic: "every packet a new flow", Kind: KindNew, SetUps: newSetUps},
		{ID: "install", Traffic: "8 new flows, each set up", Kind: KindInstall},
		{ID: "alone", Traffic: "100 flows", Kind: KindForward},
		{ID: "beside", Traffic: "100 flows, some begin", Kind: KindMice, Against: "alone"},
	}}
	s.defaults()
	res := &Result{Processor: "A processor", Peer: "Open vSwitch 3.1.0", Core: 1, Control: 0, Repeats: s.Repeats, Seconds: s.Time.Seconds(), Notes: []string{"one thing", "another"}}
	if err := s.rows(context.Background(), res, []Contender{counted{"Pollux", ns, &open}, counted{"OVS-DPDK", other, &open}}); err == nil {
		t.Error("a row without figures is no error")
	}
	return res
}

// TestReport: the whole text, with rows that met what was wanted, that missed it, that have
// no figures, and that have fewer repeats.
func TestReport(t *testing.T) {
	res := reported(t)
	res.Rows[1].Late = 1
	var out bytes.Buffer
	res.Head(&out)
	for i := range res.Rows {
		res.Rows[i].Line(&out)
	}
	res.Foot(&out)
	const file = "testdata/report.txt"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := golden(t, "report.txt"); out.String() != want {
		t.Errorf("the report is\n%s\nwant, as %s has it,\n%s", &out, file, want)
	}
}

// TestMetWantsNoDrops: a switch that drops packets of new flows has not set them up.
func TestMetWantsNoDrops(t *testing.T) {
	r := Row{Case: Case{Kind: KindNew, SetUps: 1000}}
	r.Pollux = newSide("Pollux", []repeat{{turn: Turn{Received: 2000, Forwarded: 2000, SetUp: 2000, Ran: time.Second}}})
	if !r.Met(nil) {
		t.Error("2,000 set up of 1,000 wanted, and none dropped: missed")
	}
	r.Pollux = newSide("Pollux", []repeat{{turn: Turn{Received: 2000, Forwarded: 1999, SetUp: 2000, Ran: time.Second}}})
	if r.Met(nil) {
		t.Error("a packet was dropped: met")
	}
}

// TestSetUpsByTheClock: what others had of the core counts, too.
func TestSetUpsByTheClock(t *testing.T) {
	if got := (Turn{SetUp: 300, Ran: time.Second, Waited: 2 * time.Second}).setUps(); got != 100 {
		t.Errorf("%v a second, want 100", got)
	}
}
