package bench

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"pollux/internal/ctl"
	"pollux/internal/vswitch"
)

// Work is what a packet costs a device in calls to the kernel and in being woken up, under
// overload. Negative is unknown: nobody counted.
type Work struct {
	Calls   float64 `json:"calls_a_packet"`    // system calls of the thread that forwards
	Wakeups float64 `json:"wakeups_a_packet"`  // times that this thread had gone to sleep
	Kicks   float64 `json:"kicks_a_packet"`    // of the calls, those to send, by the switch's own count
	RxKicks float64 `json:"rx_kicks_a_packet"` // those to receive
	Unknown string  `json:"unknown,omitempty"` // why something is not known
}

// workTime is how long work is counted. Counting slows system calls down, so it is not
// done while throughput is measured.
const workTime = 300 * time.Millisecond

// kicker is a Running that counts its calls itself.
type kicker interface {
	kicks() (tx, rx uint64, err error)
}

// workOf counts what dev's thread does for the packets that arrive meanwhile.
func workOf(ctx context.Context, dev Running, core int, arrived func() (uint64, error)) (w Work, err error) {
	w = Work{Calls: -1, Wakeups: -1, Kicks: -1, RxKicks: -1}
	tid, _, err := pinnedThread(dev.Pid(), core)
	if err != nil {
		return w, err
	}
	calls, err := newCallCounter(tid)
	if err != nil {
		w.Unknown = err.Error()
	} else {
		defer calls.close()
	}
	read := func() (n, c, s, tx, rx uint64, err error) {
		var errs [4]error
		n, errs[0] = arrived()
		if calls != nil {
			c, errs[1] = calls.count()
		}
		s, errs[2] = switches(dev.Pid(), tid)
		if k, ok := dev.(kicker); ok {
			tx, rx, errs[3] = k.kicks()
		}
		return n, c, s, tx, rx, errors.Join(errs[:]...)
	}
	n0, c0, s0, tx0, rx0, err := read()
	if err == nil {
		err = sleep(ctx, workTime)
	}
	if err != nil {
		return w, err
	}
	n1, c1, s1, tx1, rx1, err := read()
	if err != nil || n1 == n0 {
		return w, err
	}
	packets := float64(n1 - n0)
	w.Wakeups = float64(s1-s0) / packets
	if calls != nil {
		w.Calls = float64(c1-c0) / packets
	}
	if _, ok := dev.(kicker); ok {
		w.Kicks, w.RxKicks = float64(tx1-tx0)/packets, float64(rx1-rx0)/packets
	}
	return w, nil
}

// runningPollux is a switch of ours: it can be asked.
type runningPollux struct {
	runningChild
	socket string
}

func (r runningPollux) kicks() (tx, rx uint64, err error) {
	text, err := ctl.Call(r.socket, "ports", "--json")
	if err != nil {
		return 0, 0, err
	}
	var ports []vswitch.PortShow
	if err := json.Unmarshal([]byte(text), &ports); err != nil {
		return 0, 0, err
	}
	for i := range ports {
		tx += ports[i].Driver.Kicks
		rx += ports[i].Driver.RxKicks
	}
	return tx, rx, nil
}

func polluxSocket(p Place) string { return filepath.Join(p.Dir, "pollux.sock") }
