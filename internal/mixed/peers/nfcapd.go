package peers

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"pollux/internal/mixed"
)

// Nfcapd is the collector of nfdump (written for 1.7).
type Nfcapd struct {
	*process
	dir    string
	nfdump string
}

// StartNfcapd starts it on a UDP port of loopback, to write into dir.
func StartNfcapd(t testing.TB, dir string, port int) *Nfcapd {
	t.Helper()
	nfcapd, nfdump := Need(t, "nfcapd", "nfdump"), Need(t, "nfdump", "nfdump")
	return &Nfcapd{
		process: start(t, port, nfcapd, "-b", "127.0.0.1", "-p", fmt.Sprint(port), "-w", dir, "-B", "8000000"),
		dir:     dir, nfdump: nfdump,
	}
}

// NfdumpView is what nfdump shows. It does not tell the EtherType, the number of tags
// and the priority in them, the flow label, layer 2 octets, and of IP nothing but the
// octets: no lengths and no TTL. Frames that are no IP are flows of protocol 0 by their
// MAC addresses.
func NfdumpView(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool) {
	k.TCI &= 0xfff
	k.EthType, k.Tags, k.Label = 0, 0, 0
	return k, mixed.Counts{Packets: c.Packets, Octets: c.Octets, TCPFlags: c.TCPFlags}, true
}

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
	TOS      uint8      `json:"src_tos"`
	VLAN     uint16     `json:"src_vlan"`
	SrcMAC   string     `json:"in_src_mac"`
	DstMAC   string     `json:"in_dst_mac"`
	Flags    string     `json:"tcp_flags"`
	Packets  uint64     `json:"in_packets"`
	Octets   uint64     `json:"in_bytes"`
}

// Stop ends the collector.
func (n *Nfcapd) Stop() { n.stop(syscall.SIGTERM) }

// Report returns what nfdump reads from everything in the collector's directory.
func (n *Nfcapd) Report() Report {
	n.t.Helper()
	out, err := exec.Command(n.nfdump, "-R", n.dir, "-o", "json").Output()
	if err != nil {
		n.t.Fatalf("nfdump: %v: %.500s", err, out)
	}
	var records []nfRecord
	if err := json.Unmarshal(out, &records); err != nil {
		n.t.Fatalf("nfdump: %v in %.500s", err, out)
	}
	r := Report{}
	for i := range records {
		v := &records[i]
		k := mixed.Key{Proto: v.Proto, Src: v.Src4, Dst: v.Dst4, SrcPort: v.SrcPort, DstPort: v.DstPort, TOS: v.TOS, TCI: v.VLAN}
		if v.Src6.IsValid() {
			k.Src, k.Dst = v.Src6, v.Dst6
		}
		if v.Proto == 1 || v.Proto == 58 {
			k.SrcPort, k.DstPort = v.ICMPType, v.ICMPCode
		}
		k.EthSrc, k.EthDst = hardware(n.t, v.SrcMAC), hardware(n.t, v.DstMAC)
		r.Add(k, mixed.Counts{Packets: v.Packets, Octets: v.Octets, TCPFlags: flags(v.Flags)})
	}
	return r
}

// SequenceFailures returns what nfcapd says of gaps in sequence numbers. It counts
// records of flows alone, although RFC 7011 section 3.1 counts option records as well,
// so options cost it a failure each time.
func (n *Nfcapd) SequenceFailures() string {
	n.t.Helper()
	out, err := exec.Command(n.nfdump, "-R", n.dir, "-I").Output()
	_, after, found := strings.Cut(string(out), "Sequence failures: ")
	if err != nil || !found {
		n.t.Fatalf("nfdump -I: %v: %s", err, out)
	}
	return strings.TrimSpace(after)
}

// flags reads "CEUAPRSF" with dots for those that are not set.
func flags(s string) (f uint16) {
	for _, c := range s {
		f <<= 1
		if c != '.' {
			f |= 1
		}
	}
	return f
}

func hardware(t testing.TB, s string) (a [6]byte) {
	t.Helper()
	b, err := net.ParseMAC(s)
	if err != nil || len(b) != 6 {
		t.Fatalf("a MAC address of %q", s)
	}
	return [6]byte(b)
}
