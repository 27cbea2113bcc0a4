package vswitch

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/internal/ctl"
	"pollux/pmd/datapath"
)

// dumpPort has ovs-ofctl print a port's counters.
func (r *rig) dumpPort(version, port string) string {
	r.t.Helper()
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		r.t.Skip("ovs-ofctl is not installed")
	}
	bridge := "unix:" + filepath.Join(filepath.Dir(r.sock), "br0.mgmt")
	out, err := exec.Command("ovs-ofctl", "-O", version, "dump-ports", bridge, port).CombinedOutput()
	if err != nil {
		r.t.Fatalf("dump-ports %s: %v\n%s", port, err, out)
	}
	return string(out)
}

var (
	counterLine = regexp.MustCompile(`(\w+)=(\d+)`)
	ageLine     = regexp.MustCompile(`duration=([0-9.]+)s`)
)

// custom reads the custom statistics that ovs-ofctl printed.
func custom(text string) map[string]uint64 {
	_, text, _ = strings.Cut(text, "CUSTOM Statistics\n")
	all := map[string]uint64{}
	for _, m := range counterLine.FindAllStringSubmatch(text, -1) {
		all[m[1]], _ = strconv.ParseUint(m[2], 10, 64)
	}
	return all
}

// TestPortDropsOnTheWire: frames that come in by a are dropped in four ways: by a flow, by a
// table, by a port that they came in by, and by the queue of the port that they go to. ovs-ofctl
// and the switch's own displays tell each of the right port; b, which is told of the queue
// alone, counts that as tx_dropped too.
func TestPortDropsOnTheWire(t *testing.T) {
	const size, pass = 60, 3
	r := newSwitchRig(t)
	r.ports = fmt.Sprintf("  - {name: a, type: afxdp, device: va}\n  - {name: b, type: afxdp, device: vb, qos: {queues: [{id: 1, max_rate: 1, burst: %d}]}}\n", (pass-1)*size*8)
	// Whatever else the hosts have to say goes to each other.
	const flows = `flows:
  - in_port=a,dl_type=0x88b5,actions=enqueue:b:1
  - in_port=a,dl_type=0x88b6,actions=drop
  - in_port=a,dl_type=0x88b7,actions=goto_table:5
  - in_port=a,dl_type=0x88b8,actions=output:a
  - priority=1,in_port=a,actions=output:b
  - priority=1,in_port=b,actions=output:a
`
	r.write(flows)
	r.start()
	a := r.rawSocket("a")
	send := func(typ uint16, n int) {
		frame := make([]byte, size)
		frame[6] = 2
		binary.BigEndian.PutUint16(frame[12:], typ)
		for range n {
			a.sendFrame(frame)
		}
	}
	send(0x88b5, pass+7)
	send(0x88b6, 4)
	send(0x88b7, 2)
	send(0x88b8, 5)
	count := func(n uint64) actions.Count { return actions.Count{Packets: n, Bytes: size * n} }
	wantA := datapath.ByReason{actions.DropAction: count(4), actions.DropTableMiss: count(2), actions.DropToInPort: count(5)}
	wantB := datapath.ByReason{actions.DropQueue: count(7)}
	var ports []PortShow
	r.wait("all frames to be counted", func() bool {
		r.ask(&ports, "ports")
		return ports[0].Dropped == wantA && ports[1].Dropped == wantB
	})
	var drops DropsShow
	if r.ask(&drops, "drops"); len(drops.Ports) != 2 || drops.Ports[0] != (PortDrops{"a", wantA}) || drops.Ports[1] != (PortDrops{"b", wantB}) || drops.Unaccounted != 0 {
		t.Errorf("drops by port: %+v, unaccounted %d", drops.Ports, drops.Unaccounted)
	}
	for _, v := range ofVersions {
		for i, want := range []datapath.ByReason{wantA, wantB} {
			text := r.dumpPort(v, fmt.Sprint(i+1))
			if tx := fmt.Sprintf("tx pkts=%d, bytes=%d, drop=%d, errs=0", ports[i].Tx.Packets, ports[i].Tx.Bytes, want[actions.DropQueue].Packets); i == 1 && !strings.Contains(text, tx) {
				t.Errorf("%s: %s\nwant %s", v, text, tx)
			}
			if !strings.Contains(text, "rx pkts=") || !strings.Contains(text, "drop=0, errs=0, frame=?") {
				t.Errorf("%s: drops of flows are counted as rx_dropped:\n%s", v, text)
			}
			if v < "OpenFlow14" {
				if strings.Contains(text, "CUSTOM") {
					t.Errorf("%s has room for custom statistics:\n%s", v, text)
				}
				continue
			}
			got := custom(text)
			for why := actions.DropNone + 1; why < actions.NumReasons; why++ {
				if n, ok := got[why.String()]; !ok || n != want[why].Packets {
					t.Errorf("%s, port %d: %v is %d (told: %v), want %d", v, i+1, why, n, ok, want[why].Packets)
				}
			}
			if _, ok := got["rx_fill_empty"]; !ok || len(got) != int(actions.NumReasons)+1 {
				t.Errorf("%s, port %d: %d custom statistics: %v", v, i+1, len(got), got)
			}
		}
	}

	// A port that a reload brings is younger; those that stay are as old as they are.
	age := func(port string) float64 {
		m := ageLine.FindStringSubmatch(r.dumpPort("OpenFlow13", port))
		if m == nil {
			t.Fatalf("port %s has no duration", port)
		}
		s, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	was := age("1")
	r.ports += "  - {name: c, type: memory, memory: {flows: 0}}\n"
	r.write(flows)
	if _, err := ctl.Call(r.sock, "reload"); err != nil {
		t.Fatal(err)
	}
	c := age("3")
	if a := age("1"); a < was || a < c+was {
		t.Errorf("a was %.3f s old before c came, and is %.3f s now; c is %.3f s old", was, a, c)
	}
	if r.ask(&ports, "ports"); ports[0].Dropped != wantA || ports[1].Dropped != wantB {
		t.Errorf("the reload has changed the drops of ports: %+v, %+v", ports[0].Dropped, ports[1].Dropped)
	}
}
