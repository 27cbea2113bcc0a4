package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"time"

	"pollux/internal/lab"
)

// pingResult is what became of some echo requests.
type pingResult struct {
	Sent, Received int
	Best           time.Duration // of the round trips
}

// ping sends ICMP echo requests (RFC 792) out of a namespace, one after the other, and
// waits up to wait for the reply of each, until want replies have come or most requests
// are sent.
func ping(ns *lab.Namespace, to string, want, most int, wait time.Duration) (res pingResult, err error) {
	var c *net.IPConn
	err = ns.Do(func() (err error) {
		c, err = net.ListenIP("ip4:icmp", nil)
		return err
	})
	if err != nil {
		return res, fmt.Errorf("ping %s: %w", to, err)
	}
	defer c.Close()
	dst := &net.IPAddr{IP: net.ParseIP(to)}
	id := uint16(os.Getpid())
	for seq := 0; seq < most && res.Received < want; seq++ {
		res.Sent++
		sent := time.Now()
		// An unreachable host is an error of sending once the kernel has asked for
		// its address in vain: no reply, all the same.
		if _, err := c.WriteTo(echoRequest(id, uint16(seq)), dst); err != nil {
			continue
		}
		if err := c.SetReadDeadline(sent.Add(wait)); err != nil {
			return res, err
		}
		if awaitEcho(c, dst.IP, id, uint16(seq)) {
			res.Received++
			if rtt := time.Since(sent); res.Best == 0 || rtt < res.Best {
				res.Best = rtt
			}
		}
	}
	return res, nil
}

// awaitEcho reads until the reply is there or the deadline is over.
func awaitEcho(c *net.IPConn, from net.IP, id, seq uint16) bool {
	buf := make([]byte, 1500)
	for {
		n, addr, err := c.ReadFromIP(buf)
		if err != nil {
			return false
		}
		m := buf[:n]
		if n >= 8 && m[0] == 0 && addr.IP.Equal(from) &&
			binary.BigEndian.Uint16(m[4:]) == id && binary.BigEndian.Uint16(m[6:]) == seq {
			return true
		}
	}
}

// echoRequest returns an ICMP echo request with 32 bytes of data.
func echoRequest(id, seq uint16) []byte {
	m := make([]byte, 40)
	m[0] = 8
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], seq)
	var s uint32
	for i := 0; i < len(m); i += 2 {
		s += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	s = s>>16 + s&0xffff
	s += s >> 16
	binary.BigEndian.PutUint16(m[2:], ^uint16(s))
	return m
}
