package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newIPFIXSetCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set EXPORTER KEY VALUE",
		Short: "Change one key of an exporter of the running switch, until the next reload",
		Long: `Change one key of an exporter of the running switch, checked and applied as a reload
would. EXPORTER is bridge or the number of a collector set; KEY is as in the
configuration (tls.ca for one of a block within), VALUE too. The file is not
written: the next reload goes by it again.`,
		Example: `  pollux ipfix set bridge sampling 100
  pollux ipfix set bridge targets 127.0.0.1:4739,tcp:192.0.2.1:4739
  pollux ipfix set 7 flow_key five-tuple`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 3 {
				return errors.New("set needs EXPORTER KEY VALUE, as in pollux ipfix set bridge sampling 100")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return ask(cmd, "ipfix/set", args...) },
	}
	socketFlag(cmd)
	return cmd
}
