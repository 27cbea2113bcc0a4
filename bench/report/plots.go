package report

import (
	"fmt"
	"math"
	"strings"

	"pollux/bench"
)

// Every plot is as wide as the text.
const width = 760

// throughput draws millions of packets a second by flows, a line for each number of masks.
func throughput(results []bench.MemoryResult) string {
	const left, right, top, bottom, height = 56.0, 20.0, 36.0, 44.0, 320.0
	s := newSVG(width, height, "Throughput by the number of flows, for one mask and for twenty")
	most, masks := 0.0, []int{}
	for _, r := range results {
		if r.Sampling == 0 {
			most = max(most, r.Mpps.Max)
			if len(masks) == 0 || masks[len(masks)-1] != r.Masks && !hasInt(masks, r.Masks) {
				masks = append(masks, r.Masks)
			}
		}
	}
	most = roundUp(most)
	y := func(v float64) float64 { return height - bottom - v/most*(height-top-bottom) }
	x := func(flows int) float64 { return left + 20 + math.Log10(float64(flows))/6*(width-left-right-40) }
	for v := 0.0; v <= most*1.0001; v += step(most) {
		s.line(left, y(v), width-right, y(v), "grid")
		s.text(left-8, y(v)+4, "end", "small", fmt.Sprintf("%g", v))
	}
	s.text(left, 16, "start", "small", "Mpps, one loop on one core")
	for _, flows := range []int{1, 1_000, 100_000, 1_000_000} {
		s.text(x(flows), height-bottom+18, "middle", "small", thousands(flows))
	}
	s.text(width/2, height-6, "middle", "small", "flows, sent in turn; the axis is a logarithm")
	names := []string{}
	for i, m := range masks {
		var points [][2]float64
		for _, r := range results {
			if r.Sampling == 0 && r.Masks == m {
				points = append(points, [2]float64{x(r.Flows), y(r.Mpps.Median)})
				s.line(x(r.Flows), y(r.Mpps.Q1), x(r.Flows), y(r.Mpps.Q3), "whisker "+colour(i))
			}
		}
		s.path(points, "curve "+colour(i))
		k := 0
		for _, r := range results {
			if r.Sampling == 0 && r.Masks == m {
				s.dot(points[k][0], points[k][1], colour(i), fmt.Sprintf("%s flows, %s: %.1f Mpps (%.1f ns a packet)", thousands(r.Flows), plural(m, "mask"), r.Mpps.Median, r.NsPacket.Median))
				k++
			}
		}
		names = append(names, plural(m, "mask"))
	}
	s.key(width-right-190, 16, names)
	return s.end()
}

// stages draws what a packet costs in each stage, a bar for each scenario.
func stages(runs []*bench.RunResult) string {
	const left, right, top, row = 150.0, 56.0, 34.0, 22.0
	height := top + row*float64(len(runs)) + 34
	s := newSVG(width, height, "Nanoseconds a packet by stage, a bar for each scenario")
	most := 0.0
	for _, r := range runs {
		most = max(most, stageSum(r))
	}
	most = roundUp(most)
	x := func(v float64) float64 { return left + v/most*(width-left-right) }
	bottom := top + row*float64(len(runs))
	for v := 0.0; v <= most*1.0001; v += step(most) {
		s.line(x(v), top-4, x(v), bottom, "grid")
		s.text(x(v), bottom+15, "middle", "small", fmt.Sprintf("%g", v))
	}
	s.text(width-right, bottom+30, "end", "small", "ns a packet")
	names := []string{}
	for i, r := range runs {
		y := top + row*float64(i)
		name := r.Name
		if r.Disturbed > disturbedShare {
			name += " *"
		}
		s.text(left-8, y+13, "end", "small", name)
		at := 0.0
		for k, st := range r.Stages {
			if v := st.Ns.Median; v > 0 {
				s.rect(x(at), y+2, x(at+v)-x(at), row-6, colour(k), fmt.Sprintf("%s, %s: %.1f ns (%.0f cycles)", r.Name, st.Stage, v, st.Cycles.Median))
				at += v
			}
			if i == 0 {
				names = append(names, st.Stage)
			}
		}
		s.text(x(at)+6, y+13, "start", "small", fmt.Sprintf("%.0f", at))
	}
	s.key(40, 16, names)
	return s.end()
}

// disturbedShare is from which share of the time that others had the core on a scenario's
// stages, which are timed by the wall clock, are marked.
const disturbedShare = 0.05

func stageSum(r *bench.RunResult) (sum float64) {
	for _, st := range r.Stages {
		sum += st.Ns.Median
	}
	return sum
}

// accounting draws what a packet costs with IPFIX off, 1:100 and 1:1, a group for each mix.
func accounting(results []bench.MemoryResult) string {
	const left, right, top, bottom, height = 56.0, 10.0, 36.0, 52.0, 300.0
	s := newSVG(width, height, "Nanoseconds a packet without IPFIX, with one packet in 100 accounted, and with every packet accounted")
	n := len(bench.Samplings)
	most := 0.0
	for _, r := range results {
		most = max(most, r.NsPacket.Median)
	}
	most = roundUp(most)
	y := func(v float64) float64 { return height - bottom - v/most*(height-top-bottom) }
	for v := 0.0; v <= most*1.0001; v += step(most) {
		s.line(left, y(v), width-right, y(v), "grid")
		s.text(left-8, y(v)+4, "end", "small", fmt.Sprintf("%g", v))
	}
	s.text(left, 16, "start", "small", "ns a packet")
	groups := max(len(results)/n, 1)
	each := (width - left - right) / float64(groups)
	bar := (each - 22) / float64(n)
	for i, r := range results {
		g, k := i/n, i%n
		at := left + each*float64(g) + 11 + bar*float64(k)
		v := r.NsPacket.Median
		s.rect(at, y(v), bar-3, y(0)-y(v), colour(k), fmt.Sprintf("%s: %.1f ns", memoryName(r.MemoryScenario), v))
		s.text(at+(bar-3)/2, y(v)-4, "middle", "tiny", fmt.Sprintf("%.0f", v))
		if k == 0 {
			middle := left + each*(float64(g)+.5)
			s.text(middle, height-bottom+17, "middle", "small", flowsText(r.Flows))
			s.text(middle, height-bottom+32, "middle", "small", plural(r.Masks, "mask"))
		}
	}
	s.key(width-right-270, 16, []string{"IPFIX off", "1:100", "every packet"})
	return s.end()
}

// iterations draws how long iterations took: counts as logarithms, by octaves of time.
func iterations(it *bench.Iterations) string {
	const left, right, top, bottom, height = 56.0, 10.0, 24.0, 50.0, 300.0
	s := newSVG(width, height, "Number of iterations of the loop by how long they took")
	octaves := it.Octaves()
	decades := 1.0
	for _, o := range octaves {
		decades = max(decades, math.Ceil(math.Log10(float64(max(o.Count, 1)))+0.001))
	}
	// One iteration is a tenth of a decade high, or it would not be seen.
	y := func(v float64) float64 {
		if v <= 0 {
			return height - bottom
		}
		return height - bottom - (math.Log10(v)+.15)/(decades+.15)*(height-top-bottom)
	}
	for d := 0.0; d <= decades; d++ {
		s.line(left, y(math.Pow(10, d)), width-right, y(math.Pow(10, d)), "grid")
		s.text(left-8, y(math.Pow(10, d))+4, "end", "small", short(math.Pow(10, d)))
	}
	s.text(left, 14, "start", "small", "iterations")
	each := (width - left - right) / float64(max(len(octaves), 1))
	for i, o := range octaves {
		at := left + each*float64(i)
		class := colour(0)
		if o.From >= 1e6 {
			class = "warn"
		}
		s.rect(at+2, y(float64(o.Count)), each-4, y(0)-y(float64(o.Count)), class, fmt.Sprintf("%s to %s: %d iterations", bench.NsText(o.From), bench.NsText(o.To), o.Count))
		if i%2 == 0 || len(octaves) < 12 {
			s.text(at, height-bottom+17, "middle", "small", bench.NsText(o.From))
		}
	}
	s.text(width/2, height-8, "middle", "small", "time of an iteration, an octave a bar; those of a millisecond or more in red")
	return s.end()
}

func hasInt(list []int, v int) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// short writes a power of ten.
func short(v float64) string {
	for _, u := range []struct {
		by   float64
		unit string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.by {
			return fmt.Sprintf("%g %s", v/u.by, u.unit)
		}
	}
	return fmt.Sprintf("%g", v)
}

// flowsText writes a number of flows in little room.
func flowsText(n int) string {
	if n >= 1e6 {
		return short(float64(n)) + " flows"
	}
	return strings.Replace(plural(n, "flow"), fmt.Sprint(n), thousands(n), 1)
}

// thousands writes a number with commas.
func thousands(n int) string {
	t := fmt.Sprint(n)
	for i := len(t) - 3; i > 0; i -= 3 {
		t = t[:i] + "," + t[i:]
	}
	return t
}

func plural(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
