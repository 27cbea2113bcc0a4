package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// Flags of a statistics trigger (OFPSTF_*).
const (
	triggerPeriodic  uint32 = 1 << 0
	triggerOnlyFirst uint32 = 1 << 1
)

// readTrigger reads OFPIT_STAT_TRIGGER (OpenFlow 1.5.1 section 7.2.5.6): flags, and thresholds
// as statistics. A threshold that flows have no statistics for, or of 0, is refused with
// ofperr.InstructionUnsupported, and so are flags that are not known.
func readTrigger(b []byte) (*pipeline.StatTrigger, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("statistics trigger of %d bytes, want 16 or more: %w", len(b), ofperr.InstructionBadLen)
	}
	flags := be.Uint32(b[4:])
	if flags&^(triggerPeriodic|triggerOnlyFirst) != 0 {
		return nil, fmt.Errorf("statistics trigger with the flags %#x: %w", flags, ofperr.InstructionUnsupported)
	}
	t := &pipeline.StatTrigger{Periodic: flags&triggerPeriodic != 0, OnlyFirst: flags&triggerOnlyFirst != 0}
	b = b[8:]
	n := int(be.Uint16(b[2:]))
	if n < 4 || pad8(n) != len(b) {
		return nil, fmt.Errorf("thresholds of %d bytes in %d: %w", n, len(b), ofperr.InstructionBadLen)
	}
	for b = b[4:n]; len(b) > 0; {
		if len(b) < 4 || len(b) < 4+int(b[3]) {
			return nil, fmt.Errorf("threshold cut short: %w", ofperr.InstructionBadLen)
		}
		h, v := be.Uint32(b), b[4:4+int(b[3])]
		b = b[4+len(v):]
		if err := setThreshold(t, h, v); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// setThreshold takes in one threshold, with header h.
func setThreshold(t *pipeline.StatTrigger, h uint32, v []byte) error {
	some := false
	switch h {
	case oxsClass<<16 | oxsDuration<<9 | 8:
		t.Duration = parseDuration(v)
		some = t.Duration > 0
	case oxsClass<<16 | oxsIdle<<9 | 8:
		t.Idle = parseDuration(v)
		some = t.Idle > 0
	case oxsClass<<16 | oxsPackets<<9 | 8:
		t.Packets = be.Uint64(v)
		some = t.Packets > 0
	case oxsClass<<16 | oxsBytes<<9 | 8:
		t.Bytes = be.Uint64(v)
		some = t.Bytes > 0
	default:
		return fmt.Errorf("threshold for statistics %#x, which flows do not have: %w", h, ofperr.InstructionUnsupported)
	}
	if !some {
		return fmt.Errorf("threshold of 0: %w", ofperr.InstructionUnsupported)
	}
	return nil
}

// appendTrigger appends the instruction.
func appendTrigger(b []byte, t *pipeline.StatTrigger) []byte {
	var flags uint32
	if t.Periodic {
		flags |= triggerPeriodic
	}
	if t.OnlyFirst {
		flags |= triggerOnlyFirst
	}
	at := len(b)
	b = be.AppendUint32(append(b, 0, instStatTrigger, 0, 0), flags)
	known := func(d time.Duration) time.Duration {
		if d == 0 {
			return -1
		}
		return d
	}
	count := func(n uint64) uint64 {
		if n == 0 {
			return UnknownCount
		}
		return n
	}
	b = oxs{duration: known(t.Duration), idle: known(t.Idle), packets: count(t.Packets), bytes: count(t.Bytes)}.append(b)
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	return b
}

// AppendFlowStats appends the message that tells unasked of a flow whose statistics have passed
// a threshold (1.5): a reply without a request, whose record says why it is sent.
func AppendFlowStats(b []byte, v Version, s *FlowStat) []byte {
	m := Multipart{Part: PartFlowStats}
	at := len(b)
	b = m.head(begin(b, v, MultipartReply, 0), v)
	return end(s.Append(b, v, m), at)
}

// FlowStatsTriggered is why such a message is sent (OFPFSR_STAT_TRIGGER).
const FlowStatsTriggered uint8 = 1
