package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

// PortNumber is a port's number as in OpenFlow 1.3: 1 to 0xfffffeff, or reserved.
type PortNumber uint32

// PortAny is OFPP_ANY, in 1.0 OFPP_NONE.
const PortAny PortNumber = 0xffffffff

// Numbers of ports end here: what follows is reserved and has a meaning of its own.
const (
	portMax   PortNumber = 0xffffff00
	portMax10 PortNumber = 0xff00
)

// port10 returns the number of 16 bits that 1.0 has for n, false if it has none.
func (n PortNumber) port10() (uint16, bool) { return uint16(n), n < portMax10 || n >= portMax }

// from10 is the reverse of port10.
func from10(n uint16) PortNumber {
	if n < uint16(portMax10) {
		return PortNumber(n)
	}
	return 0xffff0000 | PortNumber(n)
}

// PortConfig is how a port is set (OFPPC_*), PortState how it is (OFPPS_*).
type (
	PortConfig uint32
	PortState  uint32
)

// The bits.
const (
	PortDown       PortConfig = 1 << 0
	PortNoRecv     PortConfig = 1 << 2
	PortNoFlood    PortConfig = 1 << 4 // 1.0 only
	PortNoFwd      PortConfig = 1 << 5
	PortNoPacketIn PortConfig = 1 << 6

	PortLinkDown PortState = 1 << 0
	PortBlocked  PortState = 1 << 1 // 1.3 and up
	PortLive     PortState = 1 << 2 // 1.3 and up
)

// Port describes a port (struct ofp_port, in 1.0 ofp_phy_port).
type Port struct {
	Number PortNumber
	MAC    [6]byte
	Name   string // at most 15 bytes are sent
	Config PortConfig
	State  PortState

	// Features of the link, OFPPF_* of the version; 0 is not known.
	Current, Advertised, Supported, Peer uint32

	Speed, MaxSpeed uint32 // kbit/s; 0 is not known. 1.3 and up
}

// Lengths of a port's description.
const (
	port10Len = 48
	port13Len = 64
	port14Len = 40 // without properties
	nameLen   = 16

	etherPropLen = 32 // OFPPDPT_ETHERNET, of 1.4 and up
)

// Append appends the description as version v has it. In 1.0 a port whose number it
// can't say is left out.
func (p *Port) Append(b []byte, v Version) []byte {
	if v == V10 {
		n, ok := p.Number.port10()
		if !ok {
			return b
		}
		b = binary.BigEndian.AppendUint16(b, n)
		b = name(append(b, p.MAC[:]...), p.Name, nameLen)
		b = binary.BigEndian.AppendUint32(b, uint32(p.Config))
		b = binary.BigEndian.AppendUint32(b, uint32(p.State&PortLinkDown))
		return p.features(b)
	}
	at := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Number))
	b = zeros(b, 4)
	b = zeros(append(b, p.MAC[:]...), 2)
	b = name(b, p.Name, nameLen)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Config&^PortNoFlood))
	b = binary.BigEndian.AppendUint32(b, uint32(p.State))
	if v >= V14 {
		binary.BigEndian.PutUint16(b[at+4:], port14Len+etherPropLen)
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint16(b, etherPropLen)
		b = zeros(b, 4)
	}
	b = p.features(b)
	b = binary.BigEndian.AppendUint32(b, p.Speed)
	return binary.BigEndian.AppendUint32(b, p.MaxSpeed)
}

func (p *Port) features(b []byte) []byte {
	for _, f := range [...]uint32{p.Current, p.Advertised, p.Supported, p.Peer} {
		b = binary.BigEndian.AppendUint32(b, f)
	}
	return b
}

func (p *Port) parseFeatures(b []byte) {
	for i, f := range [...]*uint32{&p.Current, &p.Advertised, &p.Supported, &p.Peer} {
		*f = binary.BigEndian.Uint32(b[4*i:])
	}
}

// ParsePort reads the description that b begins with and returns the rest of b.
func ParsePort(v Version, b []byte) (p Port, rest []byte, err error) {
	least := port14Len
	switch v {
	case V10:
		least = port10Len
	case V13:
		least = port13Len
	}
	if len(b) < least {
		return p, nil, fmt.Errorf("port of %d bytes, want %d or more: %w", len(b), least, ofperr.BadLen)
	}
	if v == V10 {
		p.Number = from10(binary.BigEndian.Uint16(b))
		copy(p.MAC[:], b[2:])
		p.Name = parseName(b[8:24])
		p.Config, p.State = PortConfig(binary.BigEndian.Uint32(b[24:])), PortState(binary.BigEndian.Uint32(b[28:]))&PortLinkDown
		p.parseFeatures(b[32:])
		return p, b[port10Len:], nil
	}
	p.Number = PortNumber(binary.BigEndian.Uint32(b))
	copy(p.MAC[:], b[8:])
	p.Name = parseName(b[16:32])
	p.Config, p.State = PortConfig(binary.BigEndian.Uint32(b[32:]))&^PortNoFlood, PortState(binary.BigEndian.Uint32(b[36:]))
	if v == V13 {
		p.parseLink(b[40:])
		return p, b[port13Len:], nil
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < port14Len || n > len(b) {
		return p, nil, fmt.Errorf("port that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	for props := b[port14Len:n]; len(props) > 0; {
		if len(props) < 4 {
			return p, nil, fmt.Errorf("property of a port of %d bytes, want 4 or more: %w", len(props), ofperr.BadLen)
		}
		kind, n := binary.BigEndian.Uint16(props), int(binary.BigEndian.Uint16(props[2:]))
		if n < 4 || n > len(props) || kind == 0 && n != etherPropLen {
			return p, nil, fmt.Errorf("property %d of a port that says it has %d bytes of %d: %w", kind, n, len(props), ofperr.BadLen)
		}
		if kind == 0 {
			p.parseLink(props[8:])
		}
		props = props[min(len(props), (n+7)&^7):]
	}
	return p, b[n:], nil
}

// parseLink reads features and speeds: 24 bytes.
func (p *Port) parseLink(b []byte) {
	p.parseFeatures(b)
	p.Speed, p.MaxSpeed = binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
}

// ParsePortDescRequest reads the body of a request for PartPortDesc: which port is
// wanted, PortAny for all. Only in 1.5 one can be asked for.
func ParsePortDescRequest(v Version, body []byte) (PortNumber, error) {
	want := 0
	if v == V15 {
		want = 8
	}
	if len(body) != want {
		return 0, fmt.Errorf("request for ports of %d bytes, want %d: %w", len(body), want, ofperr.BadLen)
	}
	if v == V15 {
		return PortNumber(binary.BigEndian.Uint32(body)), nil
	}
	return PortAny, nil
}
