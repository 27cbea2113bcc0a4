package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pollux/configs"
)

// groups lists every command under the headings of the help, in its order.
var groups = []struct {
	title    string
	commands []func() *cobra.Command
}{
	{"Run a switch:", []func() *cobra.Command{newCheckCmd, newRunCmd, newReloadCmd, newRebalanceCmd}},
	{"Look at the switch that runs:", []func() *cobra.Command{
		newShowCmd, newPortsCmd, newFlowsCmd, newMegaflowsCmd, newFDBCmd, newPerfCmd, newRxqsCmd, newDropsCmd, newIPFIXCmd,
		newTraceCmd, newCallCmd,
	}},
	{"Try and measure:", []func() *cobra.Command{newDemoCmd, newBenchCmd}},
	{"Other:", []func() *cobra.Command{newSchemaCmd, newVersionCmd}},
}

// newRootCmd returns the whole tree. started becomes true when a command begins to
// run: an error before that is one of usage.
func newRootCmd() (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:   "pollux",
		Short: "A poll-mode software switch that accounts for every flow",

		SuggestionsMinimumDistance: 2,

		Long: `A poll-mode software switch that accounts for every flow.

  pollux check FILE…     is the configuration right?
  pollux run -c FILE     run the switch until SIGINT or SIGTERM
  pollux show            ask the running switch; ports, flows, perf, drops … likewise
  pollux trace FLOW      what would happen to a packet, and why`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(flagError)
	cobra.EnableCommandSorting = false
	for i, g := range groups {
		id := string(rune('a' + i))
		root.AddGroup(&cobra.Group{ID: id, Title: g.title})
		for _, c := range g.commands {
			cmd := c()
			cmd.GroupID = id
			root.AddCommand(cmd)
		}
		root.SetHelpCommandGroupID(id) // the last group in the end
		root.SetCompletionCommandGroupID(id)
	}
	markStart(root, started)
	return root, started
}

// markStart has each command of the tree note that it runs.
func markStart(c *cobra.Command, started *bool) {
	if f := c.RunE; f != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return f(cmd, args)
		}
	}
	for _, sub := range c.Commands() {
		markStart(sub, started)
	}
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = knownCommand
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

// knownCommand says of a word that is no subcommand what may be meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		hint = "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return fmt.Errorf("%s has no command %q%s", cmd.CommandPath(), args[0], hint)
}

// noArgs is the Args of commands that take flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, not %q", cmd.Name(), args[0])
	}
	return nil
}

// socketFlag adds --socket to a command that speaks to a running switch.
func socketFlag(cmd *cobra.Command) {
	def := os.Getenv("POLLUX_SOCKET")
	if def == "" {
		def = configs.DefaultSocket
	}
	cmd.Flags().String("socket", def, "control socket of the switch; $POLLUX_SOCKET is the default's place")
}

// socketOf returns the value of --socket.
func socketOf(cmd *cobra.Command) string {
	s, err := cmd.Flags().GetString("socket")
	if err != nil {
		panic(err) // the command was built without socketFlag
	}
	return s
}

// yamlFiles completes the names of configuration files.
func yamlFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
