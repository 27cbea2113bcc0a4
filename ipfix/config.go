package ipfix

import (
	"fmt"
	"net"
	"time"
)

// ExporterConfig says where records go and how. Zero members get the defaults in
// brackets.
type ExporterConfig struct {
	Targets          []string      // collectors, host:port, UDP
	MTU              int           // of the path to the collectors, bytes [1500]
	TemplateInterval time.Duration // templates and options are sent again after it [600s]
	StatsInterval    time.Duration // options alone are sent again after it [TemplateInterval]
	FlushInterval    time.Duration // the longest a record waits in a message that is not full [500ms]
	MergeWindow      time.Duration // see the package's comment [1s with several caches, else none]; negative: none
	MaxPending       int           // records held by the merge [65536]
	MessageRate      int           // messages a second to all targets together, so that bursts do not overrun a collector's socket [10000]
	DrainTimeout     time.Duration // at stop, how long sending may go on [1s]
	Domains          []uint32      // observation domains whose templates are sent at start; others' with their first record
	Epoch            time.Time     // the wall clock at 0 of the loops' clock, for records of other times [reckoned from the wall clock all the time]
}

// Limits of a configuration.
const (
	minMTU     = 576 // of IPv4 (RFC 791)
	maxMTU     = 65535
	maxDomains = 1024 // observation domains that an exporter keeps apart
)

// Check reports what is wrong with the configuration.
func (c *ExporterConfig) Check() error {
	for _, t := range c.Targets {
		if host, port, err := net.SplitHostPort(t); err != nil || host == "" || port == "" {
			return fmt.Errorf("target %q: want host:port", t)
		}
	}
	switch {
	case c.MTU != 0 && (c.MTU < minMTU || c.MTU > maxMTU):
		return fmt.Errorf("mtu %d: want %d to %d", c.MTU, minMTU, maxMTU)
	case c.MaxPending < 0 || c.MessageRate < 0:
		return fmt.Errorf("max pending %d, message rate %d: want positive numbers", c.MaxPending, c.MessageRate)
	case c.TemplateInterval < 0 || c.StatsInterval < 0 || c.FlushInterval < 0 || c.DrainTimeout < 0:
		return fmt.Errorf("intervals %v, %v, %v, %v: want positive times",
			c.TemplateInterval, c.StatsInterval, c.FlushInterval, c.DrainTimeout)
	case len(c.Domains) > maxDomains:
		return fmt.Errorf("%d observation domains: want at most %d", len(c.Domains), maxDomains)
	}
	return nil
}

func (c *ExporterConfig) defaults(caches int) {
	def(&c.MTU, 1500)
	def(&c.TemplateInterval, 600*time.Second)
	def(&c.StatsInterval, c.TemplateInterval)
	def(&c.FlushInterval, 500*time.Millisecond)
	if caches > 1 {
		def(&c.MergeWindow, time.Second)
	}
	def(&c.MaxPending, 65536)
	def(&c.MessageRate, 10_000)
	def(&c.DrainTimeout, time.Second)
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// messageSize is what the MTU leaves for a message behind IPv6 or IPv4 and UDP
// headers.
func (c *ExporterConfig) messageSize() int {
	for _, t := range c.Targets {
		host, _, _ := net.SplitHostPort(t)
		if ip := net.ParseIP(host); ip == nil || ip.To4() == nil {
			return (c.MTU - 48) &^ (align - 1)
		}
	}
	return (c.MTU - 28) &^ (align - 1)
}
