package peers

import (
	"fmt"
	"io"
)

// Head writes what stands above the rows, of a result whose sources were measured.
func (r *Result) Head(w io.Writer) {
	fmt.Fprintf(w, "%s beside Pollux, in turns on core %d, control on core %d; %s.\n", r.Peer, r.Core, r.Control, r.Processor)
	fmt.Fprintf(w, "Median of %d repeats [fastest and slowest], %.2g s of each side a repeat.\n", r.Repeats, r.Seconds)
	fmt.Fprintf(w, "Mpps: millions of 60-byte packets forwarded a second of the polling thread's own time.\n\n")
	for _, s := range r.Source {
		fmt.Fprintf(w, "source and sink without a switch: %-8s %6.2f ns a packet [%.2f–%.2f]\n", s.Name, s.NsPacket.Median, s.NsPacket.Min, s.NsPacket.Max)
	}
	if r.SourceError != "" {
		fmt.Fprintf(w, "source and sink without a switch: no figures: %s\n", r.SourceError)
	}
	fmt.Fprintf(w, "\n%-30s %-22s %-22s %-18s %-13s %7s  %s\n", "traffic", "OVS-DPDK Mpps", "Pollux Mpps", "ratio", "target", "less", "others had")
	fmt.Fprintf(w, "%-30s %-22s %-22s %-18s %-13s %7s  %s\n", "", "", "", "", "", "source", "the core, %")
}

// Line writes a row.
func (r *Row) Line(w io.Writer) {
	if r.Error != "" {
		fmt.Fprintf(w, "%-30s no figures: %s\n", r.Traffic, r.Error)
	}
	for i := range r.Peers {
		p := &r.Peers[i]
		switch r.Kind {
		case KindNew:
			r.newFlows(w, p)
		case KindInstall:
			fmt.Fprintf(w, "%-30s %-22s %-22s %.1f µs and %.2f µs of the thread each\n", r.Traffic, rate(p), rate(&r.Pollux), p.UsSetUp.Median, r.Pollux.UsSetUp.Median)
		default:
			fmt.Fprintf(w, "%-30s %-22s %-22s %-18s %-13s %7s  %.1f, %.1f\n", r.Traffic, rate(p), rate(&r.Pollux),
				fmt.Sprintf("%.1fx [%.1f–%.1f]", p.Ratio.Median, p.Ratio.Min, p.Ratio.Max), r.target(p), p.lessOwn(), 100*p.Disturbed, 100*r.Pollux.Disturbed)
			r.besides(w, p)
		}
	}
	if r.Late > 0 {
		fmt.Fprintf(w, "%-30s %d: the time of the run was over\n", "  repeats left out", r.Late)
	}
}

// besides writes what a row tells beyond its rates: what is left of another's, and the
// flows that were set up in the meantime.
func (r *Row) besides(w io.Writer, p *Side) {
	if p.Left > 0 {
		fmt.Fprintf(w, "%-30s %-22s %s\n", "  left of the row above", fmt.Sprintf("%.1f %%", 100*p.Left), fmt.Sprintf("%.1f %%", 100*r.Pollux.Left))
	}
	if r.Kind == KindMice {
		fmt.Fprintf(w, "%-30s %-22s %s\n", "  set up a second", commas(int(p.Sum.setUps())), commas(int(r.Pollux.Sum.setUps())))
	}
}

func (s *Side) lessOwn() string {
	if s.LessOwn == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1fx", s.LessOwn)
}

// rate is a side's packets with their spread.
func rate(s *Side) string {
	digits := 2
	if s.Mpps.Median < 1 {
		digits = 3
	}
	return fmt.Sprintf("%.*f [%.*f–%.*f]", digits, s.Mpps.Median, digits, s.Mpps.Min, digits, s.Mpps.Max)
}

// target is what was to be reached, and whether it was.
func (r *Row) target(peer *Side) string {
	text := fmt.Sprintf("%gx", r.Target)
	switch {
	case r.SetUps > 0:
		text = fmt.Sprintf("%.0f/s", r.SetUps)
	case r.Target == 0:
		return "–"
	}
	if r.Met(peer) {
		return text + " met"
	}
	return text + " missed"
}

// newFlows writes the row of nothing but new flows.
func (r *Row) newFlows(w io.Writer, p *Side) {
	fmt.Fprintf(w, "\n%-30s %12s %16s %12s %14s %12s  %s\n", r.Traffic, "Mpps", "set up a second", "dropped %", "not set up %", "µs a set-up", "others had the core, %")
	for _, s := range []*Side{p, &r.Pollux} {
		fmt.Fprintf(w, "%-30s %12.3f %16s %12.1f %14.1f %12.2f  %.1f\n", "  "+s.Name, s.Mpps.Median,
			commas(int(s.SetUps.Median)), 100*s.Dropped, 100*s.Refused, s.UsSetUp.Median, 100*s.Disturbed)
	}
	fmt.Fprintf(w, "%-30s %s, none of it dropped; Pollux evicted %s megaflows for others, %s aged\n\n", "  target, set up", r.target(p),
		commas(int(r.Pollux.Sum.Evicted)), commas(int(r.Pollux.Sum.Aged)))
}

// Foot writes what differs between the sides.
func (r *Result) Foot(w io.Writer) {
	fmt.Fprintln(w, "\nWhat differs between the sides:")
	for _, n := range r.Notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
}
