package main

import (
	"context"
	"encoding/binary"
	"errors"
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

// ping sends ICMP echo requests (RFC 792) out of a namespace, one after the other, until
// want of them are answered, but tries at most. It waits up to wait for the reply of
// each before it sends the next; a reply that comes later counts as well, so more than
// want may be received when several come at once.
func ping(ctx context.Context, ns *lab.Namespace, to string, want, tries int, wait time.Duration) (res pingResult, err error) {
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
	sent := map[uint16]time.Time{} // requests without a reply
	for seq := uint16(0); res.Sent < tries && res.Received < want && ctx.Err() == nil; seq++ {
		res.Sent++
		sent[seq] = time.Now()
		if err := c.SetReadDeadline(sent[seq].Add(wait)); err != nil {
			return res, err
		}
		// An unreachable host is an error of sending once the kernel has asked for
		// its address in vain: no reply, all the same.
		_, _ = c.WriteTo(echoRequest(id, seq), dst)
		for {
			got, ok := awaitEcho(c, dst.IP, id)
			if !ok {
				break
			}
			at, ok := sent[got]
			if !ok {
				continue // twice
			}
			delete(sent, got)
			res.Received++
			if rtt := time.Since(at); res.Best == 0 || rtt < res.Best {
				res.Best = rtt
			}
			if got == seq {
				break
			}
		}
	}
	return res, nil
}

// awaitEcho reads until a reply is there, and returns its number, or until the deadline
// is over.
func awaitEcho(c *net.IPConn, from net.IP, id uint16) (seq uint16, ok bool) {
	buf := make([]byte, 1500)
	for {
		n, addr, err := c.ReadFromIP(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
			return 0, false
		}
		m := buf[:n]
		if err == nil && n >= 8 && m[0] == 0 && addr.IP.Equal(from) && binary.BigEndian.Uint16(m[4:]) == id {
			return binary.BigEndian.Uint16(m[6:]), true
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
