package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"pollux/internal/lab"
)

// Device is a switch that a benchmark can start between two devices of a namespace:
// what arrives at one goes out of the other, both ways.
type Device interface {
	Name() string
	// Start returns when the device was told all it has to know; whether it forwards
	// yet, a packet tells.
	Start(p Place) (Running, error)
}

// Place is where a device is started.
type Place struct {
	NS      *lab.Namespace
	In, Out string    // its two network devices
	Core    int       // for the thread that forwards, and for that only
	Control int       // core for whatever else it runs
	Dir     string    // for its files; the caller removes it
	Echo    io.Writer // what it says, or nil
}

// Running is a device that was started.
type Running interface {
	Pid() int       // of the process whose thread on Core does the work
	Output() string // its last words, for errors
	Stop() error
}

// The devices that are in this binary.
const (
	DevicePollux    = "pollux"
	DeviceForwarder = "forwarder"
)

// childDevice is this binary, started with other arguments.
type childDevice struct {
	name string
	exe  string
	args func(Place) ([]string, error)

	socket func(Place) string // of a switch, where it can be asked; or nil
}

// NewForwarder is the bare forwarder as a device; exe is the pollux binary.
func NewForwarder(exe string) Device {
	return &childDevice{name: DeviceForwarder, exe: exe, args: func(p Place) ([]string, error) {
		return []string{"bench", "forward", "--in", p.In, "--out", p.Out, "--both", "--core", fmt.Sprint(p.Core)}, nil
	}}
}

// NewPollux is the switch with one loop and a rule for each way. Settings of its
// configuration may be changed: those of datapath and those of both ports, as YAML in
// braces without the braces.
func NewPollux(name, exe, datapath, port string) Device {
	if datapath == "" {
		datapath = "burst: 256"
	}
	if port != "" {
		port = ", " + port
	}
	return &childDevice{name: name, exe: exe, socket: polluxSocket, args: func(p Place) ([]string, error) {
		file := filepath.Join(p.Dir, "pollux.yaml")
		text := fmt.Sprintf(`datapath: {%s, loops: [{core: %d}]}
ports:
  - {name: in, type: afxdp, device: %s%s}
  - {name: out, type: afxdp, device: %s%s}
flows: |
  in_port=1,actions=output:2
  in_port=2,actions=output:1
control: {socket: %s}
`, datapath, p.Core, p.In, port, p.Out, port, polluxSocket(p))
		return []string{"run", "-c", file}, os.WriteFile(file, []byte(text), 0o600)
	}}
}

func (d *childDevice) Name() string { return d.name }

func (d *childDevice) Start(p Place) (Running, error) {
	args, err := d.args(p)
	if err != nil {
		return nil, err
	}
	c, err := StartChild(p.NS, p.Echo, d.exe, args...)
	if err != nil {
		return nil, err
	}
	if err := c.WaitReady(startTime); err != nil {
		return nil, errors.Join(err, c.Stop(stopTime))
	}
	if d.socket != nil {
		return runningPollux{runningChild{c}, d.socket(p)}, nil
	}
	return runningChild{c}, nil
}

// How long a device may take to start and to end.
const (
	startTime = 20 * time.Second
	stopTime  = 5 * time.Second
)

type runningChild struct{ *Child }

func (r runningChild) Stop() error { return r.Child.Stop(stopTime) }

// NewRunning makes a Running of a child that takes stop to end.
func NewRunning(c *Child) Running { return runningChild{c} }
