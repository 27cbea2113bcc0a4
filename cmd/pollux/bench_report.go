package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	reports "pollux/bench/report"
)

func newBenchCompareCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare A.json B.json",
		Short: "Compare two measurements, and say which differences are beyond noise",
		Long: `Compare two measurements that bench memory, veth or run have written with --out.

A difference is beyond noise where the middle halves of the values of both do not touch
and the medians differ by more than 3 percent; ~ marks the others. The exit status is 1
where something is worse beyond noise.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SilenceUsage = true
			var sets [2]*reports.Set
			for i, name := range args {
				var err error
				if sets[i], err = reports.Read(name); err != nil {
					return err
				}
			}
			list, err := reports.Compare(sets[0], sets[1])
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), list)
			} else {
				err = reports.WriteTable(cmd.OutOrStdout(), list)
			}
			if err != nil {
				return err
			}
			if _, worse := reports.Tally(list); worse > 0 {
				return errSaid
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newBenchReportCmd() *cobra.Command {
	var page, text string
	cmd := &cobra.Command{
		Use:   "report FILE...",
		Short: "Make a report of measurements: Markdown, and a page with plots",
		Long: `Make a report of what bench memory, veth, run and stalls have written with --out.

Without --html and --md the Markdown is printed.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SilenceUsage = true
			set, err := reports.Read(args...)
			if err != nil {
				return err
			}
			if set.Empty() {
				return fmt.Errorf("the files have no results")
			}
			if page == "" && text == "" {
				fmt.Fprint(cmd.OutOrStdout(), reports.Markdown(set))
			}
			for _, f := range []struct {
				name string
				make func(*reports.Set) string
			}{{page, reports.HTML}, {text, reports.Markdown}} {
				if f.name == "" {
					continue
				}
				if err := os.WriteFile(f.name, []byte(f.make(set)), 0o644); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n", f.name)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&page, "html", "", "file to write the page to")
	cmd.Flags().StringVar(&text, "md", "", "file to write the Markdown to")
	return cmd
}
