package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// svg is a picture in the making. Colours are classes, which the page's style gives
// their values in light and in dark.
type svg struct {
	strings.Builder
	w, h float64
}

// newSVG begins a picture that is told in words, too.
func newSVG(w, h float64, label string) *svg {
	s := &svg{w: w, h: h}
	fmt.Fprintf(s, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, w, h, html.EscapeString(label))
	return s
}

func (s *svg) end() string { s.WriteString("</svg>"); return s.String() }

// rect draws a bar; title is shown where the pointer rests on it.
func (s *svg) rect(x, y, w, h float64, class, title string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"><title>%s</title></rect>`, x, y, max(w, 0), max(h, 0), class, html.EscapeString(title))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// text writes at a place; anchor is start, middle or end.
func (s *svg) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(text))
}

func (s *svg) dot(x, y float64, class, title string) {
	fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="4" class="%s"><title>%s</title></circle>`, x, y, class, html.EscapeString(title))
}

func (s *svg) path(points [][2]float64, class string) {
	fmt.Fprintf(s, `<polyline class="%s" points="`, class)
	for _, p := range points {
		fmt.Fprintf(s, "%.1f,%.1f ", p[0], p[1])
	}
	s.WriteString(`"/>`)
}

// key draws the legend of classes from x on, in a line.
func (s *svg) key(x, y float64, names []string) {
	for i, name := range names {
		s.rect(x, y-9, 11, 11, colour(i), name)
		s.text(x+16, y, "start", "small", name)
		x += 34 + 6.6*float64(len([]rune(name)))
	}
}

// colour is the class of series i.
func colour(i int) string { return fmt.Sprintf("c%d", i%colours) }

// roundUp is the next round number: where an axis ends.
func roundUp(top float64) float64 {
	s := step(top)
	return math.Ceil(top/s) * s
}

// step is a round number of which some four reach the top.
func step(top float64) float64 {
	if top <= 0 {
		return 1
	}
	s := 1.0
	for s*4 > top {
		s /= 10
	}
	for s*4 <= top/10 {
		s *= 10
	}
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if s*m*5 >= top {
			return s * m
		}
	}
	return s * 10
}
