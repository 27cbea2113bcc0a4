package main

import (
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pollux/configs"
	"pollux/internal/vswitch"
)

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pollux": main})
}

// TestScripts runs the sessions of testdata/script: commands as a person types
// them, and what must come back. UPDATE=1 writes the goldens anew.
func TestScripts(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("CONFIGS", wd+"/../../configs")
			e.Setenv("POLLUX_SOCKET", e.WorkDir+"/s.sock")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			_, err := exec.LookPath(cond)
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":    await,
			"hangup":   hangup,
			"jsonfile": jsonFile,
			"status":   status,
			"soon":     soon,
			"unhex":    unhex,
			"written":  written,
		},
	})
}

// await SOCKET waits until somebody listens there; ! await until nobody does.
func await(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		if (err == nil) != neg {
			return
		}
	}
	ts.Fatalf("%s: waited %v in vain", path, patience)
}

// hangup sends SIGHUP to the command that was begun first and still runs.
func hangup(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.BackgroundCmds()[0].Process.Signal(syscall.SIGHUP))
}

// jsonfile FILE… checks that each holds one JSON value.
func jsonFile(ts *testscript.TestScript, neg bool, args []string) {
	for _, f := range args {
		if json.Valid([]byte(ts.ReadFile(f))) == neg {
			ts.Fatalf("%s: valid JSON is %v:\n%s", f, neg, ts.ReadFile(f))
		}
	}
}

// soon PATTERN COMMAND… runs a command again and again until the pattern is in what
// it prints.
func soon(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if re.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("%v: %q did not come in %v; last:\n%s", args[1:], args[0], patience, ts.ReadFile("stdout"))
}

// written FILE PATTERN waits until the pattern is in a file, as one in the background
// writes it.
func written(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	var b []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b, err = os.ReadFile(ts.MkAbs(args[0])); err == nil && re.Match(b) {
			return
		}
	}
	ts.Fatalf("%s: %q did not come in %v: %v\n%s", args[0], args[1], patience, err, b)
}

// unhex OUT IN writes the bytes that IN has in hexadecimal.
func unhex(ts *testscript.TestScript, _ bool, args []string) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(ts.ReadFile(args[1])), ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// TestDeployments checks each deployment of the repository with the real parser of
// flows, as if this machine had the cores.
func TestDeployments(t *testing.T) {
	opt := vswitch.LoadOptions()
	opt.CPUs = func() []int { return []int{0, 1, 2, 3} }
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if _, err := configs.Load(f, opt); err != nil {
			t.Error(err)
		}
	}
}

// status N COMMAND… runs a command and wants exit status N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if ee, ok := err.(*exec.ExitError); ok {
		got = string(rune('0' + ee.ExitCode()))
	}
	if got != args[0] {
		ts.Fatalf("%v: exit status %s (%v), want %s", args[1:], got, err, args[0])
	}
}
