package session

import (
	"bytes"
	"crypto/x509"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"pollux/ofp/wire"
)

// Peers that send anything, or nothing, over real sockets, plain and by TLS: each is closed
// or left to itself, and a controller beside them has its answers.
func TestAbuseOverSockets(t *testing.T) {
	s, secure := secureServer(t, newAuthority(t).files("switch", &x509.Certificate{}))
	a, err := s.Listen("ptcp:0:127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	dialTo := func(addr string) net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	good := newPeer(t, dialTo(a.String()))
	good.greet(wire.V13)
	random := make([]byte, 4096)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(random) // which never fails
	for _, what := range [][]byte{
		random,
		append(wire.AppendHello(nil, wire.Spoken, 1), random...),
		{6, 0, 0xff, 0xff, 0, 0, 0, 1},                                        // a hello of 64 KiB that does not come
		append(wire.AppendHello(nil, wire.Spoken, 1), 6, 14, 0xff, 0xff),      // half a head
		append(wire.AppendHello(nil, wire.Spoken, 1), 6, 5, 0, 3, 0, 0, 0, 1), // shorter than its head
		bytes.Repeat(wire.AppendHello(nil, wire.Spoken, 1), 1000),
		append(wire.AppendHello(nil, wire.Spoken, 1), bytes.Repeat(wire.AppendMessage(nil, wire.V15, wire.FeaturesRequest, 1, nil), 10_000)...),
		nil,
	} {
		for _, addr := range []string{a.String(), secure} {
			conn := dialTo(addr)
			go func() { _, _ = conn.Write(what) }() // it may be closed, or never read: its end is the test's
			good.alive(wire.V13)
		}
	}
	for range 100 {
		good.alive(wire.V13)
	}
	// One that is certain to be closed is.
	conn := dialTo(a.String())
	if _, err := conn.Write([]byte{6, 5, 0, 3, 0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("a length that is less than a header's: %v", err)
	}
}
