package vswitch

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pollux/internal/ctl"
)

// queueStats asks what a port's queue has counted, and returns it as ovs-ofctl prints it.
func (r *rig) queueStats(version string, port, queue int) string {
	r.t.Helper()
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		r.t.Skip("ovs-ofctl is not installed")
	}
	bridge := "unix:" + filepath.Join(filepath.Dir(r.sock), "br0.mgmt")
	// Its exit is no success where the answer is an error, which is an answer too.
	out, _ := exec.Command("ovs-ofctl", "-O", version, "queue-stats", bridge, fmt.Sprint(port), fmt.Sprint(queue)).CombinedOutput()
	return string(out)
}

var ofVersions = []string{"OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"}

// queueDrops is how many packets the switch has dropped as beyond the rate of a queue.
func (r *rig) queueDrops() uint64 {
	r.t.Helper()
	var drops DropsShow
	r.ask(&drops, "drops")
	for _, d := range drops.Reasons {
		if d.Reason == "queue" {
			return d.Packets
		}
	}
	return 0
}

// TestQueueOnTheWire: frames go to b by a queue that lets 101 of them through, and back to a
// by none. All come back, b has exactly those that the queue counts, and a reload that takes
// the limit away leaves the counters.
func TestQueueOnTheWire(t *testing.T) {
	const frames, pass, size = 500, 101, 60
	r := newSwitchRig(t)
	ports := func(qos string) {
		r.ports = "  - {name: a, type: afxdp, device: va}\n  - {name: b, type: afxdp, device: vb" + qos + "}\n"
		r.write("flows: ['dl_type=0x88b5,in_port=a,actions=enqueue:b:1,in_port', 'priority=1,actions=drop']\n")
	}
	// At one bit a second it takes eight minutes until another frame may pass.
	ports(fmt.Sprintf(", qos: {queues: [{id: 1, max_rate: 1, burst: %d}]}", (pass-1)*size*8))
	r.start()
	a, b := r.rawSocket("a"), r.rawSocket("b")
	for range frames {
		a.send(1)
		if _, mark := a.receive(); mark != 1 {
			t.Fatalf("frame %d came back to a, want 1", mark)
		}
	}
	for i := range pass {
		if _, mark := b.receive(); mark != 1 {
			t.Fatalf("frame %d of b is marked %d, want 1", i, mark)
		}
	}
	want := fmt.Sprintf("port 2 queue 1: bytes=%d, pkts=%d, errors=%d, duration=", pass*size, pass, frames-pass)
	for _, v := range ofVersions {
		if got := r.queueStats(v, 2, 1); !strings.Contains(got, want) {
			t.Errorf("%s: %s\nwant %s", v, got, want)
		}
	}
	for _, v := range ofVersions {
		sock := filepath.Join(filepath.Dir(r.sock), "br0.mgmt")
		want := "queue 1:"
		if v != "OpenFlow10" {
			want += " max_rate:0.0%" // of a veth's 10 Gbit/s
		}
		if got := askOfctl(t, sock, t.TempDir(), "-O "+v+" queue-get-config BR 2"); !strings.Contains(got, want+"\n") {
			t.Errorf("%s: %s\nwant %s", v, got, want)
		}
	}
	if n := r.queueDrops(); n != frames-pass {
		t.Errorf("%d packets were dropped by the queue, want %d", n, frames-pass)
	}

	reload := func() {
		t.Helper()
		if _, err := ctl.Call(r.sock, "reload"); err != nil {
			t.Fatal(err)
		}
	}
	ports(", qos: {queues: [{id: 1}]}")
	reload()
	a.send(2)
	if _, mark := b.receive(); mark != 2 { // so none has come but those 101
		t.Fatalf("b has frame %d, want 2", mark)
	}
	want = fmt.Sprintf("port 2 queue 1: bytes=%d, pkts=%d, errors=%d, duration=", (pass+1)*size, pass+1, frames-pass)
	if got := r.queueStats("OpenFlow13", 2, 1); !strings.Contains(got, want) {
		t.Errorf("after the reload: %s\nwant %s", got, want)
	}
	ports("")
	reload()
	a.send(3)
	if _, mark := b.receive(); mark != 3 {
		t.Fatalf("b has frame %d, want 3", mark)
	}
	if got := r.queueStats("OpenFlow13", 2, 1); !strings.Contains(got, "OFPQOFC_BAD_QUEUE") {
		t.Errorf("without queues: %s", got)
	}
}

// TestQueueRateOfASwitch: a source far beyond the rate of a port's queue. What went out is no
// more than burst and rate allow for the time that passed, no less than the burst, and all
// packets are either there or counted as errors.
func TestQueueRateOfASwitch(t *testing.T) {
	const count, size, rate, burst = 300_000, 100, 20_000_000, 1_000_000
	r := newMemoryRig(t)
	r.ports = fmt.Sprintf(`  - {name: src, type: memory, memory: {flows: 50, count: %d, size: %d}}
  - {name: sink, type: memory, memory: {flows: 0}, qos: {queues: [{id: 0, max_rate: 20M, burst: 1M}, {id: 7, max_rate: 1k}]}}
`, count, size)
	r.write("flows: ['in_port=src,actions=sink']\n")
	began := time.Now()
	r.run()
	r.wait("all packets", func() bool {
		var show Show
		r.ask(&show, "show")
		return show.Sums.In.Packets == count
	})
	var sent, bytes, lost uint64
	got := r.queueStats("OpenFlow14", 2, 0)
	took := time.Since(began)
	at := strings.Index(got, "bytes=")
	if _, err := fmt.Sscanf(got[max(at, 0):], "bytes=%d, pkts=%d, errors=%d", &bytes, &sent, &lost); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	t.Logf("%d bits in at most %v", bytes*8, took)
	if sent+lost != count || bytes != sent*size || lost != r.queueDrops() {
		t.Errorf("%d packets and %d bytes were sent, %d not, and %d dropped, of %d packets of %d bytes", sent, bytes, lost, r.queueDrops(), count, size)
	}
	if bits, most := bytes*8, burst+uint64(took.Seconds()*rate)+size*8; bits < burst || bits > most {
		t.Errorf("%d bits were sent, want %d to %d", bits, burst, most)
	}
	var ports []PortShow
	r.ask(&ports, "ports")
	if n := ports[1].Tx.Packets; n != sent {
		t.Errorf("the port sent %d packets, its queue %d", n, sent)
	}
	if got := r.queueStats("OpenFlow14", 2, 7); !strings.Contains(got, "bytes=0, pkts=0, errors=0") {
		t.Errorf("a queue that nobody chose: %s", got)
	}
}
