package wire

import (
	"errors"
	"math"
	"testing"
	"time"

	"pollux/ofp/ofperr"
)

func init() {
	readers[PortMod] = of(ParsePortMod, AppendPortMod)
	readers[PortStatus] = of(ParsePortStatus, AppendPortStatus)
	partReplies[PartPort] = records(PartPort, ParsePortStats, func(b []byte, v Version, s *PortStats) []byte { return s.Append(b, v) })
	partRequests[PartPort] = func(v Version, body []byte) error { _, err := ParsePortStatsRequest(v, body); return err }
	samplesOf = append(samplesOf, portSamples)
}

func portSamples(v Version) map[string][]byte {
	mod := &PortModMsg{Port: 3, MAC: [6]byte{2, 0, 0, 0, 0, 3}, Config: PortDown, Mask: PortDown | PortNoPacketIn}
	speed := *mod
	speed.Advertise = 1 << 5
	ports := samplePorts()
	if v == V10 {
		for i := range ports {
			ports[i].State &= PortLinkDown
			ports[i].Speed, ports[i].MaxSpeed = 0, 0
		}
	} else {
		for i := range ports {
			ports[i].Config &^= PortNoFlood
		}
	}
	stats := &PortStats{
		Port: 1, RxPackets: 10, TxPackets: 20, RxBytes: 1000, TxBytes: 1 << 40, RxDropped: 3, TxDropped: NotCounted,
		RxErrors: 5, TxErrors: 6, RxFrame: 1, RxOver: NotCounted, RxCRC: 2, Collisions: 0,
	}
	local := &PortStats{Port: PortLocal, RxPackets: 1}
	if v >= V13 {
		stats.Duration, local.Duration = 61*time.Second+5*time.Millisecond, time.Second
	}
	if v >= V14 {
		local.Custom = []Counter{{"drop_no_match", 17}, {"drop_ttl", 1 << 33}}
	}
	out := map[string][]byte{
		"port-mod":             AppendPortMod(nil, v, 2, mod),
		"port-mod-advertise":   AppendPortMod(nil, v, 2, &speed),
		"port-status-added":    AppendPortStatus(nil, v, 0, &PortStatusMsg{PortAdded, ports[0]}),
		"port-status-modified": AppendPortStatus(nil, v, 0, &PortStatusMsg{PortModified, ports[1]}),
		"port-stats":           partReplies[PartPort].append(v, 3, []*PortStats{stats, local}),
	}
	return out
}

// A bit that a version does not have is refused; one that is not under the mask is nothing.
func TestPortModBits(t *testing.T) {
	for _, c := range []struct {
		v            Version
		config, mask PortConfig
		want         PortConfig
		err          ofperr.Error
	}{
		{V10, PortNoFlood, PortNoFlood, PortNoFlood, 0},
		{V13, PortNoFlood, PortNoFlood, 0, ofperr.PortModBadConfig},
		{V13, PortNoFlood | PortDown, PortDown, PortDown, 0},
		{V14, PortNoFwd, PortNoFwd | PortNoRecv, PortNoFwd, 0},
		{V15, 1 << 31, 1 << 31, 0, ofperr.PortModBadConfig},
	} {
		b := AppendPortMod(nil, c.v, 1, &PortModMsg{Port: 1, Config: c.config, Mask: c.mask})
		p, err := ParsePortMod(c.v, b[HeaderLen:])
		if c.err != 0 {
			if !errors.Is(err, c.err) {
				t.Errorf("%s %#x/%#x: %v, want %v", c.v, c.config, c.mask, err, c.err)
			}
		} else if err != nil || p.Config != c.want {
			t.Errorf("%s %#x/%#x: %+v, %v", c.v, c.config, c.mask, p, err)
		}
	}
}

// A port that 1.0 has no number for is not told of.
func TestPortStatusBeyond10(t *testing.T) {
	s := &PortStatusMsg{PortAdded, Port{Number: 0x12345}}
	if b := AppendPortStatus([]byte("x"), V10, 0, s); string(b) != "x" {
		t.Errorf("%x", b)
	}
	if b := (&PortStats{Port: 0x12345}).Append(nil, V10); len(b) != 0 {
		t.Errorf("%x", b)
	}
}

// Custom counters that a record has no room for are left out; it still fits a message.
func TestManyCustomCounters(t *testing.T) {
	s := &PortStats{Port: 1, Custom: make([]Counter, 9000)}
	for i := range s.Custom {
		s.Custom[i] = Counter{"a counter", uint64(i)}
	}
	b := s.Append(nil, V14)
	got, rest, err := ParsePortStats(V14, b)
	if err != nil || len(rest) != 0 || len(b) > MaxLen-HeaderLen-8 {
		t.Fatalf("%d bytes, rest %d, %v", len(b), len(rest), err)
	}
	if n := len(got.Custom); n < 3000 || got.Custom[n-1] != s.Custom[n-1] {
		t.Errorf("%d counters", n)
	}
}

// Durations are cut at what the wire can say.
func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: 0, -time.Second: 0, 1: 1, time.Second - 1: time.Second - 1, 90 * time.Second: 90 * time.Second,
		math.MaxInt64: 0xffffffff*time.Second + math.MaxInt64%time.Second,
	} {
		if got := parseDuration(appendDuration(nil, d)); got != want {
			t.Errorf("%d: %d, want %d", d, got, want)
		}
	}
}

func TestPortStatsRequest(t *testing.T) {
	for _, c := range []struct {
		v    Version
		body []byte
		want PortNumber
	}{
		{V10, []byte{0xff, 0xff, 0, 0, 0, 0, 0, 0}, PortAny},
		{V10, []byte{0, 3, 0, 0, 0, 0, 0, 0}, 3},
		{V13, []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, PortAny},
		{V15, []byte{0, 0, 0, 3, 0, 0, 0, 0}, 3},
	} {
		if got, err := ParsePortStatsRequest(c.v, c.body); err != nil || got != c.want {
			t.Errorf("%s %x: %#x, %v", c.v, c.body, got, err)
		}
	}
	if _, err := ParsePortStatsRequest(V13, nil); !errors.Is(err, ofperr.BadLen) {
		t.Errorf("no body: %v", err)
	}
}
