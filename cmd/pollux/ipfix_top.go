package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pollux/internal/ctl"
	"pollux/internal/vswitch"
)

// topOrders are the values of --by.
var topOrders = []string{"bytes", "packets", "rate"}

// topOptions say what top shows and how.
type topOptions struct {
	by       string
	n        int
	interval time.Duration
	once     bool
	json     bool
	exporter string
}

func newIPFIXTopCmd() *cobra.Command {
	var o topOptions
	cmd := &cobra.Command{
		Use:   "top [EXPORTER]",
		Short: "The heaviest flows of the caches now, live",
		Long: `The heaviest flows that the caches of the exporters hold now, again and again until
Ctrl-C. Packets and bytes are those since a flow's last record, of the frames; rates
are those since the look before, at the first look those since the last record.
EXPORTER is bridge, or set N, as pollux ipfix names them; without it, the first
there is.

  pollux ipfix top                       by bytes, every second
  pollux ipfix top --by rate -n 20
  pollux ipfix top --once --json set 3   once, for scripts`,
		Args: func(_ *cobra.Command, args []string) error {
			o.exporter = strings.Join(args, " ")
			return o.check()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return exporterNames(socketOf(cmd)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd)
			defer stop()
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends it whatever it waits for
			return top(ctx, cmd.OutOrStdout(), socketOf(cmd), &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.by, "by", "bytes", "order: "+strings.Join(topOrders, ", "))
	f.IntVarP(&o.n, "number", "n", 10, "flows to show")
	f.DurationVar(&o.interval, "interval", time.Second, "time between two looks")
	f.BoolVar(&o.once, "once", false, "look once")
	f.BoolVar(&o.json, "json", false, "print JSON, a list a look")
	if err := cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(topOrders, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(errors.Join(errors.New("--by registered twice"), err))
	}
	socketFlag(cmd)
	return cmd
}

// check says what is wrong with the options.
func (o *topOptions) check() error {
	switch {
	case !slices.Contains(topOrders, o.by):
		return fmt.Errorf("--by %q is not one of %s", o.by, strings.Join(topOrders, ", "))
	case o.n < 1 || o.n > 1000:
		return fmt.Errorf("-n %d is not from 1 to 1000", o.n)
	case o.exporter != "" && !isExporter(o.exporter):
		return fmt.Errorf("no exporter is named %q: want bridge, or set N as in set 3", o.exporter)
	}
	return checkDuration("interval", o.interval, 100*time.Millisecond, time.Hour)
}

func isExporter(s string) bool {
	_, err := strconv.ParseUint(strings.TrimPrefix(s, "set "), 10, 32)
	return s == "bridge" || err == nil
}

// exporterNames asks the switch for its exporters; none if there is no switch.
func exporterNames(socket string) []string {
	text, err := ctl.Call(socket, "ipfix", "--json")
	if err != nil {
		return nil
	}
	var all []struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(text), &all) != nil {
		return nil
	}
	var names []string
	for _, x := range all {
		names = append(names, x.Name)
	}
	return names
}

// top shows flows until ctx ends.
func top(ctx context.Context, w io.Writer, socket string, o *topOptions) error {
	width, screen := 0, false
	f, isFile := w.(*os.File)
	var looks lastLook
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for first := true; ; first = false {
		rows, err := askTop(ctx, socket, o)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		looks.rates(rows, o.by, time.Now())
		if isFile {
			if n, _, err := term.GetSize(int(f.Fd())); err == nil {
				width, screen = n, !o.once && !o.json
			}
		}
		var b strings.Builder
		switch {
		case o.json && o.once:
			err = writeJSON(&b, rows)
		case o.json:
			err = writeJSONLine(&b, rows)
		default:
			if screen {
				b.WriteString("\x1b[H\x1b[2J") // home, clear
			} else if !first {
				b.WriteByte('\n')
			}
			err = o.table(&b, rows, width)
		}
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if o.once {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// askTop has the switch list the flows.
func askTop(ctx context.Context, socket string, o *topOptions) ([]vswitch.TopFlow, error) {
	args := []string{"--json", "--by", o.by, "-n", strconv.Itoa(o.n)}
	args = append(args, strings.Fields(o.exporter)...)
	text, err := ctl.CallContext(ctx, socket, "ipfix/top", args...)
	if err != nil {
		return nil, err
	}
	rows := []vswitch.TopFlow{} // [] in JSON when there is none
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("ipfix/top: the switch's answer: %w", err)
	}
	return rows, nil
}
