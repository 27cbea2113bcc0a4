package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"pollux/internal/ctl"
	"pollux/internal/vswitch"
)

func newTraceCmd() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "trace FLOW|HEX",
		Aliases: []string{"ofproto/trace"},
		Short:   "What would happen to a packet, step by step",
		Long: `What would happen to a packet, step by step, as ofproto/trace of Open vSwitch says
it. The packet is given by its fields, without masks (those not named are 0), or as its
bytes in hexadecimal with in_port before them:

  pollux trace in_port=h1,icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2
  pollux trace in_port=1 ffffffffffff0200000000010806…

The running switch is asked, which changes nothing in it: nothing is learned and
nothing sent. With -c the tables of a file are asked instead, without a switch.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 4 {
				return errors.New("trace needs a flow, as in pollux trace in_port=1,tcp,tp_dst=80")
			}
			return nil
		},
		ValidArgsFunction: completeTrace,
		RunE: func(cmd *cobra.Command, args []string) error {
			args = withJSON(args, asJSON)
			if file == "" {
				return ask(cmd, "trace", args...)
			}
			cfg, err := loadConfig(file)
			if err != nil {
				return sayErrors(cmd, err)
			}
			text, err := vswitch.TraceFile(cfg, file, args)
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	configFlag(cmd, &file, "trace in the tables of this file, without a running switch")
	socketFlag(cmd)
	return cmd
}

// completeTrace completes in_port= with the ports of the running switch.
func completeTrace(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range portNames(socketOf(cmd)) {
		out = append(out, "in_port="+p)
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// portNames asks the switch for the names of its ports; none if there is no switch.
func portNames(socket string) []string {
	text, err := ctl.Call(socket, "ports", "--json")
	if err != nil {
		return nil
	}
	var ports []struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(text), &ports) != nil {
		return nil
	}
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	return names
}
