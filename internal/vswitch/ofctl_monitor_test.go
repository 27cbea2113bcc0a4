package vswitch

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOVSMonitor: ovs-ofctl monitor is told of packets, of flows that end and of ports that
// change, in every version.
func TestOVSMonitor(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	for _, v := range []string{"OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"} {
		t.Run(v, func(t *testing.T) {
			sock := startForOfctl(t)
			dir := t.TempDir()
			out := &syncBuffer{}
			cmd := exec.Command("ovs-ofctl", "-O", v, "--unixctl="+filepath.Join(dir, "ctl"), "monitor", "unix:"+sock, "65534")
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				if t.Failed() {
					t.Logf("ovs-ofctl monitor printed:\n%s", out)
				}
			}()
			wait := func(what string) {
				t.Helper()
				for end := time.Now().Add(patience); !strings.Contains(out.String(), what); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("ovs-ofctl monitor was never told of %s", what)
					}
				}
			}
			tell := func(command string) {
				t.Helper()
				if got := askOfctl(t, sock, dir, "-O "+v+" "+command); got != "" {
					t.Fatalf("ovs-ofctl %s:\n%s", command, got)
				}
			}
			// The monitor has nothing to print when it is ready: packets come until one is told of.
			for end := time.Now().Add(patience); !strings.Contains(out.String(), "PACKET_IN"); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("ovs-ofctl monitor was never told of a packet")
				}
				tell("packet-out BR in_port=1,packet=0200000000010200000000020800450000140000000040110000,actions=CONTROLLER:65535")
			}
			wait("in_port=1")
			tell("add-flow BR cookie=0x77,priority=7,send_flow_rem,in_port=3,actions=drop")
			tell("del-flows BR in_port=3")
			wait("FLOW_REMOVED")
			wait("cookie:0x77")
			tell("mod-port BR p2 down")
			wait("PORT_STATUS")
			wait("(p2)")
		})
	}
}
