package collector

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of what is kept.
const (
	maxFlows    = 1 << 20
	maxSessions = 256  // exporters' sockets, connections and files; the one quiet for longest gives way
	maxDomains  = 1024 // observation domains of a session
)

// Totals are what was received since the start.
type Totals struct {
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`
	Records   uint64 `json:"records"` // of flows
	Packets   uint64 `json:"packets"` // both directions of a biflow
	Octets    uint64 `json:"octets"`
	L2Octets  uint64 `json:"l2_octets"`
	Options   uint64 `json:"options"`   // option records
	Templates uint64 `json:"templates"` // template records, again ones included, withdrawals not
	Withdrawn uint64 `json:"withdrawn"` // templates that were withdrawn (RFC 7011 section 8.1)
	Biflows   uint64 `json:"biflows"`   // of Records, those that tell of a reverse direction too (RFC 5103)
	Flows     uint64 `json:"flows"`     // different ones, as far as they are kept
	Sessions  uint64 `json:"sessions"`  // sockets, connections and files that sent something
	Gaps      uint64 `json:"gaps"`      // places where sequence numbers leave records out
	Missing   uint64 `json:"missing"`   // data records, by sequence numbers
	Errors    uint64 `json:"errors"`    // messages, sets or records that could not be decoded, and broken connections
	LastError string `json:"last_error,omitempty"`
}

// Collector receives and adds up. New, Listen, ListenTCP, ListenTLS, ReadFile and
// ReadStream make one.
type Collector struct {
	listeners listeners

	mu       sync.Mutex
	udp      map[netip.AddrPort]*session
	sessions []*session // all, closed ones too; bounded
	clock    uint64     // counts messages, to tell which session is quiet for longest
	flows    map[Key]*kept
	options  map[uint16]uint64
	totals   Totals
	each     func(*Record)
}

// kept is what is known of a flow.
type kept struct {
	Flow
	Details
}

// New returns a collector that listens nowhere.
func New() *Collector {
	return &Collector{
		udp:     make(map[netip.AddrPort]*session),
		flows:   make(map[Key]*kept),
		options: make(map[uint16]uint64),
	}
}

// OnRecord has fn called for every data record, options too, in the order of the
// messages, by whoever reads them. The record is valid until fn returns; fn must not
// call the collector. Call it before anything is received.
func (c *Collector) OnRecord(fn func(*Record)) { c.each = fn }

// Handle takes one datagram from an exporter's socket.
func (c *Collector) Handle(from netip.AddrPort, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.udp[from]
	if s == nil {
		s = newSession("udp", from.String())
		c.admit(s)
		c.udp[from] = s
	}
	if err := c.message(s, b); err != nil {
		c.fail(fmt.Errorf("%v: %w", from, err))
	}
}

// admit keeps a session, in the place of the one quiet for longest if there are too
// many. The caller holds the lock.
func (c *Collector) admit(s *session) {
	c.totals.Sessions++
	if len(c.sessions) == maxSessions {
		i := 0
		for j, o := range c.sessions {
			if o.heard < c.sessions[i].heard {
				i = j
			}
		}
		old := c.sessions[i]
		c.sessions = slices.Delete(c.sessions, i, i+1)
		maps.DeleteFunc(c.udp, func(_ netip.AddrPort, o *session) bool { return o == old })
	}
	c.clock++
	s.heard = c.clock
	c.sessions = append(c.sessions, s)
}

func (c *Collector) fail(err error) {
	c.totals.Errors++
	c.totals.LastError = err.Error()
}

// Flows returns a copy of all flows.
func (c *Collector) Flows() map[Key]Flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[Key]Flow, len(c.flows))
	for k, f := range c.flows {
		m[k] = f.Flow
	}
	return m
}

// Details returns a copy of what else is known of all flows.
func (c *Collector) Details() map[Key]Details {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := make(map[Key]Details, len(c.flows))
	for k, f := range c.flows {
		m[k] = f.Details
	}
	return m
}

// Options returns the value that was last received of each of IANA's elements that
// came in option records, as an unsigned number, by the element's number. Sessions
// has them by kind.
func (c *Collector) Options() map[uint16]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.options)
}

// Totals returns the sums.
func (c *Collector) Totals() Totals {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.totals
}

// Wait returns when at least that many packets are in the records received, or
// when none has come for quiet. It says whether they are.
func (c *Collector) Wait(packets uint64, quiet time.Duration) bool {
	last, since := c.Totals().Messages, time.Now()
	for {
		t := c.Totals()
		if t.Packets >= packets {
			return true
		}
		if t.Messages != last {
			last, since = t.Messages, time.Now()
		}
		if time.Since(since) > quiet {
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
}
