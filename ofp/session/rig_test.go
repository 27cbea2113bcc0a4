package session

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// TestMain also sees that no test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixed is a switch that always says the same.
type fixed struct {
	features wire.Features
	bridge   *wire.IPFIXStats
	sets     []wire.IPFIXStats
	resumed  []resumedPacket

	mu   sync.Mutex // guards outs
	outs []pipeline.Out
}

// resumedPacket is what Resume was called with.
type resumedPacket struct {
	frame []byte
	in    flow.Key
	of    *pipeline.Frozen
}

func (f *fixed) Features() wire.Features { return f.features }
func (f *fixed) Desc() wire.Desc         { return wire.Desc{Manufacturer: "Pollux", Datapath: "br0"} }
func (f *fixed) IPFIXBridge() (wire.IPFIXStats, bool) {
	if f.bridge == nil {
		return wire.IPFIXStats{}, false
	}
	return *f.bridge, true
}
func (f *fixed) PortStats() []wire.PortStats {
	return []wire.PortStats{{Port: 1, RxPackets: 5}, {Port: 2}}
}
func (f *fixed) PushCounts() {}
func (f *fixed) CheckFrame(frame []byte) error {
	if len(frame) < 14 || len(frame) > 2000 {
		return fmt.Errorf("%d bytes: %w", len(frame), ofperr.BadPacket)
	}
	return nil
}
func (f *fixed) PacketOut(o *pipeline.Out) error {
	if err := f.CheckFrame(o.Frame); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outs = append(f.outs, *o)
	return nil
}
func (f *fixed) Resume(frame []byte, in *flow.Key, of *pipeline.Frozen) error {
	f.resumed = append(f.resumed, resumedPacket{bytes.Clone(frame), *in, of})
	return nil
}
func (f *fixed) IPFIXSets() []wire.IPFIXStats { return f.sets }

// box is a switch with two ports, an exporter and two sets.
func box() *fixed {
	return &fixed{
		features: wire.Features{
			DatapathID: 0xabc, Tables: 254, Capabilities: wire.CapFlowStats, Actions: 1,
			Ports: []wire.Port{
				{Number: 1, MAC: [6]byte{2, 0, 0, 0, 0, 1}, Name: "up0", State: wire.PortLive},
				{Number: 2, MAC: [6]byte{2, 0, 0, 0, 0, 2}, Name: "up1", State: wire.PortLinkDown},
			},
		},
		bridge: &wire.IPFIXStats{Flows: 9, CurrentFlows: 8, Packets: 7, IPv4: 6, IPv6: 5, Errors: 4, IPv4Errors: 3, IPv6Errors: 2, Tx: 1},
		sets:   []wire.IPFIXStats{{SetID: 7, Flows: 70, TxErrors: 3}, {SetID: 8, Flows: 80}},
	}
}

// serveUnix answers on a Unix socket until the test ends and returns its path.
func serveUnix(t *testing.T, c Config) string {
	t.Helper()
	var s *Server
	return serveUnixAs(t, c, &s)
}

// serveUnixAs is serveUnix, and tells the server.
func serveUnixAs(t *testing.T, c Config, to **Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "br0.mgmt")
	s := New(c)
	*to = s
	if _, err := s.Listen("punix:" + path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return path
}

// ofctl runs ovs-ofctl and returns what it printed, with its error as a last line.
func ofctl(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	out, err := exec.Command("ovs-ofctl", args...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		text += fmt.Sprintf("\n%v", err)
	}
	return text
}

// peer is the other end of a session, spoken by hand.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	return &peer{t, conn, bufio.NewReader(conn)}
}

// write sends bytes, of which none may be refused.
func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// read returns the next message, nil at the end of the session.
func (p *peer) read() []byte {
	p.t.Helper()
	head, err := p.in.Peek(wire.HeaderLen)
	if err != nil {
		if len(head) > 0 {
			p.t.Fatalf("the session ended in a header: %x, %v", head, err)
		}
		return nil
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		p.t.Fatal(err)
	}
	msg := make([]byte, h.Length)
	if _, err := io.ReadFull(p.in, msg); err != nil {
		p.t.Fatalf("the session ended in a message: %v", err)
	}
	return msg
}

// greet says hello as one who speaks v alone, and takes the session's.
func (p *peer) greet(v wire.Version) {
	p.t.Helper()
	if msg := p.read(); msg == nil || wire.KindOf(wire.V15, msg[1]) != wire.Hello {
		p.t.Fatalf("%x is no hello", msg)
	}
	p.write(wire.AppendHello(nil, 1<<v, 1))
}
