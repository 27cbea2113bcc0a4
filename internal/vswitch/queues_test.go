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
	const flows, each, window = 32, 300, 128
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
	var arrived atomic.Int64
	go func() {
		var n [flows]int
		buf := make([]byte, 64)
		for total := 0; total < flows*each; total++ {
			_ = in.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, _, err := in.ReadFrom(buf); err != nil {
				break
			}
			flow, seq := int(buf[0]), int(binary.BigEndian.Uint32(buf[1:]))
			if seq != n[flow] {
				t.Errorf("flow %d: packet %d came where %d was due", flow, seq, n[flow])
			}
			n[flow] = seq + 1
			arrived.Add(1)
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
	for seq := range each {
		for i, c := range out {
			if _, err := c.Write(binary.BigEndian.AppendUint32([]byte{byte(i)}, uint32(seq))); err != nil {
				t.Fatal(err)
			}
			if seq == 0 {
				time.Sleep(5 * time.Millisecond) // the first has the neighbour looked up
			}
		}
		// No more are on their way than the queues of a veth hold, however slow this
		// machine is.
		for end := time.Now().Add(10 * time.Second); int64(seq+1)*flows-arrived.Load() > window && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
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
	if !col.Wait(show.Sums.In.Packets, 20*time.Second) {
		t.Errorf("%d packets are in records, %d came in", col.Totals().Packets, show.Sums.In.Packets)
	}
}
