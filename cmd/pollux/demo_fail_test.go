package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// sinkDevice calls f with the switch's device pxg1 in the demo of that process.
func sinkDevice(t *testing.T, pid int, f func(h *netlink.Handle, pxg1 netlink.Link) error) {
	t.Helper()
	ns, err := netns.GetFromName(fmt.Sprintf("%s-%d-1-switch", demoPrefix, pid))
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	l, err := h.LinkByName("pxg1")
	if err != nil {
		t.Fatal(err)
	}
	if err := f(h, l); err != nil {
		t.Fatal(err)
	}
}

// TestDemoFailsWhenTheSinkIsCutOff cuts the wire to the sink in mid-run. The demo
// must end by itself, say what is missing, and clean up.
func TestDemoFailsWhenTheSinkIsCutOff(t *testing.T) {
	needRoot(t)
	exe := buildBinary(t)
	for _, tc := range []struct {
		name    string
		packets string // more than are sent until the cut, however late that comes
		cut     func(h *netlink.Handle, l netlink.Link) error
		want    string // a pattern of what is said
	}{
		{"deleted", "1000000", func(h *netlink.Handle, l netlink.Link) error { return h.LinkDel(l) },
			`the traffic was given up: nothing arrived for 10s`},
		{"down for good", "1000000", func(h *netlink.Handle, l netlink.Link) error { return h.LinkSetDown(l) },
			`the traffic was given up: nothing arrived for 10s`},
		{"down for a while", "100000", func(h *netlink.Handle, l netlink.Link) error {
			if err := h.LinkSetDown(l); err != nil {
				return err
			}
			time.Sleep(time.Second)
			return h.LinkSetUp(l)
		}, `100000 packets were sent, \d+ were delivered`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out safeBuffer
			cmd := exec.Command(exe, "demo", "--packets", tc.packets, "--rate", "20000", "--flows", "200", "--socket", filepath.Join(t.TempDir(), "demo.sock"))
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pid := cmd.Process.Pid
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			children := waitFor(t, &out, "   delivered ", pid)
			sinkDevice(t, pid, tc.cut)
			select {
			case err := <-ended:
				var ee *exec.ExitError
				if !errors.As(err, &ee) || ee.ExitCode() != 1 {
					t.Errorf("exit status: %v, want 1", err)
				}
			case <-time.After(3 * time.Minute):
				_ = cmd.Process.Kill()
				t.Fatalf("it goes on and on:\n%s", out.String())
			}
			text := out.String()
			if l := lastLine([]byte(text)); l != "demo FAILED" {
				t.Errorf("last line %q", l)
			}
			for _, p := range []string{tc.want, `── sums\n`, `\d+ of \d+ flows that sent agree`} {
				if !regexp.MustCompile(p).MatchString(text) {
					t.Errorf("no %q in what it says", p)
				}
			}
			if regexp.MustCompile(`(?m)^ +-\d+  `).MatchString(text) {
				t.Error("a negative loss")
			}
			for _, c := range children {
				if !gone(c) {
					t.Errorf("process %d is still there", c)
				}
			}
			wantNothingLeft(t, pid)
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}
