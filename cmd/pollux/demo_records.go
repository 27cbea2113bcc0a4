package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"pollux/bench"
	"pollux/ipfix/collector"
)

// flowKey is how a flow of the generator is found in the records.
type flowKey struct {
	src, dst netip.Addr
	proto    uint8
	sp, dp   uint16
}

// endpoints writes source and destination with ports, or with ICMP type and code.
func (k flowKey) endpoints() (src, dst string) {
	if k.proto == uint8(bench.ICMP) {
		return k.src.String(), fmt.Sprintf("%v type=%d,code=%d", k.dst, k.sp, k.dp)
	}
	return netip.AddrPortFrom(k.src, k.sp).String(), netip.AddrPortFrom(k.dst, k.dp).String()
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
		if f.Last.After(sum.Last) {
			sum.Last, sum.End = f.Last, f.End
		}
		m[id] = sum
		packets += f.Packets
	}
	return m, packets
}

// keyOf returns the key of a flow of the generator.
func keyOf(i bench.FlowInfo) flowKey {
	if i.Proto == bench.ICMP || i.Proto == 58 { // type and code take the place of ports
		return flowKey{i.Src, i.Dst, uint8(i.Proto), i.DstPort >> 8, i.DstPort & 0xff}
	}
	return flowKey{i.Src, i.Dst, uint8(i.Proto), i.SrcPort, i.DstPort}
}

// records waits for the records, ends the switch, which sends what it still holds,
// and compares flow by flow.
func (d *demo) records(ctx context.Context, fs *bench.FlowSet, rep *bench.Report, s *demoSums) error {
	d.step("flow records")
	before := d.coll.Totals()
	want := s.Sent.Packets - min(s.Sent.Packets, s.Before)
	deadline := time.Now().Add(demoRecords) // the idle timeout is 2 s
	for ctx.Err() == nil && time.Now().Before(deadline) {
		if _, n := recorded(d.coll); n >= want {
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
	err := d.sw.Stop(demoStop)
	d.sw = nil
	if err != nil {
		return err
	}
	d.settle(want)
	last := d.coll.Totals()
	fmt.Fprintf(d.out, "%d when SIGTERM ended the switch;\n   %d messages, decoded by goflow2; the largest flows that came in by gen0:\n\n",
		last.Records-after.Records, last.Messages)
	recs, _ := recorded(d.coll)
	if err := flowTable(indent(d.out), recs, 12); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "   all ports: %d flows, %d records, %d packets, %d octets, %d frame octets;\n   %d records missing, %d errors\n",
		last.Flows, last.Records, last.Packets, last.Octets, last.L2Octets, last.Missing, last.Errors)
	if last.Missing != 0 || last.Errors != 0 {
		return fmt.Errorf("collector: %d records missing by sequence number, %d errors (%s)", last.Missing, last.Errors, last.LastError)
	}
	s.compare(fs, rep, recs)
	d.step("sums")
	s.print(d.out)
	return nil
}

// settle waits until the collector has read what was on its socket when the switch
// ended: so many packets and what follows them, or what there is.
func (d *demo) settle(packets uint64) {
	const tick, quiet = 20 * time.Millisecond, 100 * time.Millisecond
	for n, since := d.coll.Totals().Messages, time.Now(); ; time.Sleep(tick) {
		if m := d.coll.Totals().Messages; m != n {
			n, since = m, time.Now()
		}
		if time.Since(since) < quiet {
			continue
		}
		if _, have := recorded(d.coll); have >= packets || time.Since(since) > demoLast {
			return
		}
	}
}

// flowTable prints the n flows with the most packets, no wider than 100 columns.
func flowTable(w io.Writer, recs map[flowKey]collector.Flow, n int) error {
	keys := make([]flowKey, 0, len(recs))
	for k := range recs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b flowKey) int {
		return cmp.Or(cmp.Compare(recs[b].Packets, recs[a].Packets), a.src.Compare(b.src), cmp.Compare(a.sp, b.sp))
	})
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "PROTO\tSOURCE\tDESTINATION\tPACKETS\tOCTETS\tEND")
	for _, k := range keys[:min(n, len(keys))] {
		src, dst := k.endpoints()
		f := recs[k]
		fmt.Fprintf(t, "%v\t%s\t%s\t%d\t%d\t%s\n", bench.Proto(k.proto), src, dst, f.Packets, f.Octets, endReason(f.End))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := len(keys) - n; more > 0 {
		fmt.Fprintf(w, "… %d more flows\n", more)
	}
	return nil
}

// endReason names a flowEndReason (IPFIX element 136).
func endReason(r uint8) string {
	names := []string{"-", "idle", "active", "end", "forced", "lack"}
	if int(r) < len(names) {
		return names[r]
	}
	return strconv.Itoa(int(r))
}
