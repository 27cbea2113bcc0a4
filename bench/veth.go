package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pollux/internal/lab"
)

// VethSpec is a comparison of the switch with the bare forwarder between two veths:
//
//	generator ns: gen0 ─ dut0 :device's ns: dut1 ─ sink0 :sink ns
//
// The device's receiving half (veth, XDP program, copy to its memory) runs in the
// generator's softirq on GenCore, its sending half on DUTCore.
type VethSpec struct {
	Exe     string        // the pollux binary
	Size    int           // frame length in bytes without FCS; default 60
	Flows   int           // distinct UDP flows; default 1
	Time    time.Duration // of each run; default 2 s
	Repeats int           // runs of each; default 3
	GenCore int
	DUTCore int
	Sockets bool              // generate through sockets, not in the kernel
	Echo    io.Writer         // what the devices under test say, or nil
	Each    func(run VethRun) // called after each run, or nil
}

// VethRun is one run of one device under test.
type VethRun struct {
	Device    string  `json:"device"` // pollux, forwarder
	Repeat    int     `json:"repeat"`
	Generator string  `json:"generator"` // kernel, sockets
	Offered   float64 `json:"offered_mpps"`
	Delivered float64 `json:"delivered_mpps"`
	Disturbed float64 `json:"disturbed"` // share of the time that others had the device's core
	Own       float64 `json:"own_mpps"`  // delivered in the time that the device had its core
}

// VethResult is all runs and what they come to.
type VethResult struct {
	Size      int       `json:"size"`
	Flows     int       `json:"flows"`
	Runs      []VethRun `json:"runs"`
	Pollux    Spread    `json:"pollux_mpps"`
	Forwarder Spread    `json:"forwarder_mpps"`
	Ratio     float64   `json:"ratio"`     // of the medians, Pollux to forwarder
	RatioOwn  float64   `json:"ratio_own"` // of the medians of VethRun.Own, for a machine that is busy otherwise
}

// quietCore is the share of a run that others may have had the device's core for
// which what was delivered still speaks for itself.
const quietCore = 0.05

// Reading says which of the two ratios to go by, in a line: Ratio where the device
// had its core to itself, RatioOwn where others had much of it.
func (r *VethResult) Reading() string {
	var shares []float64
	for _, run := range r.Runs {
		shares = append(shares, run.Disturbed)
	}
	most := NewSpread(shares).Max
	if most <= quietCore {
		return fmt.Sprintf("read the first: nobody else had the core for more than %.1f %% of a run", 100*most)
	}
	return fmt.Sprintf("read the second, and the column own Mpps: others had the core for up to %.1f %% of a run", 100*most)
}

// The devices that RunVeth compares.
const (
	DevicePollux    = "pollux"
	DeviceForwarder = "forwarder"
)

func (s *VethSpec) defaults() {
	if s.Size == 0 {
		s.Size = 60
	}
	if s.Flows == 0 {
		s.Flows = 1
	}
	if s.Time == 0 {
		s.Time = 2 * time.Second
	}
	if s.Repeats == 0 {
		s.Repeats = 3
	}
}

// RunVeth runs the switch and the forwarder in turn on the same wires, as often as
// asked, so that what disturbs the machine disturbs both.
func RunVeth(ctx context.Context, s VethSpec) (res *VethResult, err error) {
	s.defaults()
	if _, err := lab.Sweep("pxveth"); err != nil {
		return nil, err
	}
	l, err := lab.New("pxveth")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w, err := newVethWires(l)
	if err != nil {
		return nil, err
	}
	dir, err := WorkDir("bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	sink, err := NewSink(w.sink.Name, "sink0")
	if err != nil {
		return nil, err
	}
	defer sink.Close()

	s.Sockets = s.Sockets || !w.kernelCan(&s)
	defer func() {
		if w.port != nil {
			err = errors.Join(err, w.port.Close())
		}
	}()

	res = &VethResult{Size: s.Size, Flows: s.Flows}
	mpps, own := map[string][]float64{}, map[string][]float64{}
	for rep := range s.Repeats {
		for _, device := range []string{DevicePollux, DeviceForwarder} {
			run, err := w.run(ctx, &s, device, dir, sink)
			if err != nil {
				return nil, fmt.Errorf("run %d of %s: %w", rep+1, device, err)
			}
			run.Repeat = rep + 1
			res.Runs = append(res.Runs, run)
			mpps[device], own[device] = append(mpps[device], run.Delivered), append(own[device], run.Own)
			if s.Each != nil {
				s.Each(run)
			}
		}
	}
	res.Pollux, res.Forwarder = NewSpread(mpps[DevicePollux]), NewSpread(mpps[DeviceForwarder])
	if res.Forwarder.Median > 0 {
		res.Ratio = res.Pollux.Median / res.Forwarder.Median
		res.RatioOwn = NewSpread(own[DevicePollux]).Median / NewSpread(own[DeviceForwarder]).Median
	}
	return res, nil
}

type vethWires struct {
	gen, dut, sink *lab.Namespace
	port           *Port // of the generator on sockets, once it was asked for
}

func newVethWires(l *lab.Lab) (w *vethWires, err error) {
	w = &vethWires{}
	for _, n := range []struct {
		name string
		ns   **lab.Namespace
	}{{"gen", &w.gen}, {"dut", &w.dut}, {"sink", &w.sink}} {
		if *n.ns, err = l.Namespace(n.name); err != nil {
			return nil, err
		}
	}
	if _, err = l.Veth(lab.End{NS: w.gen, Device: "gen0"}, lab.End{NS: w.dut, Device: "dut0"}); err != nil {
		return nil, err
	}
	_, err = l.Veth(lab.End{NS: w.sink, Device: "sink0"}, lab.End{NS: w.dut, Device: "dut1"})
	return w, err
}

// command returns what starts the device under test.
func (s *VethSpec) command(device, dir string) ([]string, error) {
	if device == DeviceForwarder {
		return []string{"bench", "forward", "--in", "dut0", "--out", "dut1", "--core", fmt.Sprint(s.DUTCore)}, nil
	}
	file := filepath.Join(dir, "pollux.yaml")
	text := fmt.Sprintf(`datapath:
  burst: 256
  loops: [{core: %d}]
ports:
  - {name: in, type: afxdp, device: dut0}
  - {name: out, type: afxdp, device: dut1}
flows: |
  in_port=1,actions=output:2
control: {socket: %s}
`, s.DUTCore, filepath.Join(dir, "pollux.sock"))
	return []string{"run", "-c", file}, os.WriteFile(file, []byte(text), 0o600)
}

// run starts a device, offers it all it can be offered, and counts at the sink.
func (w *vethWires) run(ctx context.Context, s *VethSpec, device, dir string, sink *Sink) (run VethRun, err error) {
	run.Device = device
	args, err := s.command(device, dir)
	if err != nil {
		return run, err
	}
	child, err := StartChild(w.dut, s.Echo, s.Exe, args...)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, child.Stop(5*time.Second)) }()
	if err := child.WaitReady(20 * time.Second); err != nil {
		return run, err
	}
	offer, err := w.generator(s)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, offer.close()) }()
	run.Generator = offer.name

	genCtx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- offer.run(genCtx) }()
	t0, err0 := PinnedTime(child.Pid(), s.DUTCore)
	run.Offered, run.Delivered, err = measure(ctx, s.Time, offer.count, sink.Count)
	t1, err1 := PinnedTime(child.Pid(), s.DUTCore)
	run.Disturbed = t1.Since(t0).Disturbed()
	run.Own = run.Delivered / max(1-run.Disturbed, 0.001)
	stop()
	err = errors.Join(err, err0, err1, <-done)
	if err == nil && run.Delivered == 0 {
		err = errors.New("nothing was delivered:\n" + strings.TrimSpace(child.Output()))
	}
	return run, err
}

// warmUp is how long traffic flows before counting begins.
const warmUp = 500 * time.Millisecond

// measure returns how fast the two counts grow, in millions a second.
func measure(ctx context.Context, d time.Duration, a, b func() (uint64, error)) (ra, rb float64, err error) {
	if err := sleep(ctx, warmUp); err != nil {
		return 0, 0, err
	}
	start := time.Now()
	a0, errA := a()
	b0, errB := b()
	if err := errors.Join(errA, errB, sleep(ctx, d)); err != nil {
		return 0, 0, err
	}
	took := time.Since(start).Seconds() * 1e6
	a1, errA := a()
	b1, errB := b()
	return float64(a1-a0) / took, float64(b1-b0) / took, errors.Join(errA, errB)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// offer is a generator of either kind.
type offer struct {
	name  string
	run   func(context.Context) error
	count func() (uint64, error)
	close func() error
}

// generator returns the kernel's generator, or the one on sockets.
func (w *vethWires) generator(s *VethSpec) (*offer, error) {
	if !s.Sockets {
		g, err := NewKernelGen(KernelGenSpec{NetNS: w.gen.Name, Device: "gen0", Size: s.Size, Flows: s.Flows, Core: s.GenCore})
		if err != nil {
			return nil, err
		}
		return &offer{"kernel", g.Run, g.Count, g.Close}, nil
	}
	fs, err := NewFlowSet(FlowSpec{Flows: s.Flows, Shapes: []Shape{{Proto: UDP, Sizes: []int{s.Size}}}})
	if err != nil {
		return nil, err
	}
	if w.port == nil { // opened once: see Port
		if w.port, err = OpenPort(PortConfig{NetNS: w.gen.Name, Device: "gen0", NoRx: true}); err != nil {
			return nil, err
		}
	}
	g := NewGenerator(w.port, fs)
	g.Core, g.Batch = s.GenCore, 256
	count := func() (uint64, error) { return g.Total(), nil }
	return &offer{"sockets", g.Run, count, func() error { return nil }}, nil
}

// kernelCan says whether the kernel can run live frames, by running some.
func (w *vethWires) kernelCan(s *VethSpec) bool {
	g, err := NewKernelGen(KernelGenSpec{NetNS: w.gen.Name, Device: "gen0", Size: s.Size, Flows: s.Flows, Core: s.GenCore})
	if err != nil {
		return false
	}
	defer g.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return g.Run(ctx) == nil
}
