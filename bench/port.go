package bench

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/asavie/xdp"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Rings and frames of a Port. Half of the frames only receive and half only
// send, so that the package's own list of free frames, which hands out frames
// that are in use, is never asked.
const (
	ringLen   = 4096
	frameSize = 2048
)

// Port is one queue of a network device, opened through github.com/asavie/xdp.
//
// Its faults are kept in here: GetDescs is not called, Transmit's panic becomes an
// error, completions are bounded, and frames are sent in ring order, so that the
// oldest ones are those that may be written again. Its Close leaves the rings
// mapped, so a queue can be opened once in a process, unless its device is deleted
// in between.
type Port struct {
	sock *xdp.Socket
	prog *xdp.Program
	link link.Link

	txNext  int // frame that the next Buf returns
	pending []xdp.Desc
	rx      []xdp.Desc
	frames  int // frames on each side
}

// PortConfig names the device to open.
type PortConfig struct {
	NetNS  string // name of the network namespace, or "" for the current one
	Device string
	Queue  int
	NoRx   bool // send only: no XDP program, so that the device's other traffic is left alone
}

// OpenPort opens a queue and, unless c.NoRx is set, attaches the XDP program that
// brings its traffic here.
func OpenPort(c PortConfig) (*Port, error) {
	var p *Port
	err := InNetNS(c.NetNS, func() (err error) {
		// The kernel lets go of a queue a little after the process that had it is gone.
		for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			p, err = openPort(c)
			if err == nil || !isBusy(err) || time.Now().After(end) {
				return err
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("port %s queue %d: %w", c.Device, c.Queue, err)
	}
	return p, nil
}

// isBusy says whether an error is EBUSY; the package keeps only its text.
func isBusy(err error) bool {
	return errors.Is(err, unix.EBUSY) || strings.Contains(err.Error(), unix.EBUSY.Error())
}

func openPort(c PortConfig) (p *Port, err error) {
	ifi, err := net.InterfaceByName(c.Device)
	if err != nil {
		return nil, err
	}
	p = &Port{frames: ringLen}
	p.sock, err = xdp.NewSocket(ifi.Index, c.Queue, &xdp.SocketOptions{
		NumFrames: 2 * ringLen, FrameSize: frameSize,
		FillRingNumDescs: ringLen, CompletionRingNumDescs: ringLen,
		RxRingNumDescs: ringLen, TxRingNumDescs: ringLen,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	// Not every kernel has this; without it the kernel sends 32 frames a call.
	_ = unix.SetsockoptInt(p.sock.FD(), unix.SOL_XDP, unix.XDP_MAX_TX_SKB_BUDGET, 256)
	if c.NoRx {
		return p, nil
	}
	fill := make([]xdp.Desc, ringLen)
	for i := range fill {
		fill[i] = xdp.Desc{Addr: uint64(i) * frameSize}
	}
	if n := p.sock.Fill(fill); n != ringLen {
		return p, fmt.Errorf("fill ring took %d of %d frames", n, ringLen)
	}
	if p.prog, err = xdp.NewProgram(c.Queue + 1); err != nil {
		return p, err
	}
	if err = p.prog.Register(c.Queue, p.sock.FD()); err != nil {
		return p, err
	}
	// A link ends with the process; the package's own Attach would outlive it.
	p.link, err = link.AttachXDP(link.XDPOptions{Program: p.prog.Program, Interface: ifi.Index})
	return p, err
}

// Buf returns the next frame to send, MaxFrame bytes, or nil when all are on their
// way. Nothing but frames built by FlowSet.Build or copied over whole goes there.
func (p *Port) Buf() []byte {
	if p.sock.NumTransmitted()+len(p.pending) >= p.frames {
		p.Reap()
		if p.sock.NumTransmitted()+len(p.pending) >= p.frames {
			return nil
		}
	}
	return p.sock.GetFrame(xdp.Desc{Addr: p.txAddr(), Len: MaxFrame})
}

func (p *Port) txAddr() uint64 { return uint64(ringLen+p.txNext) * frameSize }

// Push adds the frame that Buf returned last, n bytes long, to what Flush sends.
func (p *Port) Push(n int) {
	p.pending = append(p.pending, xdp.Desc{Addr: p.txAddr(), Len: uint32(n)})
	p.txNext = (p.txNext + 1) % p.frames
}

// Flush puts the pushed frames on the ring and has the kernel send. It fails when
// the device is down or gone; the frames then stay on the ring.
func (p *Port) Flush() error {
	n, err := p.transmit(p.pending)
	if n < len(p.pending) && err == nil {
		// Buf bounds what is in flight to the ring's length.
		err = fmt.Errorf("transmit ring took %d of %d frames", n, len(p.pending))
	}
	p.pending = p.pending[:0]
	p.Reap()
	return err
}

// transmit is the package's Transmit with its panic as an error.
func (p *Port) transmit(d []xdp.Desc) (n int, err error) {
	before := p.sock.NumTransmitted()
	defer func() {
		if r := recover(); r != nil {
			n, err = p.sock.NumTransmitted()-before, sendError(r)
		}
	}()
	return p.sock.Transmit(d), nil
}

// sendError makes an error of what Transmit panics with; the number of the error
// is the only thing in it that says what happened.
func sendError(r any) error {
	e, ok := r.(error)
	if !ok {
		return fmt.Errorf("send: %v", r)
	}
	var rc uint64
	var errno int
	if i := strings.Index(e.Error(), "rc="); i >= 0 {
		if _, err := fmt.Sscanf(e.Error()[i:], "rc=%d and errno=%d", &rc, &errno); err == nil {
			return fmt.Errorf("send: %w", unix.Errno(errno))
		}
	}
	return fmt.Errorf("send: %w", e)
}

// Reap takes back frames that have been sent.
func (p *Port) Reap() {
	if n := p.sock.NumCompleted(); n > 0 {
		p.sock.Complete(n)
	}
}

// InFlight returns the number of frames flushed and not yet sent.
func (p *Port) InFlight() int { return p.sock.NumTransmitted() }

// Unsent returns the number of frames that the kernel has not looked at yet.
func (p *Port) Unsent() int { return ringLen - p.sock.NumFreeTxSlots() }

// Kick has the kernel go on with what is on the ring.
func (p *Port) Kick() error {
	_, err := p.transmit(nil)
	p.Reap()
	return err
}

// Receive calls fn with each of up to max received frames, which fn may read until
// it returns, and returns how many there were.
func (p *Port) Receive(max int, fn func(frame []byte)) int {
	n := min(max, p.sock.NumReceived())
	if n == 0 {
		return 0
	}
	p.rx = append(p.rx[:0], p.sock.Receive(n)...)
	for _, d := range p.rx {
		fn(p.sock.GetFrame(d))
	}
	p.sock.Fill(p.rx)
	return n
}

// Wait blocks until a frame is there or the time, in milliseconds, is over.
func (p *Port) Wait(ms int) error {
	fds := []unix.PollFd{{Fd: int32(p.sock.FD()), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, ms); err != nil && err != unix.EINTR {
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}

// Dropped returns how many frames arrived and found no room.
func (p *Port) Dropped() (uint64, error) {
	st, err := p.sock.Stats()
	if err != nil {
		return 0, err
	}
	k := st.KernelStats
	return k.Rx_dropped + k.Rx_ring_full, nil
}

// Close detaches the program and closes the socket.
func (p *Port) Close() error {
	var errs []error
	if p.link != nil {
		errs = append(errs, p.link.Close())
		p.link = nil
	}
	if p.prog != nil {
		errs = append(errs, p.prog.Close())
		p.prog = nil
	}
	if p.sock != nil {
		errs = append(errs, p.sock.Close())
		p.sock = nil
	}
	return errors.Join(errs...)
}

// InNetNS runs fn in the named network namespace, or where it is when name is
// empty. Sockets and descriptors that fn opens stay in that namespace.
func InNetNS(name string, fn func() error) error {
	if name == "" {
		return fn()
	}
	done := make(chan error, 1)
	go func() {
		// The thread is not unlocked when its namespace could not be restored: it then
		// ends with this goroutine instead of going back to the scheduler.
		runtime.LockOSThread()
		old, err := netns.Get()
		if err != nil {
			done <- err
			return
		}
		defer old.Close()
		ns, err := netns.GetFromName(name)
		if err != nil {
			done <- fmt.Errorf("namespace %s: %w", name, err)
			return
		}
		defer ns.Close()
		if err := netns.Set(ns); err != nil {
			done <- fmt.Errorf("namespace %s: %w", name, err)
			return
		}
		err = fn()
		if netns.Set(old) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}
