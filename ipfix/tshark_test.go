package ipfix

import (
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pollux/ipfix/cache"
)

// pcapOf wraps messages into a capture file: LINKTYPE_IPV4, UDP to port 4739.
func pcapOf(messages [][]byte) []byte {
	le := binary.LittleEndian
	var b []byte
	for _, v := range []uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, 228} {
		b = le.AppendUint32(b, v)
	}
	for i, m := range messages {
		n := uint32(len(m) + 28)
		for _, v := range []uint32{uint32(i), 0, n, n} {
			b = le.AppendUint32(b, v)
		}
		b = append(b, 0x45, 0, byte(n>>8), byte(n), 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1)
		b = binary.BigEndian.AppendUint16(b, 40000)
		b = binary.BigEndian.AppendUint16(b, 4739)
		b = binary.BigEndian.AppendUint16(b, uint16(len(m)+8))
		b = append(b, 0, 0)
		b = append(b, m...)
	}
	return b
}

// capture returns the messages that come to a socket until stop is called.
func capture(t testing.TB) (addr string, stop func() [][]byte) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan [][]byte)
	go func() {
		var all [][]byte
		buf := make([]byte, 65536)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				out <- all
				return
			}
			all = append(all, append([]byte(nil), buf[:n]...))
		}
	}()
	return conn.LocalAddr().String(), func() [][]byte {
		time.Sleep(100 * time.Millisecond) // what is in the socket
		conn.Close()
		return <-out
	}
}

// TestTsharkKnowsEverything lets tshark dissect what an exporter sends: all
// templates, options and records of all kinds, in both directions. Nothing may be
// malformed or unknown, and the packets it reads add up.
func TestTsharkKnowsEverything(t *testing.T) {
	tshark := need(t, "tshark", "tshark")
	addr, received := capture(t)
	l := newLab(cache.Config{Sampling: 1}, 1)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{addr}, Epoch: epoch, MessageRate: 2000, DrainTimeout: 10 * time.Second, Domains: []uint32{9},
	}, l.caches)
	all := specs(200, 9)
	l.send(0, cache.Point{Domain: 9}, all)
	l.send(0, cache.Point{Dir: cache.Egress, Egress: 2, Domain: 9}, all)
	l.flush(t)
	stop()
	messages := received()
	file := filepath.Join(t.TempDir(), "ipfix.pcap")
	if err := os.WriteFile(file, pcapOf(messages), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		out, err := exec.Command(tshark, append([]string{"-r", file, "-d", "udp.port==4739,cflow"}, args...)...).Output()
		if err != nil {
			t.Fatalf("tshark: %v: %.500s", err, out)
		}
		return string(out)
	}
	text := run("-V")
	for _, bad := range []string{"Malformed", "nknown", "Expert Info", "no template found", "Unassigned"} {
		for _, line := range strings.Split(text, "\n") {
			// A forwardingStatus of 0 is called unknown, which it is.
			if strings.Contains(line, bad) && !strings.Contains(line, "ForwardingStatus") {
				t.Fatalf("tshark says %q", strings.TrimSpace(line))
			}
		}
	}
	if n := strings.Count(text, "Version: 10"); n != len(messages) {
		t.Errorf("tshark found %d messages of %d", n, len(messages))
	}
	var packets, octets uint64
	for _, line := range strings.Split(run("-T", "fields", "-e", "cflow.packets", "-e", "cflow.layer2_octet_delta_count"), "\n") {
		columns := strings.Split(line, "\t")
		for i, sum := range []*uint64{&packets, &octets} {
			if i >= len(columns) || columns[i] == "" {
				continue
			}
			for _, v := range strings.Split(columns[i], ",") {
				n, err := strconv.ParseUint(v, 10, 64)
				if err != nil {
					t.Fatalf("tshark printed %q: %v", line, err)
				}
				*sum += n
			}
		}
	}
	if packets != l.packets || octets != l.l2 {
		t.Errorf("tshark read %d packets, %d octets; %d, %d were sent", packets, octets, l.packets, l.l2)
	}
}
