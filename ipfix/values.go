package ipfix

import (
	"encoding/binary"
	"math"
	"time"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// processNumber is the number under which this program's metering process and its
// exporting process appear in options: there is one of each.
const processNumber = 1

// source is what elements take their values from: a flow record, or what an option
// record is about. Of an option that is about what records have elements for (a
// port, a drop reason, a selector), the record says which.
type source struct {
	rec   *record
	opt   *options
	epoch time.Time // wall clock at 0 of the loops' monotonic clock

	// Set by the message.
	schema *schema
	back   bool            // the direction of which c and v are
	c      *cache.Counters // of rec, in this direction
	v      *cache.Verdict
}

// turn makes c and v those of a direction.
func (s *source) turn(back bool) {
	switch s.back = back; {
	case s.rec == nil:
	case back:
		s.c, s.v = &s.rec.Rev, &s.rec.RevVerdict
	default:
		s.c, s.v = &s.rec.Counters, &s.rec.Point.Verdict
	}
}

func (s *source) millis(mono int64) uint64 {
	return uint64(s.epoch.Add(time.Duration(mono)).UnixMilli())
}

// port returns the port that interfaceName is of: where the packets came in, or for
// what was recorded as it went out, there.
func (s *source) port() *Interface {
	if s.rec.Point.Dir == cache.Egress {
		return s.schema.port(s.rec.Point.Egress)
	}
	return s.schema.port(s.rec.InPort)
}

// status is forwardingStatus. Packets that were all dropped behind the point where
// they were recorded were not forwarded, whatever was decided there.
func (s *source) status() uint8 {
	if st := s.v.Status; st&cache.StatusConsumed == cache.StatusDropped || s.c.Dropped == 0 || s.c.Dropped < s.c.Packets {
		return st
	}
	return cache.StatusDropped
}

// drop is the drop reason: the rule's, else that of the last packet lost behind it.
func (s *source) drop() uint8 {
	if s.v.Status&cache.StatusConsumed == cache.StatusDropped {
		return s.v.Drop
	}
	if s.c.Dropped > 0 {
		return s.c.DropReason
	}
	return 0
}

// noTable is ruleTable where no rule is known: OpenFlow's number for any table.
const noTable = 255

func (s *source) table() uint8 {
	if !s.v.Known {
		return noTable
	}
	return s.v.Table
}

func put16(b []byte, v uint16)     { binary.BigEndian.PutUint16(b, v) }
func put32(b []byte, v uint32)     { binary.BigEndian.PutUint32(b, v) }
func put64(b []byte, v uint64)     { binary.BigEndian.PutUint64(b, v) }
func putFloat(b []byte, v float64) { put64(b, math.Float64bits(v)) }
func putICMP(b []byte, s *source)  { _ = b[1]; b[0], b[1] = uint8(s.rec.SrcPort), uint8(s.rec.DstPort) }

func putUnicast(b []byte, s *source) {
	t := &s.c.Total
	put64(b, t.Packets-t.Multicast-t.Broadcast)
}

// multicastOctets returns the octets if the flow goes to a group, else 0.
func multicastOctets(r *record, octets uint64) uint64 {
	if r.EthDst[0]&1 == 0 || r.EthDst == [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} {
		return 0
	}
	return octets
}

func ipVersionOf(r *record) uint8 {
	switch r.Class {
	case cache.IPv4:
		return 4
	case cache.IPv6:
		return 6
	}
	return 0
}

// ethHeaderLen returns the length of addresses, tags and type.
func ethHeaderLen(r *record) uint8 {
	n := uint8(14)
	if r.VLAN&flow.VlanCFI != 0 {
		n += 4
	}
	if r.InnerTag {
		n += 4
	}
	return n
}

// tunnelKeyLen returns how many bytes the key of a kind of tunnel has, as Open
// vSwitch writes them.
func tunnelKeyLen(kind uint8) int {
	switch kind {
	case 1, 3, 7: // VXLAN, LISP, GENEVE
		return 3
	case 2: // GRE
		return 4
	}
	return 8
}

// putTunnelKey writes the lower bytes of the tunnel's key, as many as there is room for.
func putTunnelKey(b []byte, s *source) {
	id := s.rec.Tunnel.ID
	for i := range b {
		b[i] = uint8(id >> (8 * (len(b) - 1 - i)))
	}
}

// handshake returns the µs from the SYN of the side that began to the other's SYN
// and ACK, 0 when there is no such pair.
func handshake(r *record) uint32 {
	from, to := r.QoS.SYN, r.Rev.QoS.SYNACK
	if from == 0 || to == 0 {
		from, to = r.Rev.QoS.SYN, r.QoS.SYNACK
	}
	if from == 0 || to <= from {
		return 0
	}
	return uint32(min((to-from)/int64(time.Microsecond), math.MaxUint32))
}
