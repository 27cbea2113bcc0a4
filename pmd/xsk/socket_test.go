package xsk

import (
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pollux/internal/lab"
	"pollux/internal/packet"
)

// kernelView is the first entry as the kernel's own type.
func kernelView(d []packet.Desc) unix.XDPDesc { return *(*unix.XDPDesc)(unsafe.Pointer(&d[0])) }

// device makes a veth in a namespace and runs f there with its index.
func device(t *testing.T, queues int, f func(ns *lab.Namespace, ifindex int)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	l, err := lab.New("xsktest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	ns, err := l.Namespace("n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Veth(lab.End{NS: ns, Device: "p0", Queues: queues}, lab.End{NS: ns, Device: "p1", Queues: queues}); err != nil {
		t.Fatal(err)
	}
	if err := ns.Do(func() error {
		link, err := netlink.LinkByName("p0")
		if err == nil {
			f(ns, link.Attrs().Index)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func memory(t *testing.T) *packet.Memory {
	t.Helper()
	mem, err := NewMemory(MemoryConfig{Homes: 1, PerHome: 512})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := FreeMemory(mem); err != nil {
			t.Error(err)
		}
	})
	return mem
}

func config(ifindex, queues int) DeviceConfig {
	return DeviceConfig{IfIndex: ifindex, Queues: queues, Mode: Auto, RxRing: 128, TxRing: 128, TxBudget: 64}
}

// TestReopen opens and closes the same queues over and over: neither the program
// nor a pinned socket may be in the way.
func TestReopen(t *testing.T) {
	device(t, 2, func(_ *lab.Namespace, ifindex int) {
		mem := memory(t)
		for i := range 20 {
			d, err := Open(config(ifindex, 2), mem)
			if err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
			if d.Mode != Copy || len(d.Sockets) != 2 {
				t.Errorf("mode %s, %d sockets", d.Mode, len(d.Sockets))
			}
			side := d.Sockets[1].Tx()
			if side.Tx.Size() != 128 {
				t.Errorf("tx ring of %d", side.Tx.Size())
			}
			if err := d.Close(); err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
			if side.Tx.Size() != 0 || side.Kick() != unix.EBADF {
				t.Error("a closed socket's side is still usable")
			}
			if err := d.Close(); err != nil {
				t.Errorf("second close: %v", err)
			}
		}
	})
}

// TestTwoSocketsOneMemory: both register the same memory, and either may go first.
func TestTwoSocketsOneMemory(t *testing.T) {
	device(t, 2, func(_ *lab.Namespace, ifindex int) {
		mem := memory(t)
		var report Report
		open := func(queue int) *Socket {
			s, err := OpenSocket(SocketConfig{IfIndex: ifindex, Queue: queue, RxRing: 64, TxRing: 64}, mem, &report)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		first, second := open(0), open(1)
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		// The second lives on: it sends, and the frame completes.
		tx := second.Tx()
		slots, _ := tx.Tx.Slots(tx.Tx.Reserve(1))
		slots[0] = packet.Desc{Addr: 5*2048 + 256, Len: 60}
		tx.Tx.Submit(1)
		if errno := tx.Kick(); errno != 0 {
			t.Fatalf("kick: %v", errno)
		}
		var n uint32
		for range 30_000 {
			if n = tx.Completion.Peek(1); n != 0 {
				break
			}
			unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
		}
		if n != 1 {
			t.Fatal("the frame never completed")
		}
		if done, _ := tx.Completion.Entries(1); done[0] != 5*2048+256 {
			t.Errorf("completed %#x", done[0])
		}
		tx.Completion.Release(1)
		first = open(0)
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		if k, err := first.Statistics(); err != nil || k != (Statistics{}) {
			t.Errorf("statistics of an idle socket: %+v, %v", k, err)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		if _, err := first.Statistics(); err == nil {
			t.Error("statistics of a closed socket")
		}
	})
}

// TestStatisticsCountInvalid gives the kernel descriptors outside the memory.
func TestStatisticsCountInvalid(t *testing.T) {
	device(t, 1, func(_ *lab.Namespace, ifindex int) {
		mem := memory(t)
		d, err := Open(config(ifindex, 1), mem)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		tx := d.Sockets[0].Tx()
		slots, _ := tx.Tx.Slots(tx.Tx.Reserve(3))
		for i := range slots {
			slots[i] = packet.Desc{Addr: uint64(len(mem.Buf)) + 4096, Len: 60}
		}
		tx.Tx.Submit(3)
		for range 3 { // the kernel ends a send at a bad descriptor
			tx.Kick()
		}
		k, err := d.Sockets[0].Statistics()
		if err != nil || k.TxInvalid != 3 {
			t.Errorf("statistics %+v, %v", k, err)
		}
	})
}

func TestReportSaysWhatWasRefused(t *testing.T) {
	device(t, 1, func(_ *lab.Namespace, ifindex int) {
		cfg := config(ifindex, 1)
		cfg.BusyPoll = 20
		d, err := Open(cfg, memory(t))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		state := d.Report.State
		if !strings.HasPrefix(state["native-zerocopy"], "refused: ") || state["native-copy"] != "on" {
			t.Errorf("modes: %v", state)
		}
		for _, feature := range []string{"need_wakeup", "tx_budget", "send_buffer", "prefer_busy_poll", "busy_poll", "busy_poll_budget"} {
			if state[feature] == "" {
				t.Errorf("%s is not reported: %v", feature, state)
			}
		}
	})
}

// TestFeaturesAgreeWithTheKernel: what it says of a veth is what it does.
func TestFeaturesAgreeWithTheKernel(t *testing.T) {
	device(t, 1, func(_ *lab.Namespace, ifindex int) {
		if features, err := xdpFeatures(ifindex); err != nil || features&1 == 0 { // 1: the basic verdicts
			t.Skipf("features %#x: this kernel can't be asked: %v", features, err)
		}
		err := zeroCopy(ifindex)
		mem, report := memory(t), Report{}
		s, bound := OpenSocket(SocketConfig{IfIndex: ifindex, ZeroCopy: true, RxRing: 64, TxRing: 64}, mem, &report)
		if bound == nil {
			bound = s.Close()
		}
		if (err == nil) != (bound == nil) {
			t.Errorf("asked: %v; tried: %v", err, bound)
		}
		if err := zeroCopy(1 << 30); err != nil {
			t.Errorf("a device that is not there: %v", err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	mem := &packet.Memory{}
	for _, c := range []struct {
		change func(*DeviceConfig)
		want   string
	}{
		{func(c *DeviceConfig) { c.Queues = 0 }, "0 queues"},
		{func(c *DeviceConfig) { c.RxRing = 100 }, "ring of 100"},
		{func(c *DeviceConfig) { c.TxRing = 32 }, "ring of 32"},
		{func(c *DeviceConfig) { c.TxRing = 1 << 17 }, "ring of 131072"},
		{func(c *DeviceConfig) { c.TxBudget = 16 }, "tx budget 16"},
		{func(c *DeviceConfig) { c.TxBudget = 256 }, "tx budget 256"},
		{func(c *DeviceConfig) { c.Mode = "fast" }, `mode "fast"`},
	} {
		cfg := config(1, 1)
		c.change(&cfg)
		if _, err := Open(cfg, mem); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		n    int
	}{{Auto, 3}, {"", 3}, {ZeroCopy, 1}, {Copy, 1}, {Generic, 1}} {
		if got, err := candidates(c.mode); err != nil || len(got) != c.n {
			t.Errorf("%q: %v, %v", string(c.mode), got, err)
		}
	}
	for mode, shown := range map[Mode]string{ZeroCopy: "native-zerocopy", Copy: "native-copy", Generic: "generic", Auto: "auto"} {
		if mode.String() != shown {
			t.Errorf("%q is shown as %q", string(mode), mode)
		}
	}
}
