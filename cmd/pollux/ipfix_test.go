package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"pollux/internal/vswitch"
)

// TestTopTable: columns stand under their names and no line is wider than the terminal.
func TestTopTable(t *testing.T) {
	rows := []vswitch.TopFlow{
		{Exporter: "bridge", Flow: "udp 10.0.0.1:1234 > 10.0.0.2:53, in h1", Packets: 1_234_567, L2Octets: 987_654_321, PacketRate: 0.25, BitRate: 1e9, Age: 3600, Idle: 0.04, Dropped: 12},
		{Exporter: "bridge", Flow: "arp 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff", Packets: 1, L2Octets: 60, Age: 1e6, Idle: 120},
	}
	o := topOptions{by: "bytes"}
	for _, width := range []int{0, 1, 20, 80, 200} {
		var b bytes.Buffer
		if err := o.table(&b, rows, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 4 {
			t.Fatalf("%d lines:\n%s", len(lines), &b)
		}
		for _, l := range lines {
			if width > 0 && utf8.RuneCountInString(l) > width {
				t.Errorf("wider than %d: %q", width, l)
			}
		}
		if width != 0 {
			continue
		}
		if !strings.HasPrefix(lines[0], "bridge: 2 flows by bytes, ") {
			t.Errorf("first line %q", lines[0])
		}
		for i, want := range []string{
			" PACKETS   BYTES   PKT/S   BIT/S     AGE    IDLE  FLOW",
			"   1.23M    988M     0.2   1.00G     60m    0.0s  udp 10.0.0.1:1234 > 10.0.0.2:53, in h1 dropped=12",
			"       1      60       0       0    278h      2m  arp 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff",
		} {
			if lines[i+1] != want {
				t.Errorf("line %d\n%q, want\n%q", i+1, lines[i+1], want)
			}
		}
	}
	var b bytes.Buffer
	if err := o.table(&b, nil, 0); err != nil || !strings.HasPrefix(b.String(), "no flow ") {
		t.Errorf("none: %v, %q", err, &b)
	}
}

// TestTopNarrow: on a terminal of 80 columns a flow is seen whole, with fewer figures
// if need be.
func TestTopNarrow(t *testing.T) {
	row := vswitch.TopFlow{Exporter: "bridge", Packets: 12_345, L2Octets: 12_345_678, PacketRate: 99.94, BitRate: 12_345_678, Age: 99, Idle: 9.9}
	for _, tc := range []struct{ flow, head string }{
		{"udp 10.0.0.1:1234 > 10.0.0.2:53", " PACKETS   BYTES   PKT/S   BIT/S     AGE    IDLE  FLOW"},
		{"udp 10.0.0.1:1234 > 10.0.0.2:53, in h1", "  PKTS BYTES PKT/S BIT/S   AGE  IDLE  FLOW"},
		{"udp 192.168.100.100:12345 > 192.168.200.200:12345", "  PKTS BYTES PKT/S BIT/S  IDLE  FLOW"},
		{"udp 192.168.100.100:12345 > 192.168.200.200:12345, in eth0", "  PKTS BYTES BIT/S  FLOW"},
	} {
		row.Flow = tc.flow
		var b bytes.Buffer
		if err := (&topOptions{by: "bytes"}).table(&b, []vswitch.TopFlow{row}, 81); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		if lines[1] != tc.head || !strings.HasSuffix(lines[2], "  "+tc.flow) {
			t.Errorf("%s:\n%s", tc.flow, &b)
		}
	}
}

// TestRates: they are those since the look before, also when a record was sent in
// between; a flow that began again keeps those that the switch tells.
func TestRates(t *testing.T) {
	row := func(flow string, packets, octets uint64) vswitch.TopFlow {
		return vswitch.TopFlow{Exporter: "bridge", Flow: flow, TotalPackets: packets, TotalL2Octets: octets, PacketRate: 1, BitRate: 7}
	}
	var l lastLook
	at := time.Unix(1000, 0)
	l.rates([]vswitch.TopFlow{row("a", 100, 6000), row("b", 50, 3000), row("again", 500, 30_000)}, "rate", at)
	rows := []vswitch.TopFlow{row("a", 110, 6600), row("b", 1050, 63_000), row("again", 3, 180), row("new", 9, 540)}
	l.rates(rows, "rate", at.Add(2*time.Second))
	want := []struct {
		flow       string
		pkts, bits float64
	}{{"b", 500, 240_000}, {"a", 5, 2400}, {"again", 1, 7}, {"new", 1, 7}}
	for i, w := range want {
		if r := rows[i]; r.Flow != w.flow || r.PacketRate != w.pkts || r.BitRate != w.bits {
			t.Errorf("row %d: %s %v packets, %v bits a second, want %+v", i, r.Flow, r.PacketRate, r.BitRate, w)
		}
	}
	if len(l.flows) != 4 {
		t.Errorf("%d flows are kept, want those of the last look", len(l.flows))
	}
}

// TestShort: a number is written in six characters at most, and is off by a hundredth
// at most where it has units.
func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 0.25: "0.2", 99: "99", 99.96: "100", 999: "999", 999.6: "1.00k", 1500: "1.50k", 9999: "10.0k", 99_999: "100k", 999_900: "1.00M", 1.8446744073709552e19: "18.4E"} {
		if got := short(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		if s := short(float64(n)); len(s) > 6 {
			t.Errorf("%d: %q", n, s)
		}
	})
}

// TestParseListen: what collect takes and what it refuses.
func TestParseListen(t *testing.T) {
	for s, want := range map[string][2]string{
		"127.0.0.1:4739": {"udp", "127.0.0.1:4739"}, "udp:[::1]:1": {"udp", "[::1]:1"}, "tcp::4739": {"tcp", ":4739"}, "tls:h:1": {"tls", "h:1"}, "dtls:h:1": {"dtls", "h:1"},
	} {
		if transport, addr, err := parseListen(s); err != nil || transport != want[0] || addr != want[1] {
			t.Errorf("%q: %q, %q, %v", s, transport, addr, err)
		}
	}
	for _, s := range []string{"", "tcp", "tcp:", "h", "h:", "sctp:h:1", "1:2:3"} {
		if _, _, err := parseListen(s); err == nil || !strings.Contains(err.Error(), "want HOST:PORT") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
