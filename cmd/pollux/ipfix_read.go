package main

import (
	"bufio"
	"errors"

	"github.com/spf13/cobra"

	"pollux/ipfix/collector"
)

func newIPFIXReadCmd() *cobra.Command {
	var p recordPrinter
	cmd := &cobra.Command{
		Use:   "read FILE…|-",
		Short: "Print the records of IPFIX files",
		Long: `Print the records of IPFIX files (RFC 5655), one a line, and what they add up to.
With - the messages come from standard input. Times are those of the last packet, in
the local time zone; octets are those of IP packets, or frames where a flow is not IP.

  pollux ipfix read flows.ipfix
  pollux ipfix read flows.ipfix --json | jq -r '.elements.sourceIPv4Address // empty'
  pollux ipfix read --summary /var/lib/pollux/*.ipfix

Of a file that ends in the middle of a message, what is whole is printed, then where it
ends; the exit status is 1.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errNoFile
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
			p.out = out
			c := collector.New()
			c.OnRecord(p.print)
			var errs []error
			for _, name := range args {
				if name == "-" {
					errs = append(errs, c.ReadStream("standard input", cmd.InOrStdin()))
				} else {
					errs = append(errs, c.ReadFile(name))
				}
			}
			if c.Totals().Messages > 0 || errors.Join(errs...) == nil {
				errs = append(errs, p.summary(c))
			}
			return errors.Join(append(errs, out.Flush())...)
		},
	}
	p.flags(cmd)
	return cmd
}
