package bench

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pollux/internal/lab"
)

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = 30 * time.Second

// wires makes a chain of namespaces a, b, …, each joined to the next by a veth
// with devices <left>r and <right>l, and returns their names.
func wires(t *testing.T, names ...string) (*lab.Lab, []*lab.Namespace) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	l, err := lab.New("pxbench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	var ns []*lab.Namespace
	for i, name := range names {
		n, err := l.Namespace(name)
		if err != nil {
			t.Fatal(err)
		}
		ns = append(ns, n)
		if i > 0 {
			_, err := l.Veth(lab.End{NS: ns[i-1], Device: names[i-1] + "r"}, lab.End{NS: n, Device: name + "l"})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return l, ns
}

func open(t *testing.T, ns *lab.Namespace, device string) *Port {
	t.Helper()
	p, err := OpenPort(PortConfig{NetNS: ns.Name, Device: device})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// exchange sends count packets and counts them at the other end.
func exchange(t *testing.T, tx, rx *Port, fs *FlowSet, rate float64, count uint64) *Report {
	t.Helper()
	r := NewReceiver(rx, fs)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	g := NewGenerator(tx, fs)
	g.Rate, g.Count = rate, count
	g.Window, g.Arrived = 128, r.Tally.Total // fewer than any queue on the way holds, on a machine of any load
	start := time.Now()
	err := g.Run(context.Background())
	took := time.Since(start)
	for end := time.Now().Add(patience); err == nil && r.Tally.Total() < count && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the last ones are on their way
	}
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	if g.Total() != count {
		t.Fatalf("sent %d packets, %d were asked for", g.Total(), count)
	}
	return NewReport(g.Sent, r.Tally, took)
}

var mixed = []Shape{
	{Proto: UDP, Sizes: Min64},
	{Proto: TCP, Sizes: IMIX},
	{Proto: ICMP},
	{Proto: UDP, IPv6: true, Sizes: []int{1514}},
	{Proto: TCP, VLAN: 10},
	{Proto: ICMP, IPv6: true, VLAN: 20},
}

func TestGeneratorToReceiver(t *testing.T) {
	_, ns := wires(t, "a", "b")
	fs, err := NewFlowSet(FlowSpec{Flows: 100, Shapes: mixed, Skew: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const count = 50_000
	r := exchange(t, open(t, ns[0], "ar"), open(t, ns[1], "bl"), fs, 50_000, count)
	t.Log(r)
	if r.Sent != count || r.Received != count || r.Lost+r.Duplicate+r.Reordered != 0 {
		t.Errorf("want %d sent and received in order", count)
	}
	for _, f := range r.Flows {
		var bytes uint64
		for seq := range f.Sent {
			bytes += uint64(fs.Size(f.Flow, seq))
		}
		if f.Sent == 0 || f.Received != f.Sent || f.Bytes != bytes {
			t.Errorf("flow %d: sent %d (%d bytes), received %d (%d bytes)", f.Flow, f.Sent, bytes, f.Received, f.Bytes)
		}
	}
}

func TestForwarderForwardsAll(t *testing.T) {
	_, ns := wires(t, "a", "b", "c")
	fs, err := NewFlowSet(FlowSpec{Flows: 20, Shapes: mixed})
	if err != nil {
		t.Fatal(err)
	}
	f := &Forwarder{In: open(t, ns[1], "bl"), Out: open(t, ns[1], "br"), Core: -1}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	const count = 20_000
	r := exchange(t, open(t, ns[0], "ar"), open(t, ns[2], "cl"), fs, 40_000, count)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r.Received != count || r.Duplicate+r.Reordered != 0 || f.Dropped() != 0 || f.Forwarded() < count {
		t.Errorf("%v; forwarder: %d forwarded, %d dropped", r, f.Forwarded(), f.Dropped())
	}
}

func TestWindowHoldsBackAndGoesOnAfterLoss(t *testing.T) {
	_, ns := wires(t, "a", "b")
	fs, err := NewFlowSet(FlowSpec{Flows: 1})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGenerator(open(t, ns[0], "ar"), fs)
	g.Count, g.Window = 250, 100
	g.Arrived = func() uint64 { return g.Total() - min(g.Total(), 10) } // 10 never arrive
	if err := g.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if g.Total() != 250 {
		t.Errorf("sent %d, want 250", g.Total())
	}

	g = NewGenerator(g.Port, fs)
	g.Count, g.Window = 250, 100
	start := time.Now()
	g.Arrived = func() uint64 {
		if g.Total() > 100 && time.Since(start) < stallTime {
			t.Errorf("%d packets on their way, the window is 100", g.Total())
		}
		return 0 // all lost
	}
	if err := g.Run(context.Background()); err != nil || g.Total() != 250 {
		t.Errorf("sent %d, want 250: %v", g.Total(), err)
	}
}

func TestGeneratorLosesItsPatience(t *testing.T) {
	_, ns := wires(t, "a", "b")
	fs, err := NewFlowSet(FlowSpec{Flows: 1})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGenerator(open(t, ns[0], "ar"), fs)
	g.Count, g.Window, g.Patience = 1_000_000, 100, 300*time.Millisecond
	g.Arrived = func() uint64 { return min(g.Total(), 250) } // the wire is cut after 250
	start := time.Now()
	if err := g.Run(context.Background()); !errors.Is(err, ErrStalled) {
		t.Errorf("error is %v, want ErrStalled", err)
	}
	if took := time.Since(start); took < g.Patience {
		t.Errorf("gave up after %v, patience is %v", took, g.Patience)
	}
	if n := g.Total(); n < 250 || n > 250+g.Window {
		t.Errorf("sent %d, want at most a window after the 250 that arrived", n)
	}

	g = NewGenerator(g.Port, fs)
	g.Count, g.Window, g.Patience, g.Rate = 5, 100, 300*time.Millisecond, 10
	g.Arrived = g.Total // slow, and nothing is missing
	if err := g.Run(context.Background()); err != nil || g.Total() != 5 {
		t.Errorf("sent %d of 5: %v", g.Total(), err)
	}
}

func TestSendOnDownDeviceIsAnError(t *testing.T) {
	_, ns := wires(t, "a", "b")
	fs, err := NewFlowSet(FlowSpec{Flows: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, ns[0], "ar")
	if err := ns[0].SetUp("ar", false); err != nil {
		t.Fatal(err)
	}
	g := NewGenerator(p, fs)
	g.Count = 1
	if err := g.Run(context.Background()); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("error is %v, want ENETDOWN", err)
	}
}

func TestKernelGeneratorToSink(t *testing.T) {
	_, ns := wires(t, "a", "b")
	s, err := NewSink(ns[1].Name, "bl")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err := NewKernelGen(KernelGenSpec{NetNS: ns[0].Name, Device: "ar", Size: 60, Flows: 5000, Core: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- g.Run(ctx) }()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if n, err := s.Count(); err != nil || n > 0 {
			break
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	sent, err1 := g.Count()
	got, err2 := s.Count()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	t.Logf("sent %d, counted %d", sent, got)
	if sent == 0 || got == 0 || got > sent {
		t.Errorf("sent %d, sink counted %d", sent, got)
	}
}

func TestTallyCountsEveryKind(t *testing.T) {
	fs, err := NewFlowSet(FlowSpec{Flows: 3})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, MaxFrame)
	tally := NewTally(fs.Len())
	add := func(flow int, seqs ...uint64) {
		for _, s := range seqs {
			tally.Add(buf[:fs.Build(buf, flow, s)])
		}
	}
	add(0, 0, 1, 2)          // in order
	add(1, 0, 3, 1, 1, 3, 4) // 2 is lost, 1 comes late, 1 and 3 twice
	add(2, 1<<40)            // not a number that can be
	tally.Add(buf[:20])
	r := NewReport([]uint64{3, 5, 0}, tally, time.Second)
	if r.Received != 7 || r.Lost != 1 || r.Duplicate != 2 || r.Reordered != 1 || r.Foreign != 2 || tally.Total() != 9 {
		t.Errorf("%v, foreign %d, total %d", r, r.Foreign, tally.Total())
	}
	if f := r.Flows[1]; f.Received != 4 || f.Lost != 1 || f.Duplicate != 2 || f.Reordered != 1 || f.Bytes != 240 {
		t.Errorf("flow 1: %+v", f)
	}
}
