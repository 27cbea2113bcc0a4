package vswitch

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"pollux/ipfix/collector"
)

// TestTwoLoopsFourQueues: ports of four queues, spread over two loops, NORMAL between
// them, every packet in a record. Each of many flows arrives whole and in order, both
// loops take part, and the records' sum is the switch's.
func TestTwoLoopsFourQueues(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores for two loops")
	}
	const flows, each, hello = 32, 300, 255
	r := newQueueRig(t, 4)
	var col *collector.Collector
	if err := r.dut.Do(func() (err error) { col, err = collector.Listen("127.0.0.1:0"); return err }); err != nil {
		t.Fatal(err)
	}
	defer col.Close()
	r.loops = "[{core: 0}, {core: 1}]"
	r.ports = `  - {name: a, type: afxdp, device: va, queues: 4}
  - {name: b, type: afxdp, device: vb, queues: 4}
`
	r.write(fmt.Sprintf(`ipfix: {bridge: {targets: ["%s"], enable_output_sampling: false}}`, col.Addr()))
	r.start()

	var in net.PacketConn
	if err := r.host["b"].Do(func() (err error) { in, err = net.ListenPacket("udp4", "10.9.0.2:7000"); return err }); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	got := make(chan [flows]int, 1)
	var arrived atomic.Int64 // -1: only one that says hello
	arrived.Store(-1)
	go func() {
		var n [flows]int
		buf := make([]byte, 64)
		for arrived.Load() < flows*each {
			_ = in.SetReadDeadline(time.Now().Add(patience))
			if _, _, err := in.ReadFrom(buf); err != nil {
				break
			}
			if buf[0] == hello {
				arrived.CompareAndSwap(-1, 0)
				continue
			}
			arrived.Add(1)
			flow, seq := int(buf[0]), int(binary.BigEndian.Uint32(buf[1:]))
			if seq != n[flow] {
				t.Errorf("flow %d: packet %d came where %d was due", flow, seq, n[flow])
			}
			n[flow] = seq + 1
		}
		got <- n
	}()
	var out [flows]net.Conn
	for i := range out {
		if err := r.host["a"].Do(func() (err error) { out[i], err = net.Dial("udp4", "10.9.0.2:7000"); return err }); err != nil {
			t.Fatal(err)
		}
		defer out[i].Close()
	}
	// The first has the neighbour looked up.
	r.wait("the hosts to know each other", func() bool {
		if _, err := out[0].Write([]byte{hello}); err != nil {
			t.Fatal(err)
		}
		return arrived.Load() >= 0
	})
	for seq := range each {
		// No more on the way than any queue holds, so that a busy machine loses nothing.
		r.wait("packets to arrive", func() bool { return arrived.Load() > int64(flows*(seq-4)) })
		for i, c := range out {
			if _, err := c.Write(binary.BigEndian.AppendUint32([]byte{byte(i)}, uint32(seq))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, n := range <-got {
		if n != each {
			t.Errorf("flow %d: %d of %d packets arrived", i, n, each)
		}
	}
	var perf []PerfShow
	r.ask(&perf, "perf")
	for _, p := range perf {
		t.Logf("loop %d: %d packets, %d upcalls", p.Loop, p.Packets, p.Upcalls)
		if p.Packets == 0 {
			t.Errorf("loop %d received nothing: the queues are not spread", p.Loop)
		}
	}
	var show Show
	r.ask(&show, "show")
	if show.Unaccounted != 0 || show.Sums.In.Packets < flows*each {
		t.Errorf("unaccounted %d of %d", show.Unaccounted, show.Sums.In.Packets)
	}
	r.stop()
	if !col.Wait(show.Sums.In.Packets, patience) {
		t.Errorf("%d packets are in records, %d came in", col.Totals().Packets, show.Sums.In.Packets)
	}
}
