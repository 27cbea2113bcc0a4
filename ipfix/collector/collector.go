package collector

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"golang.org/x/sys/unix"
)

const (
	maxFlows   = 1 << 20
	maxSources = 256     // exporters
	readBuffer = 8 << 20 // bytes of the socket
)

// Totals are what was received since the start.
type Totals struct {
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`
	Records   uint64 `json:"records"` // of flows
	Packets   uint64 `json:"packets"`
	Octets    uint64 `json:"octets"`
	L2Octets  uint64 `json:"l2_octets"`
	Options   uint64 `json:"options"`   // option records
	Templates uint64 `json:"templates"` // template records, again ones included
	Flows     uint64 `json:"flows"`     // different ones, as far as they are kept
	Missing   uint64 `json:"missing"`   // data records, by sequence numbers
	Errors    uint64 `json:"errors"`    // messages or records that could not be decoded
	LastError string `json:"last_error,omitempty"`
}

// Collector receives and adds up. Make it with Listen, or with New to hand it
// messages without a socket.
type Collector struct {
	conn *net.UDPConn
	done chan struct{}

	mu      sync.Mutex
	sources map[netip.AddrPort]*source
	flows   map[Key]*Flow
	options map[uint16]uint64
	totals  Totals
}

// source is one exporter's socket.
type source struct {
	templates templates
	sequences map[uint32]*sequence
}

// New returns a collector that has no socket.
func New() *Collector {
	return &Collector{
		sources: make(map[netip.AddrPort]*source),
		flows:   make(map[Key]*Flow),
		options: make(map[uint16]uint64),
	}
}

// Listen receives on a UDP address (host:port; port 0 for any) until Close.
func Listen(addr string) (*Collector, error) {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	conn, err := net.ListenUDP("udp", a)
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	growBuffer(conn)
	c := New()
	c.conn, c.done = conn, make(chan struct{})
	go c.read()
	return c, nil
}

// growBuffer asks for a large socket buffer, past the system's limit where this
// process may. Without it a burst of messages is lost to a busy machine.
func growBuffer(conn *net.UDPConn) {
	conn.SetReadBuffer(readBuffer)
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, readBuffer)
	})
}

// Addr returns the address that the collector listens on.
func (c *Collector) Addr() string { return c.conn.LocalAddr().String() }

// Close ends the listening. What was received can still be read.
func (c *Collector) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

func (c *Collector) read() {
	defer close(c.done)
	buf := make([]byte, 65536)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			c.mu.Lock()
			c.fail(err)
			c.mu.Unlock()
			continue
		}
		c.Handle(from, buf[:n])
	}
}

// Handle takes one message from an exporter's socket.
func (c *Collector) Handle(from netip.AddrPort, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.totals.Messages++
	c.totals.Bytes += uint64(len(b))
	src := c.sources[from]
	if src == nil {
		if len(c.sources) == maxSources {
			c.fail(fmt.Errorf("message from %v: more than %d exporters", from, maxSources))
			return
		}
		src = &source{
			templates: templates{NetFlowTemplateSystem: netflow.CreateTemplateSystem()},
			sequences: make(map[uint32]*sequence),
		}
		c.sources[from] = src
	}
	// The decoder keeps slices of what it reads, and the reader reuses its buffer.
	var p netflow.IPFIXPacket
	var old netflow.NFv9Packet
	err := netflow.DecodeMessageVersion(bytes.NewBuffer(bytes.Clone(b)), &src.templates, &old, &p)
	if err != nil {
		c.fail(err)
		return
	}
	if p.Version != 10 {
		c.fail(fmt.Errorf("message of version %d: want 10", old.Version))
		return
	}
	if int(p.Length) != len(b) {
		c.fail(fmt.Errorf("message of %d bytes says it has %d", len(b), p.Length))
		return
	}
	records := 0
	for _, set := range p.FlowSets {
		records += c.handleSet(p.ObservationDomainId, set)
	}
	q := src.sequences[p.ObservationDomainId]
	if q == nil {
		q = new(sequence)
		src.sequences[p.ObservationDomainId] = q
	}
	c.totals.Missing += uint64(q.check(p.SequenceNumber, records))
}

// handleSet takes a decoded set and returns its number of data records.
func (c *Collector) handleSet(domain uint32, set any) (records int) {
	switch s := set.(type) {
	case netflow.TemplateFlowSet:
		c.totals.Templates += uint64(len(s.Records))
	case netflow.IPFIXOptionsTemplateFlowSet:
		c.totals.Templates += uint64(len(s.Records))
	case netflow.DataFlowSet:
		for _, r := range s.Records {
			c.handleRecord(domain, r.Values)
		}
		return len(s.Records)
	case netflow.OptionsDataFlowSet:
		for _, r := range s.Records {
			c.totals.Options++
			for _, v := range r.OptionsValues {
				if b, ok := v.Value.([]byte); ok && !v.PenProvided && len(b) <= 8 {
					c.options[v.Type] = number(b)
				}
			}
		}
		return len(s.Records)
	}
	return 0
}

func (c *Collector) handleRecord(domain uint32, values []netflow.DataField) {
	k, f, err := parse(domain, values)
	if err != nil {
		c.fail(err)
		return
	}
	c.totals.Records++
	c.totals.Packets += f.Packets
	c.totals.Octets += f.Octets
	c.totals.L2Octets += f.L2Octets
	have := c.flows[k]
	if have == nil {
		if len(c.flows) == maxFlows {
			return
		}
		have = new(Flow)
		c.flows[k] = have
		c.totals.Flows++
	}
	have.add(&f)
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
		m[k] = *f
	}
	return m
}

// Options returns the value that was last received of each element that came in
// option records, as an unsigned number, by the element's number.
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
