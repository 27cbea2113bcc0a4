package peers

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"pollux/bench"
)

// ovsProgram is where Debian puts the build with DPDK.
const ovsProgram = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"

// ovsDPDK is Open vSwitch with its userspace datapath between two DPDK null devices.
type ovsDPDK struct {
	at   *place
	warm time.Duration // of traffic before the first turn
}

func (o ovsDPDK) Name() string     { return "OVS-DPDK" }
func (o ovsDPDK) Does(c Case) bool { return c.Kind != KindSource }

// ovs is one running instance, with its own database and sockets.
type ovs struct {
	at        *place
	kind      Kind
	run       string // its folder
	rules     string // of a scenario
	db        process
	switchd   process
	collector net.PacketConn // nobody reads it; what it does not hold the kernel drops
}

func (o ovsDPDK) Open(ctx context.Context, c Case) (_ Device, err error) {
	v := &ovs{at: o.at, kind: c.Kind, run: filepath.Join(o.at.dir, "ovs")}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	if err := os.Mkdir(v.run, 0o755); err != nil {
		return nil, err
	}
	if err := v.startDatabase(ctx); err != nil {
		return nil, err
	}
	if err := v.startSwitch(ctx, c); err != nil {
		return nil, err
	}
	if err := v.configure(ctx, c); err != nil {
		return nil, err
	}
	if err := sleep(ctx, c.warm(o.warm)); err != nil {
		return nil, err
	}
	return v, v.switchd.rest()
}

// Turn implements Device.
func (v *ovs) Turn(ctx context.Context, settle, d time.Duration) (Turn, error) {
	t, err := v.switchd.turn(ctx, settle, d, v.read)
	return v.kind.counted(t), err
}

// read reads the live counters. The time that the thread had is the middle of that
// before and after; the rest of what asking takes is the same at both ends of a turn.
func (v *ovs) read(ctx context.Context) (t Turn, err error) {
	before, err := v.used()
	if err != nil {
		return t, err
	}
	out, err := v.ofctl(ctx, "dump-ports", v.bridge())
	if err != nil {
		return t, err
	}
	after, err := v.used()
	if err != nil {
		return t, err
	}
	ports, err := parsePorts(out)
	if err != nil {
		return t, err
	}
	if out, err = v.appctl(ctx, "dpif-netdev/pmd-stats-show"); err != nil {
		return t, err
	}
	c, err := parsePMD(out, v.at.core)
	if err != nil {
		return t, err
	}
	return Turn{
		Received: ports["1"].rx, Forwarded: ports["2"].tx, Hits: c.hits, SetUp: c.missed, Refused: c.failed,
		Ran: (before.Ran + after.Ran) / 2, Waited: (before.Waited + after.Waited) / 2,
	}, nil
}

// used is the time of the polling thread.
func (v *ovs) used() (bench.CPUTime, error) { return bench.PinnedTime(v.switchd.Pid(), v.at.core) }

// Upcalls implements Upcaller.
func (v *ovs) Upcalls() (n uint64, each time.Duration, err error) {
	if err := v.switchd.resume(); err != nil {
		return 0, 0, err
	}
	out, err := v.appctl(context.Background(), "dpif-netdev/pmd-perf-show", "-nh")
	if err = errors.Join(err, v.switchd.rest()); err != nil {
		return 0, 0, err
	}
	return parseUpcalls(out, v.at.core)
}

func (v *ovs) bridge() string { return filepath.Join(v.run, "br0.mgmt") }

func (v *ovs) socket() string { return "unix:" + filepath.Join(v.run, "db.sock") }

func (v *ovs) vsctl(ctx context.Context, args ...string) (string, error) {
	return v.at.run(ctx, "ovs-vsctl", append([]string{"--db=" + v.socket(), "--timeout=20"}, args...)...)
}

func (v *ovs) ofctl(ctx context.Context, args ...string) (string, error) {
	return v.at.run(ctx, "ovs-ofctl", append([]string{"-O", "OpenFlow13"}, args...)...)
}

func (v *ovs) appctl(ctx context.Context, args ...string) (string, error) {
	return v.at.run(ctx, "ovs-appctl", append([]string{"-t", filepath.Join(v.run, "vswitchd.ctl")}, args...)...)
}

// Close ends both processes and removes their files.
func (v *ovs) Close() (err error) {
	for _, p := range []process{v.switchd, v.db} {
		if p.Child != nil {
			p.end()
		}
	}
	if v.collector != nil {
		err = v.collector.Close()
	}
	return errors.Join(err, os.RemoveAll(v.run))
}

// version is that of the programs installed.
func (o ovsDPDK) version(ctx context.Context) (string, error) {
	out, err := o.at.run(ctx, ovsProgram, "--version")
	if err != nil {
		return "", err
	}
	return parseVersion(out)
}
