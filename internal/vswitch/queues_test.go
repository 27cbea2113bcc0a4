package vswitch

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"pollux/internal/ctl"
	"pollux/ipfix/collector"
)

// TestTwoLoopsFourQueues: ports of four queues, spread over two loops, NORMAL between
// them, every packet in a record. Each of many flows arrives whole and in order, both
// loops take part, and the records' sum is the switch's.
func TestTwoLoopsFourQueues(t *testing.T) {
	forwardQueues(t, 300, nil)
}

// TestQueuesMoveLive is the same while queues change loops, by reloads and by rebalancing,
// some hundred times.
func TestQueuesMoveLive(t *testing.T) {
	moves := 0
	forwardQueues(t, 2000, func(r *rig, rest string, stop <-chan struct{}) {
		ports := []string{"loops: [0, 0, 1, 1]", "loops: [1, 1, 0, 0]", "loops: [0, 1, 1, 0]", "queues: 4"}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			r.ports = fmt.Sprintf(`  - {name: a, type: afxdp, device: va, %s}
  - {name: b, type: afxdp, device: vb, %s}
`, fourQueues(ports[i%4]), fourQueues(ports[(i+1)%4]))
			r.write(rest)
			if _, err := ctl.Call(r.sock, "reload"); err != nil {
				t.Error(err)
				return
			}
			moves += 4
			if i%4 != 3 {
				continue
			}
			policy := []string{"roundrobin", "group", "cycles"}[i/4%3]
			var b RebalanceShow
			r.ask(&b, "rebalance", "--policy", policy)
			if b.Done {
				moves += len(b.Moves)
			}
		}
	})
	t.Logf("about %d queues moved", moves)
	if moves < 100 {
		t.Errorf("%d queues moved, too few to show anything", moves)
	}
}

// fourQueues is the keys of a port of four queues.
func fourQueues(loops string) string {
	if loops == "queues: 4" {
		return loops
	}
	return "queues: 4, " + loops
}

// forwardQueues sends each packet of many flows over two ports of four queues; meanwhile
// runs beside that.
func forwardQueues(t *testing.T, each int, meanwhile func(r *rig, rest string, stop <-chan struct{})) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores for two loops")
	}
	const flows, hello = 32, 255
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
	rest := fmt.Sprintf(`ipfix: {bridge: {targets: ["%s"], enable_output_sampling: false}}`, col.Addr())
	r.write(rest)
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
		for arrived.Load() < int64(flows*each) {
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
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if meanwhile != nil {
			meanwhile(r, rest, stop)
		}
	}()
	for seq := range each {
		// No more on the way than any queue holds, so that a busy machine loses nothing.
		r.wait("packets to arrive", func() bool { return arrived.Load() > int64(flows*(seq-4)) })
		for i, c := range out {
			if _, err := c.Write(binary.BigEndian.AppendUint32([]byte{byte(i)}, uint32(seq))); err != nil {
				t.Fatal(err)
			}
		}
	}
	arrivals := <-got
	close(stop)
	<-done
	for i, n := range arrivals {
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
	if show.Unaccounted != 0 || show.Sums.In.Packets < uint64(flows*each) {
		t.Errorf("unaccounted %d of %d", show.Unaccounted, show.Sums.In.Packets)
	}
	r.stop()
	if !col.Wait(show.Sums.In.Packets, patience) {
		t.Errorf("%d packets are in records, %d came in", col.Totals().Packets, show.Sums.In.Packets)
	}
}
