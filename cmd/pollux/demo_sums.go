package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"pollux/bench"
	"pollux/ipfix/collector"
	"pollux/pmd/datapath"
)

// demoSums are the sums that must agree.
type demoSums struct {
	Sent      uint64 // by the generator
	Before    uint64 // of those, lost in the kernel before the switch
	Switch    uint64 // dropped by the switch, each for a named reason
	After     uint64 // lost in the kernel after the switch
	Delivered uint64 // distinct packets at the sink
	Duplicate uint64
	Recorded  uint64 // in the flow records

	Unaccounted int64 // Sent - Before - Switch - After - Delivered

	Wrong []string // flows whose own sums disagree, the first few
	Flows int      // number of those
	All   int      // flows compared
}

func newDemoSums(r *bench.Report) *demoSums {
	return &demoSums{Sent: r.Sent, Delivered: r.Received, Duplicate: r.Duplicate, All: len(r.Flows)}
}

// losses asks everybody on the way who may have lost packets.
func (d *demo) losses(s *demoSums, sink *bench.Port) error {
	genLost, err1 := linkDropped(d.net.gen, "eth0")
	swLost, err2 := linkDropped(d.net.sw, "pxg1")
	sinkLost, err3 := sink.Dropped()
	sw, err4 := d.state()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	in, out := sw.port("gen0"), sw.port("gen1")
	s.Before = genLost + in.Driver.RxDropped + in.Driver.RxRingFull + in.Driver.RxFillEmpty
	s.After = swLost + sinkLost
	// What came in by gen0 and did not go out of gen1 was dropped, if the switch names
	// a reason for as many since the traffic began.
	s.Switch = min(in.Rx.Packets-min(in.Rx.Packets, out.Tx.Packets), sw.dropped-d.hostDrops)
	s.Unaccounted = int64(s.Sent) - int64(s.Before) - int64(s.Switch) - int64(s.After) - int64(s.Delivered)
	if s.Unaccounted == 0 {
		s.Unaccounted = sw.Unaccounted
	}
	return nil
}

// switchState is what the demo wants to know of the switch.
type switchState struct {
	Ports       []datapath.PortStats `json:"ports"`
	Sums        datapath.Sums        `json:"sums"`
	Unaccounted int64                `json:"unaccounted"`

	dropped uint64 // packets, for all reasons
}

// state asks the switch.
func (d *demo) state() (s switchState, err error) {
	out, err := d.ask("show", "--json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("pollux show --json: %w", err)
	}
	s.dropped = s.Sums.DroppedTotal().Packets
	return s, nil
}

// port returns the port of that name.
func (s *switchState) port(name string) datapath.PortStats {
	for _, p := range s.Ports {
		if p.Name == name {
			return p
		}
	}
	return datapath.PortStats{}
}

// flowKey is how a flow of the generator is found in the records.
type flowKey struct {
	src, dst netip.Addr
	proto    uint8
	sp, dp   uint16
}

// genOFPort is the OpenFlow number of port gen0 in configs/demo.yaml.
const genOFPort = 4

// recorded adds up the ingress records of the generator's flows.
func recorded(c *collector.Collector) (m map[flowKey]collector.Flow, packets uint64) {
	m = map[flowKey]collector.Flow{}
	for k, f := range c.Flows() {
		if k.Dir != 0 || k.InPort != genOFPort {
			continue
		}
		id := flowKey{k.Src, k.Dst, k.Proto, k.SrcPort, k.DstPort}
		sum := m[id]
		sum.Records += f.Records
		sum.Packets += f.Packets
		sum.Octets += f.Octets
		sum.L2Octets += f.L2Octets
		m[id] = sum
		packets += f.Packets
	}
	return m, packets
}

// records waits for the records, ends the switch, which sends what it still holds,
// and compares flow by flow.
func (d *demo) records(ctx context.Context, fs *bench.FlowSet, rep *bench.Report, s *demoSums) error {
	d.step("flow records")
	before := d.coll.Totals()
	deadline := time.Now().Add(4 * time.Second) // the idle timeout is 2 s
	for ctx.Err() == nil && time.Now().Before(deadline) {
		if _, n := recorded(d.coll); n >= s.Sent-min(s.Sent, s.Before) {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	after := d.coll.Totals()
	fmt.Fprintf(d.out, "   %d records came while traffic flowed, %d when flows were idle, ",
		before.Records, after.Records-before.Records)
	err := d.sw.Stop(5 * time.Second)
	d.sw = nil
	if err != nil {
		return err
	}
	d.settle()
	last := d.coll.Totals()
	fmt.Fprintf(d.out, "%d when SIGTERM ended the switch;\n   %d messages, decoded by goflow2; the largest flows:\n\n",
		last.Records-after.Records, last.Messages)
	if err := d.coll.Table(indent(d.out), 12); err != nil {
		return err
	}
	if last.Missing != 0 || last.Errors != 0 {
		return fmt.Errorf("collector: %d records missing by sequence number, %d errors (%s)", last.Missing, last.Errors, last.LastError)
	}
	recs, packets := recorded(d.coll)
	s.compare(fs, rep, recs, packets)
	d.printSums(s)
	return nil
}

// settle waits until the collector has read what was on its socket when the switch
// ended.
func (d *demo) settle() {
	for n, quiet := d.coll.Totals().Messages, 0; quiet < 5; quiet++ {
		time.Sleep(20 * time.Millisecond)
		if m := d.coll.Totals().Messages; m != n {
			n, quiet = m, 0
		}
	}
}

// keyOf returns the key of a flow of the generator.
func keyOf(i bench.FlowInfo) flowKey {
	if i.Proto == bench.ICMP { // type and code take the place of ports
		return flowKey{i.Src, i.Dst, uint8(i.Proto), i.DstPort >> 8, i.DstPort & 0xff}
	}
	return flowKey{i.Src, i.Dst, uint8(i.Proto), i.SrcPort, i.DstPort}
}

// compare goes through the flows. It takes those that it knows out of recs, which
// have that many packets together.
func (s *demoSums) compare(fs *bench.FlowSet, rep *bench.Report, recs map[flowKey]collector.Flow, packets uint64) {
	s.Recorded = packets
	for _, f := range rep.Flows {
		i := fs.Info(f.Flow)
		id := keyOf(i)
		r := recs[id]
		delete(recs, id)
		// Where the kernel lost packets before the switch, it did not say of which flow.
		ok := f.Received <= r.Packets && r.Packets <= f.Sent
		if s.Before == 0 {
			ok = ok && r.Packets == f.Sent && r.Octets == fs.L3Bytes(f.Flow, f.Sent)
		}
		if s.Sent == s.Delivered {
			ok = ok && f.Received == f.Sent && r.L2Octets == f.Bytes
		}
		if !ok {
			s.wrong("flow %d %v %v:%d > %v:%d: sent %d, delivered %d, recorded %d packets and %d octets (of %d), %d frame octets (of %d)",
				f.Flow, i.Proto, i.Src, i.SrcPort, i.Dst, i.DstPort, f.Sent, f.Received, r.Packets, r.Octets, fs.L3Bytes(f.Flow, f.Sent), r.L2Octets, f.Bytes)
		}
	}
	for id, r := range recs {
		s.wrong("a record of %d packets of a flow that was never sent: %v > %v proto %d", r.Packets, id.src, id.dst, id.proto)
	}
}

func (s *demoSums) wrong(format string, args ...any) {
	s.Flows++
	if len(s.Wrong) < 5 {
		s.Wrong = append(s.Wrong, fmt.Sprintf(format, args...))
	}
}

func (d *demo) printSums(s *demoSums) {
	d.step("sums")
	for _, l := range []struct {
		n    int64
		what string
	}{
		{int64(s.Sent), "sent by the generator"},
		{-int64(s.Before), "lost in the kernel before the switch"},
		{-int64(s.Switch), "dropped by the switch, for a named reason"},
		{-int64(s.After), "lost in the kernel after the switch"},
		{int64(s.Delivered), "delivered to the sink"},
		{int64(s.Recorded), "in the flow records"},
		{s.Unaccounted, "unaccounted for"},
	} {
		fmt.Fprintf(d.out, "   %10d  %s\n", l.n, l.what)
	}
	fmt.Fprintf(d.out, "   every flow compared on its own: %d of %d agree in packets and octets\n\n", max(0, s.All-s.Flows), s.All)
}

// check returns what is wrong with the sums.
func (s *demoSums) check() error {
	var errs []error
	if s.Unaccounted != 0 {
		errs = append(errs, fmt.Errorf("%d packets are not accounted for", s.Unaccounted))
	}
	if s.Duplicate != 0 {
		errs = append(errs, fmt.Errorf("%d packets were delivered twice", s.Duplicate))
	}
	if entered := s.Sent - min(s.Sent, s.Before); s.Recorded != entered {
		errs = append(errs, fmt.Errorf("%d packets entered the switch, %d are in flow records", entered, s.Recorded))
	}
	if s.Flows != 0 {
		errs = append(errs, fmt.Errorf("%d flows disagree; the first follow", s.Flows))
		for _, w := range s.Wrong {
			errs = append(errs, errors.New(w))
		}
	}
	return errors.Join(errs...)
}
