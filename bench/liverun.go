package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// liveRun runs an XDP program again and again on live frames that begin as frame, until
// ctx ends or done says so, in one call. The kernel takes about ten milliseconds to begin
// and end a call, in which nothing is sent: calls of a millisecond each would send a
// tenth of what one long call does. A signal ends the call; done is not asked before expect
// is over, as whoever asks takes time from a core that is measured. The calling goroutine must be
// locked to its thread.
func liveRun(ctx context.Context, prog *ebpf.Program, frame []byte, expect time.Duration, done func() bool) error {
	attr := struct { // as bpf(2) has it for BPF_PROG_TEST_RUN
		prog, retval      uint32
		sizeIn, sizeOut   uint32
		dataIn, dataOut   uint64
		repeat, duration  uint32
		ctxIn, ctxOut     uint32
		ctxInP, ctxOutP   uint64
		flags, cpu, batch uint32
		_                 uint32
	}{
		prog: uint32(prog.FD()), sizeIn: uint32(len(frame)), dataIn: uint64(uintptr(unsafe.Pointer(&frame[0]))),
		repeat: math.MaxInt32, flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES, batch: liveBatch,
	}
	stopped, end := make(chan struct{}), make(chan struct{})
	go interrupter(ctx, unix.Gettid(), expect, done, end, stopped)
	var errno unix.Errno
	for ctx.Err() == nil && !done() {
		_, _, errno = unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_TEST_RUN, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
		if errno != 0 && errno != unix.EINTR {
			break
		}
		errno = 0 // the time is over, or a signal that was not for us
	}
	close(end)
	<-stopped
	runtime.KeepAlive(frame)
	if errno != 0 {
		return fmt.Errorf("run live frames: %w", errno)
	}
	return nil
}

// liveBatch is how many runs there are between two looks at what they have redirected.
const liveBatch = 64

// interrupter signals the thread once ctx has ended or the work is done, again and again,
// as a signal that comes before the call begins does not end it. SIGURG is what the Go
// runtime itself sends its threads: no harm.
func interrupter(ctx context.Context, tid int, expect time.Duration, done func() bool, end, stopped chan struct{}) {
	defer close(stopped)
	select {
	case <-end:
		return
	case <-ctx.Done():
	case <-time.After(expect):
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
			if ctx.Err() != nil || done() {
				_ = unix.Tgkill(os.Getpid(), tid, unix.SIGURG)
			}
		}
	}
}
