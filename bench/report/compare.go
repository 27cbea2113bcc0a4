package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"pollux/bench"
)

// Verdict is what a difference comes to.
type Verdict string

// The verdicts.
const (
	Noise  Verdict = ""
	Better Verdict = "better"
	Worse  Verdict = "worse"
)

// Difference is one figure in two sets.
type Difference struct {
	Name    string       `json:"name"`
	Figure  string       `json:"figure"`
	A       bench.Spread `json:"a"`
	B       bench.Spread `json:"b"`
	Percent float64      `json:"percent"` // B's median beyond A's
	Verdict Verdict      `json:"verdict"`
}

// noise is the least difference of medians, in percent, that is told from none: the same
// binary, laid out otherwise in memory, differs by about as much.
const noise = 3

// Compare compares what both sets have. A difference is beyond noise where the middle
// halves of the values of both sides do not touch, and the medians differ by more than
// three percent. Less than three values have no middle half: their difference is told, and
// not judged.
func Compare(a, b *Set) ([]Difference, error) {
	var list []Difference
	add := func(name, figure string, a, b bench.Spread, lowerIsBetter bool) {
		if a.N > 0 && b.N > 0 {
			list = append(list, difference(name, figure, a, b, lowerIsBetter))
		}
	}
	for _, y := range b.Runs {
		for _, x := range a.Runs {
			if x.Name != y.Name {
				continue
			}
			add(x.Name, "ns/packet", x.Ns, y.Ns, true)
			for _, s := range y.Stages {
				for _, r := range x.Stages {
					if r.Stage == s.Stage && max(r.Ns.Median, s.Ns.Median) >= 1 {
						add(x.Name, "  "+s.Stage, r.Ns, s.Ns, true)
					}
				}
			}
		}
	}
	if a.Memory != nil && b.Memory != nil {
		for _, y := range b.Memory.Results {
			for _, x := range a.Memory.Results {
				if x.MemoryScenario == y.MemoryScenario {
					add(memoryName(x.MemoryScenario), "ns/packet", x.NsPacket, y.NsPacket, true)
				}
			}
		}
	}
	if a.Veth != nil && b.Veth != nil {
		for _, y := range b.Veth.Result.Devices {
			for _, x := range a.Veth.Result.Devices {
				if x.Name == y.Name {
					add("veth "+x.Name, "Mpps", x.Mpps, y.Mpps, false)
				}
			}
		}
	}
	for _, y := range b.Stalls {
		for _, x := range a.Stalls {
			if x.Title == y.Title {
				add("stalls, "+x.Title, "p99 ns", once(x.Iterations.P99), once(y.Iterations.P99), true)
				add("stalls, "+x.Title, "p99.9 ns", once(x.Iterations.P999), once(y.Iterations.P999), true)
				add("stalls, "+x.Title, "longest ns", once(x.Iterations.Max), once(y.Iterations.Max), true)
			}
		}
	}
	if x, y := a.Storm, b.Storm; x != nil && y != nil && x.Spec == y.Spec {
		name := fmt.Sprintf("storm, %d flows a second", x.Spec.Flows)
		add(name, "Mpps", once(x.Stormy.OwnMpps), once(y.Stormy.OwnMpps), false)
		add(name, "% of calm", once(x.Kept()), once(y.Kept()), false)
		add(name, "barrier p50 ns", once(float64(x.BarrierNs[0])), once(float64(y.BarrierNs[0])), true)
		add(name, "barrier p99 ns", once(float64(x.BarrierNs[1])), once(float64(y.BarrierNs[1])), true)
	}
	if len(list) == 0 {
		return nil, errors.New("the two have no measurement in common")
	}
	return list, nil
}

// once is a figure that was measured once in a run.
func once(v float64) bench.Spread { return bench.NewSpread([]float64{v}) }

// judged is how many values it takes to say what noise is.
const judged = 3

// difference judges one figure.
func difference(name, figure string, a, b bench.Spread, lowerIsBetter bool) Difference {
	d := Difference{Name: name, Figure: figure, A: a, B: b}
	if a.Median != 0 {
		d.Percent = 100 * (b.Median/a.Median - 1)
	}
	if min(a.N, b.N) < judged {
		return d
	}
	if apart := a.Q3 < b.Q1 || b.Q3 < a.Q1; apart && math.Abs(d.Percent) > noise {
		d.Verdict = Worse
		if b.Median < a.Median == lowerIsBetter {
			d.Verdict = Better
		}
	}
	return d
}

func memoryName(s bench.MemoryScenario) string {
	return fmt.Sprintf("memory %d/%d, ipfix %s", s.Flows, s.Masks, s.IPFIX())
}

// Tally counts verdicts.
func Tally(list []Difference) (better, worse int) {
	for _, d := range list {
		switch d.Verdict {
		case Better:
			better++
		case Worse:
			worse++
		}
	}
	return better, worse
}

// WriteTable prints the differences, and what they come to.
func WriteTable(w io.Writer, list []Difference) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "measurement\tfigure\tA [middle half]\tB [middle half]\tB to A\t\t")
	for _, d := range list {
		verdict := string(d.Verdict)
		if d.Verdict == Noise {
			verdict = "~"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%+.1f %%\t%s\t\n", d.Name, d.Figure, half(d.A), half(d.B), d.Percent, verdict)
	}
	better, worse := Tally(list)
	fmt.Fprintf(t, "\n")
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "beyond noise: %d better, %d worse of %d\n", better, worse, len(list))
	return err
}

func half(s bench.Spread) string { return fmt.Sprintf("%.1f [%.1f–%.1f]", s.Median, s.Q1, s.Q3) }
