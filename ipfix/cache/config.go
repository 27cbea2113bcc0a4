package cache

import (
	"fmt"
	"time"

	"pollux/flow"
	"pollux/internal/packet"
)

// The defaults of a Config whose members are zero.
const (
	DefaultMaxFlows      = 65536
	DefaultIdleTimeout   = 15 * time.Second
	DefaultActiveTimeout = 60 * time.Second
	DefaultEndLinger     = time.Second
	DefaultRecordRing    = 8192
)

// MaxFlows is the most flows that one cache may be given room for.
const MaxFlows = 1 << 26

// Config says how a Cache works. Zero members get the defaults above.
type Config struct {
	MaxFlows      int        // about 410 bytes each, taken at once
	IdleTimeout   int64      // ns without a packet after which a flow has ended
	ActiveTimeout int64      // ns after which a flow that goes on is reported; negative: never
	EndLinger     int64      // ns without a packet after which a TCP flow that showed FIN or RST has ended
	Sampling      uint32     // N of 1:N
	Seed          uint64     // of the hash and of the sampling draws
	KeyMask       *flow.Mask // nil: OVSKey(). Bits that OVSKey does not have are ignored
	RecordRing    int        // records that the ring holds, rounded up to a power of two

	// Align reports flows that go on at times that other caches of the process would, so
	// that their parts of a flow, or its other direction, come together (align.go).
	Align bool

	// QoS measures TCP flows: see the type QoS. It reads sequence numbers from the
	// frames and wants Memory.
	QoS bool

	// Memory, where the frames lie, lets octets be counted by the IP header's own
	// length, so that the padding of short frames does not count. When nil an IP
	// packet is taken to end with its frame.
	Memory *packet.Memory
}

// Check reports what is wrong with the configuration.
func (c *Config) Check() error {
	switch {
	case c.MaxFlows < 0 || c.MaxFlows > MaxFlows:
		return fmt.Errorf("max flows %d: want 1 to %d", c.MaxFlows, MaxFlows)
	case c.IdleTimeout < 0:
		return fmt.Errorf("idle timeout %v: want a positive time", time.Duration(c.IdleTimeout))
	case c.EndLinger < 0:
		return fmt.Errorf("end linger %v: want a positive time", time.Duration(c.EndLinger))
	case c.RecordRing < 0 || c.RecordRing > 1<<24:
		return fmt.Errorf("record ring of %d: want 1 to %d", c.RecordRing, 1<<24)
	}
	return nil
}

func (c *Config) defaults() {
	if c.MaxFlows == 0 {
		c.MaxFlows = DefaultMaxFlows
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = int64(DefaultIdleTimeout)
	}
	if c.ActiveTimeout == 0 {
		c.ActiveTimeout = int64(DefaultActiveTimeout)
	}
	if c.EndLinger == 0 {
		c.EndLinger = int64(DefaultEndLinger)
	}
	if c.Sampling == 0 {
		c.Sampling = 1
	}
	if c.RecordRing == 0 {
		c.RecordRing = DefaultRecordRing
	}
}
