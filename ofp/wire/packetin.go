package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

// NoCookie is the cookie of a packet-in that no flow made.
const NoCookie uint64 = 0xffffffffffffffff

// Reason is why a packet was sent to the controller (OFPR_*).
type Reason uint8

// The reasons, with their numbers in 1.4 and up. The last two are Pollux's own: On gives
// the one that a version has for them.
const (
	ReasonNoMatch Reason = iota
	ReasonAction
	ReasonInvalidTTL
	ReasonActionSet    // output in an action set
	ReasonGroup        // output in a bucket
	ReasonPacketOut    // output in a packet-out
	ReasonExplicitMiss // output in the table-miss flow: priority 0, and matches all
	ReasonImplicitMiss // no flow, and the version, or the table, sends such packets
)

// On returns the reason as v has it.
func (r Reason) On(v Version) Reason {
	switch {
	case r == ReasonImplicitMiss:
		return ReasonNoMatch
	case r == ReasonExplicitMiss && v >= V13:
		return ReasonNoMatch
	case r == ReasonExplicitMiss, r > ReasonInvalidTTL && v < V14:
		return ReasonAction
	}
	return r
}

// PacketInFormat is how packet-ins are written (enum ofputil_packet_in_format).
type PacketInFormat uint8

// The formats, with their numbers in NXTSetPacketInFormat.
const (
	PacketInStandard PacketInFormat = iota // PACKET_IN of the version
	PacketInNXT                            // NXT_PACKET_IN
	PacketInNXT2                           // NXT_PACKET_IN2
)

// PacketInMsg is a packet that a switch sends to a controller, in whatever version and
// format; and with a continuation one that the controller gives back (NXTResume).
type PacketInMsg struct {
	Reason   Reason
	TableID  uint8      // not in 1.0
	Cookie   uint64     // NoCookie: none. Not in 1.0
	FullLen  uint32     // bytes of the packet; len(Data) or more
	Data     []byte     // its first bytes
	Metadata flow.Match // in_port, and fields of the pipeline that are not 0

	// Of PacketInNXT2 only.
	UserData     []byte        // of the controller action
	Continuation []byte        // how to go on: for the switch alone
	Paused       *Continuation // unless nil, written in the place of Continuation, in the message's version
}

// AppendPacketIn appends a packet-in in format f. No buffer is offered. In 1.0's own
// format in_port is all that is told of p.Metadata.
//
// Data that the message has no room for is cut; so is what is above 65,535 of FullLen, but
// in PacketInNXT2. There, a Continuation that finds no room beside all of Data is left out.
func AppendPacketIn(b []byte, v Version, xid uint32, f PacketInFormat, p *PacketInMsg) []byte {
	at := len(b)
	reason, total := byte(p.Reason.On(v)), uint16(min(p.FullLen, 0xffff))
	switch {
	case f == PacketInNXT2:
		return appendPacketIn2(b, v, xid, NXTPacketIn2, p)
	case f == PacketInNXT:
		b = beginExtension(b, v, xid, Nicira, NXTPacketIn)
		b = be.AppendUint32(b, NoBuffer)
		b = append(be.AppendUint16(b, total), reason, p.TableID)
		b = be.AppendUint64(b, p.Cookie)
		length := len(b)
		b = zeros(b, 8)
		fields := len(b)
		b = appendPipeline(b, v, true, &p.Metadata)
		n := len(b) - fields
		be.PutUint16(b[length:], uint16(n))
		b = zeros(b, pad8(n)-n)
	case v == V10:
		port, ok := PortNumber(flow.InPort.Get(&p.Metadata.Key).Lo).port10()
		if !ok {
			port = uint16(PortAny & 0xffff)
		}
		b = be.AppendUint32(begin(b, v, PacketIn, xid), NoBuffer)
		b = be.AppendUint16(be.AppendUint16(b, total), port)
		return end(append(append(b, reason, 0), p.Data...), at)
	default:
		b = be.AppendUint32(begin(b, v, PacketIn, xid), NoBuffer)
		b = append(be.AppendUint16(b, total), reason, p.TableID)
		b = appendPipelineMatch(be.AppendUint64(b, p.Cookie), v, &p.Metadata)
	}
	return end(append(zeros(b, 2), p.Data...), at)
}

// ParsePacketIn reads the body of a PACKET_IN. Data points into it.
func ParsePacketIn(v Version, body []byte) (*PacketInMsg, error) {
	least := 16
	if v == V10 {
		least = 10
	}
	if len(body) < least {
		return nil, fmt.Errorf("packet-in of %d bytes, want %d or more: %w", len(body), least, ofperr.BadLen)
	}
	p := &PacketInMsg{FullLen: uint32(be.Uint16(body[4:])), Cookie: NoCookie}
	if v == V10 {
		port := from10(be.Uint16(body[6:]))
		p.Metadata.SetMasked(flow.InPort, flow.Value{Lo: uint64(port)}, flow.InPort.Full())
		p.Reason, p.Data = Reason(body[8]), body[10:]
		return p, p.check(v)
	}
	p.Reason, p.TableID, p.Cookie = Reason(body[6]), body[7], be.Uint64(body[8:])
	m, rest, err := parsePipelineMatch(body[16:], false)
	if err != nil {
		return nil, err
	}
	if len(rest) < 2 {
		return nil, fmt.Errorf("packet-in without padding behind its match: %w", ofperr.BadLen)
	}
	p.Metadata, p.Data = m, rest[2:]
	return p, p.check(v)
}

// ParsePacketInNXT reads the body of a NXTPacketIn. Data points into it.
func ParsePacketInNXT(v Version, body []byte) (*PacketInMsg, error) {
	if len(body) < 24 {
		return nil, fmt.Errorf("packet-in of %d bytes, want 24 or more: %w", len(body), ofperr.BadLen)
	}
	p := &PacketInMsg{
		FullLen: uint32(be.Uint16(body[4:])), Reason: Reason(body[6]), TableID: body[7], Cookie: be.Uint64(body[8:]),
	}
	n, rest := int(be.Uint16(body[16:])), body[24:]
	if pad8(n)+2 > len(rest) {
		return nil, fmt.Errorf("match that says it has %d bytes of %d: %w", n, len(rest), ofperr.BadLen)
	}
	var err error
	if p.Metadata, err = parsePipeline(rest[:n], false); err != nil {
		return nil, err
	}
	p.Data = rest[pad8(n)+2:]
	return p, p.check(v)
}

// check refuses what no switch sends.
func (p *PacketInMsg) check(v Version) error {
	if p.Reason.On(v) != p.Reason || p.Reason > ReasonPacketOut {
		return fmt.Errorf("reason %d of a packet-in: %w", p.Reason, ofperr.BadReason)
	}
	if p.FullLen < uint32(len(p.Data)) {
		return fmt.Errorf("packet-in with %d bytes of a packet of %d: %w", len(p.Data), p.FullLen, ofperr.BadLen)
	}
	return nil
}
