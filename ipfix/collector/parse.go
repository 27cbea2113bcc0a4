package collector

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// parsed is a data record being read.
type parsed struct {
	domain   uint32
	elements map[elementID]Element // of the session, for the names of private ones

	key     Key
	flow    Flow
	details Details

	biflow         bool // there are reverse elements (RFC 5103)
	reverseEgress  uint32
	reverseKey     Key
	reverse        Flow
	reverseDetails Details
}

// parse reads a record. An element of a length that its type does not have is an
// error; one that is not known is passed over.
func (p *parsed) parse(values []netflow.DataField) error {
	p.key.Domain, p.key.VLAN = p.domain, -1
	p.flow.Records = 1
	for _, v := range values {
		b, ok := v.Value.([]byte)
		if !ok {
			continue
		}
		e, reverse := reverseOf(elementOf(v), p.elements)
		if reverse {
			p.biflow = true
			continue // until the key is whole
		}
		if err := p.set(e, b, &p.key, &p.flow, &p.details); err != nil {
			return err
		}
	}
	p.details.end(p.flow.End)
	if !p.biflow {
		return nil
	}
	p.reverseKey = p.key.reversed(p.reverseEgress)
	p.reverse = Flow{Records: 1, End: p.flow.End}
	p.reverseDetails = Details{VirtualObsID: p.details.VirtualObsID, Reverse: 1}
	for _, v := range values {
		b, ok := v.Value.([]byte)
		e, reverse := reverseOf(elementOf(v), p.elements)
		if !ok || !reverse {
			continue
		}
		if err := p.set(e, b, &p.reverseKey, &p.reverse, &p.reverseDetails); err != nil {
			return fmt.Errorf("reverse %w", err)
		}
	}
	p.reverseDetails.end(p.reverse.End)
	return nil
}

// elementOf names the element of a value. goflow2 leaves the enterprise bit in the
// numbers of an options template.
func elementOf(v netflow.DataField) elementID {
	e := elementID{ID: v.Type}
	if v.PenProvided {
		e.PEN, e.ID = v.Pen, v.Type&^enterpriseBit
	}
	return e
}

// reversed returns the key of the other direction, which leaves by egress if that is
// told. Where the reverse of an element of the key is in the record, it takes the
// place of what is reckoned here.
func (k Key) reversed(egress uint32) Key {
	k.EthSrc, k.EthDst = k.EthDst, k.EthSrc
	k.Src, k.Dst = k.Dst, k.Src
	k.InPort, k.OutPort = k.OutPort, k.InPort
	if egress != 0 {
		k.OutPort = egress
	}
	k.Tunnel = Tunnel{} // of the way in alone
	switch k.Proto {
	case protoICMP, protoICMP6:
		k.SrcPort = icmpAnswer(k.Proto, k.SrcPort)
	default:
		k.SrcPort, k.DstPort = k.DstPort, k.SrcPort
	}
	return k
}

// icmpAnswer returns the ICMP type of the other direction: of requests the reply and
// the other way round (RFC 792, RFC 950, RFC 4443); others have none.
func icmpAnswer(proto uint8, t uint16) uint16 {
	pairs := [][2]uint16{{8, 0}, {13, 14}, {15, 16}, {17, 18}}
	if proto == protoICMP6 {
		pairs = [][2]uint16{{128, 129}}
	}
	for _, p := range pairs {
		switch t {
		case p[0]:
			return p[1]
		case p[1]:
			return p[0]
		}
	}
	return t
}

// set puts the value of one element where it belongs.
func (p *parsed) set(e elementID, b []byte, k *Key, f *Flow, d *Details) error {
	if e.PEN != 0 {
		return p.private(e, b, k, d)
	}
	switch e.ID {
	case netflow.IPFIX_FIELD_sourceMacAddress:
		return fixed(e, k.EthSrc[:], b)
	case netflow.IPFIX_FIELD_destinationMacAddress:
		return fixed(e, k.EthDst[:], b)
	case netflow.IPFIX_FIELD_sourceIPv4Address, netflow.IPFIX_FIELD_sourceIPv6Address:
		return address(e, &k.Src, b)
	case netflow.IPFIX_FIELD_destinationIPv4Address, netflow.IPFIX_FIELD_destinationIPv6Address:
		return address(e, &k.Dst, b)
	}
	if len(b) > 8 {
		return nil // no number; none of the elements below is longer
	}
	n := number(b)
	if !k.set(e.ID, n) && !f.set(e.ID, n) {
		d.set(e.ID, n)
	}
	return nil
}

func (k *Key) set(id uint16, n uint64) bool {
	switch id {
	case netflow.IPFIX_FIELD_observationPointId:
		k.Point = n
	case netflow.IPFIX_FIELD_flowDirection:
		k.Dir = uint8(n)
	case netflow.IPFIX_FIELD_ingressInterface:
		k.InPort = uint32(n)
	case netflow.IPFIX_FIELD_egressInterface:
		k.OutPort = uint32(n)
	case netflow.IPFIX_FIELD_ethernetType:
		k.EthType = uint16(n)
	case netflow.IPFIX_FIELD_dot1qVlanId, netflow.IPFIX_FIELD_vlanId:
		k.VLAN = int16(n & 0xfff)
	case netflow.IPFIX_FIELD_protocolIdentifier:
		k.Proto = uint8(n)
	case netflow.IPFIX_FIELD_ipClassOfService:
		k.TOS = uint8(n)
	case netflow.IPFIX_FIELD_sourceTransportPort, netflow.IPFIX_FIELD_udpSourcePort, netflow.IPFIX_FIELD_tcpSourcePort:
		k.SrcPort = uint16(n)
	case netflow.IPFIX_FIELD_destinationTransportPort, netflow.IPFIX_FIELD_udpDestinationPort, netflow.IPFIX_FIELD_tcpDestinationPort:
		k.DstPort = uint16(n)
	case netflow.IPFIX_FIELD_icmpTypeCodeIPv4, netflow.IPFIX_FIELD_icmpTypeCodeIPv6:
		k.SrcPort, k.DstPort = uint16(n>>8), uint16(n&0xff)
	case netflow.IPFIX_FIELD_icmpTypeIPv4, netflow.IPFIX_FIELD_icmpTypeIPv6:
		k.SrcPort = uint16(n)
	case netflow.IPFIX_FIELD_icmpCodeIPv4, netflow.IPFIX_FIELD_icmpCodeIPv6:
		k.DstPort = uint16(n)
	default:
		return false
	}
	return true
}

// ntp reads a time of dateTimeMicroseconds or dateTimeNanoseconds: seconds since 1900
// and a fraction of 32 bits (RFC 7011 section 6.1.9), of the era that has 2026.
func ntp(n uint64) time.Time {
	const to1970 = 2_208_988_800
	return time.Unix(int64(n>>32)-to1970, int64(n&math.MaxUint32*1e9>>32))
}

func (f *Flow) set(id uint16, n uint64) bool {
	switch id {
	case netflow.IPFIX_FIELD_packetDeltaCount:
		f.Packets = n
	case netflow.IPFIX_FIELD_octetDeltaCount:
		f.Octets = n
	case netflow.IPFIX_FIELD_layer2OctetDeltaCount:
		f.L2Octets = n
	case netflow.IPFIX_FIELD_flowStartMilliseconds:
		f.First = time.UnixMilli(int64(n))
	case netflow.IPFIX_FIELD_flowEndMilliseconds:
		f.Last = time.UnixMilli(int64(n))
	case netflow.IPFIX_FIELD_flowStartSeconds:
		f.First = time.Unix(int64(n), 0)
	case netflow.IPFIX_FIELD_flowEndSeconds:
		f.Last = time.Unix(int64(n), 0)
	case netflow.IPFIX_FIELD_flowStartMicroseconds, netflow.IPFIX_FIELD_flowStartNanoseconds:
		f.First = ntp(n)
	case netflow.IPFIX_FIELD_flowEndMicroseconds, netflow.IPFIX_FIELD_flowEndNanoseconds:
		f.Last = ntp(n)
	case netflow.IPFIX_FIELD_tcpControlBits:
		f.TCPFlags = uint16(n)
	case netflow.IPFIX_FIELD_minimumTTL:
		f.MinTTL = uint8(n)
	case netflow.IPFIX_FIELD_maximumTTL:
		f.MaxTTL = uint8(n)
	case netflow.IPFIX_FIELD_minimumIpTotalLength:
		f.MinLen = n
	case netflow.IPFIX_FIELD_maximumIpTotalLength:
		f.MaxLen = n
	case netflow.IPFIX_FIELD_flowEndReason:
		f.End = uint8(n)
	default:
		return false
	}
	return true
}

// number reads an unsigned integer of up to eight bytes (RFC 7011 section 6.2:
// reduced-size encoding).
func number(b []byte) uint64 {
	var w [8]byte
	copy(w[8-len(b):], b)
	return binary.BigEndian.Uint64(w[:])
}

func fixed(e elementID, dst, b []byte) error {
	if len(b) != len(dst) {
		return fmt.Errorf("element %v of %d bytes: want %d", e, len(b), len(dst))
	}
	copy(dst, b)
	return nil
}

func address(e elementID, dst *netip.Addr, b []byte) error {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return fmt.Errorf("element %v of %d bytes: want an address of 4 or 16", e, len(b))
	}
	*dst = a
	return nil
}
