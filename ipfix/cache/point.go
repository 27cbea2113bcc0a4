package cache

// Direction is flowDirection (IPFIX element 61).
type Direction uint8

// The directions.
const (
	Ingress Direction = 0
	Egress  Direction = 1
)

// Point is where in the switch a packet is observed, and what was decided about it
// there. It is part of a flow's key: packets that another rule decided about, or
// that were selected with another probability, are another record.
type Point struct {
	Dir    Direction
	Egress uint32 // OpenFlow number of the output port; 0 for Ingress
	Domain uint32 // observationDomainId
	ID     uint32 // observationPointId
	// Probability is that of the sample action, of 65,535; 0 is all. It makes the
	// selector that option records describe (RFC 5476 section 6.5.2).
	Probability uint16
	Verdict     Verdict
}

// Verdict is what was decided about a packet, and where the exporter attributes
// rules, which one did it.
type Verdict struct {
	Cookie uint64 // of the rule
	Table  uint8  // OpenFlow table of the rule
	// Known says that Cookie and Table are those of a rule; without it no rule
	// matched, or the exporter does not attribute.
	Known bool
	// Status is forwardingStatus (IPFIX element 89): two bits of status, six of
	// reason; 0 is not told.
	Status uint8
	Drop   uint8 // the drop reason (actions.Reason) when Status says dropped, else 0
}

// Values of Verdict.Status (forwardingStatus of RFC 7270 section 4.12).
const (
	StatusUnknown   = 0
	StatusForwarded = 1 << 6 // 64
	StatusDropped   = 2 << 6 // 128 and up, with a reason in the lower six bits
	StatusConsumed  = 3 << 6
)

// Tunnel is the outer header of a packet that came by a tunnel, as the key's tunnel
// words tell it. The zero Tunnel is none.
type Tunnel struct {
	On       bool
	IPv6     bool
	ID       uint64   // tun_id: VNI or GRE key; 0 is as good as any
	Src, Dst [16]byte // IPv4 in the first four bytes
	Type     uint8    // tunnelType of PEN 6876: 1 VXLAN, 2 GRE, 3 LISP, 4 STT, 7 GENEVE; 0 not told
	Proto    uint8    // of the outer IP header
	SrcPort  uint16   // of the outer header
	DstPort  uint16
}
