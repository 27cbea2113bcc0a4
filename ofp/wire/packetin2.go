package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// Properties of NXT_PACKET_IN2 and NXT_RESUME (enum nx_packet_in2_prop_type).
const (
	pinPacket uint16 = iota
	pinFullLen
	pinBufferID
	pinTableID
	pinCookie
	pinReason
	pinMetadata
	pinUserData
	pinContinuation
)

// appendPacketIn2 appends a NXTPacketIn2 or NXTResume. The packet is its last property, so
// that it is what is cut; one of nothing is not allowed. A packet that goes on when it is
// given back is not cut: where it finds no room beside its continuation, that is left out.
func appendPacketIn2(b []byte, v Version, xid, subtype uint32, p *PacketInMsg) []byte {
	at := len(b)
	b = beginExtension(b, v, xid, Nicira, subtype)
	b = property8(b, pinTableID, p.TableID)
	if p.Cookie != NoCookie {
		b = property64(b, pinCookie, p.Cookie)
	}
	b = property8(b, pinReason, byte(p.Reason.On(v)))
	meta := len(b)
	b = endProperty(appendPipeline(startProperty(b, pinMetadata), v, false, &p.Metadata), meta)
	const least = 16 + 8 // a packet, and its length
	if len(p.UserData) > 0 && len(b)-at+pad8(4+len(p.UserData))+least <= MaxLen {
		b = propertyBytes(b, pinUserData, p.UserData)
	}
	rest := p.Continuation
	if p.Paused != nil {
		rest = p.Paused.Append(nil, v)
	}
	if len(rest) > 0 && len(b)-at+pad8(8+len(rest))+pad8(4+len(p.Data))+8 <= MaxLen {
		start := len(b)
		b = endProperty(append(zeros(startProperty(b, pinContinuation), 4), rest...), start)
	}
	// Without a length above it, what is sent is the whole packet. Room is for multiples
	// of 8, of which the head of the property takes 4.
	room := (MaxLen-(len(b)-at)-8)&^7 - 4
	data := p.Data[:min(len(p.Data), room)]
	if int(p.FullLen) > len(data) {
		b = property32(b, pinFullLen, p.FullLen)
	}
	return end(propertyBytes(b, pinPacket, data), at)
}

// AppendResume appends a NXTResume: what a controller answers a packet-in with a
// continuation with.
func AppendResume(b []byte, v Version, xid uint32, p *PacketInMsg) []byte {
	return appendPacketIn2(b, v, xid, NXTResume, p)
}

// ParsePacketIn2 reads the body of a NXTPacketIn2. What it returns points into it. Properties
// and fields that it does not know are skipped: they are from switches to come.
func ParsePacketIn2(v Version, body []byte) (*PacketInMsg, error) {
	return parsePacketIn2(v, body, false)
}

// ParseResume reads the body of a NXTResume, which refuses what it does not know. What it
// returns points into it.
func ParseResume(v Version, body []byte) (*PacketInMsg, error) { return parsePacketIn2(v, body, true) }

func parsePacketIn2(v Version, body []byte, strict bool) (*PacketInMsg, error) {
	p := &PacketInMsg{Cookie: NoCookie}
	err := eachProperty(body, func(prop property) (err error) {
		switch prop.kind {
		case pinPacket:
			p.Data = prop.data
		case pinFullLen:
			p.FullLen, err = prop.u32()
		case pinBufferID:
			var id uint32
			if id, err = prop.u32(); err == nil && id != NoBuffer && strict {
				err = fmt.Errorf("buffer %d: %w", id, ofperr.BufferUnknown)
			}
		case pinTableID:
			p.TableID, err = prop.u8()
		case pinCookie:
			p.Cookie, err = prop.u64()
		case pinReason:
			var r uint8
			r, err = prop.u8()
			p.Reason = Reason(r)
		case pinMetadata:
			p.Metadata, err = parsePipeline(prop.data, strict)
		case pinUserData:
			p.UserData = prop.data
		case pinContinuation:
			if len(prop.data) < 4 {
				return prop.wants(4)
			}
			p.Continuation = prop.data[4:]
		default:
			if strict {
				err = prop.unknown("a packet-in")
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(p.Data) == 0 {
		return nil, fmt.Errorf("packet-in without a packet: %w", ofperr.BadLen)
	}
	if p.FullLen == 0 {
		p.FullLen = uint32(len(p.Data))
	}
	return p, p.check(v)
}
