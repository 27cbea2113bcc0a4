package actions

// Reason says why a frame was dropped.
type Reason uint8

// The reasons. Sentence explains each.
const (
	DropNone Reason = iota
	DropTableMiss
	DropAction
	DropNoOutput
	DropNoPort
	DropPortDown
	DropToInPort
	DropTxFull
	DropNoFrame
	DropTooLong
	DropNoHeadroom
	DropTTL
	DropResubmitDepth
	DropResubmitCount
	DropVLANFilter
	DropReserved
	DropNoRecv
	DropHandoff
	DropTranslate
	DropSampled
	DropMeter
	DropHidden
	DropPuntFull
	DropNoFwd
	DropQueue
	DropFragment
	NumReasons

	// Punted is no drop: a controller has the packet. Program.Drop says so; nothing is counted
	// under it.
	Punted Reason = 255
)

var reasons = [NumReasons]struct{ name, sentence string }{
	DropNone:          {"none", "not dropped"},
	DropTableMiss:     {"table_miss", "no flow of the table matched and the table has no miss flow"},
	DropAction:        {"drop_action", "the matching flow says drop, or has no actions"},
	DropNoOutput:      {"no_output", "the actions ran and none of them sent the packet anywhere"},
	DropNoPort:        {"no_port", "output to a port that does not exist"},
	DropPortDown:      {"port_down", "output to a port whose device is down or gone"},
	DropToInPort:      {"to_in_port", "output to the port the packet came in by, which OpenFlow allows only as IN_PORT"},
	DropTxFull:        {"tx_full", "the port's transmit ring was full"},
	DropNoFrame:       {"no_frame", "a copy was needed and the loop had no free frame"},
	DropTooLong:       {"too_long", "the frame is longer than the output port's MTU allows"},
	DropNoHeadroom:    {"no_headroom", "a header was pushed and the frame had no room before it"},
	DropTTL:           {"ttl_expired", "dec_ttl found a TTL or hop limit of 1 or 0"},
	DropResubmitDepth: {"resubmit_depth", "resubmits and table jumps were nested more than 64 deep"},
	DropResubmitCount: {"resubmit_count", "one packet made more than 4096 table look-ups"},
	DropVLANFilter:    {"vlan_filter", "NORMAL: the packet's VLAN is not allowed on its input port, or its tag is cut off"},
	DropReserved:      {"reserved_mac", "NORMAL: destination 01:80:c2:00:00:0x is never forwarded by a bridge"},
	DropNoRecv:        {"no_recv", "the input port is configured not to receive"},
	DropHandoff:       {"handoff_full", "the ring to the loop that owns the transmit queue was full"},
	DropTranslate:     {"translate", "translation failed; the trace of the same packet says where"},
	DropSampled:       {"sampled", "copies were sent; the frame itself stayed, as it was changed otherwise than they were"},
	DropHidden:        {"hidden_header", "a table or an action asked for what was under an MPLS label as two types at once, or as another than actions wrote it"},
	DropMeter:         {"meter", "a meter was exceeded and its band says drop"},
	DropPuntFull:      {"punt_full", "the packet, or a copy, was for a controller, and the control plane had not made room for it"},
	DropNoFwd:         {"no_fwd", "output to a port that is configured not to forward"},
	DropFragment:      {"fragment", "the packet is a fragment, and a controller has those dropped (set-frags)"},
	DropQueue:         {"queue", "the rate of the output port's queue was exceeded"},
}

// Reason codes of forwardingStatus (IPFIX element 89, RFC 7270 section 4.12): two bits
// of status, six of reason.
const (
	forwarded        = 64
	droppedUnknown   = 128
	droppedDeny      = 129
	droppedACL       = 130
	droppedNoRoute   = 131
	droppedDF        = 133
	droppedTTL       = 137
	droppedPolicer   = 138
	droppedInterface = 142
	consumedPunt     = 193
)

// ForwardingStatus returns forwardingStatus (IPFIX element 89) of packets that are
// dropped for the reason; of DropNone that of packets that are sent.
func (r Reason) ForwardingStatus() uint8 {
	switch r {
	case DropNone:
		return forwarded
	case DropTableMiss:
		return droppedNoRoute
	case DropAction:
		return droppedACL
	case DropVLANFilter, DropReserved, DropNoRecv, DropNoFwd, DropFragment:
		return droppedDeny
	case DropTooLong:
		return droppedDF
	case DropTTL:
		return droppedTTL
	case DropMeter, DropQueue:
		return droppedPolicer
	case DropNoPort, DropPortDown, DropToInPort:
		return droppedInterface
	case Punted:
		return consumedPunt
	}
	return droppedUnknown
}

// String returns the reason's short name, as counters are named.
func (r Reason) String() string {
	if r == Punted {
		return "controller"
	}
	if r >= NumReasons {
		return "invalid"
	}
	return reasons[r].name
}

// AtOutput says whether drops for the reason are told of the port that the frame was to leave
// by, which did not take it. All others are told of the port that the packet came in by.
func (r Reason) AtOutput() bool {
	switch r {
	case DropTxFull, DropHandoff, DropQueue, DropTooLong:
		return true
	}
	return false
}

// Undecided says whether the reason is that tables did not come to a decision: the packet was
// not dropped because anybody wanted that.
func (r Reason) Undecided() bool {
	switch r {
	case DropResubmitDepth, DropResubmitCount, DropTranslate, DropHidden:
		return true
	}
	return false
}

// Sentence says in words what the reason means.
func (r Reason) Sentence() string {
	if r == Punted {
		return "not dropped: it was sent to a controller, and nowhere else"
	}
	if r >= NumReasons {
		return "invalid reason"
	}
	return reasons[r].sentence
}
