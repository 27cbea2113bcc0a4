package vswitch

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	record = flag.Bool("record", false, "write testdata/ofctl anew, with the answers of an Open vSwitch (openvswitch-switch is installed, root)")
	differ = flag.Bool("differ", false, "write into testdata/ofctl where Pollux answers otherwise, for somebody to say why, or to mend it")
)

// ofctlPorts are the ports of the switch that is asked, by number from 1.
var ofctlPorts = []string{"p1", "p2", "p3", "p4"}

// A transcript is what ovs-ofctl was told, one command a line behind "$ ", each followed by
// what Open vSwitch had it print. Where Pollux means to answer otherwise, a line behind "= "
// says why, and what it answers follows. BR is the bridge; DIR a folder with the files that
// follow "@ name" lines, up to the next line that begins with "$" or "@".
type transcript struct {
	files []file
	steps []step
}

type file struct{ name, text string }

type step struct {
	command    string
	ovs        string // the answer of Open vSwitch
	why, other string // why Pollux answers otherwise, and how
}

// unexplained is the reason of differences that nobody has looked at.
const unexplained = "?"

// want is what Pollux answers.
func (s *step) want() string {
	if s.why != "" {
		return s.other
	}
	return s.ovs
}

func parseTranscript(text string) (tr transcript) {
	var to *string // what the line belongs to
	for _, line := range strings.SplitAfter(text, "\n") {
		switch {
		case strings.HasPrefix(line, "$ "):
			tr.steps = append(tr.steps, step{command: strings.TrimSpace(line[2:])})
			to = &tr.steps[len(tr.steps)-1].ovs
		case strings.HasPrefix(line, "@ "):
			tr.files = append(tr.files, file{name: strings.TrimSpace(line[2:])})
			to = &tr.files[len(tr.files)-1].text
		case strings.HasPrefix(line, "= ") && len(tr.steps) > 0:
			s := &tr.steps[len(tr.steps)-1]
			s.why, to = strings.TrimSpace(line[2:]), &s.other
		case to != nil:
			*to += line
		}
	}
	return tr
}

// String is the transcript as its file has it.
func (tr *transcript) String() string {
	var b strings.Builder
	for _, f := range tr.files {
		fmt.Fprintf(&b, "@ %s\n%s", f.name, f.text)
	}
	for i := range tr.steps {
		s := &tr.steps[i]
		fmt.Fprintf(&b, "$ %s\n%s", s.command, s.ovs)
		if s.why != "" {
			fmt.Fprintf(&b, "= %s\n%s", s.why, s.other)
		}
	}
	return b.String()
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
	{regexp.MustCompile(`time=[0-9.]+ ms`), "time=T"},
	{regexp.MustCompile(`(?m)^((Manufacturer|Hardware|Software|Serial Num|DP Description): ).*`), "${1}S"},
	// Open vSwitch's bridge is a port of its own; and ports count what their drivers do.
	{regexp.MustCompile(`(?m)^ LOCAL\(br0\).*\n(     .*\n)*`), ""},
	{regexp.MustCompile(`(?m)^  port LOCAL.*\n(      .*\n)*`), ""},
	{regexp.MustCompile(`(?m)^ +CUSTOM Statistics\n( {22}.*\n)+`), ""},
	{regexp.MustCompile(`\b(pkts|bytes|drop|errs|frame|over|crc|coll)=(\?|[0-9]+)`), "$1=N"},
	{regexp.MustCompile(`[45] ports`), "4 ports"},
	{regexp.MustCompile(`(max_groups=|max_meter:)[0-9a-fx]+`), "${1}N"},
}

// askOfctl has ovs-ofctl ask the bridge at sock, and returns what it prints, without what differs
// by nature.
func askOfctl(t *testing.T, sock, dir, command string) string {
	t.Helper()
	command = strings.ReplaceAll(strings.ReplaceAll(command, "BR", "unix:"+sock), "DIR", dir)
	command, sorted := strings.CutSuffix(command, " | sort")
	cmd := exec.Command("sh", "-c", "timeout 20 ovs-ofctl "+command+" 2>&1")
	cmd.Dir = dir
	out, err := cmd.Output()
	text := string(out)
	if strings.Contains(text, "Syntax error") || strings.Contains(command, ">") && !strings.Contains(command, "'") {
		t.Fatalf("%s: the shell reads that otherwise than ovs-ofctl would", command)
	}
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
	if sorted { // what has no order: after that which differs is gone
		slices.Sort(lines)
	}
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestOVSCommandsAreAnsweredAsOVSAnswers: every command of the transcripts has the answer
// that Open vSwitch gave.
func TestOVSCommandsAreAnsweredAsOVSAnswers(t *testing.T) {
	eachTranscript(t, "ofctl", func(t *testing.T, tr *transcript, sock, dir string) {
		for i := range tr.steps {
			st := &tr.steps[i]
			st.judge(t, askOfctl(t, sock, dir, st.command))
		}
	})
}

// eachTranscript has run go through each transcript of a folder of testdata, with the switch that
// listens at sock (Pollux, or to record an Open vSwitch), which has no flows, and writes what it
// has noted. The transcript's files are in dir.
func eachTranscript(t *testing.T, folder string, run func(t *testing.T, tr *transcript, sock, dir string)) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tr, dir := parseTranscript(string(text)), t.TempDir()
			for _, f := range tr.files {
				if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			start := startForOfctl
			if *record {
				start = startOVS
			}
			sock := start(t)
			askOfctl(t, sock, dir, "del-flows BR") // a switch without configured flows begins with NORMAL
			run(t, &tr, sock, dir)
			if *record || *differ {
				if err := os.WriteFile(name, []byte(tr.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// judge compares what a step has come to with what it has to, or notes it.
func (s *step) judge(t *testing.T, got string) {
	t.Helper()
	switch {
	case *record:
		if s.ovs = got; s.why != "" && got == s.other {
			t.Errorf("%s: Open vSwitch answers as Pollux does; %q is no more so", s.command, s.why)
		}
	case *differ && got == s.ovs:
		s.why, s.other = "", ""
	case *differ && got != s.want():
		s.why, s.other = unexplained, got
	case *differ:
	case s.why == unexplained:
		t.Errorf("%s: nobody has said why the answer is not that of Open vSwitch:\n%s", s.command, s.other)
	case got != s.want():
		t.Errorf("%s\n got\n%s\nwant\n%s", s.command, got, s.want())
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
