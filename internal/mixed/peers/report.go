package peers

import (
	"fmt"
	"slices"
	"strings"

	"pollux/internal/mixed"
)

// Report is what a collector says of each flow.
type Report map[mixed.Key]mixed.Counts

// View leaves of a flow and its counts what a collector shows; ok is false for a flow
// that it does not show at all.
type View func(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool)

// Add adds counts of a flow.
func (r Report) Add(k mixed.Key, c mixed.Counts) {
	sum := r[k]
	sum.Add(c)
	r[k] = sum
}

// Truth returns what a collector with that view is to say.
func (v View) Truth(t *mixed.Traffic) Report {
	r := Report{}
	for i := range t.Flows {
		if k, c, ok := v(t.Flows[i].Key, t.Flows[i].Total()); ok {
			r.Add(k, c)
		}
	}
	return r
}

// Total returns what all flows add up to.
func (r Report) Total() (c mixed.Counts) {
	for _, o := range r {
		c.Add(o)
	}
	return c
}

// Diff says how got differs from what it should be: how many flows, and some of them.
// It is empty if got is the same.
func (r Report) Diff(got Report) string {
	var lines []string
	for k, want := range r {
		if have, ok := got[k]; !ok {
			lines = append(lines, fmt.Sprintf("%v: missing, want %+v", k, want))
		} else if have != want {
			lines = append(lines, fmt.Sprintf("%v: %+v, want %+v", k, have, want))
		}
	}
	for k, have := range got {
		if _, ok := r[k]; !ok {
			lines = append(lines, fmt.Sprintf("%v: not sent: %+v", k, have))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	n := len(lines)
	return fmt.Sprintf("%d flows differ (of %d; %d came)\n%s", n, len(r), len(got), strings.Join(lines[:min(n, 12)], "\n"))
}
