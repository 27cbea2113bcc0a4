package vswitch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// flowMonitors are what ovs-ofctl is told to watch, and flowChanges what is done meanwhile, in
// versions from the first on. The last command ends the watch.
var (
	flowMonitors = []string{"watch:", "watch:!own,!initial,!actions,table=1", "watch:out_port=2,!modify", "watch:in_port=1,!delete"}

	flowChanges = []struct {
		since   string
		command string
	}{
		{"", "add-flow BR cookie=5,in_port=1,idle_timeout=100,actions=output:2"},
		{"", "add-flow BR cookie=6,in_port=1,importance=0,actions=output:2,output:1"},
		{"", "add-flow BR table=1,priority=9,tcp,tp_dst=80,hard_timeout=1000,actions=mod_nw_src:1.2.3.4,output:1"},
		{"", "mod-flows BR in_port=1,actions=output:1"},
		{"", "mod-flows BR in_port=1,actions=output:1"},
		{"", "mod-flows BR cookie=7,in_port=1,actions=output:1"},
		{"", "--strict mod-flows BR table=1,priority=9,tcp,tp_dst=80,actions=drop"},
		{"", "--strict mod-flows BR table=1,priority=9,tcp,tp_dst=80,actions=output:2"},
		{"", "--strict mod-flows BR table=1,priority=9,tcp,tp_dst=80,actions=output:3"},
		{"OpenFlow13", "add-group BR group_id=1,type=all,bucket=output:2"},
		{"OpenFlow13", "add-flow BR table=2,in_port=1,actions=group:1"},
		{"OpenFlow13", "del-groups BR group_id=1"},
		{"OpenFlow14", "--bundle add-flows BR DIR/flows"},
		{"", "--strict del-flows BR table=1,priority=9,tcp,tp_dst=80"},
		{"", "del-flows BR table=0,in_port=1"},
		{"", "add-flow BR table=1,in_port=1,cookie=0xe0d,actions=output:2"},
	}
)

// TestOVSFlowMonitorsAreAnsweredAsOVSAnswers: ovs-ofctl monitor prints of changes of flows what
// it prints when Open vSwitch tells of them. -record writes anew what that is.
func TestOVSFlowMonitorsAreAnsweredAsOVSAnswers(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	for _, v := range []string{"OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"} {
		t.Run(v, func(t *testing.T) {
			var sock string
			if *record {
				sock = startOVS(t)
			} else {
				sock = startForOfctl(t)
			}
			var got strings.Builder
			for _, watch := range flowMonitors {
				fmt.Fprintf(&got, "$ monitor BR %s\n%s", watch, watchFlows(t, sock, v, watch))
			}
			name := "testdata/monitor/" + v + ".txt"
			if *record {
				if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("ovs-ofctl monitor printed\n%s\nwant\n%s", &got, want)
			}
		})
	}
}

// watchFlows runs ovs-ofctl monitor while flows change, and returns what it prints.
func watchFlows(t *testing.T, sock, v, watch string) string {
	t.Helper()
	dir := t.TempDir()
	flows := "table=3,in_port=1,actions=output:2\ntable=3,in_port=2,actions=output:3\n"
	if err := os.WriteFile(filepath.Join(dir, "flows"), []byte(flows), 0o644); err != nil {
		t.Fatal(err)
	}
	tell := func(command string) {
		t.Helper()
		if got := askOfctl(t, sock, dir, "-O "+v+" "+command); got != "" {
			t.Fatalf("ovs-ofctl %s:\n%s", command, got)
		}
	}
	tell("del-flows BR")
	tell("add-flow BR table=1,in_port=1,cookie=0xbe9,actions=output:2")
	out := &syncBuffer{}
	cmd := exec.Command("ovs-ofctl", "-O", v, "--unixctl="+filepath.Join(dir, "ctl"), "monitor", "unix:"+sock, watch)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	wait := func(what string) {
		t.Helper()
		for end := time.Now().Add(patience); !strings.Contains(out.String(), what); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("ovs-ofctl monitor was never told of %s:\n%s", what, out)
			}
		}
	}
	wait("FLOW_MONITOR reply")
	for _, w := range flowChanges {
		if w.since <= v {
			tell(w.command)
		}
	}
	wait("0xe0d")
	for ; !strings.HasSuffix(out.String(), "\n"); time.Sleep(time.Millisecond) { // of the line that has been waited for
	}
	text := out.String()
	for _, s := range byNature {
		text = s.re.ReplaceAllString(text, s.by)
	}
	return text
}
