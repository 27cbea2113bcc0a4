package xsk

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Mode is how frames come from a device and go to it.
type Mode string

const (
	Auto     Mode = "auto"      // the best that works of those below
	ZeroCopy Mode = "zero-copy" // program in the driver, the card reads and writes our memory
	Copy     Mode = "copy"      // program in the driver, the kernel copies
	Generic  Mode = "generic"   // program after the kernel has built a socket buffer
)

// String names the mode as it is shown of an open port.
func (m Mode) String() string {
	switch m {
	case ZeroCopy:
		return "native-zerocopy"
	case Copy:
		return "native-copy"
	}
	return string(m)
}

// candidates are the modes to try for the one asked for, best first.
func candidates(m Mode) ([]Mode, error) {
	switch m {
	case Auto, "":
		return []Mode{ZeroCopy, Copy, Generic}, nil
	case ZeroCopy, Copy, Generic:
		return []Mode{m}, nil
	}
	return nil, fmt.Errorf("mode %q: want %s, %s, %s or %s", string(m), Auto, ZeroCopy, Copy, Generic)
}

// Report keeps what was probed and what came of it, in words for people.
type Report struct {
	State map[string]string // feature → state or the refusal
}

// note records the state of a feature.
func (r *Report) note(feature, state string) {
	if r.State == nil {
		r.State = map[string]string{}
	}
	r.State[feature] = state
}

// try records what became of setting a feature: value, or why not.
func (r *Report) try(feature, value string, err error) {
	if err != nil {
		value = "refused: " + err.Error()
	}
	r.note(feature, value)
}

// sendBuffer is the socket buffer memory that one frame in flight is charged
// for in copy mode, generously: the frame, its buffer's head and rounding.
const sendBuffer = 4096

// options sets what a kernel may or may not have, and reports it.
func (s *Socket) options(cfg SocketConfig, report *Report) {
	report.note("need_wakeup", "on")
	// Copy mode charges frames in flight to the socket; the default would stop
	// sending at about 270 of them.
	report.try("send_buffer", strconv.Itoa(int(cfg.TxRing)*sendBuffer),
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, int(cfg.TxRing)*sendBuffer))
	if cfg.TxBudget != 0 {
		report.try("tx_budget", strconv.Itoa(cfg.TxBudget),
			unix.SetsockoptInt(s.fd, unix.SOL_XDP, unix.XDP_MAX_TX_SKB_BUDGET, cfg.TxBudget))
	}
	if cfg.BusyPoll == 0 {
		report.note("busy_poll", "off")
		return
	}
	for _, o := range []struct {
		name          string
		option, value int
	}{
		{"prefer_busy_poll", unix.SO_PREFER_BUSY_POLL, 1},
		{"busy_poll", unix.SO_BUSY_POLL, cfg.BusyPoll},
		{"busy_poll_budget", unix.SO_BUSY_POLL_BUDGET, busyBudget},
	} {
		report.try(o.name, strconv.Itoa(o.value), unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, o.option, o.value))
	}
}

// busyBudget is how many frames one busy poll of the device handles.
const busyBudget = 64
