package vswitch

import (
	"fmt"
	"io"
	"strings"

	"pollux/ipfix"
	"pollux/ipfix/cache"
)

// ipfixText writes the exporters: what their flow caches hold, what became of the
// records, and what each collector was sent.
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
	fmt.Fprintf(w, "%s: %s, observation domain %d\n\n", v.Name, every, v.Domain)
	t := newTable("cache", ">flows", ">of", ">new flows", ">packets seen", ">recorded", ">held", ">lost", "ended by")
	for i := range v.Caches {
		c := &v.Caches[i]
		t.row(fmt.Sprintf("loop %d", i), c.Flows, c.MaxFlows, c.Inserted, c.Seen.Packets, c.Recorded.Packets,
			c.Held().Packets, lostText(c), endedText(c))
	}
	t.write(w)
	x, ok := v.Exporter.(ipfix.Stats)
	if !ok {
		return
	}
	fmt.Fprintln(w)
	t = newTable("records", ">records", ">packets", ">octets", ">L2 octets")
	add := func(name string, n ipfix.Totals) { t.row(name, n.Records, n.Packets, n.Octets, n.L2Octets) }
	add("from the caches", x.Popped)
	t.row("merged into others", x.Merged)
	add("pending", x.Pending)
	add("dropped", x.Dropped)
	for i := range x.Collectors {
		add("sent to "+x.Collectors[i].Address, x.Collectors[i].Sent)
		if n := x.Collectors[i].NotSent; n != (ipfix.Totals{}) {
			add("not sent to "+x.Collectors[i].Address, n)
		}
	}
	t.write(w)
	for i := range x.Collectors {
		c := &x.Collectors[i]
		fmt.Fprintf(w, "\ncollector %s: %s of %d bytes in all, %s, %s, %s", c.Address, plural(c.Messages, "message"), c.Bytes,
			plural(c.Templates, "template"), plural(c.Options, "option record"), plural(c.Errors, "error"))
		if c.LastError != "" {
			fmt.Fprintf(w, " (%s)", c.LastError)
		}
	}
	if len(x.Collectors) > 0 {
		fmt.Fprintln(w)
	}
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
