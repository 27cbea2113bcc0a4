package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"pollux/internal/ctl"
)

// view describes a command that shows something of the running switch.
type view struct {
	name, short string
	aliases     []string // names that users of Open vSwitch know
	long        string
}

// cmd makes the command: it asks the switch and prints the answer.
func (v view) cmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               v.name,
		Aliases:           v.aliases,
		Short:             v.short,
		Long:              v.long,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, v.name, withJSON(nil, asJSON)...)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	socketFlag(cmd)
	return cmd
}

// ask has the switch do a command, and prints what it answers.
func ask(cmd *cobra.Command, method string, args ...string) error {
	text, err := ctl.Call(socketOf(cmd), method, args...)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func withJSON(args []string, asJSON bool) []string {
	if asJSON {
		return append(slices.Clip(args), "--json")
	}
	return args
}

func newShowCmd() *cobra.Command {
	return view{"show", "The switch as a whole: loops, ports, memory, sums", []string{"dpif/show"}, ""}.cmd()
}

func newPortsCmd() *cobra.Command {
	return view{"ports", "The ports and their counts", []string{"dump-ports", "dpctl/show"}, ""}.cmd()
}

func newFlowsCmd() *cobra.Command {
	return view{"flows", "The OpenFlow flows and their counts", []string{"dump-flows", "bridge/dump-flows"}, ""}.cmd()
}

func newMegaflowsCmd() *cobra.Command {
	return view{"megaflows", "The decisions that the loops keep", []string{"dpctl/dump-flows", "dpif/dump-flows"},
		"The decisions that the loops keep: each the widest match for which a walk through\nthe tables must end the same, with what is done to its packets."}.cmd()
}

func newFDBCmd() *cobra.Command {
	return view{"fdb", "The learned addresses", []string{"fdb/show"},
		"The learned addresses. How many there are and may be, and what became of others, says\npollux call fdb/stats-show."}.cmd()
}

func newPerfCmd() *cobra.Command {
	return view{"perf", "What each loop spends its time on", []string{"dpif-netdev/pmd-perf-show", "pmd-perf-show", "dpif-netdev/pmd-stats-show"}, ""}.cmd()
}

func newDropsCmd() *cobra.Command {
	return view{"drops", "Where packets went, and why some went nowhere", []string{"coverage/show"}, ""}.cmd()
}
