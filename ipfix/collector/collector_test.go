package collector

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"
	"testing"
)

var from = netip.MustParseAddrPort("127.0.0.1:4739")

// message puts sets behind a header.
func message(domain, seq uint32, sets ...[]byte) []byte {
	b := []byte{0, 10, 0, 0, 0, 0, 0, 1}
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, domain)
	for _, s := range sets {
		b = append(b, s...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func setOf(id uint16, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)+4))
	return append(b, body...)
}

// udp is template 300: addresses, protocol, ports and a packet count of 4 bytes,
// which is a reduced size.
var udp = setOf(2, 300>>8, 300&0xff, 0, 6, 0, 8, 0, 4, 0, 12, 0, 4, 0, 4, 0, 1, 0, 7, 0, 2, 0, 11, 0, 2, 0, 2, 0, 4)

// flow is a record of template 300.
func flow(host byte, packets byte) []byte {
	return setOf(300, 10, 0, 0, host, 10, 0, 0, 9, 17, 0, 1, 0, 2, 0, 0, 0, packets)
}

func TestAddsUp(t *testing.T) {
	c := New()
	c.Handle(from, message(1, 0, udp, flow(1, 3), flow(2, 4)))
	c.Handle(from, message(1, 2, flow(1, 5)))
	got := c.Totals()
	if got.Flows != 2 || got.Records != 3 || got.Packets != 12 || got.Missing != 0 || got.Errors != 0 || got.Templates != 1 {
		t.Errorf("totals %+v", got)
	}
	for k, f := range c.Flows() {
		if k.Src == netip.MustParseAddr("10.0.0.1") && (f.Packets != 8 || f.Records != 2) {
			t.Errorf("%v: %+v", k, f)
		}
	}
}

func TestSequenceGaps(t *testing.T) {
	tests := []struct {
		name    string
		seqs    []uint32 // of messages with one record each
		missing uint64
	}{
		{"none", []uint32{0, 1, 2}, 0},
		{"one", []uint32{0, 1, 3, 4}, 1},
		{"many", []uint32{0, 11}, 10},
		{"wraps", []uint32{math.MaxUint32, 0, 1}, 0},
		{"starts in the middle", []uint32{500, 501}, 0},
		{"exporter restarts", []uint32{500, 501, 0, 1}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New()
			for i, seq := range tt.seqs {
				if i == 0 {
					c.Handle(from, message(1, seq, udp, flow(1, 1)))
				} else {
					c.Handle(from, message(1, seq, flow(1, 1)))
				}
				c.Handle(from, message(2, 7)) // another domain's count is its own
			}
			if got := c.Totals(); got.Missing != tt.missing || got.Errors != 0 {
				t.Errorf("totals %+v, want %d missing", got, tt.missing)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	tests := map[string][]byte{
		"empty":                        {},
		"another version":              {0, 5, 0, 0},
		"NetFlow 9":                    {0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"no template":                  message(1, 0, flow(1, 1)),
		"records of no length":         message(1, 0, setOf(2, 1, 44, 0, 1, 0, 8, 0, 0), setOf(300, 1, 2, 3, 4)),
		"length that is not so":        message(1, 0, udp)[:20],
		"address of three bytes":       message(1, 0, setOf(2, 1, 44, 0, 1, 0, 8, 0, 3), setOf(300, 1, 2, 3)),
		"length longer than the bytes": append([]byte{0, 10, 0, 99}, message(1, 0)[4:]...),
	}
	for name, b := range tests {
		c := New()
		c.Handle(from, b)
		if got := c.Totals(); got.Errors == 0 || got.Records != 0 {
			t.Errorf("%s: totals %+v", name, got)
		}
	}
}

func TestTable(t *testing.T) {
	c := New()
	c.Handle(from, message(1, 0, udp, flow(1, 3), flow(2, 4), flow(3, 1)))
	var b strings.Builder
	if err := c.Table(&b, 2); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines, want 5:\n%s", len(lines), b.String())
	}
	for i, want := range []string{"SOURCE", "10.0.0.2:1", "10.0.0.1:1", "1 more", "packets=8"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d has no %q: %s", i, want, lines[i])
		}
	}
}

func TestListen(t *testing.T) {
	if _, err := Listen("127.0.0.1:99999"); err == nil {
		t.Error("a port of 99999 is accepted")
	}
	c, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(c.Addr()); err == nil {
		t.Error("an address that is in use is accepted")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
