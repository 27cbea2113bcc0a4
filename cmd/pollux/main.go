// Command pollux runs a switch, shows what it does, and measures it.
//
// Each command is a file of this folder; groups in root.go lists them. What they
// do is in packages: a command reads its flags, calls one function, and prints.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1 // it was tried, and failed
	exitUsage   = 2 // it was asked for in a way that can't be understood
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs one command line and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	root, started := newRootCmd()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteC()
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDemoFailed), errors.Is(err, errSaid):
		return exitFailure
	case *started:
		fmt.Fprintf(stderr, "pollux: %v\n", err)
		return exitFailure
	}
	fmt.Fprintf(stderr, "pollux: %v; see %s --help\n", err, cmd.CommandPath())
	return exitUsage
}

// errSaid is an error that a command has told already.
var errSaid = errors.New("told already")
