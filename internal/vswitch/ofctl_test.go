package vswitch

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var record = flag.Bool("record", false, "write testdata/ofctl anew, with the answers of an Open vSwitch (openvswitch-switch is installed, root)")

// ofctlPorts are the ports of the switch that is asked, by number from 1.
var ofctlPorts = []string{"p1", "p2", "p3", "p4"}

// A transcript is what ovs-ofctl was told, one command a line behind "$ ", each followed by
// what Open vSwitch had it print. BR is the bridge; DIR a folder with the files that follow
// "@ name" lines, up to the next line that begins with "$" or "@".
type transcript struct {
	files map[string]string
	steps []step
}

type step struct {
	command string
	want    string
}

func parseTranscript(text string) (tr transcript) {
	tr.files = map[string]string{}
	var to *string
	var file string
	for _, line := range strings.SplitAfter(text, "\n") {
		switch {
		case strings.HasPrefix(line, "$ "):
			file = ""
			tr.steps = append(tr.steps, step{command: strings.TrimSpace(line[2:])})
			to = &tr.steps[len(tr.steps)-1].want
		case strings.HasPrefix(line, "@ "):
			file, to = strings.TrimSpace(line[2:]), nil
			tr.files[file] = ""
		case file != "":
			tr.files[file] += line
		case to != nil:
			*to += line
		}
	}
	return tr
}

// byNature are parts of answers that no two switches have alike, and what stands for them.
var byNature = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`duration([=:])[0-9.]+s`), "duration${1}Ts"},
	{regexp.MustCompile(`(idle_age|hard_age)=[0-9]+, `), ""},
	{regexp.MustCompile(`dpid:[0-9a-f]+`), "dpid:D"},
	{regexp.MustCompile(`addr:[0-9a-f:]+`), "addr:M"},
	{regexp.MustCompile(`\(xid=0x[0-9a-f]+\)`), "(xid=X)"},
	{regexp.MustCompile(`unix:[^ :]*br0\.mgmt`), "BR"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z\|[0-9]+\|`), ""},
	{regexp.MustCompile(`/tmp/[^ :]*/`), "DIR/"},
}

// askOfctl has ovs-ofctl ask the bridge at sock, and returns what it prints, without what differs
// by nature.
func askOfctl(t *testing.T, sock, dir, command string) string {
	t.Helper()
	command = strings.ReplaceAll(strings.ReplaceAll(command, "BR", "unix:"+sock), "DIR", dir)
	cmd := exec.Command("sh", "-c", "timeout 20 ovs-ofctl "+command+" 2>&1")
	out, err := cmd.Output()
	text := string(out)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		text += fmt.Sprintf("exit %d\n", exit.ExitCode())
	case err != nil:
		t.Fatal(err)
	}
	for _, s := range byNature {
		text = s.re.ReplaceAllString(text, s.by)
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(l, "OFPT_ERROR") || strings.Contains(l, "last message repeated") {
			l = strings.TrimRight(l, " ")
		}
		lines = append(lines, strings.TrimRight(l, " "))
	}
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestOVSCommandsAreAnsweredAsOVSAnswers: every command of the transcripts has the answer
// that Open vSwitch gave.
func TestOVSCommandsAreAnsweredAsOVSAnswers(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	names, err := filepath.Glob("testdata/ofctl/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tr := parseTranscript(string(text))
			dir := t.TempDir()
			for f, body := range tr.files {
				if err := os.WriteFile(filepath.Join(dir, f), []byte(body), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var sock string
			if *record {
				sock = startOVS(t)
			} else {
				sock = startForOfctl(t)
			}
			var b strings.Builder
			for f, body := range tr.files {
				fmt.Fprintf(&b, "@ %s\n%s", f, body)
			}
			for _, st := range tr.steps {
				got := askOfctl(t, sock, dir, st.command)
				fmt.Fprintf(&b, "$ %s\n%s", st.command, got)
				if !*record && got != st.want {
					t.Errorf("ovs-ofctl %s\n got\n%s\nwant\n%s", st.command, got, st.want)
				}
			}
			if *record {
				if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// startForOfctl runs a switch with ports that see no traffic, and returns where it listens.
func startForOfctl(t *testing.T) string {
	t.Helper()
	r := newMemoryRig(t)
	r.ports = ""
	for i, p := range ofctlPorts {
		r.ports += fmt.Sprintf("  - {name: %s, type: memory, ofport: %d, memory: {flows: 0}}\n", p, i+1)
	}
	r.write("")
	r.run()
	return filepath.Join(filepath.Dir(r.sock), "br0.mgmt")
}

// startOVS runs an Open vSwitch of its own with a bridge like that of startForOfctl.
func startOVS(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	env := append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_LOGDIR="+dir, "OVS_DBDIR="+dir)
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	start := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	db := filepath.Join(dir, "db.sock")
	run("ovsdb-tool", "create", filepath.Join(dir, "conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
	start("ovsdb-server", "--remote=punix:"+db, "--log-file="+filepath.Join(dir, "db.log"), filepath.Join(dir, "conf.db"))
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(db); err == nil || time.Now().After(end) {
			break
		}
	}
	run("ovs-vsctl", "--db=unix:"+db, "--no-wait", "init")
	start("ovs-vswitchd", "--enable-dummy=override", "--disable-system", "--log-file="+filepath.Join(dir, "v.log"), "unix:"+db)
	args := []string{"--db=unix:" + db, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure",
		"protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15"}
	for i, p := range ofctlPorts {
		args = append(args, "--", "add-port", "br0", p, "--", "set", "interface", p, "type=dummy", fmt.Sprintf("ofport_request=%d", i+1))
	}
	run("ovs-vsctl", args...)
	return filepath.Join(dir, "br0.mgmt")
}
