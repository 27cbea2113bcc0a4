package vswitch

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pollux/ipfix"
	"pollux/ipfix/cache"
)

// ipfixText writes the exporters: what their flow caches hold, what became of the
// records, what each collector was sent, and whether all of it adds up.
func ipfixText(w io.Writer, exporters []IPFIXShow) {
	if len(exporters) == 0 {
		fmt.Fprintln(w, "no exporter: the configuration has no ipfix.bridge and no ipfix.sets")
	}
	for i := range exporters {
		if i > 0 {
			fmt.Fprintln(w)
		}
		exporters[i].text(w)
	}
}

func (v *IPFIXShow) text(w io.Writer) {
	every := "every packet"
	if v.Sampling > 1 {
		every = fmt.Sprintf("one packet in %d", v.Sampling)
	}
	domain := "observation domain named by the sample action"
	if v.Domain != nil {
		domain = fmt.Sprintf("observation domain %d", *v.Domain)
	}
	fmt.Fprintf(w, "%s: %s, %s, flow key %s", v.Name, every, domain, v.FlowKey)
	if v.Biflow != "off" {
		fmt.Fprintf(w, ", biflow %s", v.Biflow)
	}
	fmt.Fprint(w, "\n\n")
	if v.Renewed != nil {
		fmt.Fprintf(w, "new caches since %s; records and collectors count from before\n", v.Renewed.Format(time.TimeOnly))
	}
	v.cachesText(w)
	fmt.Fprintln(w)
	v.recordsText(w)
	v.collectorsText(w)
}

// cachesText writes the flow caches: how full they are and why flows left them, then
// what became of the packets.
func (v *IPFIXShow) cachesText(w io.Writer) {
	t := newTable("cache", ">flows", ">of", ">full", ">new flows", ">probes a lookup", ">ring full", "ended by")
	for i := range v.Caches {
		c := &v.Caches[i]
		t.row(fmt.Sprintf("loop %d", i), c.Flows, c.MaxFlows, percent(share(c.Flows, c.MaxFlows)), c.Inserted,
			fmt.Sprintf("%.2f", share(c.Probes, c.Lookups)), c.RingFull, endedText(c))
	}
	t.write(w)
	fmt.Fprintln(w)
	t = newTable("packets", ">seen", ">IPv4", ">IPv6", ">other", ">recorded", ">held", ">lost")
	for i := range v.Caches {
		c := &v.Caches[i]
		t.row(fmt.Sprintf("loop %d", i), c.Seen.Packets, c.SeenBy[cache.IPv4], c.SeenBy[cache.IPv6], c.SeenBy[cache.Other],
			c.Recorded.Packets, c.Held().Packets, lostText(c))
	}
	t.write(w)
}

// recordsText writes what the exporting process did with the records.
func (v *IPFIXShow) recordsText(w io.Writer) {
	x := &v.Exporter
	t := newTable("records", ">records", ">packets", ">octets", ">L2 octets")
	add := func(name string, n ipfix.Totals) { t.row(name, n.Records, n.Packets, n.Octets, n.L2Octets) }
	add("from the caches", x.Popped)
	t.row("merged into others", x.Merged)
	add("pending", x.Pending)
	add("dropped", x.Dropped)
	for i := range x.Collectors {
		c := &x.Collectors[i]
		add("sent to "+c.Address, c.Sent)
		if c.Queued != (ipfix.Totals{}) {
			add("queued for "+c.Address, c.Queued)
		}
		if c.NotSent != (ipfix.Totals{}) {
			add("not sent to "+c.Address, c.NotSent)
		}
	}
	t.write(w)
}

// collectorsText writes each collector's session, and its equation.
func (v *IPFIXShow) collectorsText(w io.Writer) {
	for i := range v.Exporter.Collectors {
		c := &v.Exporter.Collectors[i]
		fmt.Fprintf(w, "\ncollector %s: %s", c.Address, stateText(c.State))
		if c.Transport != "" && !strings.HasPrefix(c.Address, c.Transport+":") {
			fmt.Fprintf(w, " by %s", c.Transport)
		}
		if c.QueuedSize > 0 {
			fmt.Fprintf(w, ", %s queued", size(int(c.QueuedSize)))
		}
		if c.Reconnects > 0 {
			fmt.Fprintf(w, ", %s", plural(c.Reconnects, again(c.Transport)))
		}
		if c.Renewals > 0 {
			fmt.Fprintf(w, ", %s", plural(c.Renewals, "renewal"))
		}
		fmt.Fprintf(w, "\n  sent %s of %d bytes in all, %s, %s, %s\n", plural(c.Messages, "message"), c.Bytes,
			plural(c.Templates, "template"), plural(c.Options, "option record"), plural(c.Errors, "error"))
		if c.LastError != "" {
			fmt.Fprintf(w, "  last error: %s\n", c.LastError)
		}
		t := newTable("  equation", ">seen", "=", ">exported", "+", ">held", "+", ">not sent", "")
		s := &c.Sums
		row := func(name string, of func(*cache.Count) uint64) {
			t.row("  "+name, of(&s.Seen), "=", of(&s.Exported), "+", of(&s.Held), "+", of(&s.NotSent),
				balance(of(&s.Seen), of(&s.Exported)+of(&s.Held)+of(&s.NotSent)))
		}
		row("packets", func(c *cache.Count) uint64 { return c.Packets })
		row("octets", func(c *cache.Count) uint64 { return c.Octets })
		row("L2 octets", func(c *cache.Count) uint64 { return c.L2Octets })
		t.write(w)
	}
}

// stateText says what a state means where its word alone does not.
func stateText(state string) string {
	if state == "refused" {
		return "refused (nobody listens there)"
	}
	return state
}

// again is what a session after the first is called.
func again(transport string) string {
	if transport == "file" {
		return "further file"
	}
	return "reconnect"
}

// balance says whether two sides of an equation are the same, or by how much not.
func balance(left, right uint64) string {
	switch {
	case left > right:
		return fmt.Sprintf("%d missing", left-right)
	case left < right:
		return fmt.Sprintf("%d too many", right-left)
	}
	return "adds up"
}

// lostText writes the packets that no record will have, with the reason.
func lostText(c *cache.Stats) string {
	var n uint64
	var parts []string
	for l := range cache.NumLosses {
		if p := c.Lost[l].Packets; p > 0 {
			n += p
			parts = append(parts, l.String())
		}
	}
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", n, strings.Join(parts, ", "))
}

// endedText writes why records were made.
func endedText(c *cache.Stats) string {
	var parts []string
	for r := range cache.NumEndReasons {
		if n := c.Ended[r]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", r, n))
		}
	}
	return orDash(strings.Join(parts, ", "))
}
