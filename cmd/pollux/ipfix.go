package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"pollux/ipfix/collector"
)

func newIPFIXCmd() *cobra.Command {
	cmd := view{"ipfix", "The exporters: flows held, records sent, losses; files and flows as they are", nil,
		`The exporters of the running switch: their caches, what they sent to each collector
and what they could not.

  pollux ipfix                    exporters, caches, collectors, losses
  pollux ipfix top                the heaviest flows now
  pollux ipfix set bridge KEY …   change one key of an exporter, until the next reload
  pollux ipfix read FILE          what an IPFIX file holds
  pollux ipfix collect udp:…      a small collector: prints what exporters send`}.cmd()
	cmd.Args, cmd.SuggestionsMinimumDistance = knownCommand, 2
	cmd.AddCommand(newIPFIXTopCmd(), newIPFIXSetCmd(), newIPFIXReadCmd(), newIPFIXCollectCmd())
	return cmd
}

// recordPrinter prints the records of a collector, and at the end what they add up to.
type recordPrinter struct {
	out     io.Writer
	json    bool
	options bool // print option records too
	quiet   bool // the summary alone
	begun   bool
	err     error // of writing, the first
}

// print is for Collector.OnRecord.
func (p *recordPrinter) print(r *collector.Record) {
	if p.quiet || p.err != nil || r.Scope > 0 && !p.options {
		return
	}
	if p.json {
		var b []byte
		if b, p.err = r.JSON(); p.err == nil {
			_, p.err = p.out.Write(append(b, '\n'))
		}
		return
	}
	if !p.begun {
		fmt.Fprintln(p.out, collector.LineHeader)
		p.begun = true
	}
	_, p.err = fmt.Fprintln(p.out, r.Line())
}

// summary prints the end.
func (p *recordPrinter) summary(c *collector.Collector) error {
	if p.err != nil {
		return fmt.Errorf("write: %w", p.err)
	}
	s := c.Summary()
	if p.json {
		return writeJSONLine(p.out, struct {
			Type string `json:"type"`
			collector.Summary
		}{"summary", s})
	}
	if p.begun {
		fmt.Fprintln(p.out)
	}
	return s.Text(p.out)
}

// flags adds the flags that say what is printed.
func (p *recordPrinter) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.json, "json", false, "print an object a line: records with elements by name, the summary last")
	cmd.Flags().BoolVar(&p.options, "options", false, "print option records too")
	cmd.Flags().BoolVar(&p.quiet, "summary", false, "print the summary alone")
}

// checkDuration says of a flag's value that it is too short or too long.
func checkDuration(flag string, d, least, most time.Duration) error {
	if d < least || d > most {
		return fmt.Errorf("--%s %v is not from %v to %v", flag, d, least, most)
	}
	return nil
}

var errNoFile = errors.New("read needs a FILE, as in pollux ipfix read flows.ipfix, or - for standard input")
