package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// RoundTrips is what PingPong measured.
type RoundTrips struct {
	Count int     `json:"count"`
	Lost  int     `json:"lost"`
	P50   float64 `json:"p50_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	Max   float64 `json:"max_us"`
}

// pingPatience is how long an answer may take. A run ends after so many losses, which take
// their time, with what it has; only one without any answer has failed.
const (
	pingPatience = 100 * time.Millisecond
	pingLosses   = 50
	pingWarmUp   = 200
	pingPort     = 7777
)

// PingPong sends one UDP datagram after the other from gen0 to sink0 and back, count
// times, each when the answer to the last has come. Both ends are blocking sockets on
// core: in a round trip are two passes of the device under test, both hosts' network
// stacks, and the wake-up of a halted core at each end.
func (w *VethWires) PingPong(ctx context.Context, count, core, nice int) (r RoundTrips, err error) {
	server, err := udpSocket(w.Sink.Name, sinkAddr, pingPort, "", 0)
	if err != nil {
		return r, err
	}
	client, err := udpSocket(w.Gen.Name, genAddr, 0, sinkAddr, pingPort)
	if err != nil {
		return r, errors.Join(err, unix.Close(server))
	}
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- pinned(core, nice, func() error { return echo(server, stop) }) }()
	h := NewLatencies()
	err = pinned(core, nice, func() (err error) {
		r.Lost, err = pingAll(ctx, client, count, h)
		return err
	})
	close(stop)
	err = errors.Join(err, <-done, unix.Close(client), unix.Close(server))
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	r.Count, r.P50, r.P99, r.P999, r.Max = int(h.TotalCount()), us(50), us(99), us(99.9), float64(h.Max())/1000
	return r, err
}

// pinned runs fn on a core with a nice value.
func pinned(core, nice int, fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if core >= 0 {
		undo, err := Pin(core)
		if err != nil {
			return err
		}
		defer undo()
	}
	undo, err := favoured(nice)
	if err != nil {
		return err
	}
	defer undo()
	return fn()
}

// pingAll fills h with count round trips, after some that don't count.
func pingAll(ctx context.Context, fd, count int, h *hdrhistogram.Histogram) (lost int, err error) {
	var out [18]byte
	var in [64]byte
	for i := uint64(0); h.TotalCount() < int64(count); i++ {
		if err := ctx.Err(); err != nil {
			return lost, err
		}
		binary.BigEndian.PutUint64(out[:], i)
		start := time.Now()
		if err := unix.Send(fd, out[:], 0); err != nil {
			return lost, fmt.Errorf("ping: send: %w", err)
		}
		for {
			n, _, err := unix.Recvfrom(fd, in[:], 0)
			if err == unix.EINTR {
				continue
			}
			if err == unix.EAGAIN {
				if lost++; lost < pingLosses {
					break
				}
				if h.TotalCount() == 0 {
					return lost, fmt.Errorf("ping: no round trip: %d datagrams had no answer within %v", lost, pingPatience)
				}
				return lost, nil
			}
			if err != nil {
				return lost, fmt.Errorf("ping: receive: %w", err)
			}
			if n < 8 || binary.BigEndian.Uint64(in[:]) != i {
				continue // the answer to one that was given up
			}
			if i >= pingWarmUp {
				if err := h.RecordValue(max(1, time.Since(start).Nanoseconds())); err != nil {
					return lost, fmt.Errorf("ping: %w", err)
				}
			}
			break
		}
	}
	return lost, nil
}

// echo sends back what comes until stop is closed.
func echo(fd int, stop chan struct{}) error {
	var b [64]byte
	for {
		n, from, err := unix.Recvfrom(fd, b[:], 0)
		switch err {
		case nil:
			if err := unix.Sendto(fd, b[:n], 0, from); err != nil {
				return fmt.Errorf("echo: send: %w", err)
			}
		case unix.EAGAIN:
			select {
			case <-stop:
				return nil
			default:
			}
		case unix.EINTR:
		default:
			return fmt.Errorf("echo: receive: %w", err)
		}
	}
}

// udpSocket opens a blocking socket in a namespace, bound and, if asked, connected.
func udpSocket(ns, local string, lport int, remote string, rport int) (fd int, err error) {
	err = InNetNS(ns, func() error {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return fmt.Errorf("udp socket: %w", err)
		}
		tv := unix.NsecToTimeval(int64(pingPatience))
		err := errors.Join(
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv),
			unix.Bind(fd, &unix.SockaddrInet4{Port: lport, Addr: ip4(local)}))
		if remote != "" && err == nil {
			err = unix.Connect(fd, &unix.SockaddrInet4{Port: rport, Addr: ip4(remote)})
		}
		if err != nil {
			return errors.Join(fmt.Errorf("udp socket %s:%d: %w", local, lport, err), unix.Close(fd))
		}
		return nil
	})
	return fd, err
}
