package port

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"pollux/internal/lab"
	"pollux/internal/packet"
)

// openTap makes a tap in ns.
func openTap(t testing.TB, ns *lab.Namespace, mem *packet.Memory, cfg TapConfig) *Tap {
	t.Helper()
	var p *Tap
	must(t, ns.Do(func() (err error) {
		p, err = OpenTap(cfg, mem)
		return err
	}))
	t.Cleanup(func() {
		if _, err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestTapBothWays(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l := newLab(t)
	ns := namespace(t, l, "n")
	mem, free := newMemory(t, 1024)
	p := openTap(t, ns, mem, TapConfig{Device: "local", MAC: "02:00:00:00:00:0c", MTU: 1600})
	if info := p.Info(); info.Type != "tap" || info.MAC != "02:00:00:00:00:0c" || info.MTU != 1600 || info.IfIndex == 0 {
		t.Errorf("info %+v", info)
	}
	host := openRaw(t, ns, "local")
	rxs, txs := p.Queues()
	var b packet.Batch
	next := func() []byte {
		var n int
		until(t, "a frame from the host", func() bool { n = rxs[0].Rx(&b, 1, free); return n == 1 })
		frame := bytes.Clone(mem.Frame(b.Desc[0]))
		if b.Desc[0].Addr-mem.Chunk(b.Desc[0].Addr) != 256 {
			t.Errorf("no headroom")
		}
		free.Put(mem.Chunk(b.Desc[0].Addr))
		return frame
	}
	for _, f := range sizes() {
		must(t, host.send(f))
		if got := next(); !bytes.Equal(got, f) {
			t.Fatalf("host sent %x, port got %x", f, got)
		}
	}
	var back [packet.MaxBatch]uint64
	for _, f := range sizes() {
		c, _ := free.Get()
		d := packet.Desc{Addr: c + 256, Len: uint32(len(f))}
		copy(mem.Frame(d), f)
		if n := txs[0].Tx([]packet.Desc{d}); n != 1 || txs[0].Inflight() != 1 {
			t.Fatalf("took %d, %d in flight", n, txs[0].Inflight())
		}
		if got := host.receive(patience); !bytes.Equal(got, f) {
			t.Fatalf("port sent %x, host got %x", f, got)
		}
		if n := txs[0].Reclaim(back[:]); n != 1 || back[0] != c {
			t.Fatalf("reclaimed %d", n)
		}
		free.Put(back[0])
	}
	// More than one burst waits: it comes over several calls.
	for i := range 200 {
		must(t, host.send(makeFrame(100, uint64(i))))
	}
	for i := range 200 {
		if got := next(); !bytes.Equal(got, makeFrame(100, uint64(i))) {
			t.Fatalf("frame %d: %x", i, got)
		}
	}
	// Down: the host refuses, the port counts, the chunks come back at Close.
	must(t, ns.SetUp("local", false))
	c, _ := free.Get()
	if n := txs[0].Tx([]packet.Desc{{Addr: c + 256, Len: 60}}); n != 1 || p.Counters().TxErrors != 1 {
		t.Errorf("interface down: took %d, %+v", n, p.Counters())
	}
	closePort(t, p, free)
	checkAllFree(t, mem, free)
	if _, err := ns.Netlink().LinkByName("local"); err == nil {
		t.Error("the interface outlives the port")
	}
	if rxs[0].Rx(&b, 1, free) != 0 || txs[0].Tx([]packet.Desc{{Addr: 256, Len: 60}}) != 0 {
		t.Error("a closed tap gives or takes")
	}
}

// TestLocalPortPings: the host at a tap pings a host behind an AF_XDP port, with
// nothing between them but two queues joined crosswise.
func TestLocalPortPings(t *testing.T) {
	l := newLab(t)
	dut, far := namespace(t, l, "dut"), namespace(t, l, "far")
	_, err := l.Veth(lab.End{NS: dut, Device: "p0"}, lab.End{NS: far, Device: "eth0", Addrs: []string{"10.88.0.2/24"}})
	must(t, err)
	mem, free := newMemory(t, 4096)
	tap := openTap(t, dut, mem, TapConfig{Device: "local", Addrs: []string{"10.88.0.1/24"}})
	xdp := openAFXDP(t, dut, mem, AFXDPConfig{Device: "p0", RxRing: 512, TxRing: 512})
	tapRx, tapTx := tap.Queues()
	xdpRx, xdpTx := xdp.Queues()
	end := background(&pump{rx: tapRx[0], tx: xdpTx[0], free: free}, &pump{rx: xdpRx[0], tx: tapTx[0], free: free})
	defer end()
	for _, size := range []string{"56", "1472"} {
		if out, err := dut.Run("ping", "-c3", "-i0.05", "-W30", "-s", size, "10.88.0.2"); err != nil {
			t.Errorf("%v", err)
		} else if !strings.Contains(string(out), " 0% packet loss") {
			t.Errorf("%s", out)
		}
	}
	end()
	closePort(t, tap, free)
	closePort(t, xdp, free)
	checkAllFree(t, mem, free)
}

func TestTapDoesNotAllocate(t *testing.T) {
	l := newLab(t)
	ns := namespace(t, l, "n")
	mem, free := newMemory(t, 1024)
	p := openTap(t, ns, mem, TapConfig{Device: "local"})
	host := openRaw(t, ns, "local")
	for range 400 {
		must(t, host.send(makeFrame(100, 1)))
	}
	rx, tx := p.Queues()
	echo := &pump{rx: rx[0], tx: tx[0], free: free, max: 2}
	moved := 0
	if n := testing.AllocsPerRun(100, func() { moved += echo.step() }); n != 0 {
		t.Errorf("%v allocations an iteration", n)
	}
	if moved < 150 {
		t.Errorf("only %d frames moved", moved)
	}
}

func TestTapRefuses(t *testing.T) {
	l := newLab(t)
	ns := namespace(t, l, "n")
	mem, _ := newMemory(t, 16)
	openTap(t, ns, mem, TapConfig{Device: "there"})
	for _, c := range []struct {
		cfg  TapConfig
		want string
	}{
		{TapConfig{}, `name ""`},
		{TapConfig{Device: "a-name-that-is-too-long"}, "want 1 to 15 bytes"},
		{TapConfig{Device: "x", MTU: 9000}, "mtu 9000"},
		{TapConfig{Device: "x", MTU: 20}, "mtu 20"},
		{TapConfig{Device: "x", MAC: "zz"}, `mac "zz"`},
		{TapConfig{Device: "x", Addrs: []string{"10.0.0.300"}}, "10.0.0.300"},
		{TapConfig{Device: "there"}, "busy"},
	} {
		err := ns.Do(func() error {
			_, err := OpenTap(c.cfg, mem)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.cfg, err, c.want)
		}
		if _, err := ns.Netlink().LinkByName("x"); err == nil {
			t.Fatalf("%+v: the refused interface stays", c.cfg)
		}
	}
}
