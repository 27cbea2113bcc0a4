package ipfix

import "pollux/ipfix/cache"

// The elements.
const (
	octetDeltaCount E = iota
	packetDeltaCount
	protocolIdentifier
	ipClassOfService
	tcpControlBits
	sourceTransportPort
	sourceIPv4Address
	ingressInterface
	destinationTransportPort
	destinationIPv4Address
	egressInterface
	postMCastPacketDeltaCount
	postMCastOctetDeltaCount
	minimumIPTotalLength
	maximumIPTotalLength
	sourceIPv6Address
	destinationIPv6Address
	flowLabelIPv6
	icmpTypeCodeIPv4
	minimumTTL
	maximumTTL
	sourceMacAddress
	vlanID
	ipVersion
	flowDirection
	destinationMacAddress
	interfaceName
	interfaceDescription
	octetTotalCount
	packetTotalCount
	forwardingStatus
	droppedOctetDeltaCount
	droppedPacketDeltaCount
	droppedOctetTotalCount
	droppedPacketTotalCount
	flowEndReason
	observationPointID
	icmpTypeCodeIPv6
	flowStartMilliseconds
	flowEndMilliseconds
	postMCastPacketTotalCount
	postMCastOctetTotalCount
	icmpTypeIPv4
	icmpCodeIPv4
	icmpTypeIPv6
	icmpCodeIPv6
	ipDiffServCodePoint
	ipPrecedence
	octetDeltaSumOfSquares
	octetTotalSumOfSquares
	tcpSynTotalCount
	tcpFinTotalCount
	tcpRstTotalCount
	tcpPshTotalCount
	tcpAckTotalCount
	tcpUrgTotalCount
	biflowDirection
	ethernetHeaderLength
	dot1qVlanID
	dot1qPriority
	ethernetType
	selectorID
	layer2OctetDeltaCount
	layer2OctetTotalCount
	ingressUnicastPacketTotalCount
	ingressMulticastPacketTotalCount
	ingressBroadcastPacketTotalCount
	egressUnicastPacketTotalCount
	egressBroadcastPacketTotalCount
	ingressInterfaceType
	egressInterfaceType
	droppedLayer2OctetDeltaCount
	droppedLayer2OctetTotalCount

	tunnelType
	tunnelKey
	tunnelSourceIPv4Address
	tunnelDestinationIPv4Address
	tunnelProtocolIdentifier
	tunnelSourceTransportPort
	tunnelDestinationTransportPort
	virtualObsID

	ruleCookie
	ruleTable
	dropReason
	dropReasonName
	dropReasonDescription
	tcpHandshakeTime
	tcpRetransmissionCount
	tcpOutOfOrderCount
	interfaceSpeed
	tunnelSourceIPv6Address
	tunnelDestinationIPv6Address
	reverseEgressInterface

	exportedOctetTotalCount
	exportedMessageTotalCount
	exportedFlowRecordTotalCount
	meteringProcessID
	exportingProcessID
	templateID
	observationDomainID
	observedFlowTotalCount
	ignoredPacketTotalCount
	ignoredOctetTotalCount
	notSentFlowTotalCount
	notSentPacketTotalCount
	notSentOctetTotalCount
	flowKeyIndicator
	informationElementID
	selectorAlgorithm
	samplingPacketInterval
	samplingPacketSpace
	samplingProbability
	informationElementDataType
	informationElementDescription
	informationElementName
	informationElementSemantics
	informationElementUnits
	privateEnterpriseNumber

	NumElements
)

// Elements is the table of information elements: those of IANA's registry "IP Flow
// Information Export (IPFIX) Entities", those of VMware that Open vSwitch sends, and
// our own. Values are of the direction that is being written, s.c and s.v.
var Elements = [NumElements]Element{
	octetDeltaCount:           iana(1, "octetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Octets) }),
	packetDeltaCount:          iana(2, "packetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Packets) }),
	protocolIdentifier:        iana(4, "protocolIdentifier", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.Proto }),
	ipClassOfService:          iana(5, "ipClassOfService", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.TOS }),
	tcpControlBits:            iana(6, "tcpControlBits", Unsigned16, func(b []byte, s *source) { put16(b, s.c.TCPFlags) }),
	sourceTransportPort:       iana(7, "sourceTransportPort", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.SrcPort) }),
	sourceIPv4Address:         iana(8, "sourceIPv4Address", IPv4Address, func(b []byte, s *source) { copy(b[:4], s.rec.Src[:]) }),
	ingressInterface:          iana(10, "ingressInterface", Unsigned32, func(b []byte, s *source) { put32(b, s.rec.InPort) }),
	destinationTransportPort:  iana(11, "destinationTransportPort", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.DstPort) }),
	destinationIPv4Address:    iana(12, "destinationIPv4Address", IPv4Address, func(b []byte, s *source) { copy(b[:4], s.rec.Dst[:]) }),
	egressInterface:           iana(14, "egressInterface", Unsigned32, func(b []byte, s *source) { put32(b, s.rec.Point.Egress) }),
	postMCastPacketDeltaCount: iana(19, "postMCastPacketDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Multicast) }),
	postMCastOctetDeltaCount:  iana(20, "postMCastOctetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, multicastOctets(s.rec, s.c.Octets)) }),
	minimumIPTotalLength:      iana(25, "minimumIpTotalLength", Unsigned64, func(b []byte, s *source) { put64(b, uint64(s.c.MinLen)) }),
	maximumIPTotalLength:      iana(26, "maximumIpTotalLength", Unsigned64, func(b []byte, s *source) { put64(b, uint64(s.c.MaxLen)) }),
	sourceIPv6Address:         iana(27, "sourceIPv6Address", IPv6Address, func(b []byte, s *source) { copy(b[:16], s.rec.Src[:]) }),
	destinationIPv6Address:    iana(28, "destinationIPv6Address", IPv6Address, func(b []byte, s *source) { copy(b[:16], s.rec.Dst[:]) }),
	flowLabelIPv6:             iana(31, "flowLabelIPv6", Unsigned32, func(b []byte, s *source) { put32(b, s.rec.Label) }),
	icmpTypeCodeIPv4:          iana(32, "icmpTypeCodeIPv4", Unsigned16, putICMP),
	minimumTTL:                iana(52, "minimumTTL", Unsigned8, func(b []byte, s *source) { b[0] = s.c.MinTTL }),
	maximumTTL:                iana(53, "maximumTTL", Unsigned8, func(b []byte, s *source) { b[0] = s.c.MaxTTL }),
	sourceMacAddress:          iana(56, "sourceMacAddress", MACAddress, func(b []byte, s *source) { copy(b[:6], s.rec.EthSrc[:]) }),
	vlanID:                    iana(58, "vlanId", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.VLAN&0xfff) }),
	ipVersion:                 iana(60, "ipVersion", Unsigned8, func(b []byte, s *source) { b[0] = ipVersionOf(s.rec) }),
	flowDirection:             iana(61, "flowDirection", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.Point.Dir) }),
	destinationMacAddress:     iana(80, "destinationMacAddress", MACAddress, func(b []byte, s *source) { copy(b[:6], s.rec.EthDst[:]) }),
	interfaceName:             text(82, 0, "interfaceName", func(s *source) string { return s.port().Name }),
	interfaceDescription:      text(83, 0, "interfaceDescription", func(s *source) string { return s.port().Description }),
	octetTotalCount:           iana(85, "octetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Octets) }),
	packetTotalCount:          iana(86, "packetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Packets) }),
	forwardingStatus:          iana(89, "forwardingStatus", Unsigned8, func(b []byte, s *source) { b[0] = s.status() }),
	droppedOctetDeltaCount:    iana(132, "droppedOctetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.DroppedOctets) }),
	droppedPacketDeltaCount:   iana(133, "droppedPacketDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Dropped) }),
	droppedOctetTotalCount:    iana(134, "droppedOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.DroppedOctets) }),
	droppedPacketTotalCount:   iana(135, "droppedPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Dropped) }),
	flowEndReason:             iana(136, "flowEndReason", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.End) }),
	observationPointID:        iana(138, "observationPointId", Unsigned64, func(b []byte, s *source) { put64(b, uint64(s.rec.Point.ID)) }),
	icmpTypeCodeIPv6:          iana(139, "icmpTypeCodeIPv6", Unsigned16, putICMP),
	flowStartMilliseconds:     iana(152, "flowStartMilliseconds", Milliseconds, func(b []byte, s *source) { put64(b, s.millis(s.c.First)) }),
	flowEndMilliseconds:       iana(153, "flowEndMilliseconds", Milliseconds, func(b []byte, s *source) { put64(b, s.millis(s.c.Last)) }),
	postMCastPacketTotalCount: iana(174, "postMCastPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Multicast) }),
	postMCastOctetTotalCount:  iana(175, "postMCastOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, multicastOctets(s.rec, s.c.Total.Octets)) }),
	icmpTypeIPv4:              iana(176, "icmpTypeIPv4", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.SrcPort) }),
	icmpCodeIPv4:              iana(177, "icmpCodeIPv4", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.DstPort) }),
	icmpTypeIPv6:              iana(178, "icmpTypeIPv6", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.SrcPort) }),
	icmpCodeIPv6:              iana(179, "icmpCodeIPv6", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.DstPort) }),
	ipDiffServCodePoint:       iana(195, "ipDiffServCodePoint", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.TOS >> 2 }),
	ipPrecedence:              iana(196, "ipPrecedence", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.TOS >> 5 }),
	octetDeltaSumOfSquares:    iana(198, "octetDeltaSumOfSquares", Unsigned64, func(b []byte, s *source) { put64(b, s.c.SumSq) }),
	octetTotalSumOfSquares:    iana(199, "octetTotalSumOfSquares", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.SumSq) }),
	tcpSynTotalCount:          iana(218, "tcpSynTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.TCP[cache.SYN]) }),
	tcpFinTotalCount:          iana(219, "tcpFinTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.TCP[cache.FIN]) }),
	tcpRstTotalCount:          iana(220, "tcpRstTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.TCP[cache.RST]) }),
	tcpPshTotalCount:          iana(221, "tcpPshTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.TCP[cache.PSH]) }),
	tcpAckTotalCount:          iana(222, "tcpAckTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.TCP[cache.ACK]) }),
	tcpUrgTotalCount:          iana(223, "tcpUrgTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.TCP[cache.URG]) }),
	biflowDirection:           iana(239, "biflowDirection", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.Direction }),
	ethernetHeaderLength:      iana(240, "ethernetHeaderLength", Unsigned8, func(b []byte, s *source) { b[0] = ethHeaderLen(s.rec) }),
	dot1qVlanID:               iana(243, "dot1qVlanId", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.VLAN&0xfff) }),
	dot1qPriority:             iana(244, "dot1qPriority", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.VLAN >> 13) }),
	ethernetType:              iana(256, "ethernetType", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.EthType) }),
	selectorID:                iana(302, "selectorId", Unsigned64, func(b []byte, s *source) { put64(b, selectorOf(s.rec.Point.Probability)) }),
	layer2OctetDeltaCount:     iana(352, "layer2OctetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.L2Octets) }),
	layer2OctetTotalCount:     iana(353, "layer2OctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.L2Octets) }),

	ingressUnicastPacketTotalCount:   iana(354, "ingressUnicastPacketTotalCount", Unsigned64, putUnicast),
	ingressMulticastPacketTotalCount: iana(355, "ingressMulticastPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Multicast) }),
	ingressBroadcastPacketTotalCount: iana(356, "ingressBroadcastPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Broadcast) }),
	egressUnicastPacketTotalCount:    iana(357, "egressUnicastPacketTotalCount", Unsigned64, putUnicast),
	egressBroadcastPacketTotalCount:  iana(358, "egressBroadcastPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.Broadcast) }),
	ingressInterfaceType:             iana(368, "ingressInterfaceType", Unsigned32, func(b []byte, s *source) { put32(b, s.schema.port(s.rec.InPort).Type) }),
	egressInterfaceType:              iana(369, "egressInterfaceType", Unsigned32, func(b []byte, s *source) { put32(b, s.schema.port(s.rec.Point.Egress).Type) }),
	droppedLayer2OctetDeltaCount:     iana(424, "droppedLayer2OctetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.DroppedL2Octets) }),
	droppedLayer2OctetTotalCount:     iana(425, "droppedLayer2OctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.c.Total.DroppedL2Octets) }),

	tunnelType: {ID: 891, Enterprise: VMware, Name: "tunnelType", Type: Unsigned8, Semantics: Identifier,
		About: "kind of tunnel: 1 VXLAN, 2 GRE, 3 LISP, 4 STT, 7 GENEVE",
		put:   func(b []byte, s *source) { b[0] = s.rec.Tunnel.Type }},
	tunnelKey: {ID: 892, Enterprise: VMware, Name: "tunnelKey", Type: OctetArray, Semantics: Identifier,
		About: "VNI or key of the tunnel, as long as its kind has it",
		put:   putTunnelKey, size: func(s *source) int { return tunnelKeyLen(s.rec.Tunnel.Type) }},
	tunnelSourceIPv4Address: {ID: 893, Enterprise: VMware, Name: "tunnelSourceIPv4Address", Type: IPv4Address,
		About: "source of the outer IP header",
		put:   func(b []byte, s *source) { copy(b[:4], s.rec.Tunnel.Src[:]) }},
	tunnelDestinationIPv4Address: {ID: 894, Enterprise: VMware, Name: "tunnelDestinationIPv4Address", Type: IPv4Address,
		About: "destination of the outer IP header",
		put:   func(b []byte, s *source) { copy(b[:4], s.rec.Tunnel.Dst[:]) }},
	tunnelProtocolIdentifier: {ID: 895, Enterprise: VMware, Name: "tunnelProtocolIdentifier", Type: Unsigned8, Semantics: Identifier,
		About: "protocol of the outer IP header",
		put:   func(b []byte, s *source) { b[0] = s.rec.Tunnel.Proto }},
	tunnelSourceTransportPort: {ID: 896, Enterprise: VMware, Name: "tunnelSourceTransportPort", Type: Unsigned16, Semantics: Identifier,
		About: "source port of the outer header, 0 where it has none",
		put:   func(b []byte, s *source) { put16(b, s.rec.Tunnel.SrcPort) }},
	tunnelDestinationTransportPort: {ID: 897, Enterprise: VMware, Name: "tunnelDestinationTransportPort", Type: Unsigned16, Semantics: Identifier,
		About: "destination port of the outer header, 0 where it has none",
		put:   func(b []byte, s *source) { put16(b, s.rec.Tunnel.DstPort) }},
	virtualObsID: text(898, VMware, "virtualObsID", func(s *source) string { return s.schema.virtualObsID },
		"identifier of the virtual observation point, as configured"),

	ruleCookie: {ID: 1, Enterprise: Own, Name: "ruleCookie", Type: Unsigned64, Semantics: Identifier,
		About: "OpenFlow cookie of the rule that decided about the flow's packets",
		put:   func(b []byte, s *source) { put64(b, s.v.Cookie) }},
	ruleTable: {ID: 2, Enterprise: Own, Name: "ruleTable", Type: Unsigned8, Semantics: Identifier,
		About: "OpenFlow table of that rule; 255 when no rule is known",
		put:   func(b []byte, s *source) { b[0] = s.table() }},
	dropReason: {ID: 3, Enterprise: Own, Name: "dropReason", Type: Unsigned8, Semantics: Identifier,
		About: "why packets of the flow were dropped last; 0 when none was",
		put:   func(b []byte, s *source) { b[0] = s.drop() }},
	dropReasonName:        text(4, Own, "dropReasonName", func(s *source) string { return s.schema.reason(s.drop()).Name }, "short name of dropReason"),
	dropReasonDescription: text(5, Own, "dropReasonDescription", func(s *source) string { return s.schema.reason(s.drop()).Sentence }, "what dropReason means, in a sentence"),
	tcpHandshakeTime: {ID: 6, Enterprise: Own, Name: "tcpHandshakeTime", Type: Unsigned32, Semantics: Quantity, Units: Microseconds,
		About: "from the SYN of one side to the SYN and ACK of the other; 0 when they were not seen",
		put:   func(b []byte, s *source) { put32(b, handshake(s.rec)) }},
	tcpRetransmissionCount: {ID: 7, Enterprise: Own, Name: "tcpRetransmissionCount", Type: Unsigned64, Semantics: DeltaCounter, Units: Packets,
		About: "segments whose bytes had been seen before",
		put:   func(b []byte, s *source) { put64(b, s.c.QoS.Retransmit) }},
	tcpOutOfOrderCount: {ID: 8, Enterprise: Own, Name: "tcpOutOfOrderCount", Type: Unsigned64, Semantics: DeltaCounter, Units: Packets,
		About: "segments that came before bytes that precede them",
		put:   func(b []byte, s *source) { put64(b, s.c.QoS.OutOfOrder) }},
	interfaceSpeed: {ID: 9, Enterprise: Own, Name: "interfaceSpeed", Type: Unsigned64, Semantics: Quantity, Units: Bits,
		About: "bits a second that the interface can carry, 0 when not known",
		put:   func(b []byte, s *source) { put64(b, s.port().Speed) }},
	tunnelSourceIPv6Address: {ID: 10, Enterprise: Own, Name: "tunnelSourceIPv6Address", Type: IPv6Address,
		About: "source of the outer IPv6 header",
		put:   func(b []byte, s *source) { copy(b[:16], s.rec.Tunnel.Src[:]) }},
	tunnelDestinationIPv6Address: {ID: 11, Enterprise: Own, Name: "tunnelDestinationIPv6Address", Type: IPv6Address,
		About: "destination of the outer IPv6 header",
		put:   func(b []byte, s *source) { copy(b[:16], s.rec.Tunnel.Dst[:]) }},
	reverseEgressInterface: {ID: 12, Enterprise: Own, Name: "reverseEgressInterface", Type: Unsigned32, Semantics: Identifier,
		About: "egressInterface of the reverse direction, which has no reverse element",
		put:   func(b []byte, s *source) { put32(b, s.rec.RevEgress) }},

	exportedOctetTotalCount:       iana(40, "exportedOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.sentOctets) }),
	exportedMessageTotalCount:     iana(41, "exportedMessageTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.sentMessages) }),
	exportedFlowRecordTotalCount:  iana(42, "exportedFlowRecordTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.sentRecords) }),
	meteringProcessID:             iana(143, "meteringProcessId", Unsigned32, func(b []byte, s *source) { put32(b, processNumber) }),
	exportingProcessID:            iana(144, "exportingProcessId", Unsigned32, func(b []byte, s *source) { put32(b, processNumber) }),
	templateID:                    iana(145, "templateId", Unsigned16, func(b []byte, s *source) { put16(b, s.opt.template) }),
	observationDomainID:           iana(149, "observationDomainId", Unsigned32, func(b []byte, s *source) { put32(b, s.opt.domain) }),
	observedFlowTotalCount:        iana(163, "observedFlowTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.flows) }),
	ignoredPacketTotalCount:       iana(164, "ignoredPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.ignoredPackets) }),
	ignoredOctetTotalCount:        iana(165, "ignoredOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.ignoredOctets) }),
	notSentFlowTotalCount:         iana(166, "notSentFlowTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.notSentFlows) }),
	notSentPacketTotalCount:       iana(167, "notSentPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.notSentPackets) }),
	notSentOctetTotalCount:        iana(168, "notSentOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.notSentOctets) }),
	flowKeyIndicator:              iana(173, "flowKeyIndicator", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.keys) }),
	informationElementID:          iana(303, "informationElementId", Unsigned16, func(b []byte, s *source) { put16(b, s.opt.id) }),
	selectorAlgorithm:             iana(304, "selectorAlgorithm", Unsigned16, func(b []byte, s *source) { put16(b, s.algorithm()) }),
	samplingPacketInterval:        iana(305, "samplingPacketInterval", Unsigned32, func(b []byte, s *source) { put32(b, 1) }),
	samplingPacketSpace:           iana(306, "samplingPacketSpace", Unsigned32, func(b []byte, s *source) { put32(b, s.space()) }),
	samplingProbability:           iana(311, "samplingProbability", Float64, func(b []byte, s *source) { putFloat(b, s.probability()) }),
	informationElementDataType:    iana(339, "informationElementDataType", Unsigned8, func(b []byte, s *source) { b[0] = s.opt.dataType }),
	informationElementDescription: text(340, 0, "informationElementDescription", func(s *source) string { return s.opt.about }),
	informationElementName:        text(341, 0, "informationElementName", func(s *source) string { return s.opt.name }),
	informationElementSemantics:   iana(344, "informationElementSemantics", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.opt.semantics) }),
	informationElementUnits:       iana(345, "informationElementUnits", Unsigned16, func(b []byte, s *source) { put16(b, uint16(s.opt.units)) }),
	privateEnterpriseNumber:       iana(346, "privateEnterpriseNumber", Unsigned32, func(b []byte, s *source) { put32(b, s.opt.enterprise) }),
}

// iana is an element of IANA's whose values have one length.
func iana(id uint16, name string, t Type, put func([]byte, *source)) Element {
	return Element{ID: id, Name: name, Type: t, put: put}
}

// text is an element whose value is a string.
func text(id uint16, enterprise uint32, name string, get func(*source) string, about ...string) Element {
	e := Element{ID: id, Enterprise: enterprise, Name: name, Type: String,
		put:  func(b []byte, s *source) { copy(b, get(s)) },
		size: func(s *source) int { return len(get(s)) },
	}
	if len(about) > 0 {
		e.About = about[0]
	}
	return e
}
