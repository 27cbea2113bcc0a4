package peers

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pollux/internal/mixed"
)

// Fixbuf is ipfixDump of libfixbuf (CERT's library, that of SiLK and YAF) at the end of
// a TCP session: the connection is its standard input. Of the collectors that Debian has,
// nfcapd and nfacctd take UDP alone.
type Fixbuf struct {
	addr string
	out  *os.File
	done chan error
}

// ListenFixbuf takes one connection.
func ListenFixbuf(t testing.TB) *Fixbuf {
	t.Helper()
	path := Need(t, "ipfixDump", "libfixbuf-tools")
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.CreateTemp(t.TempDir(), "fixbuf")
	if err != nil {
		l.Close()
		t.Fatal(err)
	}
	f := &Fixbuf{addr: l.Addr().String(), out: out, done: make(chan error, 1)}
	cmd := exec.Command(path, "--data", "--rfc5610")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.done <- func() error {
			conn, err := l.AcceptTCP()
			if err != nil {
				return err
			}
			file, err := conn.File()
			conn.Close()
			if err != nil {
				return err
			}
			defer file.Close()
			cmd.Stdin = file
			return cmd.Run()
		}()
	}()
	t.Cleanup(func() {
		l.Close()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("the session with ipfixDump does not end")
		}
		out.Close()
	})
	return f
}

// Addr returns where the session is waited for.
func (f *Fixbuf) Addr() string { return f.addr }

// Text returns what was printed, when the session is over.
func (f *Fixbuf) Text(t testing.TB) string {
	t.Helper()
	select {
	case err := <-f.done:
		if err != nil {
			t.Errorf("ipfixDump: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the session with ipfixDump does not end")
	}
	b, err := os.ReadFile(f.out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FixbufFile returns what ipfixDump prints of an IPFIX file (RFC 5655).
func FixbufFile(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command(Need(t, "ipfixDump", "libfixbuf-tools"), "--data", "--rfc5610", "--in", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ipfixDump: %v: %.500s", err, out)
	}
	return string(out)
}

// FixbufRecords returns the data records in ipfixDump's text, those of options included:
// values by the names of the registry, and by PEN/number where it has no name.
func FixbufRecords(text string) (all []Record) {
	eachFixbufRecord(text, func(r Record) { all = append(all, maps.Clone(r)) })
	return all
}

// eachFixbufRecord calls fn with each of FixbufRecords in turn; the record is fn's until
// it returns.
func eachFixbufRecord(text string, fn func(Record)) {
	r, open := Record{}, false
	end := func() {
		if open {
			fn(r)
			clear(r)
			open = false
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "--- ") {
			end()
			open = strings.HasPrefix(line, "--- data record")
			continue
		}
		if !open || !strings.HasPrefix(line, "\t(") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " : ")
		if !ok {
			continue
		}
		number, name, _ := strings.Cut(name[2:], ")")
		name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "(S)"))
		if strings.HasPrefix(name, "_alien") {
			name = number
		}
		if _, text, ok := strings.Cut(value, ") "); ok && strings.HasPrefix(value, "(len: ") {
			value = text
		}
		r[name] = value
	}
	end()
}

// FixbufView is what ipfixDump shows: all of it.
func FixbufView(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool) {
	c.SumSq = 0
	return k, c, true
}

// FixbufReport returns what the text says of flows.
func FixbufReport(t testing.TB, text string) Report {
	t.Helper()
	r := Report{}
	eachFixbufRecord(text, func(v Record) {
		if _, ok := v["packetDeltaCount"]; !ok {
			return // options
		}
		number := func(name string) uint64 {
			s, ok := v[name]
			if !ok {
				return 0
			}
			n, err := strconv.ParseUint(strings.Fields(s)[0], 0, 64)
			if err != nil {
				t.Fatalf("%s: %q of %v", name, s, v)
			}
			return n
		}
		address := func(names ...string) (a netip.Addr) {
			for _, name := range names {
				if s, ok := v[name]; ok {
					var err error
					if a, err = netip.ParseAddr(s); err != nil {
						t.Fatal(err)
					}
				}
			}
			return a
		}
		k := mixed.Key{
			EthSrc: hardware(t, v["sourceMacAddress"]), EthDst: hardware(t, v["destinationMacAddress"]), EthType: uint16(number("ethernetType")),
			Src: address("sourceIPv4Address", "sourceIPv6Address"), Dst: address("destinationIPv4Address", "destinationIPv6Address"),
			Proto: uint8(number("protocolIdentifier")), TOS: uint8(number("ipClassOfService")), Label: uint32(number("flowLabelIPv6")),
			SrcPort: uint16(number("sourceTransportPort")), DstPort: uint16(number("destinationTransportPort")),
		}
		if tags := number("ethernetHeaderLength"); tags > 14 {
			k.Tags, k.TCI = uint8(tags-14)/4, uint16(number("dot1qVlanId")|number("dot1qPriority")<<13)
		}
		switch k.Proto {
		case 1:
			n := number("icmpTypeCodeIPv4")
			k.SrcPort, k.DstPort = uint16(n>>8), uint16(n&0xff)
		case 58:
			n := number("icmpTypeIPv6")<<8 | number("icmpCodeIPv6") | number("icmpTypeCodeIPv6")
			k.SrcPort, k.DstPort = uint16(n>>8), uint16(n&0xff)
		}
		r.Add(k, mixed.Counts{
			Packets: number("packetDeltaCount"), Octets: number("octetDeltaCount"), L2Octets: number("layer2OctetDeltaCount"),
			MinLen: uint16(number("minimumIpTotalLength")), MaxLen: uint16(number("maximumIpTotalLength")),
			MinTTL: uint8(number("minimumTTL")), MaxTTL: uint8(number("maximumTTL")), TCPFlags: uint16(number("tcpControlBits")),
		})
	})
	return r
}
