package vswitch

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pollux/ofp/pipeline"
)

// writeControlled writes a configuration without flows whose controller is at a Unix socket in
// the rig's folder, and returns the socket.
func (r *rig) writeControlled(more string) string {
	at := filepath.Join(filepath.Dir(r.config), "controller")
	r.write("")
	text := strings.Replace(r.configText(), "control: {socket: "+r.sock+"}", "control:\n  socket: "+r.sock+"\n  controllers: [{target: 'unix:"+at+"'}]\n"+more, 1)
	r.writeText(text)
	return at
}

// controller runs a program until the test ends, or the function that is returned is called.
func controller(t *testing.T, name string, args ...string) (stop func()) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	out := &syncBuffer{}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, out)
		}
	})
	return stop
}

// pings says whether host a reaches b within the test's patience.
func (r *rig) pings() {
	r.t.Helper()
	r.wait("a to reach b", func() bool {
		_, err := r.host["a"].Run("ping", "-c1", "-W1", "10.9.0.2")
		return err == nil
	})
}

// flowsOf returns the flows that the switch has.
func (r *rig) flowsOf() (flows []pipeline.FlowStats) {
	r.ask(&flows, "flows")
	return flows
}

// TestOVSTestcontroller: Open vSwitch's own controller has two namespaces reach each other
// over a switch without flows.
func TestOVSTestcontroller(t *testing.T) {
	r := newSwitchRig(t)
	at := r.writeControlled("  fail_mode: secure\n")
	controller(t, "ovs-testcontroller", "--unixctl="+filepath.Join(t.TempDir(), "ctl"), "-vsyslog:off", "punix:"+at)
	r.start()
	r.pings()
	r.wait("flows of the controller to forward, each way", func() bool {
		r.pings()
		n := 0
		for _, f := range r.flowsOf() {
			if f.Packets > 0 && strings.Contains(f.Match, "dl_src=") {
				n++
			}
		}
		return n >= 2
	})
}

// TestOSKenLearningSwitch: so does an application of os-ken's, over OpenFlow 1.3.
func TestOSKenLearningSwitch(t *testing.T) {
	r := newSwitchRig(t)
	r.write("")
	text := strings.Replace(r.configText(), "control: {socket: "+r.sock+"}",
		"control:\n  socket: "+r.sock+"\n  fail_mode: secure\n  controllers: [{target: 'tcp:127.0.0.1:16653'}]\n", 1)
	r.writeText(text)
	// In the switch's namespace, which has a loopback of its own.
	if _, err := exec.LookPath("osken-manager"); err != nil {
		t.Skip("os-ken is not installed")
	}
	cmd := exec.Command("osken-manager", "--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", "16653", "testdata/learning.py")
	out := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := r.dut.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("os-ken said:\n%s", out)
		}
	})
	r.start()
	r.pings()
	r.wait("flows each way", func() bool {
		n := 0
		for _, f := range r.flowsOf() {
			if f.Priority == 1 {
				n++
			}
		}
		return n >= 2
	})
}

// TestStandaloneWhenTheControllerDies: with the controller killed under traffic the switch
// forwards by itself, and leaves it to the controller again when that is back.
func TestStandaloneWhenTheControllerDies(t *testing.T) {
	r := newSwitchRig(t)
	at := r.writeControlled("  fail_mode: standalone\n")
	r.writeText(strings.Replace(r.configText(), "controllers: [{target: ", "controllers: [{inactivity_probe: 1s, max_backoff: 1s, target: ", 1))
	ctlDir := t.TempDir()
	args := []string{"--unixctl=" + filepath.Join(ctlDir, "ctl"), "-vsyslog:off", "--max-idle=1", "punix:" + at}
	stop := controller(t, "ovs-testcontroller", args...)
	r.start()
	r.pings()
	stop()
	r.wait("the switch to stand alone", func() bool { return strings.Contains(r.out.String(), "forwards by itself") })
	time.Sleep(time.Second) // the controller's flows idle out
	r.pings()
	controller(t, "ovs-testcontroller", args...)
	r.pings()
}
