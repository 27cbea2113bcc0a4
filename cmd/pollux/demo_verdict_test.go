package main

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pollux/actions"
	"pollux/bench"
	"pollux/ipfix/collector"
	"pollux/pmd/datapath"
)

// demoCase is what a run came to: ten packets of each of three flows, a fourth that
// sent nothing, and what a test does to that.
type demoCase struct {
	fs    *bench.FlowSet
	sent  []uint64
	tally *bench.Tally
	recs  map[flowKey]collector.Flow
	sums  func(*demoSums) // after the comparison
}

func newDemoCase(t *testing.T) *demoCase {
	t.Helper()
	fs, err := bench.NewFlowSet(bench.FlowSpec{Flows: 4, Shapes: demoShapes})
	if err != nil {
		t.Fatal(err)
	}
	c := &demoCase{fs: fs, sent: []uint64{10, 10, 10, 0}, tally: bench.NewTally(4), recs: map[flowKey]collector.Flow{}}
	for i := range 3 {
		c.deliver(i, 0, 10)
		c.record(i, 10)
	}
	return c
}

// deliver has packets from..to-1 of flow i arrive.
func (c *demoCase) deliver(i int, from, to uint64) {
	buf := make([]byte, bench.MaxFrame)
	for seq := from; seq < to; seq++ {
		clear(buf)
		c.tally.Add(buf[:c.fs.Build(buf, i, seq)])
	}
}

// record sets the records of flow i to those of n packets.
func (c *demoCase) record(i int, n uint64) {
	c.recs[keyOf(c.fs.Info(i))] = collector.Flow{Packets: n, Octets: c.fs.L3Bytes(i, n), L2Octets: c.fs.Bytes(i, n)}
}

func (c *demoCase) verdict() *demoSums {
	rep := bench.NewReport(c.sent, c.tally, time.Second)
	s := newDemoSums(c.fs, rep, 30)
	s.compare(c.fs, rep, c.recs)
	if c.sums != nil {
		c.sums(s)
	}
	s.balance(s.Unaccounted)
	return s
}

// change alters the records of flow i.
func (c *demoCase) change(i int, f func(*collector.Flow)) {
	id := keyOf(c.fs.Info(i))
	r := c.recs[id]
	f(&r)
	c.recs[id] = r
}

// lose makes flow 0 lose its last packet on the way.
func (c *demoCase) lose() {
	c.tally.Flow[0] = bench.FlowCount{}
	c.deliver(0, 0, 9)
}

func TestVerdict(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*demoCase)
		wrong string // in what check says, "" for a success
	}{
		{"all agree", func(*demoCase) {}, ""},
		{"lost, nobody knows where", (*demoCase).lose, "1 packets are not accounted for"},
		{"lost in the kernel before the switch, and known", func(c *demoCase) {
			c.lose()
			c.record(0, 9)
			c.sums = func(s *demoSums) { s.Before = 1 }
		}, "30 packets were sent, 29 were delivered"},
		{"dropped by the switch for a reason", func(c *demoCase) {
			c.lose()
			c.sums = func(s *demoSums) { s.Switch = 1 }
		}, "30 packets were sent, 29 were delivered"},
		{"lost in the kernel after the switch, and known", func(c *demoCase) {
			c.lose()
			c.sums = func(s *demoSums) { s.After = 1 }
		}, "30 packets were sent, 29 were delivered"},
		{"a loss that did not happen", func(c *demoCase) {
			c.sums = func(s *demoSums) { s.After = 2 }
		}, "2 packets more are accounted for than there were"},
		{"the switch's own sum", func(c *demoCase) {
			c.sums = func(s *demoSums) { s.Unaccounted = 3 }
		}, "3 packets are not accounted for"},
		{"delivered twice", func(c *demoCase) { c.deliver(1, 4, 5) }, "1 packets were delivered twice"},
		{"delivered, never sent", func(c *demoCase) { c.deliver(3, 0, 1) }, "30 packets were sent, 31 were delivered"},
		{"not all was sent", func(c *demoCase) {
			c.sent[0] = 9
			c.lose()
			c.record(0, 9)
		}, "30 packets were asked for, 29 were sent"},
		{"a packet is not recorded", func(c *demoCase) { c.record(2, 9) }, "30 packets were sent, 29 are in flow records"},
		{"a packet is recorded twice", func(c *demoCase) { c.record(2, 11) }, "30 packets were sent, 31 are in flow records"},
		{"an octet too many", func(c *demoCase) { c.change(1, func(f *collector.Flow) { f.Octets++ }) }, "octets were sent"},
		{"a frame octet too few", func(c *demoCase) { c.change(1, func(f *collector.Flow) { f.L2Octets-- }) }, "frame octets were sent"},
		{"octets of the wrong flow", func(c *demoCase) {
			c.change(1, func(f *collector.Flow) { f.Octets++ })
			c.change(2, func(f *collector.Flow) { f.Octets-- })
		}, "1 of 3 flows that sent agree"},
		{"packets of the wrong flow", func(c *demoCase) {
			c.change(0, func(f *collector.Flow) { f.Packets++ })
			c.change(2, func(f *collector.Flow) { f.Packets-- })
		}, "1 of 3 flows that sent agree"},
		{"a record of a flow that never sent", func(c *demoCase) {
			c.change(3, func(*collector.Flow) {})
			c.change(3, func(f *collector.Flow) { f.Packets = 1 })
		}, "1 flows disagree"},
		{"a record of a stranger", func(c *demoCase) {
			c.recs[flowKey{src: netip.MustParseAddr("192.0.2.1")}] = collector.Flow{Packets: 1}
		}, "a flow that was never sent"},
		{"given up", func(c *demoCase) {
			c.sums = func(s *demoSums) { s.Halt = bench.ErrStalled }
		}, "the traffic was given up: nothing arrived"},
	} {
		c := newDemoCase(t)
		tc.spoil(c)
		err := c.verdict().check()
		if (err == nil) != (tc.wrong == "") || err != nil && !strings.Contains(err.Error(), tc.wrong) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.wrong)
		}
	}
}

func TestSumsArePrintedWithPositiveLosses(t *testing.T) {
	c := newDemoCase(t)
	c.lose()
	c.sums = func(s *demoSums) { s.Switch, s.Reasons = 1, "port_down 1" }
	s := c.verdict()
	s.Gone = []string{"gone"}
	var out bytes.Buffer
	s.print(&out)
	want := `           30  sent by the generator
            0  of these lost in the kernel before the switch
            1  of these dropped by the switch: port_down 1
            0  of these lost in the kernel after the switch
           29  delivered to the sink
           30  in the flow records
            0  unaccounted for
            ?  gone
   every flow compared on its own: 2 of 3 flows that sent agree in packets and octets

`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
}

func TestDroppedSinceNamesTheReasons(t *testing.T) {
	var old, now datapath.ByReason
	old[1].Packets, now[1].Packets, now[2].Packets, now[3].Packets = 5, 6, 7, 0
	text, n := droppedSince(old, now)
	if want := actions.Reason(2).String() + " 7, " + actions.Reason(1).String() + " 1"; text != want || n != 8 {
		t.Errorf("%q and %d, want %q and 8", text, n, want)
	}
	if text, n := droppedSince(now, now); text != "" || n != 0 {
		t.Errorf("nothing happened: %q, %d", text, n)
	}
}

// TestDemoFlowTableWidth draws the widest flows that the demo has.
func TestDemoFlowTableWidth(t *testing.T) {
	recs := map[flowKey]collector.Flow{}
	for i, proto := range []uint8{17, 6, 1} {
		k := flowKey{netip.MustParseAddr("2001:db8:1::a4f:423f"), netip.MustParseAddr("2001:db8:2::ac10:ffff"), proto, 65023, 65023}
		if proto == 1 {
			k.src, k.dst, k.sp, k.dp = netip.MustParseAddr("10.79.66.63"), netip.MustParseAddr("172.16.255.255"), 8, 0
		}
		recs[k] = collector.Flow{Packets: 9_999_999 - uint64(i), Octets: 9_999_999_999, End: 4}
	}
	var out bytes.Buffer
	if err := flowTable(indent(&out), recs, 2); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[1], "forced") || !strings.Contains(lines[1], "udp") || !strings.Contains(lines[3], "1 more flows") {
		t.Errorf("table:\n%s", out.String())
	}
	for _, l := range lines {
		if n := len([]rune(l)); n > 100 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
}

func TestVerdictOfHaltIsWrapped(t *testing.T) {
	s := &demoSums{Halt: bench.ErrStalled}
	if err := s.check(); !errors.Is(err, bench.ErrStalled) {
		t.Errorf("%v, want ErrStalled in it", err)
	}
}
