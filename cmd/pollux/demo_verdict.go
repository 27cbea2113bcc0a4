package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"pollux/actions"
	"pollux/bench"
	"pollux/ipfix/collector"
	"pollux/pmd/datapath"
)

// total is packets with their octets: bytes of network header and payload, and of
// whole frames without FCS.
type total struct{ Packets, Octets, Frame uint64 }

func (t *total) add(o total) {
	t.Packets += o.Packets
	t.Octets += o.Octets
	t.Frame += o.Frame
}

// demoSums are the sums that must agree.
type demoSums struct {
	Asked     uint64 // packets that the generator should send
	Sent      total  // by the generator
	Before    uint64 // of those, lost in the kernel before the switch
	Switch    uint64 // dropped by the switch, each for a named reason
	Reasons   string // those, with the packets of each
	After     uint64 // lost in the kernel after the switch
	Delivered total  // distinct packets at the sink; Octets is not known there
	Duplicate uint64
	Recorded  total // in the flow records

	Unaccounted int64 // Sent - Before - Switch - After - Delivered, or the switch's own

	Halt  error    // why the traffic was given up, or nil
	Gone  []string // whose losses are not known any more
	Wrong []string // flows whose own sums disagree, the first few
	Flows int      // number of those
	All   int      // flows that sent
	Agree int      // of those, with sent = delivered = recorded
}

// newDemoSums adds up what the generator sent and the sink counted.
func newDemoSums(fs *bench.FlowSet, r *bench.Report, asked uint64) *demoSums {
	s := &demoSums{Asked: asked, Duplicate: r.Duplicate}
	for _, f := range r.Flows {
		s.Sent.add(sentOf(fs, f))
		s.Delivered.add(total{Packets: f.Received, Frame: f.Bytes})
	}
	return s
}

func sentOf(fs *bench.FlowSet, f bench.FlowReport) total {
	return total{f.Sent, fs.L3Bytes(f.Flow, f.Sent), fs.Bytes(f.Flow, f.Sent)}
}

// compare goes through the flows. It takes those that it knows out of recs.
func (s *demoSums) compare(fs *bench.FlowSet, rep *bench.Report, recs map[flowKey]collector.Flow) {
	for _, f := range rep.Flows {
		i := fs.Info(f.Flow)
		id := keyOf(i)
		r := recs[id]
		delete(recs, id)
		sent, rec := sentOf(fs, f), total{r.Packets, r.Octets, r.L2Octets}
		s.Recorded.add(rec)
		agree := rec == sent && f.Received == sent.Packets && f.Bytes == sent.Frame && f.Duplicate == 0
		if f.Sent > 0 {
			s.All++
			if agree {
				s.Agree++
			}
		}
		if !agree {
			src, dst := id.endpoints()
			s.wrong("flow %d %v %s > %s\n    sent %v\n    delivered %d packets, %d frame octets\n    recorded %v",
				f.Flow, i.Proto, src, dst, sent, f.Received, f.Bytes, rec)
		}
	}
	for id, r := range recs {
		src, dst := id.endpoints()
		s.Recorded.add(total{r.Packets, r.Octets, r.L2Octets})
		s.wrong("a record of %d packets of a flow that was never sent: %v %s > %s", r.Packets, bench.Proto(id.proto), src, dst)
	}
}

func (t total) String() string {
	return fmt.Sprintf("%d packets, %d octets, %d frame octets", t.Packets, t.Octets, t.Frame)
}

func (s *demoSums) wrong(format string, args ...any) {
	s.Flows++
	if len(s.Wrong) < 3 {
		s.Wrong = append(s.Wrong, fmt.Sprintf(format, args...))
	}
}

// balance sets Unaccounted: what no loss explains, or else what the switch itself
// can't account for.
func (s *demoSums) balance(ofSwitch int64) {
	s.Unaccounted = int64(s.Sent.Packets) - int64(s.Before) - int64(s.Switch) - int64(s.After) - int64(s.Delivered.Packets)
	if s.Unaccounted == 0 {
		s.Unaccounted = ofSwitch
	}
}

// print shows the sums, losses as positive numbers with their reasons.
func (s *demoSums) print(w io.Writer) {
	reasons := ""
	if s.Reasons != "" {
		reasons = ": " + s.Reasons
	}
	for _, l := range []struct {
		n    int64
		what string
	}{
		{int64(s.Sent.Packets), "sent by the generator"},
		{int64(s.Before), "of these lost in the kernel before the switch"},
		{int64(s.Switch), "of these dropped by the switch" + reasons},
		{int64(s.After), "of these lost in the kernel after the switch"},
		{int64(s.Delivered.Packets), "delivered to the sink"},
		{int64(s.Recorded.Packets), "in the flow records"},
		{s.Unaccounted, "unaccounted for"},
	} {
		fmt.Fprintf(w, "   %10d  %s\n", l.n, l.what)
	}
	for _, g := range s.Gone {
		fmt.Fprintf(w, "   %10s  %s\n", "?", g)
	}
	fmt.Fprintf(w, "   every flow compared on its own: %d of %d flows that sent agree in packets and octets\n\n", s.Agree, s.All)
}

// check returns what is wrong. Nothing is only when each packet that was asked for
// was sent, delivered once and recorded, flow by flow and octet by octet.
func (s *demoSums) check() error {
	var errs []error
	fail := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if s.Halt != nil {
		errs = append(errs, fmt.Errorf("the traffic was given up: %w", s.Halt))
	}
	fail(s.Sent.Packets != s.Asked, "%d packets were asked for, %d were sent", s.Asked, s.Sent.Packets)
	fail(s.Delivered.Packets != s.Sent.Packets, "%d packets were sent, %d were delivered", s.Sent.Packets, s.Delivered.Packets)
	fail(s.Recorded.Packets != s.Sent.Packets, "%d packets were sent, %d are in flow records", s.Sent.Packets, s.Recorded.Packets)
	fail(s.Delivered.Frame != s.Sent.Frame, "%d frame octets were sent, %d were delivered", s.Sent.Frame, s.Delivered.Frame)
	fail(s.Recorded.Octets != s.Sent.Octets, "%d octets were sent, %d are in flow records", s.Sent.Octets, s.Recorded.Octets)
	fail(s.Recorded.Frame != s.Sent.Frame, "%d frame octets were sent, %d are in flow records", s.Sent.Frame, s.Recorded.Frame)
	fail(s.Duplicate != 0, "%d packets were delivered twice", s.Duplicate)
	fail(s.Unaccounted > 0, "%d packets are not accounted for", s.Unaccounted)
	fail(s.Unaccounted < 0, "%d packets more are accounted for than there were", -s.Unaccounted)
	fail(s.Agree != s.All, "%d of %d flows that sent agree", s.Agree, s.All)
	fail(s.Flows != 0, "%d flows disagree; the first follow", s.Flows)
	for _, w := range s.Wrong {
		errs = append(errs, errors.New("  "+w))
	}
	return errors.Join(errs...)
}

// droppedSince lists the switch's drops between two readings, the largest first.
func droppedSince(old, now datapath.ByReason) (text string, packets uint64) {
	type drop struct {
		reason actions.Reason
		n      uint64
	}
	var drops []drop
	for r := range now {
		if n := now[r].Packets - old[r].Packets; n > 0 {
			drops = append(drops, drop{actions.Reason(r), n})
			packets += n
		}
	}
	slices.SortStableFunc(drops, func(a, b drop) int { return int(b.n) - int(a.n) })
	var parts []string
	for _, d := range drops {
		parts = append(parts, fmt.Sprintf("%v %d", d.reason, d.n))
	}
	return strings.Join(parts, ", "), packets
}
