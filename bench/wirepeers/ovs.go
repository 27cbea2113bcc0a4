package wirepeers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"pollux/bench"
	"pollux/internal/lab"
)

var (
	vswitchd     = program{[]string{"/usr/lib/openvswitch-switch/ovs-vswitchd", "ovs-vswitchd"}, "openvswitch-switch"}
	vswitchdDPDK = program{[]string{"/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"}, "openvswitch-switch-dpdk"}
	ovsdbServer  = program{[]string{"ovsdb-server"}, "openvswitch-common"}
	ovsdbTool    = program{[]string{"ovsdb-tool"}, "openvswitch-common"}
	ovsOfctl     = program{[]string{"ovs-ofctl"}, "openvswitch-common"}
	ovsVsctl     = program{[]string{"ovs-vsctl"}, "openvswitch-switch"}
	ovsSchema    = program{[]string{"/usr/share/openvswitch/vswitch.ovsschema"}, "openvswitch-common"}
)

func ovsPrograms(daemon program) []program {
	return []program{daemon, ovsdbServer, ovsdbTool, ovsOfctl, ovsVsctl, ovsSchema}
}

// ovs is an Open vSwitch with a database and folders of its own; no service of the
// system has a part in it.
type ovs struct {
	place  bench.Place
	env    []string
	db     string
	server *bench.Child
	vs     *bench.Child
	after  func() error
}

// ovsSpec is what differs between the kinds.
type ovsSpec struct {
	daemon program
	config []string              // settings of Open_vSwitch
	on     func(bench.Place) int // core of the daemon's other threads
	port   func(i int, dev string) (name string, args []string)
	after  func() error // what Stop does at the end, or nil
}

func startOVSAFXDP(p bench.Place) (bench.Running, error) {
	return startOVS(p, ovsSpec{
		daemon: vswitchd,
		config: []string{pmdMask(p)},
		port: func(_ int, dev string) (string, []string) {
			return dev, []string{"type=afxdp", "options:xdp-mode=native"}
		},
	})
}

// startOVSSystem starts the userspace datapath on packet sockets, which its main thread
// polls: that one is on the core.
func startOVSSystem(p bench.Place) (bench.Running, error) {
	gro := func(on bool) error { return errors.Join(setGRO(p.NS, p.In, on), setGRO(p.NS, p.Out, on)) }
	if err := gro(true); err != nil { // for the generator: see bridge
		return nil, err
	}
	return startOVS(p, ovsSpec{
		daemon: vswitchd,
		on:     func(p bench.Place) int { return p.Core },
		port:   func(_ int, dev string) (string, []string) { return dev, nil },
		after:  func() error { return gro(false) },
	})
}

func startOVSDPDK(p bench.Place) (bench.Running, error) {
	if err := hugePages(); err != nil {
		return nil, err
	}
	return startOVS(p, ovsSpec{
		daemon: vswitchdDPDK,
		config: []string{
			pmdMask(p), "dpdk-init=true", fmt.Sprintf("dpdk-lcore-mask=0x%x", 1<<p.Control), "dpdk-socket-mem=1024",
			"dpdk-extra=--in-memory --no-pci --no-telemetry",
		},
		port: func(i int, dev string) (string, []string) {
			// busy_budget=0: busy polling of a veth costs it a quarter.
			return fmt.Sprintf("p%d", i), []string{"type=dpdk", fmt.Sprintf("options:dpdk-devargs=net_af_xdp%d,iface=%s,start_queue=0,queue_count=1,busy_budget=0", i, dev)}
		},
	})
}

func pmdMask(p bench.Place) string { return fmt.Sprintf("pmd-cpu-mask=0x%x", 1<<p.Core) }

func startOVS(p bench.Place, s ovsSpec) (r bench.Running, err error) {
	o := &ovs{place: p, after: s.after, db: "unix:" + filepath.Join(p.Dir, "db.sock")}
	for _, v := range []string{"OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"} {
		o.env = append(o.env, v+"="+p.Dir)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Stop())
		}
	}()
	conf := filepath.Join(p.Dir, "conf.db")
	if err := o.run(ovsdbTool, "create", conf, ovsSchema.paths[0]); err != nil {
		return nil, err
	}
	if o.server, err = o.daemon(nil, p.Control, ovsdbServer, conf, "--remote=punix:"+filepath.Join(p.Dir, "db.sock"),
		"--unixctl="+filepath.Join(p.Dir, "ovsdb.ctl"), "--log-file="+filepath.Join(p.Dir, "ovsdb.log")); err != nil {
		return nil, err
	}
	if err := o.appears("db.sock", o.server); err != nil {
		return nil, err
	}
	if err := o.vsctl("--no-wait", "init"); err != nil {
		return nil, err
	}
	for _, c := range s.config {
		if err := o.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:"+quoted(c)); err != nil {
			return nil, err
		}
	}
	on := p.Control
	if s.on != nil {
		on = s.on(p)
	}
	ctl := filepath.Join(p.Dir, "vswitchd.ctl")
	if o.vs, err = o.daemon(p.NS, on, s.daemon, o.db, "--unixctl="+ctl, "--log-file="+filepath.Join(p.Dir, "vswitchd.log")); err != nil {
		return nil, err
	}
	if err := o.appears("vswitchd.ctl", o.vs); err != nil {
		return nil, err
	}
	if err := o.bridge(s); err != nil {
		return nil, err
	}
	return o, nil
}

// bridge makes the bridge with two ports and a rule for each way.
func (o *ovs) bridge(s ovsSpec) error {
	args := []string{"add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure"}
	for i, dev := range []string{o.place.In, o.place.Out} {
		name, set := s.port(i, dev)
		args = append(args, "--", "add-port", "br0", name, "--", "set", "Interface", name, fmt.Sprintf("ofport_request=%d", i+1))
		args = append(args, set...)
	}
	if err := o.vsctl(args...); err != nil {
		return err
	}
	mgmt := filepath.Join(o.place.Dir, "br0.mgmt")
	for _, flow := range []string{"in_port=1,actions=output:2", "in_port=2,actions=output:1"} {
		if err := o.run(ovsOfctl, "-O", "OpenFlow13", "add-flow", mgmt, flow); err != nil {
			return err
		}
	}
	return nil
}

// quoted writes KEY=VALUE as ovs-vsctl reads it, whatever the value is.
func quoted(kv string) string {
	k, v, _ := strings.Cut(kv, "=")
	return fmt.Sprintf("%s=%q", k, v)
}

func (o *ovs) vsctl(args ...string) error {
	return o.run(ovsVsctl, append([]string{"--db=" + o.db, "--timeout=20"}, args...)...)
}

// run runs a tool to its end.
func (o *ovs) run(q program, args ...string) error {
	path, err := q.find()
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), o.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s%s", cmd, err, out, o.Output())
	}
	return nil
}

// daemon starts a program in the foreground on a core.
func (o *ovs) daemon(ns *lab.Namespace, core int, q program, args ...string) (*bench.Child, error) {
	path, err := q.find()
	if err != nil {
		return nil, err
	}
	all := append([]string{"-c", fmt.Sprint(core), "env"}, o.env...)
	return bench.StartChild(ns, o.place.Echo, "taskset", append(append(all, path), args...)...)
}

// appears waits for a socket of a child.
func (o *ovs) appears(name string, c *bench.Child) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(o.place.Dir, name)); err == nil {
			return nil
		}
		select {
		case <-c.Done():
			return fmt.Errorf("ended before %s was there:\n%s", name, c.Output())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s was not there after 20 s:\n%s", name, c.Output())
		}
	}
}

// Pid is that of the daemon: taskset and env have become it.
func (o *ovs) Pid() int { return o.vs.Pid() }

func (o *ovs) Output() string {
	if o.vs == nil {
		return ""
	}
	return o.vs.Output()
}

// Stop ends the daemon, then the database.
func (o *ovs) Stop() error {
	var errs []error
	for _, c := range []*bench.Child{o.vs, o.server} {
		if c != nil {
			errs = append(errs, end(c))
		}
	}
	if o.after != nil {
		errs = append(errs, o.after())
	}
	return errors.Join(errs...)
}
