package collector

import (
	"net/netip"
	"time"
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
	Tunnel  Tunnel
}

// Tunnel is the outer header of a packet that came by a tunnel, by the elements 891
// to 897 of enterprise 6876. The zero Tunnel is none.
type Tunnel struct {
	Type    uint8 // 1 VXLAN, 2 GRE, 3 LISP, 4 STT, 7 GENEVE
	Proto   uint8
	ID      uint64 // tunnelKey
	Src     netip.Addr
	Dst     netip.Addr
	SrcPort uint16
	DstPort uint16
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
