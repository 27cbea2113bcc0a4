package xsk

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"pollux/internal/packet"
)

// DeviceConfig says how a device is opened.
type DeviceConfig struct {
	IfIndex  int
	Queues   int
	Mode     Mode
	RxRing   int // entries of each queue's rx and fill rings; a power of two
	TxRing   int // entries of each queue's tx and completion rings; a power of two
	TxBudget int
	BusyPoll int
}

// Device is a network device with a program on it and a socket on each of its
// first queues.
type Device struct {
	Sockets []*Socket
	Mode    Mode
	Report  Report

	program *Program
}

// zeroCopyGrace is how long Close of a zero-copy device waits for the driver,
// which lets go of the memory in the background once the socket is closed.
const zeroCopyGrace = 50 * time.Millisecond

// Open opens the device in the best mode that works and that cfg.Mode admits.
// What was refused on the way is in Report. The calling thread must be in the
// device's network namespace.
func Open(cfg DeviceConfig, mem *packet.Memory) (*Device, error) {
	if cfg.Queues < 1 {
		return nil, fmt.Errorf("xsk: %d queues: want 1 or more", cfg.Queues)
	}
	for _, n := range []int{cfg.RxRing, cfg.TxRing} {
		if n < 64 || n > 1<<16 || bits.OnesCount(uint(n)) != 1 {
			return nil, fmt.Errorf("xsk: ring of %d entries: want a power of two from 64 to 65536", n)
		}
	}
	if b := cfg.TxBudget; b != 0 && (b < 32 || b > cfg.TxRing) {
		return nil, fmt.Errorf("xsk: tx budget %d: want 32 to the tx ring's %d", b, cfg.TxRing)
	}
	modes, err := candidates(cfg.Mode)
	if err != nil {
		return nil, fmt.Errorf("xsk: %w", err)
	}
	var refused []error
	d := &Device{}
	for _, mode := range modes {
		if err := d.open(mode, cfg, mem); err != nil {
			d.Report.note(mode.String(), "refused: "+err.Error())
			refused = append(refused, fmt.Errorf("xsk: %s: %w", mode, err))
			continue
		}
		d.Mode = mode
		d.Report.note(mode.String(), "on")
		return d, nil
	}
	return nil, errors.Join(refused...)
}

// open tries one mode and leaves nothing behind if it fails.
func (d *Device) open(mode Mode, cfg DeviceConfig, mem *packet.Memory) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if mode == ZeroCopy {
		if err = zeroCopy(cfg.IfIndex); err != nil {
			return err
		}
	}
	if d.program, err = Attach(cfg.IfIndex, cfg.Queues, mode == Generic); err != nil {
		return err
	}
	for q := range cfg.Queues {
		s, err := OpenSocket(SocketConfig{
			IfIndex:  cfg.IfIndex,
			Queue:    q,
			ZeroCopy: mode == ZeroCopy,
			RxRing:   uint32(cfg.RxRing),
			TxRing:   uint32(cfg.TxRing),
			TxBudget: cfg.TxBudget,
			BusyPoll: cfg.BusyPoll,
		}, mem, &d.Report)
		if err != nil {
			return err
		}
		d.Sockets = append(d.Sockets, s)
	}
	for q, s := range d.Sockets {
		if err := d.program.Register(q, s); err != nil {
			return err
		}
	}
	return nil
}

// Close takes the program off the device, so that frames go to the host again,
// and closes the sockets. All threads must have let go of them.
func (d *Device) Close() error {
	var errs []error
	if d.program != nil {
		errs = append(errs, d.program.Close())
		d.program = nil
	}
	for _, s := range d.Sockets {
		errs = append(errs, s.Close())
	}
	if d.Mode == ZeroCopy && len(d.Sockets) > 0 {
		time.Sleep(zeroCopyGrace)
	}
	d.Sockets = nil
	return errors.Join(errs...)
}
