package port

import (
	"bytes"
	"testing"
	"time"

	"pollux/internal/lab"
	"pollux/internal/packet"
)

// TestOpenWhileDown opens a port on a device that is down: it works once that is up.
func TestOpenWhileDown(t *testing.T) {
	l := newLab(t)
	ns, far := namespace(t, l, "n"), namespace(t, l, "far")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0", Down: true}, lab.End{NS: far, Device: "eth0"})
	must(t, err)
	mem, free := newMemory(t, 1024)
	p := openAFXDP(t, ns, mem, AFXDPConfig{Device: "p0", RxRing: 256, TxRing: 256})
	rx, tx := p.Queues()
	echo := &pump{rx: rx[0], tx: tx[0], free: free}
	echo.step()
	must(t, ns.SetUp("p0", true))
	must(t, ns.WaitUp("p0"))
	must(t, far.WaitUp("eth0"))
	host := openRaw(t, far, "eth0")
	end := background(echo)
	defer end()
	crosses(t, host, host, sizes()...)
	end()
	closePort(t, p, free)
	checkAllFree(t, mem, free)
}

// TestBusyPoll forwards with the receiving calls polling the device.
func TestBusyPoll(t *testing.T) {
	l := newLab(t)
	ns, far := namespace(t, l, "n"), namespace(t, l, "far")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: far, Device: "eth0"})
	must(t, err)
	mem, free := newMemory(t, 1024)
	p := openAFXDP(t, ns, mem, AFXDPConfig{Device: "p0", RxRing: 256, TxRing: 256, BusyPoll: 20})
	rx, tx := p.Queues()
	echo := &pump{rx: rx[0], tx: tx[0], free: free}
	echo.step()
	host := openRaw(t, far, "eth0")
	end := background(echo)
	defer end()
	crosses(t, host, host, sizes()...)
	end()
	closePort(t, p, free)
	checkAllFree(t, mem, free)
}

// TestStarvedQueueRecovers takes all chunks away, sees the kernel count what it
// could not receive, gives the chunks back and receives again.
func TestStarvedQueueRecovers(t *testing.T) {
	r := newTwoHosts(t, "auto")
	rx, _ := r.port0.Queues()
	var b packet.Batch
	var held []packet.Desc
	drain := func() {
		for n := 1; n > 0; {
			n = rx[0].Rx(&b, packet.MaxBatch, r.free)
			held = append(held, b.Desc[:n]...)
		}
	}
	for i := 0; r.port0.Counters().RxFillEmpty == 0; i++ {
		if i > 20*int(r.mem.PerHome) {
			t.Fatalf("%d frames held of %d chunks and still not starved: %+v", len(held), r.mem.PerHome, r.port0.Counters())
		}
		must(t, r.host1.send(makeFrame(60, uint64(i))))
		if i%32 == 0 {
			drain()
		}
	}
	drain()
	for _, d := range held {
		r.free.Put(r.mem.Chunk(d.Addr))
	}
	held = nil
	until(t, "a frame after the famine", func() bool {
		must(t, r.host1.send(makeFrame(60, 1)))
		drain()
		return len(held) > 0
	})
	for _, d := range held {
		r.free.Put(r.mem.Chunk(d.Addr))
	}
	r.closeAll(t)
}

// TestRingFullIsCounted lets frames pour in that nobody takes off the rx ring.
func TestRingFullIsCounted(t *testing.T) {
	r := newTwoHosts(t, "auto")
	var frames [][]byte
	for i := range 2000 {
		frames = append(frames, makeFrame(60, uint64(i)))
	}
	r.pour(t, frames...)
	until(t, "the kernel to count", func() bool {
		c := r.port0.Counters()
		return c.RxRingFull+c.RxFillEmpty == 2000-512
	})
	r.closeAll(t)
	if c := r.port0.Counters(); c.RxRingFull+c.RxFillEmpty != 2000-512 {
		t.Errorf("after Close: %+v", c)
	}
}

// TestLongFramesAreDropped: a host that sends more than a chunk holds loses
// those frames, counted, and no others.
func TestLongFramesAreDropped(t *testing.T) {
	l := newLab(t)
	ns, far := namespace(t, l, "n"), namespace(t, l, "far")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0", MTU: 1770}, lab.End{NS: far, Device: "eth0"})
	must(t, err)
	mem, free := newMemory(t, 1024)
	p := openAFXDP(t, ns, mem, AFXDPConfig{Device: "p0", RxRing: 256, TxRing: 256})
	rx, tx := p.Queues()
	echo := &pump{rx: rx[0], tx: tx[0], free: free}
	echo.step()
	host := openRaw(t, far, "eth0")
	// The port's device takes longer frames than at the start, its chunks do not.
	for _, side := range []struct {
		ns   *lab.Namespace
		name string
	}{{ns, "p0"}, {far, "eth0"}} {
		link, err := side.ns.Netlink().LinkByName(side.name)
		must(t, err)
		must(t, side.ns.Netlink().LinkSetMTU(link, 2500))
	}
	must(t, host.send(makeFrame(2200, 1)))
	end := background(echo)
	defer end()
	crosses(t, host, host, makeFrame(1784, 2), makeFrame(60, 3))
	if got := host.receive(50 * time.Millisecond); got != nil {
		t.Errorf("a frame of %d bytes came back", len(got))
	}
	if c := p.Counters(); c.RxDropped != 1 {
		t.Errorf("counters %+v", c)
	}
	end()
	closePort(t, p, free)
	checkAllFree(t, mem, free)
}

// TestCloseSendsWhatItTook fills the tx ring at the smallest budget and closes:
// the frames are on the wire. With the device down they are counted instead.
func TestCloseSendsWhatItTook(t *testing.T) {
	for _, down := range []bool{false, true} {
		l := newLab(t)
		ns, far := namespace(t, l, "n"), namespace(t, l, "far")
		_, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: far, Device: "eth0"})
		must(t, err)
		mem, free := newMemory(t, 1024)
		p := openAFXDP(t, ns, mem, AFXDPConfig{Device: "p0", RxRing: 256, TxRing: 256, TxBudget: 32})
		_, tx := p.Queues()
		host := openRaw(t, far, "eth0")
		if down {
			must(t, ns.SetUp("p0", false))
		}
		d := make([]packet.Desc, 200)
		for i := range d {
			c, _ := free.Get()
			d[i] = packet.Desc{Addr: c + 256, Len: 60}
			copy(mem.Frame(d[i]), makeFrame(60, uint64(i)))
		}
		if n := tx[0].Tx(d); n != len(d) {
			t.Fatalf("took %d of %d", n, len(d))
		}
		kicks := p.Counters().Kicks
		closePort(t, p, free)
		checkAllFree(t, mem, free)
		if down {
			if c := p.Counters(); c.TxErrors != 200+kicks {
				t.Errorf("200 frames unsent, %d calls failed: %+v", kicks, c)
			}
			continue
		}
		for i := range d {
			if got := host.receive(patience); !bytes.Equal(got, makeFrame(60, uint64(i))) {
				t.Fatalf("frame %d: %x", i, got)
			}
		}
		if c := p.Counters(); c.TxErrors != 0 || c.Kicks <= kicks || c.KicksAgain == 0 || c.KicksAgain >= c.Kicks {
			t.Errorf("counters %+v", c)
		}
	}
}
