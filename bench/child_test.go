package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestChildReadyAndStop(t *testing.T) {
	var echo bytes.Buffer
	c, err := StartChild(nil, &echo, "/bin/sh", "-c", `trap 'echo bye; exit 0' TERM; echo first; printf 're'; printf 'ady\n'; while :; do sleep 0.05; done`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(patience); err != nil {
		t.Error(err)
	}
	if got := c.Output(); got != "first\nready\nbye\n" || echo.String() != got {
		t.Errorf("output %q, echo %q", got, echo.String())
	}
}

// TestChildReadyWithoutSomePorts: a switch says how many, and no other line is taken for that.
func TestChildReadyWithoutSomePorts(t *testing.T) {
	c, err := StartChild(nil, nil, "/bin/sh", "-c", "trap 'exit 0' TERM; echo readying; echo not ready; echo 'ready, 1 of 2 ports open'; while :; do sleep 0.05; done")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	if got := c.Output(); !strings.HasSuffix(got, "ports open\n") {
		t.Errorf("ready after %q", got)
	}
	if err := c.Stop(patience); err != nil {
		t.Error(err)
	}
}

func TestChildThatFails(t *testing.T) {
	c, err := StartChild(nil, nil, "/bin/sh", "-c", "echo why >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(patience); err == nil || !strings.Contains(err.Error(), "why") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
	if err := c.Stop(patience); err != nil { // told once
		t.Error(err)
	}
}

func TestChildThatDoesNotStop(t *testing.T) {
	c, err := StartChild(nil, nil, "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(100 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v", err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("it still runs")
	}
}

func TestChildThatIsNotThere(t *testing.T) {
	if _, err := StartChild(nil, nil, "/nonexistent"); err == nil {
		t.Error("started")
	}
}
