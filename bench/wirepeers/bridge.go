package wirepeers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/safchain/ethtool"
	"golang.org/x/sys/unix"

	"pollux/bench"
	"pollux/internal/lab"
)

// bridge is the kernel's own. It has no thread of its own: a threaded NAPI of each
// device takes that place, which moves receiving there, too. With AF_XDP the kernel
// receives on the generator's core.
type bridge struct {
	ns      *lab.Namespace
	devices []string
	pid     int
}

const bridgeName = "pxbr0"

func startBridge(p bench.Place) (r bench.Running, err error) {
	b := &bridge{ns: p.NS, devices: []string{p.In, p.Out}}
	if _, err := p.NS.Run("ip", "link", "add", bridgeName, "type", "bridge", "mcast_snooping", "0"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Stop())
		}
	}()
	for _, dev := range b.devices {
		// Without an XDP program a veth has a NAPI of its own where GRO is on.
		if err := errors.Join(setGRO(p.NS, dev, true), threaded(p.NS, dev, true)); err != nil {
			return nil, err
		}
		pid, err := pinNAPI(dev, p.Core)
		if err != nil {
			return nil, err
		}
		if dev == p.In {
			b.pid = pid
		}
		if _, err := p.NS.Run("ip", "link", "set", dev, "master", bridgeName); err != nil {
			return nil, err
		}
	}
	_, err = p.NS.Run("ip", "link", "set", bridgeName, "up")
	return b, err
}

func (b *bridge) Pid() int       { return b.pid }
func (b *bridge) Output() string { return "" }

// Stop takes the bridge away and gives the devices back as they were.
func (b *bridge) Stop() error {
	_, err := b.ns.Run("ip", "link", "del", bridgeName)
	for _, dev := range b.devices {
		err = errors.Join(err, threaded(b.ns, dev, false), setGRO(b.ns, dev, false))
	}
	return err
}

// threaded gives a device's NAPI threads of its own, or takes them away.
func threaded(ns *lab.Namespace, device string, on bool) error {
	value := "0"
	if on {
		value = "1"
	}
	_, err := ns.Run("ip", "netns", "exec", ns.Name, "sh", "-c", "echo "+value+" > /sys/class/net/"+device+"/threaded")
	return err
}

// setGRO switches receive merging, which nothing on these wires can use: UDP is not
// merged by default.
func setGRO(ns *lab.Namespace, device string, on bool) error {
	return ns.Do(func() error {
		e, err := ethtool.NewEthtool()
		if err != nil {
			return err
		}
		defer e.Close()
		if err := e.Change(device, map[string]bool{"rx-gro": on}); err != nil {
			return fmt.Errorf("%s: rx-gro %t: %w", device, on, err)
		}
		return nil
	})
}

// pinNAPI pins the threads of a device's NAPI. Kernel threads are in no namespace, so a
// device of that name elsewhere with a threaded NAPI is pinned, too.
func pinNAPI(device string, core int) (pid int, err error) {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return 0, err
	}
	for _, f := range names {
		text, err := os.ReadFile(f)
		if err != nil || !strings.HasPrefix(string(text), "napi/"+device+"-") {
			continue
		}
		var n int
		if _, err := fmt.Sscanf(f, "/proc/%d/comm", &n); err != nil {
			return 0, err
		}
		var set unix.CPUSet
		set.Set(core)
		if err := unix.SchedSetaffinity(n, &set); err != nil {
			return 0, fmt.Errorf("pin napi thread %d of %s: %w", n, device, err)
		}
		pid = max(pid, n) // the youngest is this one's
	}
	if pid == 0 {
		return 0, fmt.Errorf("%s has no threaded NAPI: its kernel thread is not there", device)
	}
	return pid, nil
}
