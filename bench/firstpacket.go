package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// trickle is the distance of the packets that ask whether a device forwards yet.
const trickle = 500 * time.Microsecond

// startAndWait starts a device and sends it a packet every half millisecond from its
// start on, until the first arrives at the sink. It returns how long that took; the
// place's files are not in it, a database that the device wants is.
func (w *VethWires) startAndWait(ctx context.Context, d Device, p Place, core int, arrived func() (uint64, error)) (r Running, first time.Duration, err error) {
	fd, err := udpSocket(w.Gen.Name, genAddr, 0, sinkAddr, 9)
	if err != nil {
		return nil, 0, err
	}
	before, err := arrived()
	if err != nil {
		return nil, 0, errors.Join(err, unix.Close(fd))
	}
	start := time.Now()
	came := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	go func() {
		came <- pinned(core, 0, func() error {
			for payload := make([]byte, 18); ; time.Sleep(trickle) {
				// A wire whose far end is just opened or closed refuses a packet or two.
				_ = unix.Send(fd, payload, unix.MSG_DONTWAIT)
				n, err := arrived()
				if err != nil {
					return err
				}
				if n > before {
					first = time.Since(start)
					return nil
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		})
	}()
	r, err = d.Start(p)
	if err != nil {
		cancel()
		<-came
		return nil, 0, errors.Join(err, unix.Close(fd))
	}
	if err = <-came; err != nil {
		err = errors.Join(fmt.Errorf("%s forwards nothing: %w\n%s", d.Name(), err, r.Output()), r.Stop())
		r = nil
	}
	return r, first, errors.Join(err, unix.Close(fd))
}
