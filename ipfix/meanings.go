package ipfix

import "strings"

// FlowElement is what there is to say of an element that flow records may have.
type FlowElement struct {
	Name       string
	ID         uint16
	Enterprise uint32 // 0 IANA's, Own for ExporterConfig.PEN
	Type       Type
	Meaning    string
	Records    string // which have it, "" all
	Key        bool   // it tells flows apart
	Group      string // that it is in: standard, full; "" none
	Always     bool   // where it applies it is in records, whatever is asked for
	Biflow     bool   // a record of two directions has it for each
}

// FlowElements lists the elements that flow records may have, in their order.
func FlowElements() []FlowElement {
	list := make([]FlowElement, 0, len(layout))
	for i := range layout {
		r := &layout[i]
		el := r.e.element()
		f := FlowElement{
			Name: r.e.name(), ID: el.ID, Enterprise: el.Enterprise, Type: el.Type, Meaning: el.About,
			Records: r.need.String(), Key: r.key, Biflow: r.back, Always: !r.key && r.in == inAll,
		}
		if f.Meaning == "" {
			f.Meaning = meanings[r.e]
		}
		switch {
		case r.key:
		case r.in == inStandard:
			f.Group = "standard"
		case r.in == inFull:
			f.Group = "full"
		}
		list = append(list, f)
	}
	return list
}

// traitNames are the words for traits, those that follow from others among them.
var traitNames = []struct {
	t    traits
	name string
}{
	{isBiflow, "biflow"}, {isEgress, "egress"}, {isIngress, "ingress"}, {isTunnel4, "tunnel over IPv4"}, {isTunnel6, "tunnel over IPv6"},
	{isTunnel, "tunnel"}, {isTagged, "VLAN tag"}, {isIPv4, "IPv4"}, {isIPv6, "IPv6"}, {isIP, "IP"}, {isTCP, "TCP"},
	{hasPorts, "TCP, UDP, SCTP"}, {isICMP, "ICMP"}, {isSampled, "sample action"},
}

// String names the traits.
func (t traits) String() string {
	var words []string
	for _, n := range traitNames {
		if t&n.t != 0 {
			words = append(words, n.name)
		}
	}
	return strings.Join(words, ", ")
}

// meanings tell of IANA's elements what their values are here. Of packets and octets the
// deltas count since the flow's last record, the totals since it began.
var meanings = map[E]string{
	octetDeltaCount:           "octets of IP packets, by the length in their headers",
	packetDeltaCount:          "packets",
	protocolIdentifier:        "IP protocol",
	ipClassOfService:          "ToS or traffic class: DSCP and ECN",
	tcpControlBits:            "TCP flags of all packets together",
	sourceTransportPort:       "source port",
	sourceIPv4Address:         "source address",
	ingressInterface:          "OpenFlow number of the port that packets came in by",
	destinationTransportPort:  "destination port",
	destinationIPv4Address:    "destination address",
	egressInterface:           "OpenFlow number of the port that they went out by",
	postMCastPacketDeltaCount: "packets to multicast addresses",
	postMCastOctetDeltaCount:  "octets of IP packets to multicast addresses",
	minimumIPTotalLength:      "length of the shortest IP packet",
	maximumIPTotalLength:      "length of the longest IP packet",
	sourceIPv6Address:         "source address",
	destinationIPv6Address:    "destination address",
	flowLabelIPv6:             "flow label",
	icmpTypeCodeIPv4:          "ICMP type times 256, and code",
	minimumTTL:                "lowest TTL or hop limit",
	maximumTTL:                "highest TTL or hop limit",
	sourceMacAddress:          "Ethernet source",
	vlanID:                    "VLAN id of the outer tag",
	ipVersion:                 "4 or 6",
	flowDirection:             "0 accounted as they came in, 1 as they went out",
	destinationMacAddress:     "Ethernet destination",
	interfaceName:             "name of the ingress port",
	interfaceDescription:      "its type",
	octetTotalCount:           "as octetDeltaCount",
	packetTotalCount:          "as packetDeltaCount",
	forwardingStatus:          "64 forwarded, 128 dropped, 192 consumed; the rest of the number is the reason",
	droppedOctetDeltaCount:    "octets of IP packets that were dropped, of octetDeltaCount",
	droppedPacketDeltaCount:   "packets that were dropped, of packetDeltaCount",
	droppedOctetTotalCount:    "as droppedOctetDeltaCount",
	droppedPacketTotalCount:   "as droppedPacketDeltaCount",
	flowEndReason:             "why the record was made: 1 idle, 2 active, 3 end of flow, 4 forced, 5 lack of resources",
	observationPointID:        "obs_point_id of the exporter or the sample action",
	icmpTypeCodeIPv6:          "ICMPv6 type times 256, and code",
	flowStartMilliseconds:     "first packet of this record",
	flowEndMilliseconds:       "last packet of this record",
	postMCastPacketTotalCount: "as postMCastPacketDeltaCount",
	postMCastOctetTotalCount:  "as postMCastOctetDeltaCount",
	icmpTypeIPv4:              "ICMP type",
	icmpCodeIPv4:              "ICMP code",
	icmpTypeIPv6:              "ICMPv6 type",
	icmpCodeIPv6:              "ICMPv6 code",
	ipDiffServCodePoint:       "DSCP",
	ipPrecedence:              "the highest three bits of the ToS",
	octetDeltaSumOfSquares:    "sum of the squares of IP packets' lengths",
	octetTotalSumOfSquares:    "as octetDeltaSumOfSquares",
	tcpSynTotalCount:          "packets with SYN since the flow began",
	tcpFinTotalCount:          "packets with FIN since the flow began",
	tcpRstTotalCount:          "packets with RST since the flow began",
	tcpPshTotalCount:          "packets with PSH since the flow began",
	tcpAckTotalCount:          "packets with ACK since the flow began",
	tcpUrgTotalCount:          "packets with URG since the flow began",
	biflowDirection:           "which direction is forward: 0 arbitrary, 1 initiator, 2 reverse initiator",
	ethernetHeaderLength:      "length of the Ethernet header, tags among it",
	dot1qVlanID:               "VLAN id of the outer tag",
	dot1qPriority:             "priority of the outer tag",
	ethernetType:              "Ethernet type behind the tags",
	selectorID:                "selector of the packets, told of in options",
	layer2OctetDeltaCount:     "octets of frames, without FCS",
	layer2OctetTotalCount:     "as layer2OctetDeltaCount",

	ingressUnicastPacketTotalCount:   "packets to one station since the flow began",
	ingressMulticastPacketTotalCount: "packets to multicast addresses since the flow began",
	ingressBroadcastPacketTotalCount: "packets to all since the flow began",
	egressUnicastPacketTotalCount:    "packets to one station since the flow began",
	egressBroadcastPacketTotalCount:  "packets to all since the flow began",
	ingressInterfaceType:             "ifType of the ingress port: 6 Ethernet, 53 virtual, 131 tunnel",
	egressInterfaceType:              "ifType of the egress port",
	droppedLayer2OctetDeltaCount:     "octets of frames that were dropped, of layer2OctetDeltaCount",
	droppedLayer2OctetTotalCount:     "as droppedLayer2OctetDeltaCount",
}
