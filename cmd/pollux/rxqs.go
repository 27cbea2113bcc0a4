package main

import (
	"strconv"

	"github.com/spf13/cobra"
)

func newRxqsCmd() *cobra.Command {
	var asJSON bool
	var secs int
	cmd := &cobra.Command{
		Use:               "rxqs",
		Aliases:           []string{"dpif-netdev/pmd-rxq-show", "pmd-rxq-show"},
		Short:             "Which core polls which queue, and what of it each takes",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "rxqs", withJSON([]string{"-secs", strconv.Itoa(secs)}, asJSON)...)
		},
	}
	cmd.Flags().IntVar(&secs, "secs", 60, "seconds that the shares are of, at most 60")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	socketFlag(cmd)
	return cmd
}

func newRebalanceCmd() *cobra.Command {
	var asJSON, dry bool
	var policy string
	cmd := &cobra.Command{
		Use:     "rebalance",
		Aliases: []string{"dpif-netdev/pmd-rxq-rebalance", "pmd-rxq-rebalance"},
		Short:   "Spread the queues over the loops anew, by what each cost of late",
		Long: `Spread the queues that the configuration does not pin over the loops anew, by the
share of a core that each took in the last minute (datapath.pmd_rxq_assign says how).
Queues change loops under traffic: no packet is lost, and none overtaken by a later
one of its flow. Nothing changes where that would not make the loads more even.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var args []string
			if dry {
				args = append(args, "--dry-run")
			}
			if policy != "" {
				args = append(args, "--policy", policy)
			}
			return ask(cmd, "rebalance", withJSON(args, asJSON)...)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would change, and how much better that would be")
	cmd.Flags().StringVar(&policy, "policy", "", "cycles, group or roundrobin; default: that of the configuration")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	socketFlag(cmd)
	return cmd
}
