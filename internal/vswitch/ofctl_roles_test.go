package vswitch

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// told is a controller that does as it is told: testdata/told.py, by os-ken.
type told struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.Writer
	lines chan string // what it prints
	err   *syncBuffer
}

// newTold makes such a controller, of the version 13, 14 or 15, which listens at addr:port.
// start runs its command.
func newTold(t *testing.T, version, addr, port string, start func(*exec.Cmd) error) *told {
	t.Helper()
	if _, err := exec.LookPath("osken-manager"); err != nil {
		t.Skip("os-ken is not installed")
	}
	c := &told{t: t, lines: make(chan string, 1000), err: &syncBuffer{}}
	c.cmd = exec.Command("osken-manager", "--ofp-listen-host", addr, "--ofp-tcp-listen-port", port, "testdata/told.py")
	c.cmd.Env = append(os.Environ(), "POLLUX_OPENFLOW="+version)
	c.cmd.Stderr = c.err
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(c.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("the controller at %s said:\n%s", port, c.err)
		}
	})
	return c
}

// kill ends the controller's process.
func (c *told) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// until returns what the controller prints up to the line last, without it.
func (c *told) until(last string) string {
	c.t.Helper()
	var b strings.Builder
	timeout := time.After(patience)
	for {
		select {
		case l, ok := <-c.lines:
			switch {
			case !ok:
				c.t.Fatalf("the controller has ended, and %q was to come:\n%s", last, &b)
			case l == last:
				return b.String()
			}
			fmt.Fprintln(&b, l)
		case <-timeout:
			c.t.Fatalf("waited in vain for the controller to print %q:\n%s", last, &b)
		}
	}
}

// ask has the controller do something, and returns what the switch told it up to the reply
// to a barrier.
func (c *told) ask(command string) string {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		c.t.Fatal(err)
	}
	return c.until("done")
}

// freePorts returns as many TCP ports of the loopback device as are wanted.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	}
	return ports
}

// TestRolesOverOSKen: two controllers elect a master among them, and each is answered what
// Open vSwitch answered: by testdata/roles, in which the first word of a command is the
// controller's number.
func TestRolesOverOSKen(t *testing.T) {
	for _, version := range []string{"13", "14", "15"} {
		t.Run("OpenFlow"+version, func(t *testing.T) {
			name := filepath.Join("testdata", "roles", "of"+version+".txt")
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tr := parseTranscript(string(text))
			ports := freePorts(t, 2)
			var controllers []*told
			for _, port := range ports {
				controllers = append(controllers, newTold(t, version, "127.0.0.1", port, (*exec.Cmd).Start))
			}
			if *record {
				dir := filepath.Dir(startOVS(t))
				args, ids := []string{"--db=unix:" + filepath.Join(dir, "db.sock")}, []string(nil)
				for _, port := range ports {
					id := "@c" + port
					ids = append(ids, id)
					args = append(args, "--", "--id="+id, "create", "controller", `target="tcp:127.0.0.1:`+port+`"`, "max_backoff=1000")
				}
				args = append(args, "--", "set", "bridge", "br0", "controller=["+strings.Join(ids, ",")+"]")
				if out, err := exec.Command("ovs-vsctl", args...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			} else {
				startControlled(t, ports)
			}
			for _, c := range controllers {
				c.until("connected")
			}
			for i := range tr.steps {
				st := &tr.steps[i]
				var who int
				n, command, _ := strings.Cut(st.command, " ")
				if _, err := fmt.Sscan(n, &who); err != nil || who < 1 || who > len(controllers) {
					t.Fatalf("%s: %q has no controller", name, st.command)
				}
				got := controllers[who-1].ask(command)
				switch {
				case *record:
					st.ovs = got
				case got != st.want():
					t.Errorf("step %d, %s\n got\n%s\nwant\n%s", i+1, st.command, got, st.want())
				}
			}
			if *record {
				if err := os.WriteFile(name, []byte(tr.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// startControlled runs a switch like that of startForOfctl, with controllers at these ports.
func startControlled(t *testing.T, ports []string) {
	t.Helper()
	r := newMemoryRig(t)
	r.ports = ""
	for i, p := range ofctlPorts {
		r.ports += fmt.Sprintf("  - {name: %s, type: memory, ofport: %d, memory: {flows: 0}}\n", p, i+1)
	}
	r.write("")
	var list []string
	for _, port := range ports {
		list = append(list, fmt.Sprintf("{target: 'tcp:127.0.0.1:%s', max_backoff: 1s}", port))
	}
	r.writeText(strings.Replace(r.configText(), "control: {socket: "+r.sock+"}",
		fmt.Sprintf("control:\n  socket: %s\n  fail_mode: secure\n  controllers: [%s]\n", r.sock, strings.Join(list, ", ")), 1))
	r.run()
}
