package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// Fragments is how tables see fragments of IP packets (OpenFlow 1.0.1 section 5.3.2, and Open
// vSwitch's OFPC_FRAG_NX_MATCH). Fragments are not reassembled.
type Fragments uint8

// The ways, with their numbers on the wire.
const (
	FragNormal Fragments = 0 // ports, and ICMP types and codes, of all fragments are 0, as later ones have none
	FragDrop   Fragments = 1 // no table has a flow for them
	FragMatch  Fragments = 3 // those of first fragments can be matched
)

// Bits of words that are about fragments.
const (
	fragBit = flow.FragAny << 32
	l4Ports = 0xffffffff << 32 // source and destination, or type and code
)

// Fragments returns what State.SetFragments has set last.
func (s *Snapshot) Fragments() Fragments { return s.frags }

// SetFragments changes how tables see fragments. At first it is FragNormal.
func (s *State) SetFragments(f Fragments) {
	s.mu.Lock()
	defer s.unlock()
	if s.snap.Load().frags == f {
		return
	}
	next := s.next()
	next.frags = f
	s.put(next)
}

// portless takes the ports away from a packet that tables see without. What they were is for
// withPorts.
func (x *xlate) portless() (ports uint64) {
	if x.snap.frags != FragNormal || x.key.W[flow.WIP]&fragBit == 0 || x.key.Map>>flow.WL4&1 == 0 {
		return 0
	}
	ports = x.key.W[flow.WL4] & l4Ports
	x.key.W[flow.WL4] &^= l4Ports
	return ports
}

// withPorts gives them back after a look-up, whose outcome depends on it that the packet is a
// fragment, and on no port.
func (x *xlate) withPorts(ports uint64) {
	if ports == 0 {
		return
	}
	x.key.W[flow.WL4] |= ports
	x.wild.Put(flow.WL4, x.wild.W[flow.WL4]&^l4Ports)
	x.need(flow.WIP, fragBit)
}

// fragmentDropped says whether the packet is a fragment, and no table has flows for those.
func (x *xlate) fragmentDropped() bool {
	if x.snap.frags != FragDrop {
		return false
	}
	x.need(flow.WIP, fragBit)
	if x.key.W[flow.WIP]&fragBit == 0 {
		return false
	}
	x.note(actions.DropFragment)
	if x.tr != nil {
		x.tr.warn("fragments are dropped")
	}
	return true
}
