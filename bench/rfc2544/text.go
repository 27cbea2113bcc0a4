package rfc2544

import (
	"fmt"
	"io"
	"strings"
)

// Text writes a line for each result.
func (r *Result) Text(w io.Writer) {
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-5s %-13s %s\n", r.Frame, what, fmt.Sprintf(format, args...))
	}
	line("overload", "%.3f Mpps delivered of %.3f offered", r.Overload, r.Offered)
	if t := r.Throughput; t != nil {
		limit := ""
		if t.Limit != "" {
			limit = "; more could not be told: " + t.Limit
		}
		line("throughput", "%.3f Mpps, %.3f Gbit/s without loss%s", t.Mpps, t.Gbps, limit)
	}
	if l := r.Latency; l != nil {
		line("latency", "p50 %.1f  p99 %.1f  p99.9 %.1f  max %.1f µs of %d frames at %.3f Mpps%s", l.P50, l.P99, l.P999, l.Max, l.Count, l.Mpps, lostText(l.Lost, l.Void))
	}
	if len(r.Loss) > 0 {
		text := ""
		for _, p := range r.Loss {
			mark := ""
			if p.Void != "" {
				mark = "*"
			}
			text += fmt.Sprintf("  %d%%: %s%s", p.Percent, percent(p.Loss), mark)
		}
		if strings.Contains(text, "*") {
			text += "  (* void)"
		}
		line("loss", "at load%s", text)
	}
	if b := r.Burst; b != nil {
		more := ""
		if b.AtLimit {
			more = " or more"
		}
		line("back-to-back", "%d frames%s at %.2f Mpps; %d of %d such bursts passed", b.Frames, more, b.Mpps, b.Passed, b.Repeats)
	}
	if r.Void > 0 {
		line("void", "%d of %d trials, in which the generator or the device did not have its core", r.Void, r.Trials)
	}
}

// lostText says what was lost in a trial that was to lose nothing.
func lostText(lost uint64, void string) string {
	switch {
	case lost > 0 && void != "":
		return fmt.Sprintf("; %d lost this time; void: %s", lost, void)
	case lost > 0:
		return fmt.Sprintf("; %d lost this time", lost)
	case void != "":
		return "; void: " + void
	}
	return ""
}

// percent writes a loss so that some is never shown as none.
func percent(p float64) string {
	switch {
	case p == 0:
		return "0"
	case p < 0.001:
		return "<0.001 %"
	}
	return fmt.Sprintf("%.3g %%", p)
}
