package peers

import (
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pollux/internal/mixed"
)

// Tshark dissects messages and returns its text.
func Tshark(t testing.TB, messages [][]byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ipfix.pcap")
	if err := os.WriteFile(file, Pcap(messages), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(Need(t, "tshark", "tshark"), "-r", file, "-d", "udp.port==4739,cflow", "-O", "cflow").Output()
	if err != nil {
		t.Fatalf("tshark: %v: %.500s", err, out)
	}
	return string(out)
}

// Complaints returns the lines in which tshark says that something is wrong or unknown
// to it. Values of forwardingStatus are no complaint, though tshark's names of some have
// the word in them: that a forwarded packet has no reason for it is status 64.
func Complaints(text string) (lines []string) {
	for _, bad := range []string{"Malformed", "nknown", "Expert Info", "no template found", "Unassigned"} {
		for rest := text; ; {
			at := strings.Index(rest, bad)
			if at < 0 {
				break
			}
			end := len(rest)
			if n := strings.IndexByte(rest[at:], '\n'); n >= 0 {
				end = at + n
			}
			line := rest[strings.LastIndexByte(rest[:at], '\n')+1 : end]
			if !strings.Contains(line, "ForwardingStatus") {
				lines = append(lines, strings.TrimSpace(line))
			}
			rest = rest[end:]
		}
	}
	return lines
}

// Record is a data record as tshark prints it: values by names of its own.
type Record map[string]string

// Records returns the data records in tshark's text, those of options included.
func Records(text string) (all []Record) {
	eachRecord(text, func(r Record) { all = append(all, maps.Clone(r)) })
	return all
}

// eachRecord calls fn with each of Records in turn; the record is fn's until it returns.
func eachRecord(text string, fn func(Record)) {
	r, open := Record{}, false
	end := func() {
		if open {
			fn(r)
			clear(r)
			open = false
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		depth := 0
		for depth < len(line) && line[depth] == ' ' {
			depth++
		}
		word := line[depth:]
		switch {
		case depth == 8 && strings.HasPrefix(word, "Flow "):
			end()
			open = true
		case depth == 12 && open:
			if name, value, ok := strings.Cut(word, ": "); ok {
				r[name] = value
			}
		case depth < 12:
			end()
		}
	}
	end()
}

// TsharkView is what tshark shows: all of the key, and of the counts all but the sum
// of squares.
func TsharkView(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool) {
	c.SumSq = 0
	return k, c, true
}

// TsharkReport returns what the text says of flows.
func TsharkReport(t testing.TB, text string) Report {
	t.Helper()
	r := Report{}
	eachRecord(text, func(v Record) {
		if _, ok := v["Packets"]; !ok {
			return // options
		}
		r.Add(v.key(t), mixed.Counts{
			Packets: v.number(t, "Packets"), Octets: v.number(t, "Octets"), L2Octets: v.number(t, "Layer2 Octet Delta Count"),
			MinLen: uint16(v.number(t, "MinLength")), MaxLen: uint16(v.number(t, "MaxLength")),
			MinTTL: uint8(v.number(t, "MinTTL")), MaxTTL: uint8(v.number(t, "MaxTTL")), TCPFlags: uint16(v.number(t, "TCP Flags")),
		})
	})
	return r
}

// number reads a value: "6", "0x0012, SYN, ACK", "ICMPv6 (58)"; 0 where there is none.
func (r Record) number(t testing.TB, name string) uint64 {
	t.Helper()
	s, ok := r[name]
	if !ok {
		return 0
	}
	s, _, _ = strings.Cut(s, ",")
	if i := strings.LastIndexByte(s, '('); i >= 0 {
		s = strings.TrimSuffix(s[i+1:], ")")
	}
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		t.Fatalf("%s: %q of %v", name, s, r)
	}
	return n
}

func (r Record) key(t testing.TB) mixed.Key {
	t.Helper()
	address := func(name string) (a netip.Addr) {
		if s, ok := r[name]; ok {
			var err error
			if a, err = netip.ParseAddr(s); err != nil {
				t.Fatal(err)
			}
		}
		return a
	}
	mac := func(name string) [6]byte { // the name of a maker, then the address in brackets
		s := r[name]
		return hardware(t, strings.TrimSuffix(s[strings.LastIndexByte(s, '(')+1:], ")"))
	}
	k := mixed.Key{
		EthSrc: mac("Source Mac Address"), EthDst: mac("Destination Mac Address"), EthType: uint16(r.number(t, "Ethernet Type")),
		Src: address("SrcAddr"), Dst: address("DstAddr"), Proto: uint8(r.number(t, "Protocol")), TOS: uint8(r.number(t, "IP ToS")),
		Label: uint32(r.number(t, "ipv6FlowLabel")), SrcPort: uint16(r.number(t, "SrcPort")), DstPort: uint16(r.number(t, "DstPort")),
	}
	if tags := r.number(t, "Ethernet Header Length"); tags > 14 {
		k.Tags = uint8(tags-14) / 4
		k.TCI = uint16(r.number(t, "Dot1q Vlan Id") | r.number(t, "Dot1q Priority")<<13)
	}
	switch k.Proto {
	case 1:
		n := r.number(t, "ICMP Type")
		k.SrcPort, k.DstPort = uint16(n>>8), uint16(n&0xff)
	case 58:
		k.SrcPort, k.DstPort = uint16(r.number(t, "IPv6 ICMP Type")), uint16(r.number(t, "IPv6 ICMP Code"))
	}
	return k
}
