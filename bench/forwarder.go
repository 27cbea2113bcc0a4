package bench

import (
	"context"
	"runtime"
	"sync/atomic"
)

// Forwarder is the least that a switch can be: what arrives at one port goes out
// of the other, unread. A frame is copied once, as the sockets it stands on cannot
// share memory. It is the yardstick for the switch on the same wires.
type Forwarder struct {
	In, Out *Port
	Batch   int    // frames a system call, at most; default 256
	Core    int    // core to pin to, or -1
	Both    bool   // from Out to In, too
	Ready   func() // called when it begins to poll, or nil

	forwarded atomic.Uint64
	dropped   atomic.Uint64
}

// Forwarded returns the number of frames put on the way out; Dropped that of those
// which found no room there. Any goroutine may ask.
func (f *Forwarder) Forwarded() uint64 { return f.forwarded.Load() }

// Dropped returns the number of frames that found no room on the way out.
func (f *Forwarder) Dropped() uint64 { return f.dropped.Load() }

// Run polls until ctx ends.
func (f *Forwarder) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if f.Core >= 0 {
		undo, err := Pin(f.Core)
		if err != nil {
			return err
		}
		defer undo()
	}
	if f.Ready != nil {
		f.Ready()
	}
	batch := f.Batch
	if batch == 0 {
		batch = 256
	}
	var sent, lost uint64
	move := func(to *Port) func([]byte) {
		return func(frame []byte) {
			b := to.Buf()
			if b == nil || len(frame) > len(b) {
				lost++
				return
			}
			to.Push(copy(b, frame))
			sent++
		}
	}
	pass := func(from, to *Port, move func([]byte)) error {
		switch {
		case from.Receive(batch, move) > 0:
			return again(to.Flush())
		case to.InFlight() > 0:
			return again(to.Kick())
		}
		return nil
	}
	out, in := move(f.Out), move(f.In)
	for ctx.Err() == nil {
		err := pass(f.In, f.Out, out)
		if f.Both && err == nil {
			err = pass(f.Out, f.In, in)
		}
		if err != nil {
			return err
		}
		f.forwarded.Store(sent)
		f.dropped.Store(lost)
	}
	return nil
}
