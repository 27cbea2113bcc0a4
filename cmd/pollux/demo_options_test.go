package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestDemoOptionsAreCheckedFirst goes through the whole command line: a mistake is
// told at once, in one line, and no namespace is made.
func TestDemoOptionsAreCheckedFirst(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"--packets 0", "--packets 0: must be 1 to 1000000000"},
		{"--packets 1000000001", "must be 1 to 1000000000"},
		{"--packets -1", "is not a whole number, not below 0"},
		{"--flows 0", "--flows 0: must be 1 to 1000000"},
		{"--flows -3", "--flows -3: must be 1 to 1000000"},
		{"--flows 1000001", "must be 1 to 1000000"},
		{"--rate nan", "--rate NaN: must be 1 to 1000000000 packets a second"},
		{"--rate -1", "--rate -1: must be 1"},
		{"--rate 0", "--rate 0: must be 1"},
		{"--rate inf", "--rate +Inf: must be 1"},
		{"more", `takes no argument, not "more"`},
	} {
		var out, errOut bytes.Buffer
		status := run(append([]string{"demo"}, strings.Fields(tc.args)...), &out, &errOut)
		if status != exitUsage || out.Len() != 0 || !strings.Contains(errOut.String(), tc.want) || strings.Count(errOut.String(), "\n") != 1 {
			t.Errorf("%s: status %d, %q, %q; want %q", tc.args, status, out.String(), errOut.String(), tc.want)
		}
	}
	for _, o := range []demoOptions{
		{flows: 1, packets: 1, rate: 1},
		{flows: demoMaxFlows, packets: demoMaxPackets, rate: demoMaxRate},
	} {
		if err := o.check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestDemoOptionsBoundTheTraffic(t *testing.T) {
	for _, tc := range []struct {
		packets uint64
		rate    float64
		want    time.Duration
	}{
		{1_000_000, 250_000, demoGrace + 50*time.Second},
		{10, 1, demoGrace + 10*time.Second},
		{demoMaxPackets, 1, demoGrace + demoMaxPackets*time.Second},
	} {
		o := demoOptions{packets: tc.packets, rate: tc.rate}
		if got := o.limit(); got != tc.want {
			t.Errorf("%d packets at %v: %v, want %v", tc.packets, tc.rate, got, tc.want)
		}
	}
}
