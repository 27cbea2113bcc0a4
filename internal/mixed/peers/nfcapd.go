package peers

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
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

// nfColumns is how nfdump is to print a record: columns with commas between, as many as
// nfNumColumns.
const (
	nfColumns    = "fmt:%pr,%sa,%da,%sp,%dp,%it,%ic,%tos,%flg,%svln,%ismc,%idmc,%pkt,%byt"
	nfNumColumns = 14
)

// Stop ends the collector.
func (n *Nfcapd) Stop() { n.stop(syscall.SIGTERM) }

// Report returns what nfdump reads from everything in the collector's directory.
func (n *Nfcapd) Report(t testing.TB) Report {
	t.Helper()
	// Numbers as they are (-N), addresses of IPv6 in full (-6).
	out, err := exec.Command(n.nfdump, "-R", n.dir, "-q", "-N", "-6", "-o", nfColumns).Output()
	if err != nil {
		t.Fatalf("nfdump: %v: %.500s", err, out)
	}
	r := Report{}
	for line := range strings.Lines(string(out)) {
		c := strings.Split(line, ",")
		if len(c) != nfNumColumns {
			t.Fatalf("nfdump printed %q", line)
		}
		for i := range c {
			c[i] = strings.TrimSpace(c[i])
		}
		number := func(column, bits int) uint64 {
			v, err := strconv.ParseUint(c[column], 10, bits)
			if err != nil {
				t.Fatalf("nfdump printed %q: %v", line, err)
			}
			return v
		}
		k := mixed.Key{
			Proto: uint8(number(0, 8)), TOS: uint8(number(7, 8)), TCI: uint16(number(9, 16)),
			EthSrc: hardware(t, c[10]), EthDst: hardware(t, c[11]),
		}
		if k.Proto != 0 {
			var err1, err2 error
			k.Src, err1 = netip.ParseAddr(c[1])
			k.Dst, err2 = netip.ParseAddr(c[2])
			if err1 != nil || err2 != nil {
				t.Fatalf("nfdump printed %q", line)
			}
		}
		if k.Proto == 1 || k.Proto == 58 {
			k.SrcPort, k.DstPort = uint16(number(5, 8)), uint16(number(6, 8))
		} else {
			k.SrcPort, k.DstPort = uint16(number(3, 16)), uint16(number(4, 16))
		}
		r.Add(k, mixed.Counts{Packets: number(12, 64), Octets: number(13, 64), TCPFlags: flags(c[8])})
	}
	return r
}

// SequenceFailures returns what nfcapd says of gaps in sequence numbers. It counts
// records of flows alone, although RFC 7011 section 3.1 counts option records as well,
// so options cost it a failure each time.
func (n *Nfcapd) SequenceFailures(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(n.nfdump, "-R", n.dir, "-I").Output()
	_, after, found := strings.Cut(string(out), "Sequence failures: ")
	if err != nil || !found {
		t.Fatalf("nfdump -I: %v: %s", err, out)
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
