package report

import (
	"fmt"
	"html"
	"strings"

	"pollux/bench"
)

// colours is how many classes of colours the style has.
const colours = 8

// style has the colours twice: of Okabe and Ito's palette, which most eyes tell apart,
// darker on white and lighter on black.
const style = `
:root { --bg:#fff; --fg:#1b1f24; --dim:#5b6470; --grid:#d9dde2; --row:#f5f6f8; --warn:#c8321f;
  --c0:#0072b2; --c1:#e69f00; --c2:#009e73; --c3:#cc79a7; --c4:#d55e00; --c5:#56b4e9; --c6:#7a5ea8; --c7:#8c8c8c; }
@media (prefers-color-scheme: dark) { :root { --bg:#14171b; --fg:#e4e7eb; --dim:#9aa4b0; --grid:#30363d; --row:#1b1f25; --warn:#ff6b57;
  --c0:#4ba3dc; --c1:#f0b73f; --c2:#35c79b; --c3:#e09cc3; --c4:#f08540; --c5:#8fd0f5; --c6:#a98fd6; --c7:#a8a8a8; } }
body { background:var(--bg); color:var(--fg); font:15px/1.5 system-ui,sans-serif; margin:0 auto; padding:24px 20px 60px; max-width:1180px; }
h1 { font-size:26px; margin:0 0 4px; } h2 { font-size:19px; margin:40px 0 4px; }
p { margin:4px 0 10px; max-width:860px; } .dim { color:var(--dim); }
figure { margin:0; } svg { width:100%; max-width:860px; height:auto; display:block; }
svg text { fill:var(--fg); font-family:system-ui,sans-serif; } .small { font-size:12px; } .tiny { font-size:10px; }
.grid { stroke:var(--grid); stroke-width:1; } .curve { fill:none; stroke-width:2.5; } .whisker { stroke-width:6; opacity:.35; }
.warn { fill:var(--warn); }
.scroll { overflow-x:auto; } table { border-collapse:collapse; font-size:13px; font-variant-numeric:tabular-nums; }
th,td { padding:4px 10px; text-align:right; vertical-align:top; border-bottom:1px solid var(--grid); } th:first-child,td:first-child { text-align:left; }
th { color:var(--dim); font-weight:600; } tbody tr:nth-child(odd) { background:var(--row); }
td:first-child { overflow-wrap:anywhere; min-width:230px; } td + td { white-space:nowrap; }
`

// HTML is the set as one page.
func HTML(s *Set) string {
	var b strings.Builder
	m := s.machine()
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n" +
		"<title>Measurements of Pollux</title>\n<style>" + style)
	for i := range colours {
		fmt.Fprintf(&b, ".c%d { fill:var(--c%d); } .curve.c%d { fill:none; stroke:var(--c%d); } .whisker.c%d { stroke:var(--c%d); }\n", i, i, i, i, i, i)
	}
	b.WriteString("</style>\n</head>\n<body>\n<h1>Measurements of Pollux</h1>\n")
	fmt.Fprintf(&b, "<p class=\"dim\">%s<br/>%s</p>\n", html.EscapeString(m.String()), m.Time.Format("2006-01-02 15:04 MST"))
	for _, f := range s.figures() {
		fmt.Fprintf(&b, "<h2>%s</h2>\n<p class=\"dim\">%s</p>\n<figure>%s</figure>\n", html.EscapeString(f.title), html.EscapeString(f.note), f.plot)
	}
	for _, t := range s.tables() {
		t.write(&b)
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

// figure is a plot with what it shows.
type figure struct{ title, note, plot string }

// dearRuns is from how many ns a packet on a scenario has a plot of its own, so that the
// bars of others are not lost beside it.
const dearRuns = 150

func (s *Set) figures() (list []figure) {
	if s.Memory != nil {
		list = append(list,
			figure{"Throughput by flows and masks", "One loop on one core, 64-byte packets, memory to memory. Thick strokes are the middle half of the turns.", throughput(s.Memory.Results)},
			figure{"What IPFIX costs", "The same loop without accounting, with one packet in 100 accounted, and with every packet accounted.", accounting(s.Memory.Results)})
	}
	if s.Veth != nil {
		v := s.Veth.Result
		list = append(list, figure{"What switches deliver on wires", fmt.Sprintf("%d-byte frames between two veths over AF_XDP; behind each bar the share of the best.", v.Size), wires(v)})
		if _, most := devices(v, func(d *bench.VethDevice) float64 { return d.P99.Median }); most > 0 {
			list = append(list, figure{"Round trips on wires", "One datagram there and back at a time, between blocking sockets: two passes of the switch, both hosts' stacks, and their wake-ups.", trips(v)})
		}
	}
	var cheap, dear []*bench.RunResult
	for _, r := range s.Runs {
		if stageSum(r) < dearRuns {
			cheap = append(cheap, r)
		} else {
			dear = append(dear, r)
		}
	}
	if len(cheap) > 0 {
		list = append(list, figure{"Where the time goes", "What a packet costs in each stage, by scenario. Receive has the source's work in it, transmit the sink's. * Others had the core for more than 5 % of the time: stages are timed by the wall clock.", stages(cheap)})
	}
	if len(dear) > 0 {
		list = append(list, figure{"Where the time goes, dear scenarios", "As above, for those of 150 ns or more: new flows, attacks, and rates that leave batches small.", stages(dear)})
	}
	for _, st := range s.Stalls {
		list = append(list, figure{"Time of iterations beside a busy control plane: " + st.Title, "The loop's own histogram. Counts are logarithms: each line is ten times the one below.", iterations(&st.Iterations)})
	}
	return list
}

func (t *table) write(b *strings.Builder) {
	fmt.Fprintf(b, "<h2>%s</h2>\n<p class=\"dim\">%s</p>\n<div class=\"scroll\"><table>\n<thead><tr>", html.EscapeString(t.title), html.EscapeString(t.note))
	for _, h := range t.head {
		fmt.Fprintf(b, "<th>%s</th>", html.EscapeString(h))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.rows {
		b.WriteString("<tr>")
		for _, c := range row {
			fmt.Fprintf(b, "<td>%s</td>", html.EscapeString(c))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table></div>\n")
}
