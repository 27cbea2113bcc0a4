package cache

import "net/netip"

// Class is the kind of a flow's network layer.
type Class uint8

// The classes.
const (
	Other Class = iota
	IPv4
	IPv6
	NumClasses
)

// EndReason is flowEndReason (IPFIX element 136, RFC 5102 section 5.11.3).
type EndReason uint8

// The reasons.
const (
	EndNone     EndReason = iota
	EndIdle               // no packet for the idle timeout
	EndActive             // reported because it has gone on for the active timeout
	EndDetected           // TCP FIN or RST, and quiet since
	EndForced             // the cache was flushed
	EndLack               // its place was needed for a new flow
	NumEndReasons
)

var endNames = [NumEndReasons]string{"none", "idle", "active", "end", "forced", "lack_of_resources"}

// String returns the reason's short name.
func (r EndReason) String() string {
	if r >= NumEndReasons {
		return "invalid"
	}
	return endNames[r]
}

// Key is a flow's key, in full. It is comparable. Members that the flow does not
// have, or that the cache's KeyMask leaves out, are zero.
type Key struct {
	Point    Point
	Tunnel   Tunnel
	InPort   uint32
	Label    uint32 // IPv6 flow label
	EthSrc   [6]byte
	EthDst   [6]byte
	EthType  uint16
	VLAN     uint16 // TCI of the outer tag with flow.VlanCFI set, 0 when untagged
	InnerTag bool   // there is a second tag
	Class    Class
	Proto    uint8
	TOS      uint8
	Src      [16]byte // IPv4 in the first four bytes
	Dst      [16]byte
	SrcPort  uint16 // or ICMP type
	DstPort  uint16 // or ICMP code
}

// Addrs returns the flow's addresses; the zero Addr where it has none.
func (k *Key) Addrs() (src, dst netip.Addr) {
	switch k.Class {
	case IPv4:
		return netip.AddrFrom4([4]byte(k.Src[:4])), netip.AddrFrom4([4]byte(k.Dst[:4]))
	case IPv6:
		return netip.AddrFrom16(k.Src), netip.AddrFrom16(k.Dst)
	}
	return netip.Addr{}, netip.Addr{}
}

// Counters are what was counted of a flow since its last record, but for the totals.
type Counters struct {
	Packets  uint64
	Octets   uint64 // IP header and payload (octetDeltaCount); 0 for flows that are not IP
	L2Octets uint64 // whole frames without FCS (layer2OctetDeltaCount)
	SumSq    uint64 // of the IP lengths squared (octetDeltaSumOfSquares)
	First    int64  // ns, the loop's monotonic clock
	Last     int64
	MinLen   uint16 // of the IP packets, header included
	MaxLen   uint16
	MinTTL   uint8
	MaxTTL   uint8
	TCPFlags uint16           // of all packets, ORed
	TCP      [NumFlags]uint64 // packets with the flag

	Multicast uint64 // packets by destination address; the others are unicast
	Broadcast uint64

	// Dropped are those of Packets that the switch dropped after they were accounted,
	// for whatever reason; DropReason is that of the last (actions.Reason).
	Dropped         uint64
	DroppedOctets   uint64 // IP
	DroppedL2Octets uint64
	DropReason      uint8

	Total Total
	QoS   QoS
}

// Total are a flow's counts since its first packet.
type Total struct {
	Began           int64 // ns, the first packet of the flow
	Packets         uint64
	Octets          uint64
	L2Octets        uint64
	SumSq           uint64
	Dropped         uint64
	DroppedOctets   uint64
	DroppedL2Octets uint64
	Multicast       uint64
	Broadcast       uint64
	TCP             [NumFlags]uint64
}

// QoS is what is measured of a TCP flow in this direction if the cache is told to.
type QoS struct {
	SYN        int64  // ns, when the last SYN without ACK went by; 0 none
	SYNACK     int64  // ns, when the first SYN with ACK went by; 0 none
	Retransmit uint64 // segments whose bytes had gone by before
	OutOfOrder uint64 // segments that came before bytes that precede them
}

// Indices of TCP flags in Counters.TCP, in the order of their bits.
const (
	FIN = iota
	SYN
	RST
	PSH
	ACK
	URG
	NumFlags
)

// Merge adds what another part of the same flow counted.
func (c *Counters) Merge(o *Counters) {
	c.Packets += o.Packets
	c.Octets += o.Octets
	c.L2Octets += o.L2Octets
	c.SumSq += o.SumSq
	c.First = min(c.First, o.First)
	if o.Last >= c.Last && o.Dropped > 0 || c.Dropped == 0 {
		c.DropReason = o.DropReason
	}
	c.Last = max(c.Last, o.Last)
	c.MinLen = min(c.MinLen, o.MinLen)
	c.MaxLen = max(c.MaxLen, o.MaxLen)
	c.MinTTL = min(c.MinTTL, o.MinTTL)
	c.MaxTTL = max(c.MaxTTL, o.MaxTTL)
	c.TCPFlags |= o.TCPFlags
	for i := range c.TCP {
		c.TCP[i] += o.TCP[i]
	}
	c.Multicast += o.Multicast
	c.Broadcast += o.Broadcast
	c.Dropped += o.Dropped
	c.DroppedOctets += o.DroppedOctets
	c.DroppedL2Octets += o.DroppedL2Octets
	c.Total.Merge(&o.Total)
	c.QoS.merge(&o.QoS)
}

// Merge adds what another part of the same flow has come to.
func (t *Total) Merge(o *Total) {
	t.Began = min(t.Began, o.Began)
	t.Packets += o.Packets
	t.Octets += o.Octets
	t.L2Octets += o.L2Octets
	t.SumSq += o.SumSq
	t.Dropped += o.Dropped
	t.DroppedOctets += o.DroppedOctets
	t.DroppedL2Octets += o.DroppedL2Octets
	t.Multicast += o.Multicast
	t.Broadcast += o.Broadcast
	for i := range t.TCP {
		t.TCP[i] += o.TCP[i]
	}
}

func (q *QoS) merge(o *QoS) {
	q.SYN = max(q.SYN, o.SYN)
	if q.SYNACK == 0 || o.SYNACK != 0 && o.SYNACK < q.SYNACK {
		q.SYNACK = o.SYNACK
	}
	q.Retransmit += o.Retransmit
	q.OutOfOrder += o.OutOfOrder
}

// Record is what there is to say of a flow. It holds no pointers.
type Record struct {
	Key
	Counters
	End EndReason
}

// record writes what there is to say of entry x.
func (c *Cache) record(r *Record, x uint32, end EndReason) {
	c.empty(x)
	e, d := &c.hot[x], &c.cold[x]
	c.full(&r.Key, x)
	t := &d.told
	r.Counters = Counters{
		Packets: e.packets, Octets: e.octets, L2Octets: e.l2, SumSq: e.sumSq, First: d.first, Last: e.last,
		MinLen: e.minLen, MaxLen: e.maxLen, MinTTL: e.minTTL, MaxTTL: e.maxTTL, TCPFlags: e.flags & tcpBits,
		Multicast: d.counted[laneMulticast], Broadcast: d.counted[laneBroadcast],
		Dropped: d.dropped.Packets, DroppedOctets: d.dropped.Octets, DroppedL2Octets: d.dropped.L2Octets,
		DropReason: d.reason,
		Total: Total{
			Began: d.began, Packets: t.Packets + e.packets, Octets: t.Octets + e.octets,
			L2Octets: t.L2Octets + e.l2, SumSq: t.sumSq + e.sumSq,
			Dropped: t.dropped.Packets + d.dropped.Packets, DroppedOctets: t.dropped.Octets + d.dropped.Octets,
			DroppedL2Octets: t.dropped.L2Octets + d.dropped.L2Octets,
			Multicast:       t.counted[laneMulticast] + d.counted[laneMulticast],
			Broadcast:       t.counted[laneBroadcast] + d.counted[laneBroadcast],
		},
	}
	for f := range NumFlags {
		r.TCP[f] = d.counted[f]
		r.Total.TCP[f] = t.counted[f] + d.counted[f]
	}
	if c.qos != nil {
		r.QoS = c.qos[x].QoS
	}
	r.End = end
}
