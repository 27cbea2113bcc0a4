package pipeline

import (
	"pollux/actions"
	"pollux/flow"
	"pollux/ipfix/cache"
)

// actions executes a list of actions. It reports false when the rest of the flow's
// instructions must not be executed.
func (x *xlate) actions(list []Action) bool {
	for i := range list {
		if x.exit {
			return false
		}
		a := &list[i]
		if x.tr != nil {
			x.tr.action("%s", formatAction(a, x.tr.ports()))
		}
		switch a.Kind {
		case ActOutput:
			x.output(a.Port)
		case ActOutputReg:
			x.needField(a.Src.Field, a.Src.mask())
			if n := widePort(x.subfield(a.Src)); n == flow.PortController {
				x.outputController()
			} else {
				x.output(n)
			}
		case ActController:
			x.controller(a.List.Controller)
		case ActDecTTLIDs:
			if !x.decTTLIDs(a.List.IDs) {
				return false
			}
		case ActResubmit:
			x.resubmit(a)
		case ActSetField:
			x.setField(a.Dst.Field, a.Value, a.Mask)
		case ActLoad:
			x.setField(a.Dst.Field, a.Value.Shl(uint(a.Dst.Lo)), a.Dst.mask())
		case ActMove:
			x.move(a.Src, a.Dst)
		case ActModVID:
			x.modVLAN(uint16(a.Value.Lo), 0x0fff)
		case ActModPCP:
			x.modVLAN(uint16(a.Value.Lo)<<13, 0xe000)
		case ActSetTunnel, ActSetTunnel64:
			x.setField(flow.TunID, a.Value, flow.TunID.Full())
		case ActModTTL:
			x.setField(flow.IPTTL, a.Value, flow.IPTTL.Full())
		case ActPushVLAN:
			x.push(tag{a.EtherType, flow.VlanCFI})
		case ActPopVLAN:
			x.popVLAN()
		case ActOutputTrunc:
			x.most = a.MaxLen
			x.output(a.Port)
			x.most = 0
		case ActClone:
			x.clone(a.List.Actions)
		case ActPush:
			x.stackPush(a.Src)
		case ActPop:
			x.stackPop(a.Dst)
		case ActMultipath:
			x.multipath(a.List.Multipath)
		case ActBundle:
			x.bundle(a.List.Bundle)
		case ActLearn:
			x.learnFlow(a.List.Learn)
		case ActCheckPktLarger:
			x.checkLarger(int(a.MaxLen), a.Dst)
		case ActFinTimeout:
			x.finTimeout(a.List.FinIdle, a.List.FinHard)
		case ActCopyTTLOut:
			x.copyTTLOut()
		case ActCopyTTLIn:
			x.copyTTLIn()
		case ActPushMPLS:
			x.pushMPLS(a.EtherType)
		case ActPopMPLS:
			x.popMPLS(a.EtherType)
		case ActDecTTL:
			if !x.decTTL(flow.IPTTL) {
				return false
			}
		case ActModMPLSTTL:
			x.setField(flow.MPLSTTL, a.Value, flow.MPLSTTL.Full())
		case ActDecMPLSTTL:
			if !x.decTTL(flow.MPLSTTL) {
				return false
			}
		case ActGroup:
			x.group(a.Group)
		case ActMeter:
			x.meter(a.Meter)
		case ActSetQueue:
			x.queue = a.Queue
		case ActPopQueue:
			x.queue = 0
		case ActEnqueue:
			x.enqueue(a.Port, a.Queue)
		case ActNote:
		case ActSample:
			x.sampleAction(a.List.Sample)
		case ActExit:
			x.exit = true
			return false
		}
		if x.paused != 0 {
			x.unroll(list[i+1:])
			return false
		}
	}
	return !x.exit
}

// subfield reads a subfield of the working copy.
func (x *xlate) subfield(s Subfield) flow.Value {
	if i := &flow.Fields[s.Field]; i.Bits <= 64 {
		return flow.Value{Lo: x.key.W[i.Word] & inPlace[s.Field] >> (i.Shift + s.Lo) & (^uint64(0) >> (64 - s.Bits))}
	}
	return s.Field.Get(&x.key).Shr(uint(s.Lo)).And(flow.Ones(uint(s.Bits)))
}

// widePort turns the 16-bit port numbers of OpenFlow 1.0, which is what registers
// commonly hold, into those of 1.3.
func widePort(v flow.Value) uint32 {
	n := uint32(v.Lo)
	if v.Lo>>16 == 0 && n >= 0xff00 {
		n |= 0xffff0000
	}
	return n
}

// decTTL decrements the TTL or hop limit f. It reports false when that has expired.
func (x *xlate) decTTL(f flow.Field) bool {
	if !x.has(f) {
		return true
	}
	x.needField(f, f.Full())
	ttl := f.Get(&x.key).Lo
	if ttl <= 1 {
		x.note(actions.DropTTL)
		x.invalidTTL()
		if x.leaving.port != 0 {
			x.stayHere()
		}
		if x.tr != nil {
			x.tr.warn("TTL %d is too low to be decremented, stopping here", ttl)
		}
		return false
	}
	x.write(f, flow.Value{Lo: ttl - 1}, f.Full())
	return true
}

// resubmit looks the packet up again.
func (x *xlate) resubmit(a *Action) {
	in, table := a.Port, a.Table
	if in == PortKeep || in == flow.PortIn {
		in = x.key.InPort()
	}
	if table == TableKeep {
		table = x.table
	}
	if !x.stays(table) { // as one in a bucket may not, which both stages have
		x.note(actions.DropTableMiss)
		if x.tr != nil {
			x.tr.warn("resubmit between ingress and egress tables, skipping")
		}
		return
	}
	x.silent = true
	x.tableAction(in, table)
}

// sampleAction accounts the packet with the exporter of a collector set.
func (x *xlate) sampleAction(s *SampleAction) {
	set, ok := x.snap.sampling.Sets[s.Set]
	if !ok {
		if x.tr != nil {
			x.tr.warn("no exporter for collector set %d, not sampling", s.Set)
		}
		return
	}
	p := cache.Point{Dir: cache.Ingress, Domain: x.id(s.Domain, s.DomainOf), ID: x.id(s.Point, s.PointOf)}
	// As Open vSwitch does: a port that the packet did not come in by is one that it leaves by.
	// The input port is part of every decision.
	leaves := s.SamplingPort != 0 && s.SamplingPort != x.up.Key.InPort()
	if s.Direction == SampleEgress || s.Direction == SampleUnset && leaves {
		p.Dir, p.Egress = cache.Egress, s.SamplingPort
	}
	x.commit()
	probability := s.Probability
	if probability == 65535 {
		probability = 0 // all: what the program means by it
	}
	p.Probability = probability
	x.sample(set.Exporter, p, set.Attribute)
}

// id returns an observation id that is a number or taken from the packet, which it
// then depends on. Of a packet that has no such field it is 0.
func (x *xlate) id(n uint32, of Subfield) uint32 {
	if of.Bits == 0 {
		return n
	}
	if !x.has(of.Field) {
		return 0
	}
	x.needField(of.Field, of.mask())
	return uint32(x.subfield(of).Lo)
}
