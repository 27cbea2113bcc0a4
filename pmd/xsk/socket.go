package xsk

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"pollux/internal/packet"
)

// SocketConfig says how one queue of a device is opened.
type SocketConfig struct {
	IfIndex  int
	Queue    int
	ZeroCopy bool   // ask for zero-copy, else for copy: never what the kernel likes
	RxRing   uint32 // entries of rx and of fill; a power of two
	TxRing   uint32 // entries of tx and of completion; a power of two
	TxBudget int    // frames the kernel sends a kick, 32 to TxRing; 0 leaves its default of 32
	BusyPoll int    // µs of busy polling a receive call; 0 is off
}

// Socket is an AF_XDP socket bound to one queue of a device.
type Socket struct {
	_  [apart]byte
	rx RxSide
	_  [apart]byte // the sides belong to different threads
	tx TxSide
	_  [apart]byte

	fd         int
	fillMap    shared[uint64]
	completMap shared[uint64]
	rxMap      shared[packet.Desc]
	txMap      shared[packet.Desc]
}

// apart is two cache lines, which processors fetch together.
const apart = 128

// RxSide is what the receiving thread owns.
type RxSide struct {
	Fill Producer[uint64]
	Rx   Consumer[packet.Desc]
	fd   int
}

// TxSide is what the sending thread owns.
type TxSide struct {
	Tx         Producer[packet.Desc]
	Completion Consumer[uint64]
	fd         int
}

// rebindWait bounds how long a bind waits for a queue whose last socket has
// just been closed: the kernel takes the queue's pool down in the background.
const rebindWait = 2 * time.Second

// OpenSocket opens a socket over mem and binds it. Probes of what is optional go
// to report. The calling thread must be in the device's network namespace.
func OpenSocket(cfg SocketConfig, mem *packet.Memory, report *Report) (s *Socket, err error) {
	fd, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open AF_XDP socket: %w", err)
	}
	s = &Socket{fd: fd}
	s.rx.fd, s.tx.fd = fd, fd
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
			s = nil
		}
	}()
	reg := unix.XDPUmemReg{
		Addr:     uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem.Buf)))),
		Len:      uint64(len(mem.Buf)),
		Size:     mem.ChunkSize,
		Headroom: mem.Headroom - kernelRoom,
	}
	if err := setStruct(fd, unix.XDP_UMEM_REG, &reg); err != nil {
		return s, fmt.Errorf("register %d MB of memory: %w", len(mem.Buf)>>20, err)
	}
	if err := s.mapRings(cfg); err != nil {
		return s, err
	}
	if err := bind(fd, cfg); err != nil {
		return s, err
	}
	s.options(cfg, report)
	return s, nil
}

// mapRings asks for the four rings and maps them.
func (s *Socket) mapRings(cfg SocketConfig) error {
	for _, r := range []struct {
		name    string
		option  int
		entries uint32
	}{
		{"fill", unix.XDP_UMEM_FILL_RING, cfg.RxRing},
		{"completion", unix.XDP_UMEM_COMPLETION_RING, cfg.TxRing},
		{"rx", unix.XDP_RX_RING, cfg.RxRing},
		{"tx", unix.XDP_TX_RING, cfg.TxRing},
	} {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_XDP, r.option, int(r.entries)); err != nil {
			return fmt.Errorf("%s ring of %d entries: %w", r.name, r.entries, err)
		}
	}
	var off unix.XDPMmapOffsets
	if err := getStruct(s.fd, unix.XDP_MMAP_OFFSETS, &off); err != nil {
		return fmt.Errorf("ring offsets: %w", err)
	}
	var err error
	if s.fillMap, err = mapRing[uint64](s.fd, unix.XDP_UMEM_PGOFF_FILL_RING, off.Fr, cfg.RxRing); err != nil {
		return err
	}
	if s.completMap, err = mapRing[uint64](s.fd, unix.XDP_UMEM_PGOFF_COMPLETION_RING, off.Cr, cfg.TxRing); err != nil {
		return err
	}
	if s.rxMap, err = mapRing[packet.Desc](s.fd, unix.XDP_PGOFF_RX_RING, off.Rx, cfg.RxRing); err != nil {
		return err
	}
	if s.txMap, err = mapRing[packet.Desc](s.fd, unix.XDP_PGOFF_TX_RING, off.Tx, cfg.TxRing); err != nil {
		return err
	}
	s.rx.Fill, s.rx.Rx = newProducer(s.fillMap), newConsumer(s.rxMap)
	s.tx.Tx, s.tx.Completion = newProducer(s.txMap), newConsumer(s.completMap)
	return nil
}

// bind ties the socket to its queue in exactly the mode asked for.
func bind(fd int, cfg SocketConfig) error {
	addr := &unix.SockaddrXDP{
		Flags:   unix.XDP_USE_NEED_WAKEUP | unix.XDP_COPY,
		Ifindex: uint32(cfg.IfIndex),
		QueueID: uint32(cfg.Queue),
	}
	mode := "copy"
	if cfg.ZeroCopy {
		addr.Flags, mode = unix.XDP_USE_NEED_WAKEUP|unix.XDP_ZEROCOPY, "zero-copy"
	}
	deadline := time.Now().Add(rebindWait)
	for {
		err := unix.Bind(fd, addr)
		if err == nil {
			return nil
		}
		if err != unix.EBUSY || time.Now().After(deadline) {
			return fmt.Errorf("bind queue %d for %s: %w", cfg.Queue, mode, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// Rx returns the receiving side.
func (s *Socket) Rx() *RxSide { return &s.rx }

// Tx returns the sending side.
func (s *Socket) Tx() *TxSide { return &s.tx }

// FD returns the socket's descriptor, for the map of sockets.
func (s *Socket) FD() int { return s.fd }

// Close unmaps the rings and closes the socket. Chunks on the rings are the
// caller's to remember. A second Close does nothing.
func (s *Socket) Close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	s.rx, s.tx = RxSide{fd: -1}, TxSide{fd: -1}
	return errors.Join(s.fillMap.unmap(), s.completMap.unmap(), s.rxMap.unmap(), s.txMap.unmap(), unix.Close(fd))
}

// Kick makes the kernel send what is on the tx ring. EAGAIN means that it took a
// budget's worth and wants another kick, or has no room; see sendto(2).
func (t *TxSide) Kick() syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(t.fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// Kick makes the kernel look at the fill ring, or poll the device if busy
// polling is on.
func (r *RxSide) Kick() syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(r.fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// setStruct sets an AF_XDP option that is a C structure.
func setStruct[T any](fd, option int, v *T) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option),
		uintptr(unsafe.Pointer(v)), unsafe.Sizeof(*v), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// getStruct reads an AF_XDP option that is a C structure. What an older kernel
// does not know of it stays 0.
func getStruct[T any](fd, option int, v *T) error {
	size := uint32(unsafe.Sizeof(*v))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option),
		uintptr(unsafe.Pointer(v)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
