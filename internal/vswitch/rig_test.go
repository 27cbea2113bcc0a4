package vswitch

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pollux/configs"
	"pollux/internal/ctl"
	"pollux/internal/lab"
)

// runEnv names the configuration that the test binary runs a switch from instead of
// tests: the switch under test is a process of its own, in a namespace of its own.
const runEnv = "POLLUX_TEST_RUN"

func TestMain(m *testing.M) {
	path := os.Getenv(runEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := configs.Load(path, LoadOptions())
	if err == nil {
		err = Run(ctx, cfg, path, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine: with the race detector, real
// collectors and other tests beside them.
const patience = time.Minute

// rig is two hosts, a and b, each on a wire to the switch's namespace.
type rig struct {
	t      *testing.T
	lab    *lab.Lab
	dut    *lab.Namespace
	host   map[string]*lab.Namespace
	wire   map[string]*lab.Veth
	ports  string // the configuration's ports
	loops  string // the cores of its loops
	queues int    // of each wire
	config string // path
	sock   string
	cmd    *exec.Cmd
	out    *syncBuffer
	done   chan error
}

// syncBuffer is written by the child and read by the test.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// twoPorts is ports on both wires.
const twoPorts = `  - {name: a, type: afxdp, device: va}
  - {name: b, type: afxdp, device: vb}
`

func newSwitchRig(t *testing.T) *rig { return newQueueRig(t, 1) }

func newQueueRig(t *testing.T, queues int) *rig {
	if os.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	l, err := lab.New("vswt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	r := &rig{
		t: t, lab: l, host: map[string]*lab.Namespace{}, wire: map[string]*lab.Veth{}, ports: twoPorts, loops: "[{core: 0}]", queues: queues,
		config: filepath.Join(dir, "switch.yaml"), sock: filepath.Join(dir, "s.sock"), out: &syncBuffer{},
	}
	if r.dut, err = l.Namespace("dut"); err != nil {
		t.Fatal(err)
	}
	for i, h := range []string{"a", "b"} {
		if r.host[h], err = l.Namespace(h); err != nil {
			t.Fatal(err)
		}
		r.plugWire(h, i+1)
	}
	return r
}

// plugWire joins host h, number n, to the switch's namespace.
func (r *rig) plugWire(h string, n int) {
	r.t.Helper()
	v, err := r.lab.Veth(
		lab.End{NS: r.dut, Device: "v" + h, Queues: r.queues},
		lab.End{NS: r.host[h], Device: "eth0", MAC: fmt.Sprintf("02:00:00:00:00:%02x", n), Addrs: []string{fmt.Sprintf("10.9.0.%d/24", n)}, Queues: r.queues},
	)
	if err != nil {
		r.t.Fatal(err)
	}
	r.wire[h] = v
}

// write writes the configuration: r.ports and what follows.
func (r *rig) write(rest string) {
	r.t.Helper()
	text := fmt.Sprintf(`
datapath: {loops: %s, sleep_max: 1ms}
control: {socket: %s}
ports:
%s%s`, r.loops, r.sock, r.ports, rest)
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// configText and writeText read and write the configuration as it is.
func (r *rig) configText() string {
	r.t.Helper()
	b, err := os.ReadFile(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

func (r *rig) writeText(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// start runs the switch until it says ready.
func (r *rig) start() {
	r.t.Helper()
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), runEnv+"="+r.config)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.dut.Start(r.cmd); err != nil {
		r.t.Fatal(err)
	}
	r.done = make(chan error, 1)
	go func() { r.done <- r.cmd.Wait() }()
	r.t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			<-r.done
		}
		if r.t.Failed() {
			r.t.Logf("the switch said:\n%s", r.out)
		}
	})
	r.wait("ready", func() bool { return strings.Contains(r.out.String(), "\nready") })
}

// wait waits for ok.
func (r *rig) wait(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain for: %s\n%s", what, r.out)
		}
	}
}

// ask calls a command of the switch and reads its JSON.
func (r *rig) ask(v any, command string, args ...string) {
	r.t.Helper()
	text, err := ctl.Call(r.sock, command, append(args, "--json")...)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		r.t.Fatalf("%s: %v\n%s", command, err, text)
	}
}

func (r *rig) portState(name string) string {
	var ports []PortShow
	r.ask(&ports, "ports")
	for _, p := range ports {
		if p.Name == name {
			return p.State
		}
	}
	return ""
}

// talk is numbered datagrams from a to b.
type talk struct {
	next atomic.Uint64 // the number of the next one
	got  atomic.Uint64 // how many arrived
	last atomic.Uint64 // 1 + the highest number that arrived
}

// talk sends a datagram from a to b every millisecond until the test ends.
func (r *rig) talk() *talk {
	r.t.Helper()
	var in, out net.PacketConn
	listen := func(addr string, c *net.PacketConn) func() error {
		return func() (err error) { *c, err = net.ListenPacket("udp4", addr); return err }
	}
	if err := r.host["b"].Do(listen("10.9.0.2:7000", &in)); err != nil {
		r.t.Fatal(err)
	}
	if err := r.host["a"].Do(listen("0.0.0.0:7001", &out)); err != nil {
		r.t.Fatal(err)
	}
	n := &talk{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 64)
		for {
			if k, _, err := in.ReadFrom(buf); err != nil {
				return
			} else if k == 8 {
				n.last.Store(max(n.last.Load(), 1+binary.BigEndian.Uint64(buf)))
				n.got.Add(1)
			}
		}
	})
	wg.Go(func() {
		to := &net.UDPAddr{IP: net.IPv4(10, 9, 0, 2), Port: 7000}
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				// While the wire is out the host has no way to b; that is the test.
				_, _ = out.WriteTo(binary.BigEndian.AppendUint64(nil, n.next.Add(1)-1), to)
			}
		}
	})
	r.t.Cleanup(func() {
		close(stop)
		in.Close()
		out.Close()
		wg.Wait()
	})
	return n
}

// more waits until datagrams arrive that are sent from now on.
func (r *rig) more(what string, n *talk) {
	r.t.Helper()
	next, got := n.next.Load(), n.got.Load()
	r.wait(what, func() bool { return n.last.Load() > next+20 && n.got.Load() > got+20 })
}

// none fails if one of the datagrams that are sent from now on arrives, of which some
// come to the switch. What is on its way now may arrive, late.
func (r *rig) none(n *talk, why string) {
	r.t.Helper()
	in := func() uint64 {
		var show Show
		r.ask(&show, "show")
		return show.Sums.In.Packets
	}
	next, was := n.next.Load(), in()
	r.wait("packets of which none may pass", func() bool { return in() > was+100 })
	if last := n.last.Load(); last > next {
		r.t.Errorf("datagrams up to number %d passed %s, the first of which none may is %d", last-1, why, next)
	}
}

// programs says whether a device has an XDP program.
func (r *rig) program(device string) bool {
	r.t.Helper()
	l, err := r.dut.Netlink().LinkByName(device)
	if err != nil {
		r.t.Fatal(err)
	}
	x := l.Attrs().Xdp
	return x != nil && x.Attached
}

// stop ends the switch by SIGTERM and says how long that took.
func (r *rig) stop() time.Duration {
	r.t.Helper()
	began := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("the switch ended with %v", err)
		}
	case <-time.After(patience):
		r.t.Fatalf("the switch did not end within %v of SIGTERM", patience)
	}
	return time.Since(began)
}
