package pipeline

import (
	"pollux/actions"
	"pollux/flow"
)

// Bits of a MAC address.
const (
	macMulticast     = 1 << 40
	macReserved      = 0x0180c2000000 // to …0f: IEEE 802.1D table 7-10
	macReservedMask  = 0xfffffffffff0
	vlanVIDMask      = 0x0fff
	vlanPCPMask      = 0xe000
	macBits          = uint64(0xffff_ffff_ffff) << 16 // of WEthDst and WEthSrc
	etherTypeIPv4    = 0x0800
	etherTypeARP     = 0x0806
	etherTypeRARP    = 0x8035
	etherTypeVLAN    = 0x8100
	etherTypeQinQ    = 0x88a8
	etherTypeMPLS    = 0x8847
	etherTypeMPLSM   = 0x8848
	etherTypeIPv6    = 0x86dd
	normalVLANLooked = uint64(vlanVIDMask|flow.VlanCFI) << 48
)

// normal forwards as a learning bridge does.
func (x *xlate) normal() {
	x.need(flow.WEthDst, macBits)
	x.need(flow.WEthSrc, macBits)
	x.needVLAN(normalVLANLooked)
	x.path.Uses.Port(x.key.InPort())
	in := x.snap.ports.get(x.key.InPort())
	if n := x.key.InPort(); in == nil && x.out && (n == flow.PortController || n == flow.PortAny) {
		in = sourced
	}
	if in == nil {
		x.note(actions.DropNoPort)
		if x.tr != nil {
			x.tr.warn("no input port, dropping")
		}
		return
	}
	if t := x.key.EthType(); (t == etherTypeVLAN || t == etherTypeQinQ) && x.key.VlanTCI()&flow.VlanCFI == 0 {
		x.note(actions.DropVLANFilter)
		if x.tr != nil {
			x.tr.warn("partial VLAN tag, dropping")
		}
		return
	}
	vid := x.key.VlanTCI() & vlanVIDMask
	vlan, ok := in.inVLAN(vid)
	if !ok {
		x.note(actions.DropVLANFilter)
		if x.tr != nil {
			x.traceVLANFilter(in, vid)
		}
		return
	}
	src, dst := x.key.EthSrc(), x.key.EthDst()
	if dst&macReservedMask == macReserved {
		x.note(actions.DropReserved)
		if x.tr != nil {
			x.tr.warn("dropping packet received on port %s with reserved multicast destination", x.tr.portName(in.OFPort))
		}
		return
	}
	x.up.FDB = true
	// A trace whose flow names no source has none to learn, nor to be its own destination.
	known := in != sourced && (src != 0 || x.tr == nil || x.tr.bytes)
	if known {
		x.learn(vlan, src, in.OFPort)
	}
	if dst&macMulticast == 0 {
		if src == dst && known { // which is known now, whether or not the table has it already
			x.toLearned(in.OFPort, in, vlan)
			return
		}
		if e := x.snap.fdb.lookup(vlan, dst); e != nil {
			x.toLearned(e.port, in, vlan)
			return
		}
	}
	if x.tr != nil {
		x.tr.detail("no learned MAC for destination, flooding")
	}
	x.normalFlood(in, vlan)
}

func (x *xlate) traceVLANFilter(in *Port, vid uint16) {
	if in.Mode == Access {
		x.tr.warn("dropping VLAN %d tagged packet received on port %s configured as VLAN %d access port", vid, x.tr.portName(in.OFPort), in.Tag)
		return
	}
	x.tr.warn("dropping VLAN %d packet received on port %s not configured for trunking VLAN %d", vid, x.tr.portName(in.OFPort), vid)
}

// learn notes where src is, unless the table says so already.
func (x *xlate) learn(vlan uint16, src uint64, port uint32) {
	if src&macMulticast != 0 {
		return
	}
	e := x.snap.fdb.lookup(vlan, src)
	if e != nil && e.port == port {
		x.seen = e
		return
	}
	if x.tr != nil {
		x.tr.detail("would learn that %s is on port %s in VLAN %d", macString(src), x.tr.portName(port), vlan)
	}
	if l := x.snap.loops; x.up.Commit && x.up.Thread >= 0 && x.up.Thread < len(l.notes) {
		if !l.notes[x.up.Thread].Push(note{makeFDBKey(vlan, src), port, x.up.Now}) {
			l.lost.Add(1)
		}
	}
}

// toLearned sends to the port where the destination is.
func (x *xlate) toLearned(n uint32, in *Port, vlan uint16) {
	x.path.Uses.Port(n)
	p := x.snap.ports.get(n)
	switch {
	case p == nil:
		x.note(actions.DropNoPort)
		if x.tr != nil {
			x.tr.warn("learned port is unknown, dropping")
		}
	case p == in:
		x.note(actions.DropToInPort)
		if x.tr != nil {
			x.tr.warn("learned port is input port, dropping")
		}
	default:
		if x.tr != nil {
			x.tr.detail("forwarding to learned port")
		}
		x.normalSend(p, vlan)
	}
}

// normalFlood sends to every other port of the VLAN that floods. Ports where the
// frame leaves with the tag it has now come first, then those where the tag has
// another VLAN, so that tags are rewritten as rarely as can be.
func (x *xlate) normalFlood(in *Port, vlan uint16) {
	x.path.Uses.AllPorts()
	now, tagged := x.key.VlanTCI()&vlanVIDMask, x.tagged()
	turns := 0 // that some port has
	for pass := range 3 {
		if pass > 0 && turns>>pass&1 == 0 {
			continue
		}
		for i := range x.snap.ports.all {
			p := &x.snap.ports.all[i]
			if p == in || p.NoFlood || !p.includes(vlan) {
				continue
			}
			turn := 2
			switch vid, out := x.tagOut(p, vlan); {
			case tagged != out:
			case !tagged || now == vid:
				turn = 0
			default:
				turn = 1
			}
			turns |= 1 << turn
			if turn == pass {
				x.normalSend(p, vlan)
			}
		}
	}
}

// tagOut returns whether a frame of vlan leaves p with a tag, and the tag's VID. A tag of VLAN 0
// stays where it says a priority and the port does not take tags off, as in Open vSwitch.
func (x *xlate) tagOut(p *Port, vlan uint16) (vid uint16, tagged bool) {
	// Whether there is a tag normal has looked at.
	if vlan != 0 || x.key.VlanTCI()&flow.VlanCFI == 0 || p.strips(vlan) {
		vid = p.outVID(vlan)
		return vid, vid != 0
	}
	x.needVLAN(vlanPCPMask << 48)
	return 0, x.key.VlanTCI()&vlanPCPMask != 0
}

// normalSend sends out of p with the tag that p wants, and leaves the working copy
// as it was.
func (x *xlate) normalSend(p *Port, vlan uint16) {
	was := x.vlan
	vid, out := x.tagOut(p, vlan)
	switch {
	case !out:
		x.popVLAN()
	case !x.tagged():
		x.push(tag{etherTypeVLAN, flow.VlanCFI | vid})
	case x.key.VlanTCI()&vlanVIDMask != vid:
		x.setTCI(vid, vlanVIDMask)
	}
	x.send(p.OFPort)
	if x.vlan != was {
		x.vlan = was
		x.showVLAN()
	}
}
