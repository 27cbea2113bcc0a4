package actions

import "pollux/internal/packet"

// State is whether a port can send.
type State uint8

// The states.
const (
	Up   State = iota
	Down       // outputs count as DropPortDown
)

// Staging is where one loop collects the frames it will send out of one port.
// Only the loop's thread touches it: Run appends, the loop's flush takes.
type Staging struct {
	N     int // frames in Desc
	State State
	MTU   int // longest payload in bytes, VLAN tags and Ethernet header not counted; 0 = any
	Desc  [packet.MaxBatch]packet.Desc
	Lost  *PortDrops // counts of the port, for what it refuses (Reason.AtOutput); nil is nobody's
}

// Take empties the staging area and returns what was in it. The slice is valid
// until the next output.
func (s *Staging) Take() []packet.Desc {
	d := s.Desc[:s.N]
	s.N = 0
	return d
}

// fits says whether the port's MTU allows the frame. Up to two VLAN tags are free
// of charge, as on Linux devices, whose MTU counts what follows the tags.
func (s *Staging) fits(f []byte) bool {
	limit := s.MTU + 14
	if s.MTU <= 0 || len(f) <= limit {
		return true
	}
	return len(f) <= limit+typeOffset(f)-12
}
