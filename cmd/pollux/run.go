package main

import (
	"errors"

	"github.com/spf13/cobra"

	"pollux/internal/vswitch"
)

func newRunCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run a switch until SIGINT or SIGTERM (root)",
		Long: `Run a switch in the foreground. The first lines say what was found of the
machine; "ready" follows when packets flow, "ready, 1 of 2 ports open" where a
device is not there yet: its port opens when it comes. SIGINT or SIGTERM ends it,
with everything released that it took. SIGHUP has it read its file again, as pollux reload
does; the outcome is in the log. Messages go to standard error.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return errors.New("run needs -c FILE, as in pollux run -c configs/demo.yaml")
			}
			return noArgs(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file)
			if err != nil {
				return sayErrors(cmd, err)
			}
			ctx, stop := untilEnded(cmd)
			defer stop()
			return vswitch.Run(ctx, cfg, file, cmd.OutOrStdout())
		},
	}
	configFlag(cmd, &file, "configuration of the switch")
	return cmd
}

// configFlag adds -c, which completes to configuration files.
func configFlag(cmd *cobra.Command, file *string, usage string) {
	cmd.Flags().StringVarP(file, "config", "c", "", usage)
	if err := cmd.RegisterFlagCompletionFunc("config", yamlFiles); err != nil {
		panic(errors.Join(errors.New("-c registered twice"), err))
	}
}
