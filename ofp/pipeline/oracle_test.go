package pipeline

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/packet"
)

// sent is one frame that left the switch.
type sent struct {
	port  uint32
	frame string
}

// oracle is the switch as OpenFlow describes it and nothing more: it walks flows
// one by one, changes the packet's bytes at once, and reads them again for every
// look-up. It knows no masks, no programs and no commit.
type oracle struct {
	ports []Port
	flows []Flow
	fdb   map[fdbKey]uint32
	frags Fragments

	groups map[uint32]*Group
	first  uint8 // egress table; 0: none

	frame   []byte
	behind  int // bytes of the frame behind the IP packet that it came as
	clones  int
	most    int // bytes that an output sends, unless 0
	meta    flow.Key
	set     []Action
	out     []sent
	table   uint8
	depth   int
	lookups int
	exit    bool
	hits    []*Flow     // every flow that matched, in order
	passed  []bucketRef // groups and buckets that processed it
	queue   uint32
	queued  map[[2]uint32]uint64 // packets by port and queue
	leaving uint32               // the port that egress tables are for; 0: the ingress tables
	limit   int                  // bytes that leave on this way, unless 0
	inSet   bool                 // the action set is being executed
	failed  error                // of a way through the egress tables

	learning []*Flow // flows to be learned when the packet is done
	stack    []flow.Value
	types    []uint16 // what is under each label that actions pushed and that lies there still
	popped   int      // labels that the packet came with and that are gone
	blind    bool     // a label was popped: what is there then need not be what the flow says
	copied   bool     // a TTL was copied to what is under a label
	shown    []shown  // what was to be seen under its labels
	odd      bool     // something that may be refused has been done
	paused   bool     // the packet has paused, or a copy
	over     bool     // a limit was reached
	gaveUp   bool     // a translation of a packet that had paused did
}

// shown is what was under labels, and as what it was read.
type shown struct {
	popped int
	typ    uint16
}

var (
	errLimit = errors.New("a limit was reached")
	errTags  = errors.New("more than two tags: beyond what a key shows")
	errLie   = fmt.Errorf("what was under a label is not what the flow says, and so has no fields to write: %w", errTags)
)

// process returns what leaves the switch for a frame that comes in by port in.
func (o *oracle) process(frame []byte, in uint32) ([]sent, error) {
	o.frame, o.meta, o.behind = bytes.Clone(frame), flow.Key{}, behindIP(frame)
	o.meta.Set(flow.WPort, uint64(in))
	o.learning = nil
	o.stack, o.most, o.clones, o.passed, o.leaving = nil, 0, 0, nil, 0
	o.queue, o.queued = 0, map[[2]uint32]uint64{}
	o.set, o.out, o.table, o.depth, o.lookups, o.exit, o.hits, o.blind = nil, nil, 0, 0, 0, false, nil, false
	o.types, o.popped, o.copied, o.shown, o.odd, o.gaveUp, o.paused, o.over = nil, 0, false, nil, false, false, false, false
	if p := o.port(in); p != nil && (p.NoRecv || p.Down) {
		return nil, nil
	}
	o.wrote(nil)
	o.limit, o.inSet, o.failed = 0, false, nil
	err := o.lookup(in, 0, false)
	if err == nil {
		err = o.finish()
	}
	o.over = errors.Is(err, errLimit)
	if o.over && o.paused {
		return nil, errTags // the limits of what goes on after a pause are its own
	}
	if o.over {
		o.queued = nil
		return nil, nil
	}
	return o.out, err
}

// finish executes the action set.
func (o *oracle) finish() error {
	list := ordered(o.set)
	if len(list) == 0 {
		return nil
	}
	o.exit, o.inSet = false, true
	_, err := o.run(list)
	o.inSet = false
	return err
}

// wrote makes set the action set, which a field tells the output of.
func (o *oracle) wrote(set []Action) {
	o.set = set
	out := flow.PortUnset
	for _, a := range set {
		switch a.Kind {
		case ActOutput:
			out = a.Port
		case ActController:
			out = flow.PortController
		}
	}
	if slices.ContainsFunc(set, func(a Action) bool { return a.Kind == ActGroup }) {
		out = flow.PortUnset
	}
	o.meta.Set(flow.WSet, uint64(out)<<32)
}

// egress is the way of a packet that leaves by port n.
func (o *oracle) egress(n uint32) {
	if o.clones == actions.MaxClones {
		o.failed = errLimit
		return
	}
	was := *o
	o.clones++
	o.frame, o.stack = bytes.Clone(o.frame), slices.Clone(o.stack)
	o.leaving, o.limit, o.most, o.table, o.inSet = n, o.most, 0, 0, false
	o.wrote([]Action{{Kind: ActOutput, Port: n}})
	err := o.lookup(o.meta.InPort(), o.first, false)
	if err == nil {
		err = o.finish()
	}
	was.out, was.hits, was.passed, was.lookups, was.blind, was.learning = o.out, o.hits, o.passed, o.lookups, o.blind, o.learning
	was.shown, was.odd, was.paused = o.shown, o.odd, o.paused
	*o = was
	if err != nil {
		o.failed = err
	}
}

// ordered is an action set in the order of the standard; nothing where it sends nowhere.
func ordered(set []Action) (list []Action) {
	some := func(kinds ...Kind) bool {
		return slices.ContainsFunc(set, func(a Action) bool { return slices.Contains(kinds, a.Kind) })
	}
	last := func(kinds ...Kind) {
		for i := len(set) - 1; i >= 0; i-- {
			if slices.Contains(kinds, set[i].Kind) {
				list = append(list, set[i])
				return
			}
		}
	}
	outputs := []Kind{ActOutput, ActOutputReg, ActController}
	if !some(outputs...) && !some(ActGroup, ActResubmit) {
		return nil
	}
	last(ActCopyTTLIn)
	last(ActPopVLAN)
	last(ActPopMPLS)
	last(ActPushMPLS)
	last(ActPushVLAN)
	last(ActCopyTTLOut)
	last(ActDecTTL, ActDecTTLIDs)
	last(ActDecMPLSTTL)
	for _, a := range set {
		switch a.Kind {
		case ActSetField, ActLoad, ActMove, ActModVID, ActModPCP, ActModTTL, ActModMPLSTTL, ActSetTunnel, ActSetTunnel64:
			list = append(list, a)
		}
	}
	last(ActSetQueue)
	switch {
	case some(ActGroup):
		last(ActGroup)
	case some(outputs...):
		last(outputs...)
	default:
		last(ActResubmit)
	}
	return list
}

func (o *oracle) port(n uint32) *Port {
	for i := range o.ports {
		if o.ports[i].OFPort == n {
			return &o.ports[i]
		}
	}
	return nil
}

func (o *oracle) lookup(in uint32, table uint8, again bool) error {
	back := o.lookups > 0 && table <= o.table
	if back {
		o.depth++
		defer func() { o.depth-- }()
	}
	if o.depth > 64 || o.lookups >= 4096 {
		return errLimit
	}
	o.lookups++
	if tags(o.frame) > 2 {
		return errTags
	}
	k := extract(o.frame, &o.meta)
	flow.InPort.Set(&k, flow.Value{Lo: uint64(in)})
	if k.NwFrag()&flow.FragAny != 0 {
		switch o.frags {
		case FragDrop:
			o.lookups-- // no table is asked
			return nil
		case FragNormal:
			k.W[flow.WL4] &= 0xffffffff
		}
	}
	best := o.find(table, &k)
	if best == nil {
		if o.leaving != 0 && !again {
			o.wrote(nil)
		}
		return nil
	}
	o.hits = append(o.hits, best)
	was := o.table
	o.table = table
	defer func() { o.table = was }()
	on, err := o.run(best.Do.Apply)
	if !on || err != nil {
		return err
	}
	if best.Do.Clear {
		o.set = nil
	}
	o.wrote(append(o.set, best.Do.Write...))
	if m := best.Do.MetadataMask; m != 0 {
		o.write(flow.Metadata, flow.Value{Lo: best.Do.Metadata}, flow.Value{Lo: m})
	}
	if best.Do.Goto != 0 {
		return o.lookup(o.meta.InPort(), best.Do.Goto, false)
	}
	return nil
}

// find returns the flow for a packet: the one with the highest priority that matches, unless
// flows of higher priority together make it one of a conjunction.
func (o *oracle) find(table uint8, k *flow.Key) (best *Flow) {
	conj := map[uint16]map[uint32]map[uint8]bool{} // by priority and number: the clauses that are fulfilled
	of := map[uint32]int{}
	for i := range o.flows {
		f := &o.flows[i]
		if f.Table != table || !f.Match.Matches(k) {
			continue
		}
		hard := true
		for _, a := range f.Do.Apply {
			if a.Kind != ActConjunction {
				continue
			}
			hard = false
			c := a.List.Conjunction
			if conj[f.Priority] == nil {
				conj[f.Priority] = map[uint32]map[uint8]bool{}
			}
			if conj[f.Priority][c.ID] == nil {
				conj[f.Priority][c.ID] = map[uint8]bool{}
			}
			conj[f.Priority][c.ID][c.Clause] = true
			of[c.ID] = int(c.Clauses)
		}
		if hard && (best == nil || f.Priority > best.Priority) {
			best = f
		}
	}
	if len(conj) == 0 || !flow.ConjID.Get(k).IsZero() {
		return best
	}
	for _, p := range slices.Backward(slices.Sorted(maps.Keys(conj))) {
		if best != nil && p <= best.Priority {
			break
		}
		for id := uint32(1); id < 8; id++ {
			if n := len(conj[p][id]); n > 0 && n == of[id] {
				as := *k
				flow.ConjID.Set(&as, flow.Value{Lo: uint64(id)})
				if f := o.find(table, &as); f != nil {
					return f
				}
				break
			}
		}
	}
	return best
}

// get reads a field of the packet as it is now; absent says that it has none.
func (o *oracle) get(f flow.Field) (v flow.Value, present bool) {
	k := extract(o.frame, &o.meta)
	if f == flow.VlanVID && k.VlanTCI() == 0 {
		return v, false
	}
	return f.Get(&k), flow.Fields[f].Pre.Met(&k)
}

// write writes a field of the packet or of its metadata.
func (o *oracle) write(f flow.Field, v, m flow.Value) {
	if _, ok := o.get(f); !ok {
		return
	}
	if flow.Fields[f].Word < flow.StageL2 {
		old := f.Get(&o.meta)
		n := old.AndNot(m).Or(v.And(m))
		if f == flow.InPort {
			n = flow.Value{Lo: uint64(widePort(v.And(m)))}
		}
		f.Set(&o.meta, n)
		return
	}
	switch f {
	case flow.VlanTCI: // its CFI bit says whether there is a tag
		k := extract(o.frame, &o.meta)
		tci := f.Get(&k).AndNot(m).Or(v.And(m))
		switch has := o.tagged(); {
		case tci.Lo&0x1000 == 0 && has:
			o.frame = popTag(o.frame)
		case tci.Lo&0x1000 == 0:
		case !has:
			o.frame = pushTag(o.frame, 0x8100, uint16(tci.Lo))
		default:
			poke(o.frame, f, tci, f.Full(), o.blind)
		}
	case flow.VlanVID:
		poke(o.frame, flow.VlanTCI, v, m, o.blind)
	case flow.DlVlanPCP:
		poke(o.frame, flow.VlanTCI, v.Shl(13), m.Shl(13), o.blind)
	default:
		poke(o.frame, f, v, m, o.blind)
	}
}

func (o *oracle) tagged() bool { return tags(o.frame) > 0 }

// run executes actions; on is false when the flow's other instructions are off.
func (o *oracle) run(list []Action) (on bool, err error) {
	for _, a := range list {
		if o.exit {
			return false, nil
		}
		switch a.Kind {
		case ActOutput:
			o.output(a.Port)
		case ActOutputReg:
			if v, ok := o.get(a.Src.Field); ok {
				o.output(widePort(v.Shr(uint(a.Src.Lo)).And(flow.Ones(uint(a.Src.Bits)))))
			}
		case ActResubmit:
			in, t := a.Port, a.Table
			if in == PortKeep {
				in = o.meta.InPort()
			}
			if t == TableKeep {
				t = o.table
			}
			if o.first != 0 && (t >= o.first) != (o.leaving != 0) {
				continue // a bucket's, of the other stage
			}
			if err := o.lookup(in, t, true); err != nil {
				return false, err
			}
		case ActSetField:
			o.write(a.Dst.Field, a.Value, a.Mask)
		case ActLoad:
			o.write(a.Dst.Field, a.Value.Shl(uint(a.Dst.Lo)), a.Dst.mask())
		case ActMove:
			v, ok := o.get(a.Src.Field)
			if ok || a.Src.Field == flow.VlanVID { // which is 0 where there is no tag
				o.write(a.Dst.Field, v.Shr(uint(a.Src.Lo)).Shl(uint(a.Dst.Lo)), a.Dst.mask())
			}
		case ActModVID, ActModPCP:
			if !o.tagged() {
				o.frame = pushTag(o.frame, 0x8100, 0)
			}
			if a.Kind == ActModVID {
				poke(o.frame, flow.VlanTCI, a.Value, flow.Value{Lo: 0xfff}, o.blind)
			} else {
				poke(o.frame, flow.VlanTCI, a.Value.Shl(13), flow.Value{Lo: 0xe000}, o.blind)
			}
		case ActSetTunnel, ActSetTunnel64:
			o.write(flow.TunID, a.Value, flow.TunID.Full())
		case ActModTTL:
			o.write(flow.IPTTL, a.Value, flow.IPTTL.Full())
		case ActPushVLAN:
			o.frame = pushTag(o.frame, a.EtherType, 0)
		case ActPopVLAN:
			if o.tagged() {
				o.frame = popTag(o.frame)
			}
		case ActController:
			most := uint16(actions.WholePacket) // there are no buffers
			if o.limit > 0 {
				most = min(most, uint16(o.limit))
			}
			if a.List.Controller.Pause {
				// And it is given back at once, as it was but for its queue.
				most, o.paused, o.queue = actions.WholePacket, true, 0
			}
			o.out = append(o.out, told(most, a.List.Controller.ID, a.List.Controller.UserData, &o.meta, o.frame))
		case ActOutputTrunc:
			o.most = int(a.MaxLen)
			o.output(a.Port)
			o.most = 0
		case ActClone:
			if err := o.clone(a.List.Actions); err != nil {
				return false, err
			}
		case ActGroup:
			if err := o.group(a.Group); err != nil {
				return false, err
			}
		case ActLearn:
			o.learn(a.List.Learn)
		case ActCheckPktLarger:
			larger := flow.Value{}
			if len(o.frame)-o.behind > int(a.MaxLen) {
				larger.Lo = 1
			}
			o.write(a.Dst.Field, larger.Shl(uint(a.Dst.Lo)), a.Dst.mask())
		case ActPush:
			v, _ := o.get(a.Src.Field)
			o.stack = append(o.stack, v.Shr(uint(a.Src.Lo)).And(flow.Ones(uint(a.Src.Bits))))
		case ActPop:
			if n := len(o.stack); n > 0 {
				o.write(a.Dst.Field, o.stack[n-1].Shl(uint(a.Dst.Lo)), a.Dst.mask())
				o.stack = o.stack[:n-1]
			}
		case ActMultipath:
			m := a.List.Multipath
			o.write(m.Dst.Field, flow.Value{Lo: uint64(linkOf(m, o.hash(m.Fields, m.Basis)))}.Shl(uint(m.Dst.Lo)), m.Dst.mask())
		case ActBundle:
			b := a.List.Bundle
			var up []uint32
			for i, n := range b.Slaves {
				if p := o.port(n); n == flow.PortIn || n == flow.PortNormal || p != nil && p.Up && !p.Down {
					up = append(up, uint32(i))
				}
			}
			n := uint32(AnyPort)
			if len(up) > 0 {
				first := up[0]
				if b.HRW {
					h := o.hash(b.Fields, b.Basis)
					slices.SortStableFunc(up, func(i, j uint32) int { return cmp.Compare(weight(h, j), weight(h, i)) })
					first = up[0]
				}
				n = b.Slaves[first]
			}
			if b.Dst.Bits != 0 {
				o.write(b.Dst.Field, flow.Value{Lo: uint64(n & 0xffff)}.Shl(uint(b.Dst.Lo)), b.Dst.mask())
			} else if n != AnyPort {
				o.output(n)
			}
		case ActPushMPLS:
			if len(o.types) == 8 {
				return false, errLimit
			}
			o.pushMPLS(a.EtherType)
		case ActPopMPLS:
			if err := o.popMPLS(a.EtherType); err != nil {
				return false, err
			}
		case ActModMPLSTTL:
			o.write(flow.MPLSTTL, a.Value, flow.MPLSTTL.Full())
		case ActCopyTTLOut:
			if _, ok := o.get(flow.MPLSTTL); ok {
				if at := underLabel(o.frame); at >= 0 {
					o.frame[14+4*tags(o.frame)+3] = o.frame[at]
				}
			}
		case ActCopyTTLIn:
			if _, ok := o.get(flow.MPLSTTL); ok {
				copyTTLIn(o.frame)
				o.copied = o.copied || len(o.types) == 0
			}
		case ActDecTTL, ActDecTTLIDs, ActDecMPLSTTL:
			f := flow.IPTTL
			if a.Kind == ActDecMPLSTTL {
				f = flow.MPLSTTL
			}
			v, ok := o.get(f)
			if ok && v.Lo <= 1 {
				if o.leaving != 0 {
					o.wrote(nil)
				}
				return false, nil
			}
			if ok {
				o.write(f, flow.Value{Lo: v.Lo - 1}, f.Full())
			}
		case ActSetQueue:
			o.queue = a.Queue
		case ActPopQueue:
			o.queue = 0
		case ActEnqueue:
			was := o.queue
			o.queue = a.Queue
			o.output(a.Port)
			o.queue = was
		case ActExit:
			o.exit = true
			return false, nil
		}
		if o.failed != nil {
			return false, o.failed
		}
		if tags(o.frame) > 2 {
			return false, errTags
		}
	}
	return !o.exit, nil
}

// hash hashes what multipath and bundle name, read from the packet's key at once.
func (o *oracle) hash(fields HashFields, basis uint16) uint32 {
	k := extract(o.frame, &o.meta)
	fold := func(v flow.Value) uint64 { return v.Hi ^ (v.Lo<<32 | v.Lo>>32) }
	var vals []uint64
	pair := func(f, g flow.Field) {
		a, b := f.Get(&k), g.Get(&k)
		if flow.Fields[f].Bits == 128 {
			vals = append(vals, a.Hi+b.Hi^fold(flow.Value{Lo: a.Hi ^ b.Hi}))
		}
		vals = append(vals, a.Lo+b.Lo^fold(flow.Value{Lo: a.Lo ^ b.Lo}))
	}
	ip := flow.PreIP.Met(&k)
	l3 := fields == HashSymmetricL3 || fields == HashSymmetricL3L4 || fields == HashSymmetricL3L4UDP || fields == HashSymmetricL4
	l4 := l3 && fields != HashSymmetricL3
	switch fields {
	case HashEthSrc:
		vals = append(vals, fold(flow.EthSrc.Get(&k)))
	case HashSymmetricL4:
		pair(flow.EthSrc, flow.EthDst)
		vals = append(vals, uint64(k.EthType()), uint64(k.VlanTCI()&0x1fff))
	case HashNwSrc:
		if k.EthType() == 0x0800 {
			vals = append(vals, fold(flow.IPv4Src.Get(&k)))
		} else if ip {
			vals = append(vals, fold(flow.IPv6Src.Get(&k)))
		}
	case HashNwDst:
		if k.EthType() == 0x0800 {
			vals = append(vals, fold(flow.IPv4Dst.Get(&k)))
		} else if ip {
			vals = append(vals, fold(flow.IPv6Dst.Get(&k)))
		}
	}
	if l3 && ip {
		if k.EthType() == 0x0800 {
			pair(flow.IPv4Src, flow.IPv4Dst)
		} else {
			pair(flow.IPv6Src, flow.IPv6Dst)
		}
	}
	if l4 && ip {
		vals = append(vals, uint64(k.NwProto()))
		if flow.PreTCP.Met(&k) || flow.PreSCTP.Met(&k) || flow.PreUDP.Met(&k) && fields == HashSymmetricL3L4UDP {
			pair(flow.TCPSrc, flow.TCPDst)
		}
	}
	return hashValues(basis, vals)
}

// learn makes a flow of the packet as it is now, field by field.
func (o *oracle) learn(l *Learn) {
	f := &Flow{Table: l.Table, Priority: l.Priority, Cookie: l.Cookie, IdleTimeout: l.Idle, HardTimeout: l.Hard}
	if l.FinIdle+l.FinHard > 0 {
		f.Do.Apply = []Action{{Kind: ActFinTimeout, List: &Lists{FinIdle: l.FinIdle, FinHard: l.FinHard}}}
	}
	for _, s := range l.Specs {
		v := s.Value
		if s.Src.Bits > 0 {
			if v, _ = o.get(s.Src.Field); true {
				v = v.Shr(uint(s.Src.Lo)).And(flow.Ones(uint(s.Src.Bits)))
			}
		}
		switch s.Kind {
		case LearnMatch:
			f.Match.SetMasked(s.Dst.Field, v.Shl(uint(s.Dst.Lo)), s.Dst.mask())
		case LearnLoad:
			f.Do.Apply = append(f.Do.Apply, Action{Kind: ActLoad, Dst: s.Dst, Value: v})
		case LearnOutput:
			f.Do.Apply = append(f.Do.Apply, Action{Kind: ActOutput, Port: widePort(v)})
		}
	}
	same, n := false, 0
	for i := range o.flows {
		if o.flows[i].Table == f.Table && o.flows[i].Cookie == f.Cookie {
			n++
		}
		same = same || o.flows[i].id() == f.id()
	}
	ok := same || l.Limit == 0 || n < int(l.Limit)
	if ok {
		o.learning = append(o.learning, f)
	}
	if l.Result.Bits > 0 {
		v := flow.Value{}
		if ok {
			v.Lo = 1
		}
		o.write(l.Result.Field, v.Shl(uint(l.Result.Lo)), l.Result.mask())
	}
}

// learnNow adds what the last packet taught.
func (o *oracle) learnNow() {
	for _, f := range o.learning {
		i := slices.IndexFunc(o.flows, func(g Flow) bool { return g.id() == f.id() })
		if i < 0 {
			o.flows = append(o.flows, *f)
			continue
		}
		o.flows[i].Do, o.flows[i].Cookie = f.Do, f.Cookie
	}
	o.learning = nil
}

func (o *oracle) pushMPLS(typ uint16) {
	lse := uint32(64 | 1<<8)
	if label, ok := o.get(flow.MPLSLabel); ok {
		tc, _ := o.get(flow.MPLSTC)
		ttl, _ := o.get(flow.MPLSTTL)
		lse = uint32(label.Lo<<12 | tc.Lo<<9 | ttl.Lo)
	} else if ttl, ok := o.get(flow.IPTTL); ok {
		if ttl.Lo != 0 {
			lse = 1<<8 | uint32(ttl.Lo)
		}
		dscp, _ := o.get(flow.IPDSCP)
		lse |= uint32(dscp.Lo&7) << 9
		if typ, _ := o.get(flow.EthType); typ.Lo == 0x86dd {
			lse |= 2 << 12
		}
	}
	k := extract(o.frame, &o.meta)
	o.types = append(o.types, k.EthType())
	o.frame = pushLabel(o.frame, typ, lse)
}

func (o *oracle) popMPLS(typ uint16) error {
	if _, ok := o.get(flow.MPLSLabel); !ok {
		return nil
	}
	if bos, _ := o.get(flow.MPLSBOS); o.copied && isMPLS(typ) && !bos.IsZero() {
		return errLie // and whose checksum, of which nothing is known here, is the label's
	}
	o.frame = popLabel(o.frame, typ)
	o.blind = true
	if n := len(o.types); n == 0 {
		o.popped++
		o.odd = o.odd || o.copied && typ != 0x0800 && typ != 0x86dd
	} else {
		o.odd = o.odd || o.types[n-1] != typ && !(isMPLS(o.types[n-1]) && isMPLS(typ))
		o.types = o.types[:n-1]
	}
	if as := (shown{o.popped, typ}); !isMPLS(typ) && !slices.Contains(o.shown, as) {
		o.shown = append(o.shown, as)
		o.odd = o.odd || len(o.shown) > 1
	}
	k := extract(o.frame, &o.meta)
	if flow.PreIP.Met(&k) && k.W[flow.WIPv4]|k.W[flow.WIPv6SrcHi] == 0 || typ == 0x0806 && k.W[flow.WIP] == 0 {
		return errLie
	}
	return nil
}

func (o *oracle) output(n uint32) {
	in := o.meta.InPort()
	switch n {
	case flow.PortIn:
		o.send(in)
	case flow.PortAll, flow.PortFlood:
		for _, p := range o.ports {
			if p.OFPort != in && (n == flow.PortAll || !p.NoFlood) {
				o.send(p.OFPort)
			}
		}
	case flow.PortNormal:
		o.normal(in)
	default:
		if n != in || n == o.leaving && o.inSet {
			o.send(n)
		}
	}
}

func (o *oracle) send(n uint32) {
	if p := o.port(n); p != nil && p.Up && !p.Down && !p.NoFwd {
		if o.first != 0 && o.leaving == 0 {
			o.egress(n)
			return
		}
		f := o.frame
		for _, most := range []int{o.most, o.limit} {
			if most > 0 {
				f = f[:min(len(f), most)]
			}
		}
		o.out = append(o.out, sent{n, string(f)})
		if q, ok := o.queueOf(p); ok {
			o.queued[[2]uint32{n, q}]++
		}
	}
}

// queueOf says by which queue of a port the packet is sent.
func (o *oracle) queueOf(p *Port) (id uint32, ok bool) {
	if p.Queues == nil {
		return 0, false
	}
	for _, want := range []uint32{o.queue, 0} {
		for _, q := range p.Queues.list {
			if q.ID == want {
				return want, true
			}
		}
	}
	return 0, false
}

// normal is IEEE 802.1Q bridging in so many words.
func (o *oracle) normal(in uint32) {
	p := o.port(in)
	if p == nil {
		return
	}
	k := extract(o.frame, &o.meta)
	if t := k.EthType(); (t == 0x8100 || t == 0x88a8) && k.VlanTCI()&flow.VlanCFI == 0 { // a tag that the frame's end cuts off
		return
	}
	vid := k.VlanTCI() & 0xfff
	vlan := vid
	carries := func(p *Port, v uint16) bool {
		if p.Mode == Access {
			return v == p.Tag
		}
		if p.Mode != Trunk && v == p.Tag {
			return true
		}
		return p.Trunks.Len() == 0 || p.Trunks.Has(v)
	}
	switch {
	case p.Mode == Access && vid != 0:
		return
	case p.Mode == Access, p.Mode != Trunk && vid == 0:
		vlan = p.Tag
	case !carries(p, vid):
		return
	}
	if k.EthDst()>>4 == 0x0180c200000 {
		return
	}
	leave := func(q *Port) {
		if !carries(q, vlan) {
			return
		}
		was := o.frame
		o.frame = bytes.Clone(was)
		tag := vlan
		strips := q.Mode == Access || q.Mode == NativeUntagged && vlan == q.Tag
		if strips {
			tag = 0
		}
		switch {
		case tag == 0 && o.tagged() && !strips && k.VlanTCI()>>13 != 0: // a priority stays
		case tag == 0 && o.tagged():
			o.frame = popTag(o.frame)
		case tag != 0 && !o.tagged():
			o.frame = pushTag(o.frame, 0x8100, tag)
		case tag != 0:
			poke(o.frame, flow.VlanTCI, flow.Value{Lo: uint64(tag)}, flow.Value{Lo: 0xfff}, o.blind)
		}
		o.send(q.OFPort)
		o.frame = was
	}
	if k.EthDst()>>40&1 == 0 {
		if k.EthDst() == k.EthSrc() { // the port that has just learned it
			return
		}
		if at, ok := o.fdb[makeFDBKey(vlan, k.EthDst())]; ok {
			if q := o.port(at); q != nil && at != in {
				leave(q)
			}
			return
		}
	}
	for i := range o.ports {
		if q := &o.ports[i]; q.OFPort != in && !q.NoFlood {
			leave(q)
		}
	}
}

// execute interprets a program on a frame, op by op.
// A packet that pauses is given to resume, unless that is nil.
func execute(p *actions.Program, frame []byte, resume func(*actions.Punt, []byte) []sent) []sent {
	return executeOps(p, p.Ops, frame, resume)
}

func executeOps(p *actions.Program, ops []actions.Op, frame []byte, resume func(*actions.Punt, []byte) []sent) (out []sent) {
	f, popped := bytes.Clone(frame), false
	for n := 0; n < len(ops); n++ {
		switch op := &ops[n]; op.Code {
		case actions.OpOutput:
			part := f
			if most := int(op.V.Lo); most > 0 {
				part = f[:min(len(f), most)]
			}
			out = append(out, sent{op.B, string(part)})
		case actions.OpController:
			var k flow.Key
			c := &p.Punts[op.A]
			c.Key(&k)
			out = append(out, told(c.MaxLen, c.ID, c.UserData, &k, f))
			if c.Frozen != nil && resume != nil {
				out = append(out, resume(c, f)...)
			}
		case actions.OpClone:
			out = append(out, executeOps(p, ops[n+1:n+1+int(op.A)], f, resume)...)
			n += int(op.A)
		case actions.OpCopyTTLIn:
			copyTTLIn(f)
		case actions.OpSet:
			poke(f, op.Field, op.V, op.M, popped)
		case actions.OpPushVLAN:
			f = pushTag(f, uint16(op.A>>16), uint16(op.A))
		case actions.OpPopVLAN:
			f = popTag(f)
		case actions.OpPushMPLS:
			f = pushLabel(f, uint16(op.A), op.B)
		case actions.OpPopMPLS:
			f, popped = popLabel(f, uint16(op.A)), true
		}
	}
	return out
}

// told is a packet as a controller gets it: its bytes, and what it is told of it.
func told(maxLen, id uint16, userData string, k *flow.Key, frame []byte) sent {
	text := fmt.Sprintf("|%d %x %d", id, userData, k.InPort())
	for _, w := range &actions.PuntWords {
		text += fmt.Sprintf(" %x", k.W[w])
	}
	return sent{flow.PortController, string(frame[:min(len(frame), int(maxLen))]) + text}
}

// refused says whether a translation gave up because what is under a label was read as two
// things, or was written as another thing than it is read as.
func (o *oracle) refused(p *actions.Program) bool {
	return (p.Drop == actions.DropHidden || o.gaveUp) && o.odd
}

// sameSent compares what left, in any order, as flooding has none.
func sameSent(a, b []sent) bool {
	less := func(x, y sent) int {
		if x.port != y.port {
			return int(x.port) - int(y.port)
		}
		return bytes.Compare([]byte(x.frame), []byte(y.frame))
	}
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, less)
	slices.SortFunc(b, less)
	return slices.Equal(a, b)
}

func showSent(s []sent) (t string) {
	for _, x := range s {
		t += fmt.Sprintf("\n    %d: %x", x.port, x.frame)
	}
	return t
}

// behindIP returns how many bytes of a frame its IP packet does not count as its own.
func behindIP(frame []byte) int {
	var k flow.Key
	switch _, l3, l4 := flow.ExtractOne(frame, 0, &k); {
	case l3 == packet.None && l4 == packet.None:
	case k.EthType() == etherTypeIPv4:
		return len(frame[l3:]) - int(binary.BigEndian.Uint16(frame[l3+2:]))
	case k.EthType() == etherTypeIPv6:
		return len(frame[l3:]) - 40 - int(binary.BigEndian.Uint16(frame[l3+4:]))
	}
	return 0
}
