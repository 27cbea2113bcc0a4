package main

import "github.com/spf13/cobra"

func newBenchRFC2544Cmd() *cobra.Command { return &cobra.Command{Use: "rfc2544"} }
