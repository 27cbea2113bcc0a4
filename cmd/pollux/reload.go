package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"pollux/internal/ctl"
)

func newReloadCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running switch read its file again: all of it, or nothing",
		Long: `Have the running switch read its configuration file again. If the file is wrong,
its errors are shown and nothing changes. When the command returns, every packet
is treated by the new configuration.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return ask(cmd, "reload") },
	}
	socketFlag(cmd)
	return cmd
}

func newCallCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "call METHOD [ARG…]",
		Short: "Have the running switch do any command of its control socket (list-commands names them)",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("call needs a METHOD, as in pollux call list-commands")
			}
			return nil
		},
		ValidArgsFunction: completeCall,
		RunE:              func(cmd *cobra.Command, args []string) error { return ask(cmd, args[0], args[1:]...) },
	}
	cmd.Flags().SetInterspersed(false) // what follows METHOD is the switch's
	socketFlag(cmd)
	return cmd
}

// completeCall completes METHOD with the commands of the running switch.
func completeCall(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	text, err := ctl.Call(socketOf(cmd), "list-commands")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 && strings.HasPrefix(line, " ") {
			names = append(names, f[0])
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
