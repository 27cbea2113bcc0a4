package pipeline

import (
	"pollux/actions"
	"pollux/flow"
	"pollux/ipfix/cache"
)

// output sends to a port or does what a reserved number stands for (OpenFlow 1.3
// section 4.5).
func (x *xlate) output(n uint32) {
	switch n {
	case flow.PortIn:
		x.send(x.key.InPort())
	case flow.PortNormal:
		x.normal()
	case flow.PortFlood:
		x.flood(false)
	case flow.PortAll:
		x.flood(true)
	case flow.PortController:
		x.outputController()
	case flow.PortTable:
		if !x.out || x.current != nil {
			x.note(actions.DropNoPort) // it is for a packet-out's own list
			return
		}
		x.tableAction(x.key.InPort(), 0)
	default:
		if n != 0 && n == x.leaving.port && x.inSet && x.inGroup == 0 {
			// The port was chosen before the egress tables; a packet that paused in them may
			// find it otherwise.
			if p := x.mayLeave(n); p != nil {
				x.transmit(p)
			}
			return
		}
		if n == x.key.InPort() {
			x.note(actions.DropToInPort)
			if x.tr != nil {
				x.tr.warn("skipping output to input port")
			}
			return
		}
		x.send(n)
	}
}

// flood sends to every port but the input port; without all, not to those that
// are configured not to flood.
func (x *xlate) flood(all bool) {
	x.path.Uses.AllPorts()
	for i := range x.snap.ports.all {
		p := &x.snap.ports.all[i]
		if p.OFPort != x.key.InPort() && (all || !p.NoFlood) {
			x.send(p.OFPort)
		}
	}
}

// mayLeave returns port n if packets may leave by it, and notes why not otherwise.
func (x *xlate) mayLeave(n uint32) *Port {
	x.path.Uses.Port(n)
	p := x.snap.ports.get(n)
	switch {
	case p == nil:
		x.note(actions.DropNoPort)
		if x.tr != nil {
			x.tr.warn("Nonexistent output port")
		}
		return nil
	case p.NoFwd:
		x.note(actions.DropNoFwd)
		if x.tr != nil {
			x.tr.warn("port %d is configured not to forward, skipping output", n)
		}
		return nil
	case !p.canSend():
		x.note(actions.DropPortDown)
		if x.tr != nil {
			x.tr.warn("port %d is down, skipping output", n)
		}
		return nil
	}
	return p
}

// send sends the packet to port n: through the egress tables, where there are some.
func (x *xlate) send(n uint32) {
	p := x.mayLeave(n)
	if p == nil {
		return
	}
	if x.snap.firstEgress != 0 && x.leaving.port == 0 {
		x.egress(n)
		return
	}
	x.transmit(p)
}

// transmit emits the packet's way out of a port.
func (x *xlate) transmit(to *Port) {
	n := to.OFPort
	x.commit()
	if b := x.snap.sampling.Bridge; b != nil && b.Output {
		p := cache.Point{Dir: cache.Egress, Egress: n, Domain: b.Domain, ID: b.Point}
		p.Verdict = x.verdict(x.cause(), actions.DropNone, b.Attribute)
		x.sample(b.Exporter, p, b.Attribute)
	}
	if !x.sent {
		x.sent, x.sender = true, x.cause()
	}
	op := x.emit(actions.OpOutput)
	op.A, op.B, op.V.Lo = to.Slot, n, uint64(x.limit())
	if to.Queues != nil {
		x.byQueue(to, op)
	}
}
