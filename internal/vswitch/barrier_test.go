package vswitch

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pollux/flow"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// markType is the Ethernet type of the frames of these tests.
const markType = 0x88b5

// rawSocket sends and receives frames of markType on a host's device.
type rawSocket struct {
	t      *testing.T
	fd     int
	device int
	buf    [256]byte
}

func (r *rig) rawSocket(host string) *rawSocket {
	r.t.Helper()
	s := &rawSocket{t: r.t, fd: -1}
	err := r.host[host].Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		s.device = link.Attrs().Index
		proto := binary.NativeEndian.Uint16([]byte{markType >> 8, markType & 0xff})
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(proto)); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)}),
			unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: s.device}))
	})
	r.t.Cleanup(func() { unix.Close(s.fd) })
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// send puts a frame on the wire whose source address ends in mark.
func (s *rawSocket) send(mark byte) {
	s.t.Helper()
	frame := make([]byte, 60)
	frame[6], frame[11] = 2, mark
	binary.BigEndian.PutUint16(frame[12:], markType)
	if err := unix.Sendto(s.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: s.device}); err != nil {
		s.t.Fatal(err)
	}
}

// receive returns the next frame's destination as a number, and its mark.
func (s *rawSocket) receive() (dst uint64, mark byte) {
	s.t.Helper()
	for {
		n, from, err := unix.Recvfrom(s.fd, s.buf[:], 0)
		switch ll, ok := from.(*unix.SockaddrLinklayer); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			s.t.Fatalf("waiting for a frame: %v", err)
		case n >= 14 && ok && ll.Pkttype != unix.PACKET_OUTGOING:
			return binary.BigEndian.Uint64(append([]byte{0, 0}, s.buf[:6]...)), s.buf[11]
		}
	}
}

// ofConn is a controller's end of a session, spoken by hand.
type ofConn struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	v    wire.Version
	out  []byte // what is to be sent
	xid  uint32
}

// dialOpenFlow begins a session of version v on the switch's own socket.
func (r *rig) dialOpenFlow(v wire.Version) *ofConn {
	r.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(filepath.Dir(r.sock), "br0.mgmt"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	c := &ofConn{t: r.t, conn: conn, in: bufio.NewReader(conn), v: v}
	c.out = wire.AppendHello(nil, 1<<v, 1)
	c.flush()
	for {
		if h, _ := c.read(); wire.KindOf(wire.V15, h.Type) == wire.Hello {
			return c
		}
	}
}

func (c *ofConn) flush() {
	c.t.Helper()
	if _, err := c.conn.Write(c.out); err != nil {
		c.t.Fatal(err)
	}
	c.out = c.out[:0]
}

// read returns the next message.
func (c *ofConn) read() (wire.Header, []byte) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	head, err := c.in.Peek(wire.HeaderLen)
	if err != nil {
		c.t.Fatal(err)
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		c.t.Fatal(err)
	}
	msg := make([]byte, h.Length)
	if _, err := io.ReadFull(c.in, msg); err != nil {
		c.t.Fatal(err)
	}
	return h, msg
}

func (c *ofConn) flow(fm pipeline.FlowMod) {
	c.xid++
	c.out = wire.AppendFlowMod(c.out, c.v, c.xid, &fm, wire.NoBuffer, wire.Style{})
}

func (c *ofConn) group(m pipeline.GroupMod) {
	c.xid++
	c.out = wire.AppendGroupMod(c.out, c.v, c.xid, &m)
}

// bundled has the messages that are to be sent go as one bundle.
func (c *ofConn) bundled() {
	messages := bytes.Clone(c.out)
	c.out = c.out[:0]
	control := func(what wire.BundleType) {
		c.xid++
		c.out = wire.AppendBundle(c.out, c.v, wire.BundleControl, c.xid, &wire.BundleMsg{ID: 7, Type: what, Flags: wire.BundleAtomic | wire.BundleOrdered})
	}
	control(wire.BundleOpen)
	for len(messages) > 0 {
		n := binary.BigEndian.Uint16(messages[2:])
		m := bytes.Clone(messages[:n])
		c.out = wire.AppendBundle(c.out, c.v, wire.BundleAdd, binary.BigEndian.Uint32(m[4:]), &wire.BundleMsg{ID: 7, Flags: wire.BundleAtomic | wire.BundleOrdered, Message: m})
		messages = messages[n:]
	}
	control(wire.BundleCommit)
}

// barrier sends what is to be sent, and a barrier, and waits for its reply.
func (c *ofConn) barrier() {
	c.t.Helper()
	c.xid++
	c.out = wire.AppendMessage(c.out, c.v, wire.BarrierRequest, c.xid, nil)
	c.flush()
	for {
		h, msg := c.read()
		switch h.Kind() {
		case wire.ErrorMsg:
			e, err := wire.ParseError(c.v, msg[wire.HeaderLen:])
			c.t.Fatalf("the switch refuses: %v %v", e, err)
		case wire.EchoRequest:
			c.out = wire.AppendMessage(c.out, c.v, wire.EchoReply, h.XID, msg[wire.HeaderLen:])
			c.flush()
		case wire.BarrierReply:
			if h.XID == c.xid {
				return
			}
		}
	}
}

// setDst is the actions that write version v into a frame's destination.
func setDst(v uint64) pipeline.Action {
	return pipeline.Action{Kind: pipeline.ActSetField, Dst: pipeline.Subfield{Field: flow.EthDst, Bits: 48}, Value: flow.Value{Lo: v}, Mask: flow.EthDst.Full()}
}

// TestBarrierOnTheWire is design law 1 from outside: a controller changes what is done to
// packets, asks for a barrier, and has a frame put on a real wire as soon as the reply is
// there, thousands of times, beside frames that keep the caches warm. Each change writes its
// own number into frames, so each frame tells the tables that it met: of after the reply, none
// tells of tables before. Flow mods of all kinds, groups and bundles.
func TestBarrierOnTheWire(t *testing.T) {
	const rounds, early = 2500, 3
	r := newSwitchRig(t)
	r.write("flows: ['in_port=a,actions=resubmit(,1)']\n")
	r.start()
	a, b := r.rawSocket("a"), r.rawSocket("b")
	c := r.dialOpenFlow(wire.V14)

	out := pipeline.Action{Kind: pipeline.ActOutput, Port: 2}
	mod := func(command pipeline.FlowCommand, do ...pipeline.Action) {
		c.flow(pipeline.FlowMod{Command: command, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, Flow: pipeline.Flow{
			Table: 1, Priority: 5, Do: pipeline.Instructions{Apply: do},
		}})
	}
	group := func(command pipeline.GroupCommand, v uint64) {
		c.group(pipeline.GroupMod{Command: command, Group: pipeline.Group{ID: 1, Type: pipeline.GroupIndirect, Buckets: []pipeline.Bucket{
			{WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup, Actions: []pipeline.Action{setDst(v), out}},
		}}})
	}
	changes := []func(v uint64){
		func(v uint64) { mod(pipeline.FlowModifyStrict, setDst(v), out) },
		func(v uint64) { mod(pipeline.FlowAdd, setDst(v), out) },
		func(v uint64) { mod(pipeline.FlowDelete); mod(pipeline.FlowAdd, setDst(v), out) },
		func(v uint64) { // among others
			for i := range 50 {
				c.flow(pipeline.FlowMod{Command: pipeline.FlowAdd, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, Flow: pipeline.Flow{Table: 7, Priority: uint16(i)}})
			}
			mod(pipeline.FlowModify, setDst(v), out)
		},
		func(v uint64) {
			mod(pipeline.FlowDelete)
			mod(pipeline.FlowAdd, setDst(v), out)
			c.bundled()
		},
		func(v uint64) {
			group(pipeline.GroupModify, v)
			mod(pipeline.FlowModify, pipeline.Action{Kind: pipeline.ActGroup, Group: 1})
		},
		func(v uint64) { group(pipeline.GroupModify, v) },
		func(v uint64) { group(pipeline.GroupModify, v); c.bundled() },
	}
	group(pipeline.GroupAdd, 0)
	mod(pipeline.FlowAdd, setDst(0), out)
	c.barrier()
	var before, after int // frames of before the reply, by the tables that they met
	for v := uint64(1); v <= rounds; v++ {
		changes[v%uint64(len(changes))](v)
		for range early {
			a.send(1)
		}
		c.barrier()
		a.send(2)
		for mark := byte(1); mark != 2; {
			var dst uint64
			switch dst, mark = b.receive(); {
			case mark == 2 && dst != v:
				t.Fatalf("change %d: a frame of after the barrier's reply met the tables of change %d", v, dst)
			case dst == v:
				after++
			case dst == v-1:
				before++
			default:
				t.Fatalf("change %d: a frame met the tables of change %d", v, dst)
			}
		}
	}
	t.Logf("%d changes; of %d frames sent before their barriers' replies %d met the tables of before", rounds, rounds*early, before)
	if after < rounds {
		t.Errorf("%d frames met the tables of after, want %d or more", after, rounds)
	}
}
