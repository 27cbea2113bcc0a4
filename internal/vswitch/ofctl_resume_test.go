package vswitch

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOVSResume: packets pause at controller(pause), ovs-ofctl gives them back, and they go on
// with their metadata, stack and action set: through the rest of a resubmit, of the flow, and to
// another table.
func TestOVSResume(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	for _, v := range []string{"OpenFlow10", "OpenFlow13", "OpenFlow15"} {
		t.Run(v, func(t *testing.T) {
			sock := startForOfctl(t)
			dir := t.TempDir()
			out := &syncBuffer{}
			cmd := exec.Command("ovs-ofctl", "-O", v, "-P", "nxt_packet_in2", "--unixctl="+filepath.Join(dir, "ctl"), "monitor", "unix:"+sock, "65534", "resume")
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
			tell := func(command string) string {
				t.Helper()
				return askOfctl(t, sock, dir, "-O "+v+" "+command)
			}
			add := func(flow string) {
				t.Helper()
				if got := tell("add-flow BR '" + flow + "'"); got != "" {
					t.Fatalf("ovs-ofctl add-flow %s:\n%s", flow, got)
				}
			}
			last := "push:NXM_NX_REG0[],resubmit(,1),pop:NXM_NX_REG2[],load:7->NXM_NX_REG3[],resubmit(,3)"
			if v != "OpenFlow10" {
				last = "push:NXM_NX_REG0[],resubmit(,1),pop:NXM_NX_REG2[],load:7->NXM_NX_REG3[],write_metadata:0x9,goto_table:3"
			}
			add("priority=40000,cookie=0x5,in_port=1,ip,actions=load:5->NXM_NX_REG0[]," + last)
			add("table=1,cookie=0x6,ip,actions=controller(pause,userdata=aa.bb),dec_ttl,load:6->NXM_NX_REG0[],resubmit(,2)")
			add("table=2,reg0=6,ip,nw_ttl=63,actions=controller(pause,userdata=cc),load:8->NXM_NX_REG4[]")
			done := "table=3,cookie=0x99,reg0=6,reg2=5,reg3=7,reg4=8,ip,nw_ttl=63,actions=controller(userdata=dd)"
			if v != "OpenFlow10" {
				done = strings.Replace(done, "reg0=6", "metadata=9,reg0=6", 1)
			}
			add(done)
			// The monitor has nothing to print when it is ready: packets come until one went all
			// the way.
			for end := time.Now().Add(patience); !strings.Contains(out.String(), "userdata=dd"); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("no packet got to the end\n%s", tell("dump-flows BR"))
				}
				if got := tell("packet-out BR in_port=1,packet=02000000000102000000000208004500001400000000401100000a0000010a000002,actions=TABLE"); got != "" {
					t.Fatal(got)
				}
			}
			for _, what := range []string{"userdata=aa.bb", "userdata=cc", "cookie=0x6", "cookie=0x99"} {
				if !strings.Contains(out.String(), what) {
					t.Errorf("nothing was told of %s", what)
				}
			}
		})
	}
}
