package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// PacketOutMsg is a packet that a controller has the switch treat by a list of actions.
type PacketOutMsg struct {
	BufferID uint32     // NoBuffer: Data is the packet
	Metadata flow.Match // in_port, and in 1.5 other fields of the pipeline
	Actions  []byte     // as on the wire, for ParseActions
	Data     []byte
}

// InPort is the port that the packet is said to be from: a port, or PortLocal,
// PortController or PortAny.
func (p *PacketOutMsg) InPort() PortNumber {
	return PortNumber(flow.InPort.Get(&p.Metadata.Key).Lo)
}

// Ports with a meaning of their own that a packet-out can be from.
const (
	PortController PortNumber = 0xfffffffd
	PortLocal      PortNumber = 0xfffffffe
)

// AppendPacketOut appends a PACKET_OUT. Data that the message has no room for is cut. In 1.0
// a port that it has no number for is PortAny.
func AppendPacketOut(b []byte, v Version, xid uint32, p *PacketOutMsg) []byte {
	at := len(b)
	b = be.AppendUint32(begin(b, v, PacketOut, xid), p.BufferID)
	n := uint16(len(p.Actions))
	switch v {
	case V10:
		port, ok := p.InPort().port10()
		if !ok {
			port = uint16(PortAny & 0xffff)
		}
		b = be.AppendUint16(be.AppendUint16(b, port), n)
	case V15:
		b = zeros(be.AppendUint16(b, n), 2)
		b = appendPipelineMatch(b, v, &p.Metadata)
	default:
		b = be.AppendUint32(b, uint32(p.InPort()))
		b = zeros(be.AppendUint16(b, n), 6)
	}
	return end(append(append(b, p.Actions...), p.Data...), at)
}

// ParsePacketOut reads the body of a PACKET_OUT. Actions and Data point into it. Errors are
// ofperr.BadPort for an in_port that no packet is from, those of lengths and, in 1.5, of
// matches. Whether there is a buffer, and whether Data is a packet, is for the switch to say.
func ParsePacketOut(v Version, body []byte) (*PacketOutMsg, error) {
	least := 16
	if v == V10 || v == V15 {
		least = 8
	}
	if len(body) < least {
		return nil, fmt.Errorf("packet-out of %d bytes, want %d or more: %w", len(body), least, ofperr.BadLen)
	}
	p := &PacketOutMsg{BufferID: be.Uint32(body)}
	var n int
	rest := body[least:]
	switch v {
	case V10:
		p.setInPort(from10(be.Uint16(body[4:])))
		n = int(be.Uint16(body[6:]))
	case V15:
		n = int(be.Uint16(body[4:]))
		var err error
		if p.Metadata, rest, err = parsePipelineMatch(rest, true); err != nil {
			return nil, err
		}
		if flow.InPort.GetMask(&p.Metadata.Mask).IsZero() {
			return nil, fmt.Errorf("packet-out without in_port: %w", ofperr.BadPort)
		}
	default:
		p.setInPort(PortNumber(be.Uint32(body[4:])))
		n = int(be.Uint16(body[8:]))
	}
	switch port := p.InPort(); {
	case port >= portMax && port != PortLocal && port != PortAny && port != PortController:
		return nil, fmt.Errorf("packet-out from port %#x: %w", uint32(port), ofperr.BadPort)
	case n > len(rest) || n%8 != 0:
		return nil, fmt.Errorf("packet-out with %d bytes of actions, of %d: %w", n, len(rest), ofperr.ActionBadLen)
	}
	p.Actions, p.Data = rest[:n:n], rest[n:]
	return p, nil
}

func (p *PacketOutMsg) setInPort(n PortNumber) {
	p.Metadata.SetMasked(flow.InPort, flow.Value{Lo: uint64(n)}, flow.InPort.Full())
}
