package actions

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// set writes a header field of the packets idx. Fields that are not of the packet's
// bytes (registers, metadata) are the translation's affair and change nothing here.
func (e *Exec) set(op *Op, b *packet.Batch, idx []uint16) {
	v, m := op.V.Lo&op.M.Lo, op.M.Lo
	switch op.Field {
	case flow.EthDst:
		e.setEth(b, idx, 0, v<<16, m<<16)
	case flow.EthSrc:
		e.setEth(b, idx, 4, v&(1<<48-1), m&(1<<48-1))
	case flow.VlanTCI, flow.DlVlan, flow.VlanVID:
		// The CFI bit of a key says that there is a tag; the packet's own bit is kept.
		m &= uint64(0xffff) >> (16 - flow.Fields[op.Field].Bits) &^ flow.VlanCFI
		e.setVLAN(b, idx, uint16(v&m), uint16(m))
	case flow.DlVlanPCP:
		e.setVLAN(b, idx, uint16(v&7<<13), uint16(m&7<<13))
	case flow.MPLSLabel:
		e.setMPLS(b, idx, uint32(v<<12), uint32(m<<12))
	case flow.MPLSTC:
		e.setMPLS(b, idx, uint32(v&7<<9), uint32(m&7<<9))
	case flow.MPLSTTL:
		e.setMPLS(b, idx, uint32(v&0xff), uint32(m&0xff))
	case flow.IPv4Src:
		e.setIPv4(b, idx, 12, uint32(v), uint32(m))
	case flow.IPv4Dst:
		e.setIPv4(b, idx, 16, uint32(v), uint32(m))
	case flow.IPv6Src:
		e.setIPv6(b, idx, 8, op.V.And(op.M), op.M)
	case flow.IPv6Dst:
		e.setIPv6(b, idx, 24, op.V.And(op.M), op.M)
	case flow.IPv6Label:
		e.setLabel(b, idx, uint32(v&0xfffff), uint32(m&0xfffff))
	case flow.IPTOS:
		e.setTOS(b, idx, uint8(v), uint8(m))
	case flow.IPDSCP:
		e.setTOS(b, idx, uint8(v<<2), uint8(m<<2))
	case flow.IPECN:
		e.setTOS(b, idx, uint8(v&3), uint8(m&3))
	case flow.IPTTL:
		e.setTTL(b, idx, uint8(v), uint8(m))
	case flow.ARPOp:
		if m&0xff == 0xff {
			m = 0xffff // the message has 16 bits for it
		}
		e.setARP(b, idx, 0, v&0xff, m&0xffff)
	case flow.ARPSHA:
		e.setARP(b, idx, 8, v<<16, m<<16)
	case flow.ARPSPA:
		e.setARP(b, idx, 14, v<<32, m<<32)
	case flow.ARPTHA:
		e.setARP(b, idx, 18, v<<16, m<<16)
	case flow.ARPTPA:
		e.setARP(b, idx, 20, v&0xffffffff, m&0xffffffff)
	case flow.TCPSrc:
		e.setPort(b, idx, protoTCP, 0, uint16(v), uint16(m))
	case flow.TCPDst:
		e.setPort(b, idx, protoTCP, 2, uint16(v), uint16(m))
	case flow.UDPSrc:
		e.setPort(b, idx, protoUDP, 0, uint16(v), uint16(m))
	case flow.UDPDst:
		e.setPort(b, idx, protoUDP, 2, uint16(v), uint16(m))
	case flow.SCTPSrc:
		e.setSCTP(b, idx, 0, uint16(v), uint16(m))
	case flow.SCTPDst:
		e.setSCTP(b, idx, 2, uint16(v), uint16(m))
	case flow.ICMPType:
		e.setICMP(b, idx, protoICMP, uint16(v<<8), uint16(m<<8))
	case flow.ICMPCode:
		e.setICMP(b, idx, protoICMP, uint16(v&0xff), uint16(m&0xff))
	case flow.ICMPv6Type:
		e.setICMP(b, idx, protoICMPv6, uint16(v<<8), uint16(m<<8))
	case flow.ICMPv6Code:
		e.setICMP(b, idx, protoICMPv6, uint16(v&0xff), uint16(m&0xff))
	case flow.NDTarget:
		e.setNDTarget(b, idx, op.V.And(op.M), op.M)
	case flow.NDReserved:
		e.setNDReserved(b, idx, uint32(v), uint32(m))
	case flow.NDSLL:
		e.setNDOption(b, idx, ndOptSLL, v&(1<<48-1), m&(1<<48-1))
	case flow.NDTLL:
		e.setNDOption(b, idx, ndOptTLL, v&(1<<48-1), m&(1<<48-1))
	case flow.NDOptionsType:
		e.setNDOptionType(b, idx, uint8(v), uint8(m))
	}
}

// setEth writes v under m to the eight bytes at off: a MAC address and two bytes
// that m leaves alone.
func (e *Exec) setEth(b *packet.Batch, idx []uint16, off int, v, m uint64) {
	for _, i := range idx {
		if f := e.Mem.Frame(b.Desc[i]); len(f) >= 14 {
			p := f[off : off+8]
			be.PutUint64(p, be.Uint64(p)&^m|v)
		}
	}
}

// setVLAN writes v under m to the outer tag's TCI.
func (e *Exec) setVLAN(b *packet.Batch, idx []uint16, v, m uint16) {
	for _, i := range idx {
		f := e.Mem.Frame(b.Desc[i])
		if len(f) >= 18 && isTag(be.Uint16(f[12:])) {
			be.PutUint16(f[14:], be.Uint16(f[14:])&^m|v)
		}
	}
}

// setMPLS writes v under m to the outermost label stack entry.
func (e *Exec) setMPLS(b *packet.Batch, idx []uint16, v, m uint32) {
	for _, i := range idx {
		f := e.Mem.Frame(b.Desc[i])
		if o := int(b.L25[i]); o+4 <= len(f) {
			be.PutUint32(f[o:], be.Uint32(f[o:])&^m|v)
		}
	}
}

// setARP writes v under m to the eight bytes at off of an ARP message.
func (e *Exec) setARP(b *packet.Batch, idx []uint16, off int, v, m uint64) {
	for _, i := range idx {
		p, typ := e.network(b, i)
		if (typ == typeARP || typ == typeRARP) && len(p) >= 28 {
			be.PutUint64(p[off:], be.Uint64(p[off:])&^m|v)
		}
	}
}
