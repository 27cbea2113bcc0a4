package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pollux/bench"
	"pollux/bench/scenarios"
)

func newBenchListCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "list [NAME...]",
		Short: "List the scenarios of bench run, or print some as they are written",
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SilenceUsage = true
			for _, name := range args {
				text := scenarios.Source(name)
				if text == nil {
					return fmt.Errorf("there is no scenario %q", name)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s", text)
			}
			if len(args) > 0 {
				return nil
			}
			for _, name := range scenarios.List() {
				s, err := scenarios.Open(name)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%-20s %s\n", name, s.Title)
			}
			return nil
		},
	}
}

// runFlags are the flags of `bench run`.
type runFlags struct {
	repeats int
	time    time.Duration
	json    bool
	brief   bool
	out     string
}

func newBenchRunCmd() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME|FILE...",
		Short: "Measure scenarios, one line each",
		Long: `Measure scenarios: those that bench list names, or files (docs/benchmarks.md,
bench/scenarios/REFERENCE.md); all is every one of the list.

Packets come from memory and go to memory: no device, no kernel. Figures are medians
over turns, with their spread; times are processor time of the loop's thread, and what
stages take is told below. With --json each scenario is one JSON object in a line.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := openScenarios(args)
			if err != nil {
				return err
			}
			cmd.SilenceUsage = true
			return f.run(cmd, list)
		},
	}
	fs := cmd.Flags()
	fs.IntVar(&f.repeats, "repeats", 0, "turns of each, in place of what scenarios say")
	fs.DurationVar(&f.time, "time", 0, "measured of each turn, in place of what scenarios say")
	fs.BoolVar(&f.json, "json", false, "print JSON, one object a line")
	fs.BoolVar(&f.brief, "brief", false, "print the table only")
	fs.StringVar(&f.out, "out", "", "file to write the JSON to, beside what is printed")
	return cmd
}

// openScenarios reads all scenarios, and tells everything that is wrong with any.
func openScenarios(names []string) (list []*scenarios.Scenario, err error) {
	if slices.Equal(names, []string{"all"}) {
		names = scenarios.List()
	}
	for _, name := range names {
		s, e := scenarios.Open(name)
		if err = errors.Join(err, e); e == nil {
			list = append(list, s)
		}
	}
	return list, err
}

func (f *runFlags) run(cmd *cobra.Command, list []*scenarios.Scenario) (err error) {
	ctx, stop := untilSignal(cmd)
	defer stop()
	out, err := newResults(f.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	if !f.json {
		fmt.Fprintln(cmd.OutOrStdout(), bench.RunHeader())
	}
	var failed []string
	for i, s := range list {
		if f.repeats > 0 {
			s.Run.Repeats = f.repeats
		}
		if f.time > 0 {
			s.Run.Time = scenarios.Duration(f.time)
		}
		bar := newBar(fmt.Sprintf("%d/%d %s", i+1, len(list), s.Name), s.Run.Repeats)
		res, err := bench.RunScenario(ctx, s, bar.each)
		bar.clear()
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "pollux: scenario %s: %v\n", s.Name, err)
			failed = append(failed, s.Name)
			continue
		}
		if err := out.add(res); err != nil {
			return err
		}
		switch {
		case f.json:
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(res); err != nil {
				return err
			}
		case f.brief:
			fmt.Fprintln(cmd.OutOrStdout(), res)
		default:
			fmt.Fprintf(cmd.OutOrStdout(), "%v\n%s", res, res.Detail())
		}
		if res.Unaccounted != 0 {
			failed = append(failed, s.Name)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d scenarios failed: %s", len(failed), len(list), strings.Join(failed, ", "))
	}
	return nil
}

// results is a file that results are written to as JSON, one object a line; none where
// nobody asked.
type results struct{ file *os.File }

func newResults(name string) (results, error) {
	if name == "" {
		return results{}, nil
	}
	file, err := os.Create(name)
	return results{file}, err
}

func (r results) add(v any) error {
	if r.file == nil {
		return nil
	}
	return json.NewEncoder(r.file).Encode(v)
}

func (r results) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// bar is a progress bar, where there is a terminal to show it.
type bar struct{ b *progressbar.ProgressBar }

func newBar(what string, steps int) bar {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return bar{}
	}
	return bar{progressbar.NewOptions(steps, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())}
}

func (b bar) each(done, _ int) {
	if b.b != nil {
		_ = b.b.Set(done)
	}
}

func (b bar) clear() {
	if b.b != nil {
		_ = b.b.Clear()
	}
}
