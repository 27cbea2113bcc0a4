package bench

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
)

// FlowSpec says which flows a set is made of.
type FlowSpec struct {
	Flows  int     // how many, 1 to 1<<22
	Shapes []Shape // dealt out in turn; default: UDP over IPv4 in smallest frames
	// Skew is how uneven the flows are: flow i gets packets in proportion to
	// 1/(i+1)^Skew. 0 gives every flow the same.
	Skew   float64
	Seed   uint64
	SrcMAC net.HardwareAddr // default 02:70:6c:00:00:01
	DstMAC net.HardwareAddr // default 02:70:6c:00:00:02
}

// FlowSet is a set of flows. It is immutable and may be shared.
type FlowSet struct {
	shapes []Shape
	flow   []oneFlow
	tmpl   []template // one a shape
	order  []uint32
}

// oneFlow is what differs between the flows of one shape.
type oneFlow struct {
	shape    uint16
	src, dst [16]byte // the last 4 bytes are the address of an IPv4 flow
	sp, dp   uint16   // ports; ICMP: identifier and 0
}

// FlowInfo describes one flow as a flow record would.
type FlowInfo struct {
	Src, Dst         netip.Addr
	Proto            Proto
	SrcPort, DstPort uint16 // ICMP: 0 and type<<8|code
	VLAN             uint16
}

const maxFlows = 1 << 22

// NewFlowSet computes the flows of s. No two of them share addresses, protocol
// and ports.
func NewFlowSet(s FlowSpec) (*FlowSet, error) {
	if s.Flows < 1 || s.Flows > maxFlows {
		return nil, fmt.Errorf("%d flows: must be 1 to %d", s.Flows, maxFlows)
	}
	if s.Skew < 0 || s.Skew > 4 {
		return nil, fmt.Errorf("skew %g: must be 0 to 4", s.Skew)
	}
	if len(s.Shapes) == 0 {
		s.Shapes = []Shape{{Proto: UDP, Sizes: Min64}}
	}
	if s.SrcMAC == nil {
		s.SrcMAC = net.HardwareAddr{2, 0x70, 0x6c, 0, 0, 1}
	}
	if s.DstMAC == nil {
		s.DstMAC = net.HardwareAddr{2, 0x70, 0x6c, 0, 0, 2}
	}
	if len(s.SrcMAC) != 6 || len(s.DstMAC) != 6 {
		return nil, fmt.Errorf("MAC addresses %v and %v: must have 6 bytes", s.SrcMAC, s.DstMAC)
	}
	fs := &FlowSet{shapes: append([]Shape(nil), s.Shapes...), flow: make([]oneFlow, s.Flows)}
	for i, sh := range fs.shapes {
		if err := sh.check(); err != nil {
			return nil, fmt.Errorf("shape %d: %w", i+1, err)
		}
		fs.tmpl = append(fs.tmpl, newTemplate(sh, s.SrcMAC, s.DstMAC))
	}
	rng := rand.New(rand.NewPCG(s.Seed, 0x706f6c6c7578))
	for i := range fs.flow {
		fs.flow[i] = newFlow(i, i%len(fs.shapes), rng)
	}
	fs.order = newOrder(s.Flows, s.Skew, rng)
	return fs, nil
}

// newFlow makes flow i. The source address holds i, which keeps flows apart
// whatever the random rest is.
func newFlow(i, shape int, rng *rand.Rand) oneFlow {
	f := oneFlow{shape: uint16(shape), sp: uint16(1024 + rng.IntN(64000)), dp: uint16(1024 + rng.IntN(64000))}
	f.src = [16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1}
	f.dst = [16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 2}
	binary.BigEndian.PutUint32(f.src[12:], 10<<24|64<<16+uint32(i))
	binary.BigEndian.PutUint32(f.dst[12:], 172<<24|16<<16|uint32(rng.IntN(1<<16)))
	return f
}

// newOrder returns the order in which flows send, to be gone through again and
// again. Every flow is in it.
func newOrder(n int, skew float64, rng *rand.Rand) []uint32 {
	slots := n
	if skew > 0 {
		slots = max(1<<16, 8*n)
	}
	order := make([]uint32, 0, slots)
	if skew == 0 {
		for i := range n {
			order = append(order, uint32(i))
		}
		return order
	}
	var sum float64
	for i := range n {
		sum += math.Pow(float64(i+1), -skew)
	}
	spare := float64(slots - n) // each flow has one slot; the spare ones follow the weights
	for i := range n {
		k := 1 + int(spare*math.Pow(float64(i+1), -skew)/sum)
		for range k {
			order = append(order, uint32(i))
		}
	}
	rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	return order
}

// Len returns the number of flows.
func (fs *FlowSet) Len() int { return len(fs.flow) }

// At returns the flow that sends as the n'th packet of all.
func (fs *FlowSet) At(n uint64) int { return int(fs.order[n%uint64(len(fs.order))]) }

// Info describes flow i.
func (fs *FlowSet) Info(i int) FlowInfo {
	f := &fs.flow[i]
	s := fs.shapes[f.shape]
	info := FlowInfo{Proto: s.Proto, VLAN: s.VLAN, SrcPort: f.sp, DstPort: f.dp}
	if s.IPv6 {
		info.Src, info.Dst = netip.AddrFrom16(f.src), netip.AddrFrom16(f.dst)
	} else {
		info.Src, info.Dst = netip.AddrFrom4([4]byte(f.src[12:])), netip.AddrFrom4([4]byte(f.dst[12:]))
	}
	if s.Proto == ICMP {
		typ := uint16(8)
		if s.IPv6 {
			typ, info.Proto = 128, 58
		}
		info.SrcPort, info.DstPort = 0, typ<<8
	}
	return info
}

// Size returns the length of flow i's seq'th frame, in bytes without FCS.
func (fs *FlowSet) Size(i int, seq uint64) int { return fs.shapes[fs.flow[i].shape].size(seq) }

// L3Bytes returns the bytes of network header and payload in the first n packets
// of flow i: what a flow record counts (octetDeltaCount, IPFIX element 1).
func (fs *FlowSet) L3Bytes(i int, n uint64) uint64 {
	l2 := uint64(14)
	if fs.shapes[fs.flow[i].shape].VLAN != 0 {
		l2 += 4
	}
	return fs.Bytes(i, n) - n*l2
}

// Bytes returns the bytes of the first n frames of flow i, without FCS
// (layer2OctetDeltaCount, IPFIX element 352).
func (fs *FlowSet) Bytes(i int, n uint64) uint64 {
	s := fs.shapes[fs.flow[i].shape]
	sizes := uint64(max(1, len(s.Sizes)))
	var total uint64
	for k := range min(sizes, n) {
		times := (n - k + sizes - 1) / sizes
		total += times * uint64(s.size(k))
	}
	return total
}
