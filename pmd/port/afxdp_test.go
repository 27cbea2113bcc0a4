package port

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pollux/internal/lab"
	"pollux/internal/packet"
	"pollux/pmd/xsk"
)

func TestForwardUnchanged(t *testing.T) {
	for _, c := range []struct{ mode, shown string }{
		{"auto", "native-copy"}, // a veth has no zero-copy
		{"copy", "native-copy"},
		{"generic", "generic"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			r := newTwoHosts(t, c.mode)
			info := r.port0.Info()
			if info.Mode != c.shown || info.Device != "p0" || info.Queues != 1 || info.MTU != 1500 || info.IfIndex == 0 {
				t.Errorf("info %+v", info)
			}
			if why := info.Details["native-zerocopy"]; (c.mode == "auto") != strings.HasPrefix(why, "refused: ") {
				t.Errorf("zero-copy on a veth: %q", why)
			}
			if info.Details["tx_budget"] == "" || info.Details["need_wakeup"] != "on" {
				t.Errorf("details %v", info.Details)
			}
			end := background(r.there, r.rev)
			defer end()
			crosses(t, r.host1, r.host2, sizes()...)
			crosses(t, r.host2, r.host1, sizes()...)
			end()
			r.closeAll(t)
		})
	}
}

func TestZeroCopyAloneIsRefusedOnVeth(t *testing.T) {
	l := newLab(t)
	ns := namespace(t, l, "n")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: ns, Device: "p1"})
	must(t, err)
	mem, _ := newMemory(t, 256)
	err = ns.Do(func() error {
		_, err := OpenAFXDP(AFXDPConfig{Device: "p0", Mode: "zero-copy"}, mem)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "native-zerocopy") {
		t.Fatalf("error %v", err)
	}
	if xdpOn(t, ns, "p0") != 0 {
		t.Error("the refused attempt left its program")
	}
}

// TestDescriptorPassesFromPortToPort sends what port 0 received on port 1, by
// descriptor, and sees the frame's chunk come back from port 1.
func TestDescriptorPassesFromPortToPort(t *testing.T) {
	r := newTwoHosts(t, "auto")
	frame := makeFrame(777, 1)
	must(t, r.host1.send(frame))
	rx, _ := r.port0.Queues()
	_, tx := r.port1.Queues()
	var b packet.Batch
	until(t, "the frame", func() bool { return rx[0].Rx(&b, packet.MaxBatch, r.free) == 1 })
	d := b.Desc[0]
	if off := d.Addr - r.mem.Chunk(d.Addr); off != uint64(r.mem.Headroom) {
		t.Errorf("frame lies %d bytes into its chunk, headroom is %d", off, r.mem.Headroom)
	}
	if !bytes.Equal(r.mem.Frame(d), frame) {
		t.Fatalf("received %x", r.mem.Frame(d))
	}
	if n := tx[0].Tx(b.Desc[:1]); n != 1 {
		t.Fatalf("took %d frames", n)
	}
	if got := r.host2.receive(patience); !bytes.Equal(got, frame) {
		t.Fatalf("host 2 got %x", got)
	}
	var back [4]uint64
	until(t, "the chunk", func() bool { return tx[0].Reclaim(back[:]) == 1 })
	if back[0] != r.mem.Chunk(d.Addr) || tx[0].Inflight() != 0 {
		t.Errorf("chunk %#x came back, sent was %#x; %d in flight", back[0], d.Addr, tx[0].Inflight())
	}
	r.free.Put(back[0])
	r.closeAll(t)
}

// TestTwoQueues joins two ports by one veth of two queues: what leaves on queue
// q arrives on queue q, and four threads have a side each.
func TestTwoQueues(t *testing.T) {
	l := newLab(t)
	a, b := namespace(t, l, "a"), namespace(t, l, "b")
	_, err := l.Veth(lab.End{NS: a, Device: "eth0", Queues: 2}, lab.End{NS: b, Device: "eth0", Queues: 2})
	must(t, err)
	mem, err := xsk.NewMemory(xsk.MemoryConfig{Homes: 4, PerHome: 2048, Headroom: 384})
	must(t, err)
	t.Cleanup(func() { xsk.FreeMemory(mem) })
	cfg := AFXDPConfig{Device: "eth0", RxRing: 512, TxRing: 256}
	pa, pb := openAFXDP(t, a, mem, cfg), openAFXDP(t, b, mem, cfg)
	if n := pa.Info().Queues; n != 2 {
		t.Fatalf("%d queues", n)
	}
	_, txs := pa.Queues()
	rxs, _ := pb.Queues()
	const frames = 3000
	var frees [4]*packet.FreeList
	results := make(chan error, 4)
	var got [2]atomic.Int64
	for q := range 2 {
		frees[q], frees[2+q] = packet.NewFreeList(mem, q), packet.NewFreeList(mem, 2+q)
		ready := make(chan struct{})
		go func() { // receiver of queue q
			var b packet.Batch
			next := uint64(0)
			rxs[q].Rx(&b, 1, frees[2+q])
			close(ready)
			for deadline := time.Now().Add(patience); next < frames; {
				n := rxs[q].Rx(&b, packet.MaxBatch, frees[2+q])
				for _, d := range b.Desc[:n] {
					f := mem.Frame(d)
					want := makeFrame(60+int(next)%1455, uint64(q)<<32|next)
					if !bytes.Equal(f, want) {
						results <- fmt.Errorf("queue %d: frame %d: %x", q, next, f)
						return
					}
					if d.Addr-mem.Chunk(d.Addr) != 384 {
						results <- fmt.Errorf("queue %d: headroom of %d", q, d.Addr-mem.Chunk(d.Addr))
						return
					}
					frees[2+q].Put(mem.Chunk(d.Addr))
					next++
				}
				got[q].Store(int64(next))
				if time.Now().After(deadline) {
					results <- fmt.Errorf("queue %d: %d of %d frames, %+v", q, next, frames, pb.Counters())
					return
				}
			}
			results <- nil
		}()
		<-ready
		go func() { // sender of queue q
			var back [packet.MaxBatch]uint64
			deadline := time.Now().Add(patience)
			for i := uint64(0); i < frames || txs[q].Inflight() > 0; {
				// No more on the way than the receiver's rings hold.
				if i < frames && int64(i)-got[q].Load() < 200 {
					c, _ := frees[q].Get()
					d := packet.Desc{Addr: c + 256, Len: uint32(60 + int(i)%1455)}
					copy(mem.Frame(d), makeFrame(int(d.Len), uint64(q)<<32|i))
					if txs[q].Tx([]packet.Desc{d}) == 1 {
						i++
					} else {
						frees[q].Put(c)
					}
				}
				for _, c := range back[:txs[q].Reclaim(back[:])] {
					frees[q].Put(c)
				}
				if time.Now().After(deadline) {
					results <- fmt.Errorf("queue %d: sent %d of %d", q, i, frames)
					return
				}
			}
			results <- nil
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*AFXDP{pa, pb} {
		chunks, err := p.Close()
		must(t, err)
		for _, c := range chunks {
			frees[mem.Home(c)].Put(c)
		}
	}
	for i, f := range frees {
		if f.Len() != 2048 {
			t.Errorf("home %d has %d of 2048 chunks", i, f.Len())
		}
	}
}

// TestCloseAccountsUnderTraffic closes and opens a port again and again while
// frames pour in, and finds every chunk each time.
func TestCloseAccountsUnderTraffic(t *testing.T) {
	r := newTwoHosts(t, "auto")
	stop, done := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-done }()
	go func() {
		defer close(done)
		f := makeFrame(200, 1)
		for {
			select {
			case <-stop:
				return
			default:
				r.host1.send(f)
			}
		}
	}()
	forwarded := 0
	for i := range 20 {
		if xdpOn(t, r.dut, "p0") == 0 || !promiscuous(t, r.dut, "p0") {
			t.Fatal("no program or not promiscuous while open")
		}
		was := forwarded
		for end, least := time.Now().Add(patience), time.Now().Add(20*time.Millisecond); time.Now().Before(least) || forwarded == was && time.Now().Before(end); {
			forwarded += r.there.step()
		}
		if forwarded == was {
			t.Fatal("nothing is forwarded")
		}
		if i%2 == 0 { // leave some received and some sent, but not reclaimed
			var b packet.Batch
			n := r.there.rx.Rx(&b, 64, r.free)
			k := r.there.tx.Tx(b.Desc[:n])
			for _, d := range b.Desc[k:n] {
				r.free.Put(r.mem.Chunk(d.Addr))
			}
		}
		r.closeAll(t)
		if xdpOn(t, r.dut, "p0") != 0 || promiscuous(t, r.dut, "p0") {
			t.Fatal("program or promiscuity stays after Close")
		}
		var b packet.Batch
		if n := r.there.rx.Rx(&b, 64, r.free); n != 0 || r.free.Len() != int(r.mem.PerHome) {
			t.Fatalf("closed queue gave %d frames, took %d chunks", n, int(r.mem.PerHome)-r.free.Len())
		}
		if n := r.there.tx.Tx([]packet.Desc{{Addr: 256, Len: 60}}); n != 0 || r.there.tx.Inflight() != 0 {
			t.Fatalf("closed queue took %d frames, %d in flight", n, r.there.tx.Inflight())
		}
		r.port0 = openAFXDP(t, r.dut, r.mem, AFXDPConfig{Device: "p0", RxRing: 512, TxRing: 512})
		r.port1 = openAFXDP(t, r.dut, r.mem, AFXDPConfig{Device: "p1", RxRing: 512, TxRing: 512})
		r.wire()
	}
	r.closeAll(t)
}

func TestDownAndUp(t *testing.T) {
	r := newTwoHosts(t, "auto")
	end := background(r.there, r.rev)
	defer end()
	crosses(t, r.host1, r.host2, makeFrame(100, 1))
	must(t, r.dut.SetUp("p1", false))
	for i := range 50 {
		must(t, r.host1.send(makeFrame(100, uint64(1000+i))))
	}
	until(t, "errors to be counted", func() bool { return r.port1.Counters().TxErrors > 0 })
	must(t, r.dut.SetUp("p1", true))
	must(t, r.dut.WaitUp("p1"))
	must(t, r.ns2.WaitUp("eth0"))
	// Frames from before may come out first; after them, the new ones.
	arrives := func(from, to *raw, seed uint64) {
		t.Helper()
		until(t, "a frame after the device came up", func() bool {
			must(t, from.send(makeFrame(100, seed)))
			for f := to.receive(50 * time.Millisecond); f != nil; f = to.receive(50 * time.Millisecond) {
				if binary.BigEndian.Uint64(f[14:]) == seed {
					return true
				}
			}
			return false
		})
	}
	arrives(r.host1, r.host2, 2)
	arrives(r.host2, r.host1, 3)
	end()
	if kicks, errs := r.port1.Counters().Kicks, r.port1.Counters().TxErrors; errs >= kicks {
		t.Errorf("%d of %d kicks failed", errs, kicks)
	}
	r.closeAll(t)
}

func TestDeviceDeleted(t *testing.T) {
	r := newTwoHosts(t, "auto")
	end := background(r.there, r.rev)
	defer end()
	crosses(t, r.host1, r.host2, makeFrame(100, 1))
	must(t, r.v2.Delete())
	seed := uint64(0)
	until(t, "the port to fail", func() bool {
		seed++
		must(t, r.host1.send(makeFrame(100, seed)))
		return r.port1.Counters().TxErrors > 0
	})
	end()
	until(t, "the sending side of a deleted device to refuse a frame", func() bool {
		seed++
		must(t, r.host1.send(makeFrame(100, seed)))
		r.there.step()
		return r.there.lost > 0
	})
	// The device comes back under its name: close the inert port, open it anew.
	closePort(t, r.port1, r.free)
	var err error
	r.v2, err = r.lab.Veth(lab.End{NS: r.dut, Device: "p1"}, lab.End{NS: r.ns2, Device: "eth0"})
	must(t, err)
	r.port1 = openAFXDP(t, r.dut, r.mem, AFXDPConfig{Device: "p1", RxRing: 512, TxRing: 512})
	r.host2 = openRaw(t, r.ns2, "eth0")
	r.wire()
	end = background(r.there, r.rev)
	crosses(t, r.host1, r.host2, makeFrame(100, 2))
	crosses(t, r.host2, r.host1, makeFrame(100, 3))
	end()
	r.closeAll(t)
}

// TestKilledProcessLeavesNoProgram opens a port in a child process, kills it, and
// looks at the device.
func TestKilledProcessLeavesNoProgram(t *testing.T) {
	if os.Getenv("PORT_CHILD") != "" {
		mem, free := newMemory(t, 1024)
		p, err := OpenAFXDP(AFXDPConfig{Device: "p0"}, mem)
		must(t, err)
		rx, _ := p.Queues()
		var b packet.Batch
		rx[0].Rx(&b, 1, free)
		fmt.Println("open")
		time.Sleep(time.Minute)
	}
	l := newLab(t)
	ns, far := namespace(t, l, "n"), namespace(t, l, "far")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: far, Device: "eth0"})
	must(t, err)
	child := exec.Command(os.Args[0], "-test.run=^TestKilledProcessLeavesNoProgram$")
	child.Env = append(os.Environ(), "PORT_CHILD=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, ns.Start(child))
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "open\n" {
		child.Process.Kill()
		t.Fatalf("child said %q, %v", line, err)
	}
	if xdpOn(t, ns, "p0") == 0 || !promiscuous(t, ns, "p0") {
		t.Error("the child has no program on the device, or it is not promiscuous")
	}
	must(t, child.Process.Kill())
	child.Wait()
	until(t, "the program to go", func() bool { return xdpOn(t, ns, "p0") == 0 })
	until(t, "promiscuity to go", func() bool { return !promiscuous(t, ns, "p0") })
	mem, _ := newMemory(t, 256)
	openAFXDP(t, ns, mem, AFXDPConfig{Device: "p0"})
}

func TestSecondProgramIsRefused(t *testing.T) {
	l := newLab(t)
	ns := namespace(t, l, "n")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: ns, Device: "p1"})
	must(t, err)
	mem, _ := newMemory(t, 256)
	openAFXDP(t, ns, mem, AFXDPConfig{Device: "p0"})
	err = ns.Do(func() error {
		_, err := OpenAFXDP(AFXDPConfig{Device: "p0"}, mem)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("second port on one device: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	l := newLab(t)
	ns := namespace(t, l, "n")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0", MTU: 3000}, lab.End{NS: ns, Device: "p1", MTU: 3000})
	must(t, err)
	_, err = l.Veth(lab.End{NS: ns, Device: "p2"}, lab.End{NS: ns, Device: "p3"})
	must(t, err)
	mem, _ := newMemory(t, 256)
	for _, c := range []struct {
		name string
		cfg  AFXDPConfig
		want string
	}{
		{"no device", AFXDPConfig{Device: "nope"}, `device "nope"`},
		{"queues", AFXDPConfig{Device: "p2", Queues: 2}, "want 1 to the 1"},
		{"negative queues", AFXDPConfig{Device: "p2", Queues: -1}, "want 1 to the 1"},
		{"mode", AFXDPConfig{Device: "p2", Mode: "fast"}, `mode "fast"`},
		{"ring", AFXDPConfig{Device: "p2", RxRing: 1000}, "power of two"},
		{"budget", AFXDPConfig{Device: "p2", TxBudget: 4000}, "tx budget 4000"},
		{"mtu", AFXDPConfig{Device: "p0"}, "mtu 3000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ns.Do(func() error {
				_, err := OpenAFXDP(c.cfg, mem)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if promiscuous(t, ns, "p2") || xdpOn(t, ns, "p2") != 0 {
		t.Error("a refused open left something on the device")
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	r := newTwoHosts(t, "auto")
	r.pour(t, slices.Repeat([][]byte{makeFrame(64, 1)}, 400)...) // they wait on the rx ring
	r.there.max = 3
	moved := 0
	if n := testing.AllocsPerRun(100, func() { moved += r.there.step() }); n != 0 {
		t.Errorf("%v allocations an iteration", n)
	}
	if moved < 300 {
		t.Errorf("only %d frames moved", moved)
	}
	if n := testing.AllocsPerRun(100, func() { r.there.step() }); n != 0 {
		t.Errorf("idle: %v allocations an iteration", n)
	}
	r.closeAll(t)
}
