// Package ofclient is a controller's end of an OpenFlow session, as far as loads and tests
// need one: what is asked is gathered, sent at once, and waited for by a barrier.
package ofclient

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Conn is such an end. It is of one goroutine.
type Conn struct {
	// Other is given each message that Barrier reads and nobody waits for; nil has them
	// passed over.
	Other func(h wire.Header, msg []byte)

	conn    net.Conn
	in      *bufio.Reader
	v       wire.Version
	out     []byte // gathered
	xid     uint32
	timeout time.Duration // of a read
	msg     []byte        // the last that was read
}

// Dial begins a session of version v. A read that takes longer than timeout is an error.
func Dial(network, addr string, v wire.Version, timeout time.Duration) (*Conn, error) {
	conn, err := net.DialTimeout(network, addr, timeout)
	if err != nil {
		return nil, err
	}
	c := &Conn{conn: conn, in: bufio.NewReader(conn), v: v, timeout: timeout}
	c.out = wire.AppendHello(nil, 1<<v, 1)
	if err := c.greet(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("session with %s: %w", addr, err)
	}
	return c, nil
}

func (c *Conn) greet() error {
	if err := c.flush(); err != nil {
		return err
	}
	for {
		h, err := c.Read()
		if err != nil {
			return err
		}
		if wire.KindOf(wire.V15, h.Type) == wire.Hello { // of whatever version
			return nil
		}
	}
}

// Close ends the session.
func (c *Conn) Close() error { return c.conn.Close() }

// FlowMod gathers a FLOW_MOD.
func (c *Conn) FlowMod(fm *pipeline.FlowMod) {
	c.xid++
	c.out = wire.AppendFlowMod(c.out, c.v, c.xid, fm, wire.NoBuffer, wire.Style{})
}

// GroupMod gathers a GROUP_MOD.
func (c *Conn) GroupMod(m *pipeline.GroupMod) {
	c.xid++
	c.out = wire.AppendGroupMod(c.out, c.v, c.xid, m)
}

// Send gathers a message of any kind.
func (c *Conn) Send(k wire.Kind, body []byte) {
	c.xid++
	c.out = wire.AppendMessage(c.out, c.v, k, c.xid, body)
}

// Bundle has what is gathered go as one bundle, atomic and ordered.
func (c *Conn) Bundle() {
	const id, flags = 7, wire.BundleAtomic | wire.BundleOrdered
	list := bytes.Clone(c.out)
	c.out = c.out[:0]
	control := func(what wire.BundleType) {
		c.xid++
		c.out = wire.AppendBundle(c.out, c.v, wire.BundleControl, c.xid, &wire.BundleMsg{ID: id, Type: what, Flags: flags})
	}
	control(wire.BundleOpen)
	for len(list) > 0 {
		var m []byte
		m, list = list[:binary.BigEndian.Uint16(list[2:])], list[binary.BigEndian.Uint16(list[2:]):]
		c.out = wire.AppendBundle(c.out, c.v, wire.BundleAdd, binary.BigEndian.Uint32(m[4:]), &wire.BundleMsg{ID: id, Flags: flags, Message: m})
	}
	control(wire.BundleCommit)
}

// Barrier sends what is gathered, and a barrier, and returns when the reply is there. An
// error that the switch answers with, to whatever was asked, is its own.
func (c *Conn) Barrier() error {
	c.xid++
	c.out = wire.AppendMessage(c.out, c.v, wire.BarrierRequest, c.xid, nil)
	barrier := c.xid
	if err := c.flush(); err != nil {
		return err
	}
	for {
		h, err := c.Read()
		if err != nil {
			return err
		}
		switch h.Kind() {
		case wire.ErrorMsg:
			e, err := wire.ParseError(c.v, c.msg[wire.HeaderLen:])
			if err != nil {
				return err
			}
			return e
		case wire.EchoRequest:
			c.out = wire.AppendMessage(c.out, c.v, wire.EchoReply, h.XID, c.msg[wire.HeaderLen:])
			if err := c.flush(); err != nil {
				return err
			}
		case wire.BarrierReply:
			if h.XID == barrier {
				return nil
			}
		default:
			if c.Other != nil {
				c.Other(h, c.msg)
			}
		}
	}
}

// Read reads the next message, whole with its header into c.msg.
func (c *Conn) Read() (h wire.Header, err error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(c.timeout))
	head, err := c.in.Peek(wire.HeaderLen)
	if err != nil {
		return h, err
	}
	if h, err = wire.ParseHeader(head); err != nil {
		return h, err
	}
	c.msg = append(c.msg[:0], make([]byte, h.Length)...)
	_, err = io.ReadFull(c.in, c.msg)
	return h, err
}

func (c *Conn) flush() error {
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}
