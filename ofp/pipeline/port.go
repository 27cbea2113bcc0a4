package pipeline

import (
	"fmt"
	"math/bits"
	"sort"

	"pollux/flow"
)

// VLANMode is how NORMAL treats VLANs on a port, as vlan_mode of Open vSwitch.
type VLANMode uint8

// The modes.
const (
	Trunk          VLANMode = iota // carries Trunks, tagged; untagged frames are VLAN 0
	Access                         // carries Tag, untagged
	NativeTagged                   // a trunk; untagged frames belong to Tag, which leaves tagged
	NativeUntagged                 // a trunk; untagged frames belong to Tag, which leaves untagged
)

var vlanModes = [...]string{"trunk", "access", "native-tagged", "native-untagged"}

// String returns the mode as configurations write it.
func (m VLANMode) String() string {
	if int(m) >= len(vlanModes) {
		return fmt.Sprintf("VLANMode(%d)", uint8(m))
	}
	return vlanModes[m]
}

// VLANSet is a set of VLANs 0 to 4095. The zero value is the empty set, which as
// a port's Trunks stands for all of them.
type VLANSet [64]uint64

// Add puts vid into the set.
func (s *VLANSet) Add(vid uint16) { s[vid>>6&63] |= 1 << (vid & 63) }

// Has says whether vid is in the set.
func (s *VLANSet) Has(vid uint16) bool { return s[vid>>6&63]>>(vid&63)&1 != 0 }

// Len returns how many VLANs the set has.
func (s *VLANSet) Len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// VLANs returns the set of the given VLANs.
func VLANs(vids ...uint16) (s VLANSet) {
	for _, v := range vids {
		s.Add(v)
	}
	return s
}

// Port is a port as OpenFlow and NORMAL know it.
type Port struct {
	OFPort uint32 // OpenFlow number: 1 to flow.PortMax-1, or flow.PortLocal
	Slot   uint32 // number of the port in the datapath, operand A of actions.OpOutput
	Name   string
	MAC    uint64 // low 48 bits; 0 if it has none
	MTU    int    // bytes of the network layer; 0 unknown
	Up     bool   // output to a port that is not up is dropped (port_down)

	Down       bool // by the administrator (OFPPC_PORT_DOWN): nothing is received (no_recv), nothing sent (port_down)
	NoRecv     bool // every packet received is dropped (no_recv)
	NoFlood    bool // FLOOD and NORMAL's flooding pass it by
	NoFwd      bool // every output is dropped (no_fwd)
	NoPacketIn bool // packets received that no flow of a table matches are not sent to controllers

	Mode   VLANMode
	Tag    uint16  // of Access, NativeTagged, NativeUntagged
	Trunks VLANSet // of the others; empty means all

	Queues *Queues // nil: what is sent has no limit

	modMask, modConfig uint32 // what PortMod has set
}

// includes says whether the port carries frames of vid.
func (p *Port) includes(vid uint16) bool {
	switch p.Mode {
	case Access:
		return vid == p.Tag
	case NativeTagged, NativeUntagged:
		if vid == p.Tag {
			return true
		}
	}
	return p.Trunks == VLANSet{} || p.Trunks.Has(vid)
}

// inVLAN returns the VLAN of a frame that came in with vid in its tag (0 without),
// and whether the port may receive such frames.
func (p *Port) inVLAN(vid uint16) (uint16, bool) {
	switch p.Mode {
	case Access:
		return p.Tag, vid == 0
	case NativeTagged, NativeUntagged:
		if vid == 0 {
			return p.Tag, true
		}
	}
	return vid, p.includes(vid)
}

// outVID returns the VID of the tag with which a frame of vlan leaves; 0 is none.
func (p *Port) outVID(vlan uint16) uint16 {
	if p.strips(vlan) {
		return 0
	}
	return vlan
}

// strips says whether the port takes the tags of frames of vlan off.
func (p *Port) strips(vlan uint16) bool {
	return p.Mode == Access || p.Mode == NativeUntagged && vlan == p.Tag
}

// portSet is the ports of a snapshot.
type portSet struct {
	all    []Port // by OFPort
	direct []int32
	byNum  map[uint32]int32 // of numbers beyond direct
	byName map[string]uint32
}

// directPorts is the port numbers that are found by indexing.
const directPorts = 1024

func newPortSet(ports []Port) (*portSet, error) {
	s := &portSet{
		all:    append([]Port(nil), ports...),
		direct: make([]int32, directPorts),
		byNum:  map[uint32]int32{},
		byName: map[string]uint32{},
	}
	sort.Slice(s.all, func(i, j int) bool { return s.all[i].OFPort < s.all[j].OFPort })
	for i := range s.all {
		p := &s.all[i]
		if p.OFPort == 0 || p.OFPort >= flow.PortMax && p.OFPort != flow.PortLocal {
			return nil, fmt.Errorf("port %q: OpenFlow number %#x is not between 1 and %#x, nor LOCAL", p.Name, p.OFPort, flow.PortMax-1)
		}
		if i > 0 && s.all[i-1].OFPort == p.OFPort {
			return nil, fmt.Errorf("ports %q and %q both have OpenFlow number %d; each needs its own", s.all[i-1].Name, p.Name, p.OFPort)
		}
		if p.Tag > 4095 {
			return nil, fmt.Errorf("port %q: VLAN %d is not between 0 and 4095", p.Name, p.Tag)
		}
		if int(p.Mode) >= len(vlanModes) {
			return nil, fmt.Errorf("port %q: VLAN mode %d is unknown", p.Name, p.Mode)
		}
		if err := p.Queues.check(); err != nil {
			return nil, fmt.Errorf("port %q: %w", p.Name, err)
		}
		if p.Name != "" {
			if _, dup := s.byName[p.Name]; dup {
				return nil, fmt.Errorf("two ports are named %q; each needs its own name", p.Name)
			}
			s.byName[p.Name] = p.OFPort
		}
		if p.OFPort < directPorts {
			s.direct[p.OFPort] = int32(i) + 1
		} else {
			s.byNum[p.OFPort] = int32(i) + 1
		}
	}
	return s, nil
}

// get returns the port with OpenFlow number n, or nil.
func (s *portSet) get(n uint32) *Port {
	i := int32(0)
	if n < directPorts {
		i = s.direct[n]
	} else {
		i = s.byNum[n]
	}
	if i == 0 {
		return nil
	}
	return &s.all[i-1]
}

// Number and Name make the ports a flow.PortNames.
func (s *portSet) Number(name string) (uint32, bool) {
	n, ok := s.byName[name]
	return n, ok
}

// Name returns the name of port n.
func (s *portSet) Name(n uint32) (string, bool) {
	if p := s.get(n); p != nil && p.Name != "" {
		return p.Name, true
	}
	return "", false
}
