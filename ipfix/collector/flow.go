package collector

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// Key tells flows apart. Members that a record does not have are zero.
type Key struct {
	Domain  uint32
	Point   uint64 // observationPointId
	Dir     uint8  // 0 ingress, 1 egress
	InPort  uint32
	OutPort uint32
	EthSrc  [6]byte
	EthDst  [6]byte
	EthType uint16
	VLAN    int16 // VLAN identifier, -1 when untagged
	Src     netip.Addr
	Dst     netip.Addr
	Proto   uint8
	TOS     uint8
	SrcPort uint16 // or ICMP type
	DstPort uint16 // or ICMP code
}

// Flow is what the records of one flow add up to.
type Flow struct {
	Records  uint64
	Packets  uint64
	Octets   uint64
	L2Octets uint64
	First    time.Time
	Last     time.Time
	TCPFlags uint16
	MinTTL   uint8
	MaxTTL   uint8
	MinLen   uint64
	MaxLen   uint64
	End      uint8 // flowEndReason of the last record
}

// add joins the counts of one more record.
func (f *Flow) add(o *Flow) {
	if f.Records == 0 {
		*f = *o
		return
	}
	f.Records += o.Records
	f.Packets += o.Packets
	f.Octets += o.Octets
	f.L2Octets += o.L2Octets
	if o.First.Before(f.First) {
		f.First = o.First
	}
	if o.Last.After(f.Last) {
		f.Last = o.Last
	}
	f.TCPFlags |= o.TCPFlags
	f.MinTTL, f.MaxTTL = min(f.MinTTL, o.MinTTL), max(f.MaxTTL, o.MaxTTL)
	f.MinLen, f.MaxLen = min(f.MinLen, o.MinLen), max(f.MaxLen, o.MaxLen)
	f.End = o.End
}

// parse reads a data record. An element of a length that its type does not have is
// an error; one that is not known is passed over.
func parse(domain uint32, values []netflow.DataField) (k Key, f Flow, err error) {
	k.Domain, k.VLAN = domain, -1
	f.Records = 1
	for _, v := range values {
		b, ok := v.Value.([]byte)
		if !ok || v.PenProvided {
			continue
		}
		if err := set(&k, &f, v.Type, b); err != nil {
			return k, f, err
		}
	}
	return k, f, nil
}

func set(k *Key, f *Flow, element uint16, b []byte) error {
	switch element {
	case netflow.IPFIX_FIELD_sourceMacAddress:
		return fixed(element, k.EthSrc[:], b)
	case netflow.IPFIX_FIELD_destinationMacAddress:
		return fixed(element, k.EthDst[:], b)
	case netflow.IPFIX_FIELD_sourceIPv4Address, netflow.IPFIX_FIELD_sourceIPv6Address:
		return address(element, &k.Src, b)
	case netflow.IPFIX_FIELD_destinationIPv4Address, netflow.IPFIX_FIELD_destinationIPv6Address:
		return address(element, &k.Dst, b)
	}
	if len(b) > 8 {
		return nil // no number; none of the elements below is longer
	}
	n := number(b)
	switch element {
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
	case netflow.IPFIX_FIELD_dot1qVlanId:
		k.VLAN = int16(n & 0xfff)
	case netflow.IPFIX_FIELD_protocolIdentifier:
		k.Proto = uint8(n)
	case netflow.IPFIX_FIELD_ipClassOfService:
		k.TOS = uint8(n)
	case netflow.IPFIX_FIELD_sourceTransportPort:
		k.SrcPort = uint16(n)
	case netflow.IPFIX_FIELD_destinationTransportPort:
		k.DstPort = uint16(n)
	case netflow.IPFIX_FIELD_icmpTypeCodeIPv4, netflow.IPFIX_FIELD_icmpTypeCodeIPv6:
		k.SrcPort, k.DstPort = uint16(n>>8), uint16(n&0xff)
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
	}
	return nil
}

// number reads an unsigned integer of up to eight bytes (RFC 7011 section 6.2:
// reduced-size encoding).
func number(b []byte) uint64 {
	var w [8]byte
	copy(w[8-len(b):], b)
	return binary.BigEndian.Uint64(w[:])
}

func fixed(element uint16, dst, b []byte) error {
	if len(b) != len(dst) {
		return fmt.Errorf("element %d of %d bytes: want %d", element, len(b), len(dst))
	}
	copy(dst, b)
	return nil
}

func address(element uint16, dst *netip.Addr, b []byte) error {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return fmt.Errorf("element %d of %d bytes: want an address of 4 or 16", element, len(b))
	}
	*dst = a
	return nil
}
