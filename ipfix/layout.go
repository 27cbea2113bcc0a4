package ipfix

import (
	"pollux/flow"
	"pollux/ipfix/cache"
)

// traits are what a record is, of which depends what there is to say of it. Records
// with the same traits have one template.
type traits uint16

// The traits.
const (
	isIPv4 traits = 1 << iota
	isIPv6
	hasPorts // UDP, SCTP or TCP
	isTCP
	isICMP
	isTagged
	isEgress
	isTunnel  // came by a tunnel
	isTunnel6 // over IPv6
	isBiflow
	isSampled // selected with a probability of its own
	numTraits = iota

	// What follows from those above.
	isIP      = isIPv4 << numTraits
	isIngress = isIPv6 << numTraits
	isTunnel4 = hasPorts << numTraits
)

// traitsOf returns a record's traits.
func traitsOf(r *record) (t traits) {
	switch r.Class {
	case cache.IPv4:
		t = isIPv4
	case cache.IPv6:
		t = isIPv6
	}
	if t != 0 {
		switch r.Proto {
		case 6:
			t |= hasPorts | isTCP
		case 17, 132:
			t |= hasPorts
		case 1, 58:
			if (r.Proto == 1) == (t == isIPv4) {
				t |= isICMP
			}
		}
	}
	if r.VLAN&flow.VlanCFI != 0 {
		t |= isTagged
	}
	if r.Point.Dir == cache.Egress {
		t |= isEgress
	}
	if r.Tunnel.On {
		t |= isTunnel
		if r.Tunnel.IPv6 {
			t |= isTunnel6
		}
	}
	if r.Biflow {
		t |= isBiflow
	}
	if r.Point.Probability != 0 {
		t |= isSampled
	}
	return t
}

// all adds what follows.
func (t traits) all() traits {
	if t&(isIPv4|isIPv6) != 0 {
		t |= isIP
	}
	if t&isEgress == 0 {
		t |= isIngress
	}
	if t&(isTunnel|isTunnel6) == isTunnel {
		t |= isTunnel4
	}
	return t
}

// possible says whether there are such records.
func (t traits) possible() bool {
	l4 := t & (hasPorts | isTCP | isICMP)
	switch {
	case t&isIPv4 != 0 && t&isIPv6 != 0,
		t&(isIPv4|isIPv6) == 0 && l4 != 0,
		l4 != 0 && l4 != hasPorts && l4 != hasPorts|isTCP && l4 != isICMP,
		t&(isTunnel|isTunnel6) == isTunnel6:
		return false
	}
	return true
}

// places numbers the traits that are possible.
var places = func() (p [1 << numTraits]uint16) {
	n := uint16(0)
	for t := range p {
		if p[t] = n; traits(t).possible() {
			n++
		}
	}
	return p
}()

// group says when an element is in records.
type group uint8

const (
	inAll      group = iota // where it applies
	inStandard              // with the group of that name, and by name
	inFull                  // with the group of that name, and by name
	byName                  // by name, or with what it tells of (see asked)
)

// row says which records have an element.
type row struct {
	e    E
	in   group
	need traits       // records have all of these
	of   []flow.Field // and the flow key has a bit of each of these,
	when traits       // of records with these

	with traits // records with one of these have it in any case
	key  bool   // it tells flows apart
	back bool   // a record of two directions has it for each
}

var (
	ofInPort = []flow.Field{flow.InPort}
	ofEthDst = []flow.Field{flow.EthDst}
	ofVLAN   = []flow.Field{flow.VlanTCI}
	ofTOS    = []flow.Field{flow.IPTOS}
	ofICMP   = []flow.Field{flow.ICMPType, flow.ICMPCode}
)

// layout lists the elements of flow records in their order: where, tunnel, layers 2
// to 4, then times, counts and ends.
var layout = []row{
	{e: observationPointID, key: true},
	{e: flowDirection, key: true},
	{e: ingressInterface, key: true, of: ofInPort},
	{e: egressInterface, key: true, need: isEgress},
	{e: tunnelType, key: true, need: isTunnel},
	{e: tunnelSourceIPv4Address, key: true, need: isTunnel4},
	{e: tunnelDestinationIPv4Address, key: true, need: isTunnel4},
	{e: tunnelSourceIPv6Address, key: true, need: isTunnel6},
	{e: tunnelDestinationIPv6Address, key: true, need: isTunnel6},
	{e: tunnelProtocolIdentifier, key: true, need: isTunnel},
	{e: tunnelSourceTransportPort, key: true, need: isTunnel},
	{e: tunnelDestinationTransportPort, key: true, need: isTunnel},
	{e: tunnelKey, key: true, need: isTunnel},
	{e: sourceMacAddress, key: true, of: []flow.Field{flow.EthSrc}},
	{e: destinationMacAddress, key: true, of: ofEthDst},
	{e: ethernetType, key: true, of: []flow.Field{flow.EthType}},
	{e: ethernetHeaderLength, in: inStandard, of: ofVLAN},
	{e: vlanID, key: true, need: isTagged, of: []flow.Field{flow.DlVlan}},
	{e: dot1qVlanID, key: true, need: isTagged, of: []flow.Field{flow.DlVlan}},
	{e: dot1qPriority, key: true, need: isTagged, of: []flow.Field{flow.DlVlanPCP}},
	{e: ipVersion, key: true, need: isIP},
	{e: protocolIdentifier, key: true, need: isIP, of: []flow.Field{flow.IPProto}},
	{e: ipClassOfService, key: true, need: isIP, of: ofTOS},
	{e: sourceIPv4Address, key: true, need: isIPv4, of: []flow.Field{flow.IPv4Src}},
	{e: destinationIPv4Address, key: true, need: isIPv4, of: []flow.Field{flow.IPv4Dst}},
	{e: sourceIPv6Address, key: true, need: isIPv6, of: []flow.Field{flow.IPv6Src}},
	{e: destinationIPv6Address, key: true, need: isIPv6, of: []flow.Field{flow.IPv6Dst}},
	{e: flowLabelIPv6, key: true, need: isIPv6, of: []flow.Field{flow.IPv6Label}},
	{e: sourceTransportPort, key: true, need: hasPorts, of: []flow.Field{flow.TCPSrc}},
	{e: destinationTransportPort, key: true, need: hasPorts, of: []flow.Field{flow.TCPDst}},
	{e: icmpTypeCodeIPv4, key: true, need: isIPv4 | isICMP, of: ofICMP},
	{e: icmpTypeCodeIPv6, key: true, need: isIPv6 | isICMP, of: ofICMP},

	{e: flowStartMilliseconds, in: inStandard, back: true},
	{e: flowEndMilliseconds, in: inStandard, back: true},
	// Totals are before deltas: nfdump has one place for both and keeps what comes last.
	{e: packetTotalCount, in: inFull, back: true},
	{e: layer2OctetTotalCount, in: inFull, back: true},
	{e: octetTotalCount, in: inFull, need: isIP, back: true},
	{e: packetDeltaCount, in: inStandard, back: true},
	{e: layer2OctetDeltaCount, in: inStandard, back: true},
	{e: octetDeltaCount, in: inStandard, need: isIP, back: true},
	{e: minimumIPTotalLength, in: inStandard, need: isIP, back: true},
	{e: maximumIPTotalLength, in: inStandard, need: isIP, back: true},
	{e: minimumTTL, in: inStandard, need: isIP, back: true},
	{e: maximumTTL, in: inStandard, need: isIP, back: true},
	{e: tcpControlBits, in: inStandard, need: isTCP, back: true},
	{e: flowEndReason, in: inStandard},
	{e: forwardingStatus, in: inStandard, back: true},
	{e: biflowDirection, in: inAll, need: isBiflow},
	{e: reverseEgressInterface, in: inAll, need: isBiflow | isEgress},
	{e: selectorID, in: inFull, with: isSampled},

	{e: ipDiffServCodePoint, in: inFull, need: isIP, of: ofTOS},
	{e: ipPrecedence, in: inFull, need: isIP, of: ofTOS},
	{e: icmpTypeIPv4, in: inFull, need: isIPv4 | isICMP, of: ofICMP},
	{e: icmpCodeIPv4, in: inFull, need: isIPv4 | isICMP, of: ofICMP},
	{e: icmpTypeIPv6, in: inFull, need: isIPv6 | isICMP, of: ofICMP},
	{e: icmpCodeIPv6, in: inFull, need: isIPv6 | isICMP, of: ofICMP},
	{e: octetDeltaSumOfSquares, in: inFull, need: isIP, back: true},
	{e: octetTotalSumOfSquares, in: inFull, need: isIP, back: true},
	{e: tcpSynTotalCount, in: inFull, need: isTCP, back: true},
	{e: tcpFinTotalCount, in: inFull, need: isTCP, back: true},
	{e: tcpRstTotalCount, in: inFull, need: isTCP, back: true},
	{e: tcpPshTotalCount, in: inFull, need: isTCP, back: true},
	{e: tcpAckTotalCount, in: inFull, need: isTCP, back: true},
	{e: tcpUrgTotalCount, in: inFull, need: isTCP, back: true},
	{e: ingressUnicastPacketTotalCount, in: inFull, need: isIngress, back: true},
	{e: ingressMulticastPacketTotalCount, in: inFull, need: isIngress, back: true},
	{e: ingressBroadcastPacketTotalCount, in: inFull, need: isIngress, back: true},
	{e: egressUnicastPacketTotalCount, in: inFull, need: isEgress, back: true},
	{e: egressBroadcastPacketTotalCount, in: inFull, need: isEgress, back: true},
	{e: postMCastPacketDeltaCount, in: inFull, need: isEgress, back: true},
	{e: postMCastPacketTotalCount, in: inFull, need: isEgress, back: true},
	{e: postMCastOctetDeltaCount, in: inFull, need: isEgress | isIP, of: ofEthDst},
	{e: postMCastOctetTotalCount, in: inFull, need: isEgress | isIP, of: ofEthDst},
	{e: droppedPacketDeltaCount, in: inFull, back: true},
	{e: droppedPacketTotalCount, in: inFull, back: true},
	{e: droppedLayer2OctetDeltaCount, in: inFull, back: true},
	{e: droppedLayer2OctetTotalCount, in: inFull, back: true},
	{e: droppedOctetDeltaCount, in: inFull, need: isIP, back: true},
	{e: droppedOctetTotalCount, in: inFull, need: isIP, back: true},
	{e: ruleCookie, in: byName, back: true},
	{e: ruleTable, in: byName, back: true},
	{e: dropReason, in: inFull, back: true},
	{e: tcpHandshakeTime, in: byName, need: isTCP | isBiflow},
	{e: tcpRetransmissionCount, in: byName, need: isTCP, back: true},
	{e: tcpOutOfOrderCount, in: byName, need: isTCP, back: true},
	{e: ingressInterfaceType, in: inFull, of: ofInPort},
	{e: egressInterfaceType, in: inFull, need: isEgress},
	{e: interfaceName, in: inFull, of: ofInPort, when: isIngress},
	{e: interfaceDescription, in: inFull, of: ofInPort, when: isIngress},
	{e: dropReasonName, in: byName},
	{e: virtualObsID, in: inAll},
}
