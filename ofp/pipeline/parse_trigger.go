package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const triggerExample = "stat_trigger(packets=1000,duration=10s,periodic)"

// trigger reads stat_trigger(...): thresholds, and periodic and only_first.
func (p *flowParser) trigger(w piece) error {
	t, off := &StatTrigger{}, w.valOff
	if !w.paren {
		return p.errAt(w.off, w.end-w.off, "thresholds belong in parentheses, as in %s", triggerExample)
	}
	for _, part := range strings.Split(w.value, ",") {
		key, text, _ := strings.Cut(part, "=")
		if !t.set(strings.TrimSpace(key), strings.TrimSpace(text)) {
			return p.errAt(off, len(part), "not a threshold (duration, idle, packets, bytes), periodic or only_first; it would be %s", triggerExample)
		}
		off += len(part) + 1
	}
	p.flow.Do.Trigger = t
	return nil
}

// set sets one part, and says whether it is one.
func (t *StatTrigger) set(key, text string) bool {
	var err error
	var n uint64
	var d time.Duration
	switch key {
	case "periodic", "only_first":
		if text != "" {
			return false
		}
		t.Periodic, t.OnlyFirst = t.Periodic || key == "periodic", t.OnlyFirst || key == "only_first"
		return true
	case "packets", "bytes":
		n, err = strconv.ParseUint(text, 0, 64)
	case "duration", "idle":
		d, err = time.ParseDuration(text)
	default:
		return false
	}
	switch key {
	case "packets":
		t.Packets = n
	case "bytes":
		t.Bytes = n
	case "duration":
		t.Duration = d
	case "idle":
		t.Idle = d
	}
	return err == nil && (n > 0 || d > 0)
}

// String writes the trigger as it is read.
func (t *StatTrigger) String() string {
	var parts []string
	add := func(some bool, format string, args ...any) {
		if some {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(t.Duration > 0, "duration=%v", t.Duration)
	add(t.Idle > 0, "idle=%v", t.Idle)
	add(t.Packets > 0, "packets=%d", t.Packets)
	add(t.Bytes > 0, "bytes=%d", t.Bytes)
	add(t.Periodic, "periodic")
	add(t.OnlyFirst, "only_first")
	return "stat_trigger(" + strings.Join(parts, ",") + ")"
}
