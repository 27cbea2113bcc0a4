package report

import (
	"fmt"

	"pollux/bench"
)

// rows is a plot of a row for each of some names, with room for what is below its axis.
type rows struct {
	*svg
	left, right, top, row, most float64
}

// newRows begins one, its axis from 0 to most or a little more.
func newRows(label, unit string, names []string, each, most float64) *rows {
	r := &rows{left: 150, right: 64, top: 34, row: each}
	bottom := r.top + each*float64(len(names))
	r.svg = newSVG(width, bottom+34, label)
	r.most = roundUp(most)
	for v := 0.0; v <= r.most*1.0001; v += step(r.most) {
		r.line(r.x(v), r.top-4, r.x(v), bottom, "grid")
		r.text(r.x(v), bottom+15, "middle", "small", fmt.Sprintf("%.6g", v))
	}
	r.text(width-r.right, bottom+30, "end", "small", unit)
	for i, name := range names {
		r.text(r.left-8, r.top+each*(float64(i)+.5)+4, "end", "small", name)
	}
	return r
}

func (r *rows) x(v float64) float64 {
	return r.left + v/max(r.most, 1e-9)*(width-r.left-r.right)
}

// bar draws bar k of n of row i, and its value behind it.
func (r *rows) bar(i, k, n int, v float64, class, value, title string) {
	tall := (r.row - 6) / float64(n)
	y := r.top + r.row*float64(i) + 3 + tall*float64(k)
	r.rect(r.left, y, r.x(v)-r.left, tall-1, class, title)
	r.text(r.x(v)+6, y+tall/2+3, "start", "tiny", value)
}

// wires draws what switches deliver between two veths, a bar each.
func wires(v *bench.VethResult) string {
	names, most := devices(v, func(d *bench.VethDevice) float64 { return d.Own.Median })
	r := newRows("Millions of packets a second delivered, a bar for each switch", "Mpps delivered, in the time that the switch had its core", names, 24, most)
	for i := range v.Devices {
		d := &v.Devices[i]
		r.bar(i, 0, 1, d.Own.Median, colour(0), fmt.Sprintf("%.3f (%.2f)", d.Own.Median, d.RatioOwn),
			fmt.Sprintf("%s: %.3f Mpps, from %.3f to %.3f, %.2f of the best", d.Name, d.Own.Median, d.Own.Min, d.Own.Max, d.RatioOwn))
	}
	return r.end()
}

// trips draws round trips, two bars for each switch.
func trips(v *bench.VethResult) string {
	names, most := devices(v, func(d *bench.VethDevice) float64 { return d.P99.Median })
	r := newRows("Microseconds of a round trip, median and 99th percentile, two bars for each switch", "µs of a round trip", names, 32, most)
	for i := range v.Devices {
		d := &v.Devices[i]
		for k, f := range []struct {
			name string
			of   bench.Spread
		}{{"p50", d.P50}, {"p99", d.P99}} {
			r.bar(i, k, 2, f.of.Median, colour(k), fmt.Sprintf("%.1f", f.of.Median),
				fmt.Sprintf("%s, %s: %.1f µs, from %.1f to %.1f", d.Name, f.name, f.of.Median, f.of.Min, f.of.Max))
		}
	}
	r.key(r.left, 16, []string{"p50", "p99"})
	return r.end()
}

// devices returns their names, and the most of a figure.
func devices(v *bench.VethResult, figure func(*bench.VethDevice) float64) (names []string, most float64) {
	for i := range v.Devices {
		names = append(names, v.Devices[i].Name)
		most = max(most, figure(&v.Devices[i]))
	}
	return names, most
}
