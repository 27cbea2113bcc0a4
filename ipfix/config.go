package ipfix

import (
	"fmt"
	"time"

	"pollux/flow"
)

// ExporterConfig says where records go, how, and what is in them. Zero members get
// the defaults in brackets.
type ExporterConfig struct {
	// Targets are collectors: host:port or udp:host:port, tcp:host:port,
	// tls:host:port (TLS over TCP, RFC 7011 section 11), dtls:host:port (DTLS over UDP),
	// file:PATH (RFC 5655).
	Targets          []string
	MTU              int           // of the path to the collectors, bytes [1500]
	TemplateInterval time.Duration // templates and options are sent again after it, over UDP [600s]
	StatsInterval    time.Duration // options alone are sent again after it [TemplateInterval]
	FlushInterval    time.Duration // the longest a record waits in a message that is not full [500ms]
	MergeWindow      time.Duration // see the package's comment [1s with several caches, else none]; negative: none
	MaxPending       int           // records held by the merge [65536]
	MessageRate      int           // messages a second to all UDP targets together, so that bursts do not overrun a collector's socket [10000]
	DrainTimeout     time.Duration // at stop, how long sending may go on [1s]
	Domains          []uint32      // observation domains whose templates are sent at start; others' with their first record
	Epoch            time.Time     // the wall clock at 0 of the loops' clock, for records of other times [reckoned from the wall clock all the time]

	Buffer    int       // bytes of messages kept for a TCP, TLS or DTLS collector, or a file, that does not take them now [4 MiB]
	UDPBuffer int       // bytes of messages that a UDP collector has waiting for MessageRate [4 MiB, Buffer if that is more]
	TLS       TLSConfig // of tls: and dtls: targets
	File      FileConfig

	FlowKey  *flow.Mask // of the caches: what is no key is in no template [cache.OVSKey()]
	Elements []string   // names of non-key elements in records; "standard", "full" are groups ["standard"]

	// The caches' records tell rules, and measure TCP: what there is to say of it is in
	// records then, and else if named.
	RuleAttribution, TCPQoS bool

	Biflow       BiflowRule    // whether two directions become one record (RFC 5103), and which is forward
	BiflowWindow time.Duration // how long a record waits for the other direction [2.5s]

	VirtualObsID string             // virtualObsID (PEN 6876, 898) in every record; "": none
	PEN          uint32             // enterprise number of our own elements [32473, that of examples: RFC 5612]
	Interfaces   func() []Interface // the interface table, read when options are sent; nil: none
	DropReasons  []DropReason       // names of Verdict.Drop and Counters.DropReason, for options
}

// TLSConfig are the files of TLS, PEM.
type TLSConfig struct {
	CA         string // authorities that collectors' certificates are checked with [the system's]
	Cert, Key  string // our own certificate; both or none
	ServerName string // name that the certificate must have [the target's host]
}

// FileConfig says how file: targets rotate. The file being written has the name of
// the target; when it is full or old it gets its time before the extension.
type FileConfig struct {
	MaxBytes int64         // rotate at this size [64 MiB]
	MaxAge   time.Duration // and at this age [1h]
	Keep     int           // files kept beside the one being written [24]
}

// BiflowRule says which direction of a conversation is forward (RFC 5103 section 5).
type BiflowRule uint8

// The rules.
const (
	BiflowOff       BiflowRule = iota
	BiflowInitiator            // who sent the first packet; for TCP who sent the SYN
	BiflowReverse              // the other way round (biflowDirection 2)
	BiflowLowerPort            // towards the lower port number, as services have; told as arbitrary (0)
)

// Interface is a row of the interface table: a port of the switch.
type Interface struct {
	Index       uint32 // OpenFlow port number, as in ingressInterface
	Name        string
	Description string
	Type        uint32 // ifType (IANA ifType-MIB): 6 ethernetCsmacd, 53 propVirtual, 131 tunnel
	Speed       uint64 // bits a second, 0 not known
}

// DropReason is a drop reason's number and words.
type DropReason struct {
	ID             uint8
	Name, Sentence string
}

// Limits of a configuration.
const (
	minMTU     = 576 // of IPv4 (RFC 791)
	maxMTU     = 65535
	maxDomains = 1024 // observation domains that an exporter keeps apart
	maxPending = 1 << 24
	minBuffer  = 1 << 16 // holds any message
	maxBuffer  = 1 << 32
)

// Check reports what is wrong with the configuration, names of elements and files of
// TLS apart: New and Update look at those.
func (c *ExporterConfig) Check() error {
	if _, err := parseTargets(c.Targets); err != nil {
		return err
	}
	switch {
	case c.MTU != 0 && (c.MTU < minMTU || c.MTU > maxMTU):
		return fmt.Errorf("mtu %d: want %d to %d", c.MTU, minMTU, maxMTU)
	case c.MaxPending < 0 || c.MaxPending > maxPending:
		return fmt.Errorf("max pending %d: want 1 to %d", c.MaxPending, maxPending)
	case c.MessageRate < 0:
		return fmt.Errorf("message rate %d: want a positive number", c.MessageRate)
	case c.TemplateInterval < 0 || c.StatsInterval < 0 || c.FlushInterval < 0 || c.DrainTimeout < 0 || c.BiflowWindow < 0:
		return fmt.Errorf("template, stats, flush intervals, drain timeout, biflow window %v, %v, %v, %v, %v: want positive times",
			c.TemplateInterval, c.StatsInterval, c.FlushInterval, c.DrainTimeout, c.BiflowWindow)
	case len(c.Domains) > maxDomains:
		return fmt.Errorf("%d observation domains: want at most %d", len(c.Domains), maxDomains)
	case c.Buffer != 0 && (c.Buffer < minBuffer || c.Buffer > maxBuffer):
		return fmt.Errorf("buffer of %d bytes: want %d to %d", c.Buffer, minBuffer, maxBuffer)
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		return fmt.Errorf("tls certificate %q, key %q: want both or none", c.TLS.Cert, c.TLS.Key)
	case c.File.MaxBytes != 0 && c.File.MaxBytes < maxMTU:
		return fmt.Errorf("file of at most %d bytes: want %d or more", c.File.MaxBytes, maxMTU)
	case c.File.MaxAge < 0 || c.File.Keep < 0:
		return fmt.Errorf("file age %v, files kept %d: want positive values", c.File.MaxAge, c.File.Keep)
	case c.Biflow > BiflowLowerPort:
		return fmt.Errorf("biflow rule %d: want 0 to %d", c.Biflow, BiflowLowerPort)
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
	def(&c.Buffer, 4<<20)
	def(&c.UDPBuffer, max(c.Buffer, 4<<20))
	def(&c.BiflowWindow, 2500*time.Millisecond)
	def(&c.File.MaxBytes, 64<<20)
	def(&c.File.MaxAge, time.Hour)
	def(&c.File.Keep, 24)
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// messageSize is what the MTU leaves for a message behind IPv6 or IPv4 and UDP
// headers, if any target wants those.
func (c *ExporterConfig) messageSize() int {
	over := 0
	for _, s := range c.Targets {
		a, _ := parseTarget(s)
		over = max(over, a.overhead())
	}
	return (c.MTU - over) &^ (align - 1)
}
