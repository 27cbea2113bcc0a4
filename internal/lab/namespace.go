package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Namespace is a network namespace of a lab.
type Namespace struct {
	Name string // full name under /run/netns, for `ip netns exec`

	fd netns.NsHandle
	nl *netlink.Handle // a netlink socket inside the namespace
}

// Namespace makes a namespace called PREFIX-PID-N-name with loopback up.
func (l *Lab) Namespace(name string) (*Namespace, error) {
	n := &Namespace{Name: l.stem + "-" + name, fd: netns.None()}
	err := keepNamespace(func() (err error) {
		n.fd, err = netns.NewNamed(n.Name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: make namespace %s: %w", n.Name, err)
	}
	l.nss = append(l.nss, n)
	if n.nl, err = netlink.NewHandleAt(n.fd); err != nil {
		return nil, fmt.Errorf("lab: netlink in %s: %w", n.Name, err)
	}
	if err := n.Do(quietIPv6); err != nil {
		return nil, fmt.Errorf("lab: namespace %s: %w", n.Name, err)
	}
	if err := n.SetUp("lo", true); err != nil {
		return nil, err
	}
	return n, nil
}

// Do runs f with the calling thread inside the namespace and puts it back
// afterwards, also when f panics or ends the goroutine (t.Fatal). Sockets that
// f opens stay in the namespace; goroutines that f starts are outside.
func (n *Namespace) Do(f func() error) error {
	return keepNamespace(func() error {
		if err := netns.Set(n.fd); err != nil {
			return fmt.Errorf("lab: enter namespace %s: %w", n.Name, err)
		}
		return f()
	})
}

// Start starts cmd inside the namespace. /sys is still the caller's: a command
// that reads /sys/class/net wants `ip netns exec` instead.
func (n *Namespace) Start(cmd *exec.Cmd) error { return n.Do(cmd.Start) }

// Run runs a command inside the namespace to its end and returns what it wrote.
// The error of a command that failed holds its output.
func (n *Namespace) Run(name string, args ...string) (out []byte, err error) {
	cmd := exec.Command(name, args...)
	err = n.Do(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		return out, fmt.Errorf("lab: %s in %s: %w\n%s", cmd, n.Name, err, out)
	}
	return out, nil
}

// Netlink returns the lab's netlink socket inside the namespace, for what this
// package has no word for. It closes with the lab.
func (n *Namespace) Netlink() *netlink.Handle { return n.nl }

// SetUp sets a device administratively up or down.
func (n *Namespace) SetUp(device string, up bool) error {
	link, err := n.nl.LinkByName(device)
	if err == nil {
		if up {
			err = n.nl.LinkSetUp(link)
		} else {
			err = n.nl.LinkSetDown(link)
		}
	}
	if err != nil {
		return fmt.Errorf("lab: set %s in %s up=%t: %w", device, n.Name, up, err)
	}
	return nil
}

// remove gives the namespace up. The kernel removes it when no process and no
// open socket is left in it.
func (n *Namespace) remove() error {
	if n.nl != nil {
		n.nl.Close()
	}
	var err error
	if n.fd.IsOpen() {
		err = n.fd.Close()
	}
	return errors.Join(err, removeNamed(n.Name))
}

// keepNamespace runs f, which may move the thread to another namespace, on a
// locked thread and returns the thread to where it was. If that fails the thread
// stays locked, so that no other goroutine ever runs on it.
func keepNamespace(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("lab: own namespace: %w", err)
	}
	defer func() {
		if back := netns.Set(home); back != nil {
			err = errors.Join(err, fmt.Errorf("lab: return to own namespace: %w", back))
		} else {
			runtime.UnlockOSThread()
		}
		home.Close()
	}()
	return f()
}

// quietIPv6 turns IPv6 off for devices to come, and makes it quiet for those
// that turn it on.
func quietIPv6() error {
	for _, s := range []struct{ key, value string }{
		{"all/disable_ipv6", "1"},
		{"default/disable_ipv6", "1"},
		{"default/accept_ra", "0"},
		{"default/router_solicitations", "0"},
		{"default/addr_gen_mode", "1"},
	} {
		if err := sysctlIPv6(s.key, s.value); err != nil {
			return err
		}
	}
	return nil
}

// sysctlIPv6 writes a key under net.ipv6.conf of the thread's namespace. A
// kernel without IPv6 has nothing to turn off.
func sysctlIPv6(key, value string) error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+key, []byte(value), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
