package ipfix

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pollux/ipfix/cache"
)

// nfRecord is what nfdump prints of a record in JSON, as far as it is compared.
type nfRecord struct {
	Proto    uint8      `json:"proto"`
	Src4     netip.Addr `json:"src4_addr"`
	Dst4     netip.Addr `json:"dst4_addr"`
	Src6     netip.Addr `json:"src6_addr"`
	Dst6     netip.Addr `json:"dst6_addr"`
	SrcPort  uint16     `json:"src_port"`
	DstPort  uint16     `json:"dst_port"`
	ICMPType uint16     `json:"icmp_type"`
	ICMPCode uint16     `json:"icmp_code"`
	Packets  uint64     `json:"in_packets"`
	Octets   uint64     `json:"in_bytes"`
	VLAN     uint16     `json:"src_vlan"`
}

// TestNfdumpAgrees sends the records of two loops to a real nfcapd and compares
// what nfdump reads with what was sent, flow by flow.
func TestNfdumpAgrees(t *testing.T) {
	nfcapd, nfdump := need(t, "nfcapd", "nfdump"), need(t, "nfdump", "nfdump")
	dir, port := t.TempDir(), freePort(t)
	cmd := exec.Command(nfcapd, "-b", "127.0.0.1", "-p", fmt.Sprint(port), "-w", dir, "-B", "4000000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	end := func() {
		if !stopped {
			stopped = true
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		}
	}
	defer end()
	waitBound(t, port)

	l := newLab(cache.Config{MaxFlows: 8192}, 2)
	target := fmt.Sprintf("127.0.0.1:%d", port)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{target}, Epoch: epoch, MessageRate: 2000, DrainTimeout: 20 * time.Second,
	}, l.caches)
	all := specs(2000, 8)
	l.send(0, cache.Point{Domain: 1, ID: 2}, all[:len(all)/2])
	l.send(1, cache.Point{Domain: 1, ID: 2}, all[len(all)/2:])
	l.flush(t)
	s := stop()
	checkSum(t, s)
	if s.Collectors[0].Errors != 0 {
		t.Fatalf("nfcapd did not take the messages: %+v", s.Collectors[0])
	}
	time.Sleep(500 * time.Millisecond) // what is in its socket
	end()

	out, err := exec.Command(nfdump, "-R", dir, "-o", "json").Output()
	if err != nil {
		t.Fatalf("nfdump: %v: %s", err, out)
	}
	info, err := exec.Command(nfdump, "-R", dir, "-I").Output()
	if err != nil || !strings.Contains(string(info), "Sequence failures: 0") {
		t.Errorf("nfcapd missed records: %v: %s", err, info)
	}
	var records []nfRecord
	if err := json.Unmarshal(out, &records); err != nil {
		t.Fatalf("nfdump: %v in %.500s", err, out)
	}
	type count struct{ Records, Packets, Octets uint64 }
	got, want := map[string]count{}, map[string]count{}
	add := func(m map[string]count, key string, packets, octets uint64) {
		c := m[key]
		m[key] = count{c.Records + 1, c.Packets + packets, c.Octets + octets}
	}
	for _, r := range records {
		src, dst := r.Src4, r.Dst4
		if r.Src6.IsValid() {
			src, dst = r.Src6, r.Dst6
		}
		if r.Proto == 1 || r.Proto == 58 {
			r.SrcPort, r.DstPort = r.ICMPType, r.ICMPCode
		}
		add(got, fmt.Sprint(r.Proto, src, r.SrcPort, dst, r.DstPort, r.VLAN), r.Packets, r.Octets)
	}
	for k, c := range l.want {
		src, dst := k.Addrs()
		add(want, fmt.Sprint(k.Proto, src, k.SrcPort, dst, k.DstPort, k.VLAN&0xfff), c.Packets, c.Octets)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%d records of nfdump; sent -, nfdump +:\n%.3000s", len(records), d)
	}
}
