package peers

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Capture keeps the messages that come to a UDP socket of loopback.
type Capture struct {
	conn *net.UDPConn
	own  net.PacketConn // sends the end
	wg   sync.WaitGroup
	mu   sync.Mutex
	all  [][]byte
}

// StartCapture listens until the test ends.
func StartCapture(t testing.TB) *Capture {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			// As root past the system's limit; else the default has to do.
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
		})
	}
	own, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		conn.Close()
		t.Fatal(err)
	}
	c := &Capture{conn: conn, own: own}
	t.Cleanup(c.close)
	c.wg.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, err := conn.Read(buf)
			if err != nil || n == 0 {
				return
			}
			c.mu.Lock()
			c.all = append(c.all, append([]byte(nil), buf[:n]...))
			c.mu.Unlock()
		}
	})
	return c
}

func (c *Capture) close() {
	c.conn.Close()
	c.own.Close()
	c.wg.Wait()
}

// Addr returns where the socket listens.
func (c *Capture) Addr() string { return c.conn.LocalAddr().String() }

// Messages returns what has come.
func (c *Capture) Messages() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[:len(c.all):len(c.all)]
}

// Stop reads what has been sent until now, ends the listening and returns everything.
// The kernel hands over what comes by loopback in order, so all of it has been read when
// a datagram of the capture's own has: one without a byte, which is no message.
func (c *Capture) Stop() [][]byte {
	done := make(chan struct{})
	go func() { c.wg.Wait(); close(done) }()
	for {
		_, _ = c.own.WriteTo(nil, c.conn.LocalAddr())
		select {
		case <-done:
			c.close()
			return c.all
		case <-time.After(100 * time.Millisecond): // there was no room for it
		}
	}
}

// Pcap wraps messages into a capture file of UDP to port 4739.
func Pcap(messages [][]byte) []byte {
	le, be := binary.LittleEndian, binary.BigEndian
	var b []byte
	for _, v := range []uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65535, 228} { // LINKTYPE_IPV4
		b = le.AppendUint32(b, v)
	}
	for i, m := range messages {
		n := uint32(len(m) + 28)
		for _, v := range []uint32{uint32(i), 0, n, n} {
			b = le.AppendUint32(b, v)
		}
		b = append(b, 0x45, 0, byte(n>>8), byte(n), 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1)
		b = be.AppendUint16(b, 40000)
		b = be.AppendUint16(b, 4739)
		b = be.AppendUint16(b, uint16(len(m)+8))
		b = append(b, 0, 0)
		b = append(b, m...)
	}
	return b
}
