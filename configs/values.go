package configs

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// PortType is the driver of a port.
type PortType string

// The port types.
const (
	AFXDP      PortType = "afxdp"
	MemoryType PortType = "memory"
	PCAP       PortType = "pcap"
	Tap        PortType = "tap"
)

// Mode is how an afxdp port binds to its device.
type Mode string

// The modes.
const (
	ModeAuto     Mode = "auto"
	ModeZeroCopy Mode = "zero-copy"
	ModeCopy     Mode = "copy"
	ModeGeneric  Mode = "generic"
)

// VLANMode is how NORMAL treats VLANs on a port (vlan_mode of Open vSwitch).
type VLANMode string

// The VLAN modes.
const (
	Access         VLANMode = "access"
	Trunk          VLANMode = "trunk"
	NativeTagged   VLANMode = "native-tagged"
	NativeUntagged VLANMode = "native-untagged"
)

// HugePages says whether frame memory lies on huge pages.
type HugePages string

// MemoryOrder is the order in which a memory source goes through its flows.
type MemoryOrder string

// Assign is how queues are spread over loops.
type Assign string

// LogLevel is the least grave message that is written.
type LogLevel string

// LogFormat is the form of log lines.
type LogFormat string

// Duration is a time span, written as Go writes them (1m30s, 200us) or as plain
// seconds (90, 0.5).
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns d as Go writes it, without the zeros at its end: 5m, not 5m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText writes d as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a span that is not negative and at most ten years.
func (d *Duration) UnmarshalText(b []byte) error {
	const most = 10 * 365 * 24 * time.Hour
	s := string(b)
	v, err := time.ParseDuration(s)
	if f, ferr := strconv.ParseFloat(s, 64); ferr == nil {
		if !(f >= 0 && f <= most.Seconds()) {
			return fmt.Errorf("%q is not between 0 and ten years", s)
		}
		v, err = time.Duration(f*float64(time.Second)), nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a duration; write a number with a unit as in 300s, 5m or 200us, or plain seconds", s)
	case v < 0 || v > most:
		return fmt.Errorf("%q is not between 0 and ten years", s)
	}
	*d = Duration(v)
	return nil
}

// DatapathID is an OpenFlow datapath id; 0 is not set.
type DatapathID uint64

func (d DatapathID) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// MarshalText writes 16 hexadecimal digits.
func (d DatapathID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 16 hexadecimal digits.
func (d *DatapathID) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 {
		return fmt.Errorf("%q is not 16 hexadecimal digits as in \"00004a6f9b2c8d01\", in quotes", b)
	}
	*d = DatapathID(v)
	return nil
}

// OFPort is an OpenFlow port number; 0 is not set.
type OFPort uint32

// Local is the number of the switch's own port (OFPP_LOCAL of OpenFlow 1.3).
const Local OFPort = 0xfffffffe

// MaxOFPort is the highest number of an ordinary port: all versions of OpenFlow
// can name it.
const MaxOFPort = 0xfeff

func (p OFPort) String() string {
	if p == Local {
		return "LOCAL"
	}
	return strconv.FormatUint(uint64(p), 10)
}

// MarshalText writes p as UnmarshalText reads it.
func (p OFPort) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a number or LOCAL.
func (p *OFPort) UnmarshalText(b []byte) error {
	if strings.EqualFold(string(b), "LOCAL") {
		*p = Local
		return nil
	}
	v, err := strconv.ParseUint(string(b), 0, 32)
	if err != nil || v < 1 || v > MaxOFPort {
		return fmt.Errorf("%q is not a port number from 1 to %d, nor LOCAL", b, MaxOFPort)
	}
	*p = OFPort(v)
	return nil
}

// MAC is an Ethernet address; zero is not set.
type MAC [6]byte

// IsZero reports whether m is not set.
func (m MAC) IsZero() bool { return m == MAC{} }

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// MarshalText writes m as UnmarshalText reads it.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the address of one station.
func (m *MAC) UnmarshalText(b []byte) error {
	a, err := net.ParseMAC(string(b))
	if err != nil || len(a) != 6 {
		return fmt.Errorf("%q is not an Ethernet address as in 02:00:00:00:00:01", b)
	}
	if a[0]&1 != 0 {
		return fmt.Errorf("%q is a group address (lowest bit of its first byte); a port needs one of its own, as 02:00:00:00:00:01", b)
	}
	*m = MAC(a)
	if m.IsZero() {
		return fmt.Errorf("%q is no station's address; write one as in 02:00:00:00:00:01", b)
	}
	return nil
}

// Prefix is an IP address with the length of its network's prefix.
type Prefix struct{ netip.Prefix }

// UnmarshalText reads 10.0.0.1/24 or 2001:db8::1/64.
func (p *Prefix) UnmarshalText(b []byte) error {
	v, err := netip.ParsePrefix(string(b))
	if err != nil {
		return fmt.Errorf("%q is not an address with prefix length as in 10.0.0.1/24", b)
	}
	p.Prefix = v
	return nil
}

// FlowText is flows, a line each, with where they stand.
type FlowText []FlowLine

// FlowLine is one flow as written.
type FlowLine struct {
	Text   string
	File   string
	Line   int // from 1
	Column int // of Text's first byte, from 1
}

// MarshalText writes the flow as it was read.
func (l FlowLine) MarshalText() ([]byte, error) { return []byte(l.Text), nil }
