package ipfix

// Type is an abstract data type of RFC 7011 section 6.1.
type Type uint8

// The types in use.
const (
	Unsigned8 Type = iota
	Unsigned16
	Unsigned32
	Unsigned64
	Float64
	MACAddress
	IPv4Address
	IPv6Address
	Milliseconds // dateTimeMilliseconds
)

var typeLen = [...]uint16{1, 2, 4, 8, 8, 6, 4, 16, 8}

// Len returns the length of a value in bytes.
func (t Type) Len() uint16 { return typeLen[t] }

var typeNames = [...]string{"unsigned8", "unsigned16", "unsigned32", "unsigned64", "float64",
	"macAddress", "ipv4Address", "ipv6Address", "dateTimeMilliseconds"}

// String returns the type's name as RFC 7011 writes it.
func (t Type) String() string { return typeNames[t] }

// Element is one information element.
type Element struct {
	ID         uint16
	Enterprise uint32 // private enterprise number, 0 for IANA's own
	Name       string
	Type       Type
	put        func(b []byte, s *source)
}

// E is the index of an element in Elements.
type E uint8

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
	flowEndReason
	observationPointID
	icmpTypeCodeIPv6
	flowStartMilliseconds
	flowEndMilliseconds
	ethernetHeaderLength
	dot1qVlanID
	dot1qPriority
	ethernetType
	layer2OctetDeltaCount

	exportedOctetTotalCount
	exportedMessageTotalCount
	exportedFlowRecordTotalCount
	meteringProcessID
	exportingProcessID
	observedFlowTotalCount
	ignoredPacketTotalCount
	ignoredOctetTotalCount
	notSentFlowTotalCount
	notSentPacketTotalCount
	notSentOctetTotalCount
	selectorID
	selectorAlgorithm
	samplingPacketInterval
	samplingPacketSpace
	samplingProbability

	NumElements
)

// Elements is the table of information elements, from IANA's registry "IP Flow
// Information Export (IPFIX) Entities".
var Elements = [NumElements]Element{
	octetDeltaCount:          {1, 0, "octetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.rec.Octets) }},
	packetDeltaCount:         {2, 0, "packetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.rec.Packets) }},
	protocolIdentifier:       {4, 0, "protocolIdentifier", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.Proto }},
	ipClassOfService:         {5, 0, "ipClassOfService", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.TOS }},
	tcpControlBits:           {6, 0, "tcpControlBits", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.TCPFlags) }},
	sourceTransportPort:      {7, 0, "sourceTransportPort", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.SrcPort) }},
	sourceIPv4Address:        {8, 0, "sourceIPv4Address", IPv4Address, func(b []byte, s *source) { copy(b, s.rec.Src[:4]) }},
	ingressInterface:         {10, 0, "ingressInterface", Unsigned32, func(b []byte, s *source) { put32(b, s.rec.InPort) }},
	destinationTransportPort: {11, 0, "destinationTransportPort", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.DstPort) }},
	destinationIPv4Address:   {12, 0, "destinationIPv4Address", IPv4Address, func(b []byte, s *source) { copy(b, s.rec.Dst[:4]) }},
	egressInterface:          {14, 0, "egressInterface", Unsigned32, func(b []byte, s *source) { put32(b, s.rec.Point.Egress) }},
	minimumIPTotalLength:     {25, 0, "minimumIpTotalLength", Unsigned64, func(b []byte, s *source) { put64(b, uint64(s.rec.MinLen)) }},
	maximumIPTotalLength:     {26, 0, "maximumIpTotalLength", Unsigned64, func(b []byte, s *source) { put64(b, uint64(s.rec.MaxLen)) }},
	sourceIPv6Address:        {27, 0, "sourceIPv6Address", IPv6Address, func(b []byte, s *source) { copy(b, s.rec.Src[:]) }},
	destinationIPv6Address:   {28, 0, "destinationIPv6Address", IPv6Address, func(b []byte, s *source) { copy(b, s.rec.Dst[:]) }},
	flowLabelIPv6:            {31, 0, "flowLabelIPv6", Unsigned32, func(b []byte, s *source) { put32(b, s.rec.Label) }},
	icmpTypeCodeIPv4:         {32, 0, "icmpTypeCodeIPv4", Unsigned16, putICMP},
	minimumTTL:               {52, 0, "minimumTTL", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.MinTTL }},
	maximumTTL:               {53, 0, "maximumTTL", Unsigned8, func(b []byte, s *source) { b[0] = s.rec.MaxTTL }},
	sourceMacAddress:         {56, 0, "sourceMacAddress", MACAddress, func(b []byte, s *source) { copy(b, s.rec.EthSrc[:]) }},
	vlanID:                   {58, 0, "vlanId", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.VLAN&0xfff) }},
	ipVersion:                {60, 0, "ipVersion", Unsigned8, func(b []byte, s *source) { b[0] = ipVersionOf(s.rec) }},
	flowDirection:            {61, 0, "flowDirection", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.Point.Dir) }},
	destinationMacAddress:    {80, 0, "destinationMacAddress", MACAddress, func(b []byte, s *source) { copy(b, s.rec.EthDst[:]) }},
	flowEndReason:            {136, 0, "flowEndReason", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.End) }},
	observationPointID:       {138, 0, "observationPointId", Unsigned64, func(b []byte, s *source) { put64(b, uint64(s.rec.Point.ID)) }},
	icmpTypeCodeIPv6:         {139, 0, "icmpTypeCodeIPv6", Unsigned16, putICMP},
	flowStartMilliseconds:    {152, 0, "flowStartMilliseconds", Milliseconds, func(b []byte, s *source) { put64(b, s.millis(s.rec.First)) }},
	flowEndMilliseconds:      {153, 0, "flowEndMilliseconds", Milliseconds, func(b []byte, s *source) { put64(b, s.millis(s.rec.Last)) }},
	ethernetHeaderLength:     {240, 0, "ethernetHeaderLength", Unsigned8, func(b []byte, s *source) { b[0] = ethHeaderLen(s.rec) }},
	dot1qVlanID:              {243, 0, "dot1qVlanId", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.VLAN&0xfff) }},
	dot1qPriority:            {244, 0, "dot1qPriority", Unsigned8, func(b []byte, s *source) { b[0] = uint8(s.rec.VLAN >> 13) }},
	ethernetType:             {256, 0, "ethernetType", Unsigned16, func(b []byte, s *source) { put16(b, s.rec.EthType) }},
	layer2OctetDeltaCount:    {352, 0, "layer2OctetDeltaCount", Unsigned64, func(b []byte, s *source) { put64(b, s.rec.L2Octets) }},

	exportedOctetTotalCount:      {40, 0, "exportedOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.sentOctets) }},
	exportedMessageTotalCount:    {41, 0, "exportedMessageTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.sentMessages) }},
	exportedFlowRecordTotalCount: {42, 0, "exportedFlowRecordTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.sentRecords) }},
	meteringProcessID:            {143, 0, "meteringProcessId", Unsigned32, func(b []byte, s *source) { put32(b, processNumber) }},
	exportingProcessID:           {144, 0, "exportingProcessId", Unsigned32, func(b []byte, s *source) { put32(b, processNumber) }},
	observedFlowTotalCount:       {163, 0, "observedFlowTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.flows) }},
	ignoredPacketTotalCount:      {164, 0, "ignoredPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.ignoredPackets) }},
	ignoredOctetTotalCount:       {165, 0, "ignoredOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.ignoredOctets) }},
	notSentFlowTotalCount:        {166, 0, "notSentFlowTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.notSentFlows) }},
	notSentPacketTotalCount:      {167, 0, "notSentPacketTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.notSentPackets) }},
	notSentOctetTotalCount:       {168, 0, "notSentOctetTotalCount", Unsigned64, func(b []byte, s *source) { put64(b, s.opt.notSentOctets) }},
	selectorID:                   {302, 0, "selectorId", Unsigned64, func(b []byte, s *source) { put64(b, processNumber) }},
	selectorAlgorithm:            {304, 0, "selectorAlgorithm", Unsigned16, func(b []byte, s *source) { put16(b, s.opt.algorithm()) }},
	samplingPacketInterval:       {305, 0, "samplingPacketInterval", Unsigned32, func(b []byte, s *source) { put32(b, 1) }},
	samplingPacketSpace:          {306, 0, "samplingPacketSpace", Unsigned32, func(b []byte, s *source) { put32(b, s.opt.sampling-1) }},
	samplingProbability:          {311, 0, "samplingProbability", Float64, func(b []byte, s *source) { putFloat(b, 1/float64(s.opt.sampling)) }},
}
