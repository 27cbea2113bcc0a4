package port

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pollux/internal/lab"
	"pollux/internal/packet"
)

// BenchmarkForwardVeth forwards 60-byte frames between two veths with nothing
// but these sockets, in one thread, while another thread (an AF_XDP port as
// well) sends flat out: generator ═ p0 forwarder p1 ═ a program that drops. b.N
// frames are counted where the program drops them. The kernel's copy-mode send
// path is the limit.
func BenchmarkForwardVeth(b *testing.B) {
	for _, c := range []struct {
		name          string
		batch, budget int
	}{
		{"batch=64/budget=32", 64, 32},
		{"batch=64/budget=256", 64, 256},
		{"batch=256/budget=256", 256, 256},
	} {
		b.Run(c.name, func(b *testing.B) { benchForward(b, c.batch, c.budget) })
	}
}

func benchForward(b *testing.B, batch, budget int) {
	l := newLab(b)
	gen, dut, sink := namespace(b, l, "gen"), namespace(b, l, "dut"), namespace(b, l, "sink")
	_, err := l.Veth(lab.End{NS: gen, Device: "eth0"}, lab.End{NS: dut, Device: "p0"})
	must(b, err)
	_, err = l.Veth(lab.End{NS: dut, Device: "p1"}, lab.End{NS: sink, Device: "eth0"})
	must(b, err)
	dropAll(b, sink, "eth0")
	received := func() int {
		link, err := sink.Netlink().LinkByName("eth0")
		must(b, err)
		return int(link.Attrs().Statistics.RxPackets)
	}

	genMem, genFree := newMemory(b, 4096)
	source := openAFXDP(b, gen, genMem, AFXDPConfig{Device: "eth0", RxRing: 64})
	mem, free := newMemory(b, 16384)
	cfg := AFXDPConfig{Device: "p0", RxRing: 2048, TxRing: 2048, TxBudget: budget}
	p0 := openAFXDP(b, dut, mem, cfg)
	cfg.Device = "p1"
	p1 := openAFXDP(b, dut, mem, cfg)
	rx, _ := p0.Queues()
	_, tx := p1.Queues()
	p := &pump{rx: rx[0], tx: tx[0], free: free, max: batch}
	p.step()

	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		_, tx := source.Queues()
		generate(tx[0].(*afxdpTx), genMem, genFree, &stop)
	}()
	runtime.LockOSThread()
	for received() == 0 {
		p.step()
	}
	first, steps, before := received(), 0, p1.Counters()
	cpu := threadTime(b)
	b.ResetTimer()
	n := 0
	for n < b.N {
		for range 64 {
			p.step()
		}
		if steps += 64; steps%1024 == 0 {
			n = received() - first
		}
	}
	b.StopTimer()
	cpu = threadTime(b) - cpu
	runtime.UnlockOSThread()
	// On a machine with other work the thread's own time says more than the wall's.
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(n), "cpu-ns/pkt")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mpps")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/pkt")
	after := p1.Counters()
	b.ReportMetric(float64(n)/float64(after.Kicks-before.Kicks), "pkts/kick")
	b.ReportMetric(float64(after.TxErrors-before.TxErrors)/float64(n), "errors/pkt")
	stop.Store(true)
	<-done
}

// threadTime is the processor time that the calling thread has used.
func threadTime(b *testing.B) time.Duration {
	var ts unix.Timespec
	must(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts))
	return time.Duration(ts.Nano())
}

// generate sends one frame over and over.
func generate(q *afxdpTx, mem *packet.Memory, free *packet.FreeList, stop *atomic.Bool) {
	frame := makeFrame(60, 1)
	var d, back = make([]packet.Desc, 256), make([]uint64, 256)
	for c := range uint64(mem.PerHome) {
		copy(mem.Buf[c*2048+256:], frame)
	}
	for !stop.Load() {
		n := 0
		for ; n < len(d); n++ {
			c, ok := free.Get()
			if !ok {
				break
			}
			d[n] = packet.Desc{Addr: c + 256, Len: 60}
		}
		k := q.Tx(d[:n])
		for _, f := range d[k:n] {
			free.Put(f.Addr - 256)
		}
		for _, c := range back[:q.Reclaim(back)] {
			free.Put(c)
		}
	}
}

// dropAll drops what arrives on a device, early and cheaply.
func dropAll(b *testing.B, ns *lab.Namespace, device string) {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}, // XDP_DROP
	})
	must(b, err)
	must(b, ns.Do(func() error {
		dev, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		l, err := link.AttachXDP(link.XDPOptions{Program: prog, Interface: dev.Attrs().Index})
		if err != nil {
			return err
		}
		b.Cleanup(func() { l.Close(); prog.Close() })
		return nil
	}))
}

// BenchmarkLedger is what exact accounts cost a forwarded frame: a mark and a
// clear on each side, of chunks in no order.
func BenchmarkLedger(b *testing.B) {
	const chunks, batch = 1 << 15, 64
	mem := &packet.Memory{Buf: make([]byte, chunks*2048), ChunkSize: 2048}
	rx, tx := newLedger(mem), newLedger(mem)
	addrs, frames := make([]uint64, chunks), make([]packet.Desc, chunks)
	for i := range addrs {
		addrs[i] = uint64(i*7919%chunks) * 2048
		frames[i].Addr = addrs[i] + 256
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpu, n := threadTime(b), 0
	for b.Loop() {
		at := n % chunks
		rx.markAll(addrs[at : at+batch])
		rx.clearFrames(frames[at : at+batch])
		tx.markFrames(frames[at : at+batch])
		tx.clearAll(addrs[at : at+batch])
		n += batch
	}
	b.ReportMetric(float64((threadTime(b)-cpu).Nanoseconds())/float64(n), "cpu-ns/pkt")
}
