package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"pollux/internal/vswitch"
)

// topColumn is a figure of a flow.
type topColumn struct {
	name, narrow string
	value        func(r *vswitch.TopFlow) string
}

// topColumns are all of them, in their order.
var topColumns = []topColumn{
	{"PACKETS", "PKTS", func(r *vswitch.TopFlow) string { return short(float64(r.Packets)) }},
	{"BYTES", "BYTES", func(r *vswitch.TopFlow) string { return short(float64(r.L2Octets)) }},
	{"PKT/S", "PKT/S", func(r *vswitch.TopFlow) string { return short(r.PacketRate) }},
	{"BIT/S", "BIT/S", func(r *vswitch.TopFlow) string { return short(r.BitRate) }},
	{"AGE", "AGE", func(r *vswitch.TopFlow) string { return seconds(r.Age) }},
	{"IDLE", "IDLE", func(r *vswitch.TopFlow) string { return seconds(r.Idle) }},
}

// topDropped are the columns that make room for flows, the first first.
var topDropped = []string{"AGE", "IDLE", "PKT/S"}

// table writes the flows, no line wider than width if that is not 0. Where flows are
// long, figures are narrower, and then fewer: which flow it is comes first.
func (o *topOptions) table(w io.Writer, rows []vswitch.TopFlow, width int) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, cut("no flow in the caches has packets since its last record; "+time.Now().Format("15:04:05"), width))
		return err
	}
	columns := slices.Clone(topColumns)
	lines := topLines(rows, columns, 8)
	for drop := 0; tooWide(lines, width) && drop <= len(topDropped); drop++ {
		if drop > 0 {
			columns = slices.DeleteFunc(columns, func(c topColumn) bool { return c.name == topDropped[drop-1] })
		}
		lines = topLines(rows, columns, 6)
	}
	head := fmt.Sprintf("%s: %s by %s, %s", rows[0].Exporter, count(len(rows), "flow"), o.by, time.Now().Format("15:04:05"))
	for _, l := range append([]string{head}, lines...) {
		if _, err := fmt.Fprintln(w, cut(l, width)); err != nil {
			return err
		}
	}
	return nil
}

// topLines writes heading and flows with figures of so many characters.
func topLines(rows []vswitch.TopFlow, columns []topColumn, each int) []string {
	lines := []string{""}
	for _, c := range columns {
		name := c.name
		if len(name) >= each {
			name = c.narrow
		}
		lines[0] += fmt.Sprintf("%*s", each, name)
	}
	lines[0] += "  FLOW"
	for i := range rows {
		r := &rows[i]
		line := ""
		for _, c := range columns {
			line += fmt.Sprintf("%*s", each, c.value(r))
		}
		line += "  " + r.Flow
		if r.Dropped > 0 {
			line += " dropped=" + short(float64(r.Dropped))
		}
		lines = append(lines, line)
	}
	return lines
}

func tooWide(lines []string, width int) bool {
	return width > 0 && slices.ContainsFunc(lines, func(l string) bool { return utf8.RuneCountInString(l) > width })
}

// short writes a number in at most six characters: 0, 999, 1.50k, 12.3M, 123G.
func short(v float64) string {
	if v < 999.5 {
		if v != float64(int(v)) && v < 99.95 {
			return fmt.Sprintf("%.1f", v)
		}
		return fmt.Sprintf("%.0f", v)
	}
	units := "kMGTPE"
	for i := 0; ; i++ {
		v /= 1000
		switch {
		case v < 9.995:
			return fmt.Sprintf("%.2f%c", v, units[i])
		case v < 99.95:
			return fmt.Sprintf("%.1f%c", v, units[i])
		case v < 999.5 || i == len(units)-1:
			return fmt.Sprintf("%.0f%c", v, units[i])
		}
	}
}

// seconds writes a time: 0.3s, 42s, 12m, 5h.
func seconds(s float64) string {
	switch {
	case s < 9.95:
		return fmt.Sprintf("%.1fs", s)
	case s < 99.5:
		return fmt.Sprintf("%.0fs", s)
	case s < 99.5*60:
		return fmt.Sprintf("%.0fm", s/60)
	}
	return fmt.Sprintf("%.0fh", s/3600)
}

// cut shortens a line to width characters, the last of which says so. 0 is any width.
func cut(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	r := []rune(line)
	return strings.TrimRight(string(r[:width-1]), " ") + "…"
}

// writeJSONLine writes v on one line.
func writeJSONLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }
