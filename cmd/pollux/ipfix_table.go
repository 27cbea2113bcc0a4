package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"pollux/internal/vswitch"
)

// table writes the flows, no line wider than width if that is not 0.
func (o *topOptions) table(w io.Writer, rows []vswitch.TopFlow, width int) error {
	lines := []string{"no flow in the caches has packets since its last record; " + time.Now().Format("15:04:05")}
	if len(rows) > 0 {
		lines = []string{
			fmt.Sprintf("%s: %s by %s, %s", rows[0].Exporter, count(len(rows), "flow"), o.by, time.Now().Format("15:04:05")),
			" PACKETS   BYTES   PKT/S   BIT/S     AGE    IDLE  FLOW",
		}
	}
	for i := range rows {
		r := &rows[i]
		line := fmt.Sprintf("%8s%8s%8s%8s%8s%8s  %s", short(float64(r.Packets)), short(float64(r.L2Octets)),
			short(r.PacketRate), short(r.BitRate), seconds(r.Age), seconds(r.Idle), r.Flow)
		if r.Dropped > 0 {
			line += " dropped=" + short(float64(r.Dropped))
		}
		lines = append(lines, line)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, cut(l, width)); err != nil {
			return err
		}
	}
	return nil
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
