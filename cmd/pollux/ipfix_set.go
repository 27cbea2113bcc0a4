package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"pollux/configs"
)

func newIPFIXSetCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set EXPORTER KEY VALUE | EXPORTER KEY=VALUE…",
		Short: "Change keys of an exporter of the running switch, until the next reload",
		Long: `Change keys of an exporter of the running switch, checked and applied as a reload
would. EXPORTER is bridge or the number of a collector set; KEY is as in the
configuration (tls.ca for one of a block within), VALUE too, but that text needs no
quotes and a list no brackets. Keys that only go together are given as KEY=VALUE, all
in one call: all of them change, or none. The file is not written: the next reload goes
by it again.`,
		Example: `  pollux ipfix set bridge sampling 100
  pollux ipfix set bridge targets 127.0.0.1:4739,tcp:192.0.2.1:4739
  pollux ipfix set 7 flow_key five-tuple
  pollux ipfix set bridge tls.cert=new.pem tls.key=new-key.pem`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 || len(args) == 2 && !strings.Contains(args[1], "=") {
				return errors.New("set needs EXPORTER KEY VALUE, as in pollux ipfix set bridge sampling 100")
			}
			return nil
		},
		ValidArgsFunction: completeSet,
		RunE:              func(cmd *cobra.Command, args []string) error { return ask(cmd, "ipfix/set", args...) },
	}
	socketFlag(cmd)
	return cmd
}

// completeSet completes the exporter, a key and the last word of a value.
func completeSet(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	const more = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	switch {
	case len(args) == 0:
		var names []string
		for _, n := range exporterNames(socketOf(cmd)) {
			names = append(names, strings.TrimPrefix(n, "set "))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	case len(args) == 2 && !strings.Contains(args[1], "="):
		return completeValue(args[1], "", word), more
	}
	if key, value, ok := strings.Cut(word, "="); ok {
		return completeValue(key, key+"=", value), more
	}
	if len(args) == 1 {
		return configs.ExporterKeys(), cobra.ShellCompDirectiveNoFileComp
	}
	var keys []string
	for _, k := range configs.ExporterKeys() {
		keys = append(keys, k+"=")
	}
	return keys, more
}

// completeValue completes what follows the last comma of a value that begins with before.
func completeValue(key, before, value string) (out []string) {
	before += value[:strings.LastIndexByte(value, ',')+1]
	for _, w := range configs.ExporterWords(key) {
		out = append(out, before+w)
	}
	return out
}
