package flow

import "fmt"

// Masks of whole fields within their words.
const (
	maskEthType = 0xffff
	maskProto   = 0xff << 56
	maskLater   = FragLater << 32
	maskCFI     = VlanCFI << 48
	maskICMP    = 0xff<<48 | 0xff<<32 // type and code
	maskTracked = CtTracked << 32
)

// Bits of ct_state.
const (
	CtNew = 1 << iota
	CtEstablished
	CtRelated
	CtReply
	CtInvalid
	CtTracked
	CtSourceNAT
	CtDestNAT
)

var prereqText = [...]string{
	PreVLAN:   "a VLAN tag: vlan_tci=0x1000/0x1000",
	PreMPLS:   "mpls or mplsm",
	PreARP:    "arp or rarp",
	PreIPv4:   "ip",
	PreIPv6:   "ipv6",
	PreIP:     "ip or ipv6",
	PreTCP:    "tcp or tcp6",
	PreUDP:    "udp or udp6",
	PreSCTP:   "sctp or sctp6",
	PreICMPv4: "icmp",
	PreICMPv6: "icmp6",
	PreND:     "icmp6 with icmpv6_type=135 or 136 and icmpv6_code=0",
	PreNDSol:  "icmp6 with icmpv6_type=135 and icmpv6_code=0",
	PreNDAdv:  "icmp6 with icmpv6_type=136 and icmpv6_code=0",
	PreCtIPv4: "ip and ct_state=+trk",
	PreCtIPv6: "ipv6 and ct_state=+trk",
}

// String says what has to be matched for the prerequisite to hold.
func (p Prereq) String() string { return prereqText[p] }

// Met says whether the packet of k is such that the field exists in it.
func (p Prereq) Met(k *Key) bool {
	t := k.EthType()
	ip := t == etherIPv4 || t == etherIPv6
	switch p {
	case PreNone:
		return true
	case PreVLAN:
		return k.W[WVLAN]&maskCFI != 0
	case PreMPLS:
		return t == etherMPLS || t == etherMPLSM
	case PreARP:
		return t == etherARP || t == etherRARP
	case PreIPv4:
		return t == etherIPv4
	case PreIPv6:
		return t == etherIPv6
	case PreIP:
		return ip
	case PreTCP:
		return ip && k.l4(protoTCP)
	case PreUDP:
		return ip && k.l4(protoUDP)
	case PreSCTP:
		return ip && k.l4(protoSCTP)
	case PreICMPv4:
		return t == etherIPv4 && k.l4(protoICMP)
	case PreICMPv6:
		return t == etherIPv6 && k.l4(protoICMPv6)
	case PreND, PreNDSol, PreNDAdv:
		if t != etherIPv6 || !k.l4(protoICMPv6) || k.TpDst() != 0 {
			return false
		}
		typ := k.TpSrc()
		return typ == ndSol && p != PreNDAdv || typ == ndAdv && p != PreNDSol
	case PreCtIPv4:
		return t == etherIPv4 && k.W[WCt]&maskTracked != 0
	case PreCtIPv6:
		return t == etherIPv6 && k.W[WCt]&maskTracked != 0
	}
	return false
}

// l4 says whether the packet has, or should have, a header of the protocol.
func (k *Key) l4(proto uint8) bool {
	return k.NwProto() == proto && k.W[WIP]&maskLater == 0
}

// Mask adds to m the bits that Met looks at.
func (p Prereq) Mask(m *Mask) {
	switch p {
	case PreNone:
		return
	case PreVLAN:
		m.Or(WVLAN, maskCFI)
		return
	case PreTCP, PreUDP, PreSCTP, PreICMPv4, PreICMPv6, PreND, PreNDSol, PreNDAdv:
		m.Or(WIP, maskProto|maskLater)
	case PreCtIPv4, PreCtIPv6:
		m.Or(WCt, maskTracked)
	}
	if p == PreND || p == PreNDSol || p == PreNDAdv {
		m.Or(WL4, maskICMP)
	}
	m.Or(WEthDst, maskEthType)
}

// needs returns the bits that a match must pin for the prerequisite to hold in
// every packet it matches. As in OVS, nw_frag need not be among them, nor the
// code of neighbour discovery.
func (p Prereq) needs() (m Mask) {
	p.Mask(&m)
	m.W[WIP] &^= maskLater
	if m.W[WL4] != 0 {
		m.W[WL4] = 0xff << 48
	}
	return m
}

// Prereqs checks that a match of key k under mask m (k already masked) makes f
// exist; the error says what is missing.
func Prereqs(f Field, k *Key, m *Mask) error {
	p := Fields[f].Pre
	if p.pinned(k, m) {
		return nil
	}
	return fmt.Errorf("%s needs %s", Fields[f].Name, p)
}

func (p Prereq) pinned(k *Key, m *Mask) bool {
	need := p.needs()
	return m.Covers(&need) && p.Met(k)
}
