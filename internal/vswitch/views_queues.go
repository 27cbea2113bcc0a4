package vswitch

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pollux/pmd/datapath"
)

// QueuesShow is who polls which queue, and what of a core each takes.
type QueuesShow struct {
	datapath.Usage
	Auto string `json:"auto"` // what rebalancing by itself last found; off where it is
}

// RebalanceShow is queues spread anew.
type RebalanceShow struct {
	datapath.Plan
	DryRun bool  `json:"dry_run"`
	Done   bool  `json:"done"`
	Cores  []int `json:"cores"` // of the loops
}

// queuesCommand answers pmd-rxq-show.
func (s *Switch) queuesCommand(args []string) (string, error) {
	js, args := takeJSON(args)
	window, core := datapath.UsageWindow, -1
	for ; len(args) > 0; args = args[2:] {
		name := "-" + strings.TrimLeft(args[0], "-")
		if name != "-secs" && name != "-pmd" {
			return "", fmt.Errorf("%q: want -secs N, -pmd CORE, or --json", args[0])
		}
		if len(args) == 1 {
			return "", fmt.Errorf("%s needs a number", args[0])
		}
		n, err := strconv.ParseUint(args[1], 10, 16)
		switch {
		case err != nil || name == "-secs" && (n < 1 || n > uint64(datapath.UsageWindow/time.Second)):
			return "", fmt.Errorf("%s %s: want a core, or 1 to %.0f seconds", args[0], args[1], datapath.UsageWindow.Seconds())
		case name == "-secs":
			window = time.Duration(n) * time.Second
		default:
			core = int(n)
		}
	}
	v := s.Queues(window)
	if core >= 0 {
		keep := v.Loops[:0]
		for _, l := range v.Loops {
			if l.Core == core {
				keep = append(keep, l)
			}
		}
		if v.Loops = keep; len(keep) == 0 {
			return "", fmt.Errorf("there is no loop on core %d", core)
		}
	}
	var w strings.Builder
	err := render(&w, js, v, v.Text)
	return w.String(), err
}

// Queues tells who polls which queue.
func (s *Switch) Queues(window time.Duration) *QueuesShow {
	v := &QueuesShow{Usage: s.dp.Usage(window), Auto: "off"}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := &s.balanced; s.cfg.Datapath.Rebalance.Auto {
		v.Auto = "on, not yet looked"
		if !b.at.IsZero() {
			v.Auto = fmt.Sprintf("on, moved queues %d times; %s ago: %s", b.n, time.Since(b.at).Round(time.Second), b.what)
		}
	}
	return v
}

// Text writes it as dpif-netdev/pmd-rxq-show does.
func (v *QueuesShow) Text(w io.Writer) {
	fmt.Fprintf(w, "Displaying last %.0f seconds pmd usage %%\n", v.Seconds)
	for i := range v.Loops {
		l := &v.Loops[i]
		fmt.Fprintf(w, "pmd thread numa_id %d core_id %d:\n", numaOf(l.Core), l.Core)
		fmt.Fprintf(w, "  isolated : %v\n", l.Isolated)
		for _, q := range l.Queues {
			pinned := ""
			if q.Pinned {
				pinned = " (pinned)"
			}
			fmt.Fprintf(w, "  port: %-16s  queue-id: %2d (enabled)   pmd usage: %2.0f %%%s\n", q.Port, q.Queue, 100*q.Usage, pinned)
		}
		fmt.Fprintf(w, "  overhead: %2.0f %%\n", 100*l.Overhead)
	}
	fmt.Fprintf(w, "rebalancing by itself: %s\n", v.Auto)
}

// numaOf returns the node of a core, 0 where the kernel does not say.
func numaOf(core int) int {
	found, err := filepath.Glob(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/node[0-9]*", core))
	if err != nil || len(found) == 0 {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(found[0]), "node"))
	if err != nil {
		return 0
	}
	return n
}

// Text writes what was moved, and what that brings.
func (v *RebalanceShow) Text(w io.Writer) {
	switch {
	case len(v.Moves) == 0:
		fmt.Fprintf(w, "no change: the queues are spread as %s has it\n", v.Policy)
	case v.DryRun:
		fmt.Fprintln(w, "dry run, nothing has changed:")
	case !v.Done:
		fmt.Fprintln(w, "no change: this would be no better")
	}
	for _, m := range v.Moves {
		fmt.Fprintf(w, "port %s queue %d: core %d → %d (%.0f %% of one)\n", m.Port, m.Queue, v.Cores[m.From], v.Cores[m.To], 100*m.Usage)
	}
	t := newTable(">core", ">queues take now %", ">expected %")
	for i, c := range v.Cores {
		t.row(c, fmt.Sprintf("%.1f", 100*v.Before[i]), fmt.Sprintf("%.1f", 100*v.After[i]))
	}
	t.write(w)
	fmt.Fprintf(w, "variance %.1f → %.1f, improved by %.0f %%; by the last %.0f seconds\n", v.Variance[0], v.Variance[1], v.Improvement, v.Seconds)
}
