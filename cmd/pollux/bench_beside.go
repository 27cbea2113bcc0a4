package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// besideRun is what the measurements of a loop beside a busy control plane have in common:
// a length, a bar of its seconds, and one result.
type besideRun struct {
	time   time.Duration
	asJSON bool
	out    string
}

func (r *besideRun) flags(cmd *cobra.Command, length time.Duration) {
	f := cmd.Flags()
	f.DurationVar(&r.time, "time", length, "length of the run")
	f.BoolVar(&r.asJSON, "json", false, "print JSON")
	f.StringVar(&r.out, "out", "", "file to write the JSON to, beside what is printed")
}

// run measures, prints the result and writes it to the file.
func (r *besideRun) run(cmd *cobra.Command, measure func(ctx context.Context, each func(done, all int)) (fmt.Stringer, error)) (err error) {
	if r.time < time.Second {
		return fmt.Errorf("time %v: must be 1s or more", r.time)
	}
	cmd.SilenceUsage = true
	ctx, stop := untilSignal(cmd)
	defer stop()
	file, err := newResults(r.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.close()) }()
	b := newBar(cmd.Name(), int(r.time/time.Second))
	res, err := measure(ctx, b.each)
	b.clear()
	if err != nil {
		return err
	}
	if err := file.add(res); err != nil {
		return err
	}
	if r.asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(res)
	}
	fmt.Fprint(cmd.OutOrStdout(), res)
	return nil
}
