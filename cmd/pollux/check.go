package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pollux/configs"
)

// fileReport is what check says of one file, with --json.
type fileReport struct {
	File   string        `json:"file"`
	OK     bool          `json:"ok"`
	Ports  int           `json:"ports"`
	Flows  int           `json:"flows"`
	Errors []errorReport `json:"errors"`
}

type errorReport struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func newCheckCmd() *cobra.Command {
	var asJSON bool
	var cores int
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Say everything that is wrong with configuration files",
		Long: `Say everything that is wrong with configuration files: file:line:column, what is
wrong, what would be right. Nothing is opened or changed. The exit status is 1 if
a file has errors.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("check needs a FILE, as in pollux check configs/demo.yaml")
			case cores < 0 || cores > 8192:
				return fmt.Errorf("--cores %d is not from 0 (this machine's) to 8192", cores)
			}
			return nil
		},
		ValidArgsFunction: yamlFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			reports := make([]fileReport, 0, len(args))
			for _, file := range args {
				cfg, err := loadForCores(file, cores)
				bad = bad || err != nil
				if asJSON {
					reports = append(reports, report(file, cfg, err))
					continue
				}
				if err != nil {
					_ = sayErrors(cmd, err)
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok: %s, %s, %s\n", file,
					count(len(cfg.Datapath.Loops), "loop"), count(len(cfg.Ports), "port"), count(len(cfg.Flows), "flow"))
			}
			if asJSON {
				if err := writeJSON(cmd.OutOrStdout(), reports); err != nil {
					return err
				}
			}
			if bad {
				return errSaid
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&cores, "cores", 0, "check for a machine with this many cores; 0 is this machine")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func report(file string, cfg *configs.Config, err error) fileReport {
	r := fileReport{File: file, OK: err == nil, Errors: []errorReport{}}
	if cfg != nil {
		r.Ports, r.Flows = len(cfg.Ports), len(cfg.Flows)
	}
	var es configs.Errors
	if errors.As(err, &es) {
		for _, e := range es {
			r.Errors = append(r.Errors, errorReport{e.File, e.Line, e.Column, e.Msg})
		}
	} else if err != nil {
		r.Errors = append(r.Errors, errorReport{File: file, Message: err.Error()})
	}
	return r
}

// sayErrors writes the errors of a file with their lines, and returns errSaid.
func sayErrors(cmd *cobra.Command, err error) error {
	var es configs.Errors
	if !errors.As(err, &es) {
		return err
	}
	_, _ = io.WriteString(cmd.ErrOrStderr(), es.Error()+"\n")
	if n := len(es); n > 1 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d errors\n", es[0].File, n)
	}
	return errSaid
}

// count writes a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
