package pmd_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"pollux/flow"
)

// caseMaker makes random cases. Flows match what the case's frames have, under random masks.
type caseMaker struct {
	frameMaker
	keys   []flow.Key
	tables int
	groups int
	learns bool
	joins  bool // conjunctions
	cuts   bool // max_len, which Open vSwitch counts before tags and labels come and go: so none do
	pushes bool // flows of table 0 push a tag; Open vSwitch has two at most
	pushed bool // this one has
	popped bool // this one has popped a label

	deep int // clones around what is being made; in them no label is popped, as Open vSwitch may forget what follows

	pushedLabel bool // this one has pushed a label; Open vSwitch has three at most
	clones      bool // there are clones, and so no action sets: Open vSwitch keeps what clones wrote there; nor loops, for which the limits differ
	exits       bool // there is exit, and so neither: Open vSwitch has it end both
	back        bool // groups resubmit, and so no action sets: Open vSwitch keeps what is written on the way
	loops       bool // resubmits go back
	normal      bool // there is NORMAL, which learns addresses
	labels      bool // labels are pushed rather than popped, as Open vSwitch takes what was pushed for never having been there
}

// matchable are the fields that flows match beside dl_type and nw_proto; registers apart.
var matchable = []flow.Field{flow.EthSrc, flow.EthDst, flow.VlanTCI, flow.VlanVID, flow.DlVlanPCP, flow.MPLSLabel, flow.MPLSTC, flow.MPLSBOS, flow.MPLSTTL,
	flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.IPv6Label, flow.IPDSCP, flow.IPECN, flow.IPTTL, flow.IPFrag,
	flow.ARPOp, flow.ARPSPA, flow.ARPTPA, flow.ARPSHA, flow.ARPTHA, flow.TCPSrc, flow.TCPDst, flow.TCPFlags, flow.UDPSrc, flow.UDPDst,
	flow.SCTPSrc, flow.SCTPDst, flow.ICMPType, flow.ICMPCode, flow.ICMPv6Type, flow.ICMPv6Code, flow.NDTarget, flow.NDSLL, flow.NDTLL}

// registers are what actions write and later tables match.
var registers = []flow.Field{flow.Reg0, flow.Reg1, flow.Reg2, flow.Reg3, flow.Reg7, flow.Reg15, flow.XReg0, flow.XReg1, flow.XXReg0, flow.Metadata, flow.TunID}

// writable are fields of packets that actions write.
var writable = []flow.Field{flow.EthSrc, flow.EthDst, flow.VlanVID, flow.DlVlanPCP, flow.MPLSLabel, flow.MPLSTC, flow.MPLSTTL,
	flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.IPv6Label, flow.IPDSCP, flow.IPECN, flow.IPTTL,
	flow.ARPOp, flow.ARPSPA, flow.ARPTPA, flow.ARPSHA, flow.ARPTHA, flow.TCPSrc, flow.TCPDst, flow.UDPSrc, flow.UDPDst,
	flow.SCTPSrc, flow.SCTPDst, flow.ICMPType, flow.ICMPCode, flow.ICMPv6Type, flow.ICMPv6Code, flow.NDTarget, flow.NDSLL, flow.NDTLL}

// makeCase makes the case of a seed, as yet without answers.
func makeCase(seed uint64) *ovsCase {
	m := caseMaker{frameMaker: frameMaker{Rand: rand.New(rand.NewPCG(seed, 17)), tags: 2}}
	if m.pushes = m.IntN(2) == 0; m.pushes {
		m.frameMaker.tags, m.plain = 1, m.IntN(2) == 0
	}
	m.exits = m.IntN(6) == 0
	m.labels = m.IntN(2) == 0
	m.snap = !m.labels // behind whose header Open vSwitch pushes labels, as Pollux does not
	m.clones = !m.exits && m.IntN(2) == 0
	m.later = m.IntN(6) == 0
	if m.normal = m.IntN(8) == 0; m.normal && m.IntN(4) > 0 {
		m.some, m.frameMaker.tags = 1, max(m.frameMaker.tags, 1)
	} else if m.normal {
		m.frameMaker.tags = 1
	}
	m.pushes = m.pushes && !m.normal
	c := &ovsCase{name: fmt.Sprint(seed)}
	if m.later || m.IntN(8) == 0 {
		c.frags = ovsFrags[m.IntN(len(ovsFrags))]
	}
	for n := 6 + m.IntN(8); len(c.frames) < n; {
		f := ovsFrame{in: uint32(m.pick(1, 1, 2, 2, 3, 4, 5)), data: m.frame()}
		if m.IntN(20) == 0 {
			f.in = flow.PortLocal
		}
		var k flow.Key
		flow.ExtractOne(f.data, f.in, &k)
		if (flow.PreIP.Met(&k) || flow.PreARP.Met(&k)) && k.NwProto() == 0 {
			continue // Open vSwitch writes to no header of protocol 0, which broken ones have too
		}
		if m.normal && k.EthSrc() == k.EthDst() {
			continue // what the first NORMAL learns is known to the packet's next
		}
		c.frames = append(c.frames, f)
		m.keys = append(m.keys, k)
	}
	m.tables = 1 + m.IntN(4)
	m.learns = m.IntN(12) == 0
	m.joins = m.IntN(8) == 0
	m.cuts = m.IntN(8) == 0
	m.loops = !m.labels && !m.clones && m.IntN(20) == 0
	for range m.pick(0, 0, 1, 2, 4) {
		c.groups = append(c.groups, m.group())
	}
	if m.IntN(2) == 0 && m.groups > 0 { // what groups resubmit to: without groups
		m.tables++
		groups := m.groups
		m.groups = 0
		for i := range 1 + m.IntN(3) {
			x := m.match()
			c.flows = append(c.flows, m.line(&x, m.tables-1, 500+i, m.actions(&x, m.tables-1)))
		}
		m.groups, m.tables = groups, m.tables-1
	}
	priorities := m.Perm(200)
	for i := range 3 + m.IntN(20) {
		// All of them differ, as of flows that overlap either may win.
		c.flows = append(c.flows, m.flow(priorities[i]+1)...)
	}
	c.flows = unshadowed(c.flows)
	return c
}

// unshadowed leaves out flows whose match is that of a part of a conjunction: those of lower
// priority Open vSwitch does not find when it looks the conjunction's number up.
func unshadowed(flows []string) []string {
	match := func(f string) string {
		f, _, _ = strings.Cut(f, " ")
		table, rest, _ := strings.Cut(f, ",priority=")
		_, rest, _ = strings.Cut(rest, ",")
		return table + "," + rest
	}
	parts := map[string]bool{}
	for _, f := range flows {
		if strings.Contains(f, "conjunction(") {
			parts[match(f)] = true
		}
	}
	return slices.DeleteFunc(flows, func(f string) bool { return parts[match(f)] && !strings.Contains(f, "conjunction(") })
}

// match draws a match that a frame of the case may well meet.
func (m *caseMaker) match() (x flow.Match) {
	k := m.keys[m.IntN(len(m.keys))]
	if m.IntN(8) > 0 {
		flow.EthType.Set(&x.Key, flow.EthType.Get(&k))
		flow.EthType.OrMask(&x.Mask, flow.EthType.Full())
		if flow.PreIP.Met(&k) && m.IntN(4) > 0 {
			x.SetMasked(flow.IPProto, flow.IPProto.Get(&k), flow.IPProto.Full())
		}
		if flow.PreND.Met(&k) && !flow.IPProto.GetMask(&x.Mask).IsZero() && m.IntN(3) > 0 {
			x.SetMasked(flow.ICMPv6Type, flow.ICMPv6Type.Get(&k), flow.ICMPv6Type.Full())
			x.SetMasked(flow.ICMPv6Code, flow.Value{}, flow.ICMPv6Code.Full())
		}
		if flow.PreMPLS.Met(&k) && m.IntN(3) > 0 {
			x.SetMasked(flow.MPLSBOS, flow.MPLSBOS.Get(&k), flow.MPLSBOS.Full())
		}
	}
	if m.IntN(6) == 0 {
		x.SetMasked(flow.InPort, flow.InPort.Get(&k), flow.InPort.Full())
	}
	for range m.IntN(4) {
		f := matchable[m.IntN(len(matchable))]
		if m.IntN(8) == 0 {
			f = registers[m.IntN(len(registers))]
		} else if usable := m.usable(matchable, &x); m.IntN(3) > 0 {
			f = usable[m.IntN(len(usable))]
		}
		if flow.Prereqs(f, &x.Key, &x.Mask) != nil {
			continue
		}
		v, mask := f.Get(&k), f.Full()
		if flow.Fields[f].Word < flow.StageL2 {
			v = flow.Value{Lo: uint64(m.IntN(4))}
		}
		if m.IntN(8) == 0 {
			v = v.Xor(flow.Value{Lo: 1}.Shl(uint(m.IntN(int(flow.Fields[f].Bits)))))
		}
		switch {
		case !flow.Fields[f].Maskable || m.IntN(2) == 0:
		case m.IntN(2) == 0: // a prefix
			mask = mask.AndNot(flow.Ones(uint(m.IntN(int(flow.Fields[f].Bits)))))
		default:
			mask = mask.And(m.mask())
		}
		switch f {
		case flow.IPFrag:
			mask = flow.Value{Lo: 3}
		case flow.VlanTCI: // OpenFlow 1.5 has no mask for the priority
			if mask.Lo&0xe000 != 0 {
				mask.Lo |= 0xf000
			}
			if v.Lo&0x1000 == 0 { // nor for one of no tag, which ovs-ofctl leaves out
				v.Lo &^= 0xe000
			}
		}
		if mask.IsZero() || f == flow.VlanTCI && v.Lo&mask.Lo&0x1000 == 0 && m.IntN(3) > 0 {
			continue
		}
		// No field twice, nor one that lies in another.
		if !f.GetMask(&x.Mask).IsZero() {
			continue
		}
		x.SetMasked(f, v.And(mask), mask)
	}
	return x
}

// mask draws any mask. Its first digit is a letter: ovs-ofctl takes 2f78:: for the length of a prefix.
func (m *caseMaker) mask() flow.Value {
	return flow.Value{Hi: m.Uint64() | 0xa<<60, Lo: m.Uint64()}
}

// usable returns the fields that packets of a match have.
func (m *caseMaker) usable(of []flow.Field, x *flow.Match) (list []flow.Field) {
	for _, f := range of {
		if flow.Prereqs(f, &x.Key, &x.Mask) == nil {
			list = append(list, f)
		}
	}
	return list
}

// flow makes a flow; of a conjunction several.
func (m *caseMaker) flow(priority int) []string {
	table := m.IntN(m.tables)
	x := m.match()
	if m.joins && m.IntN(3) == 0 {
		n, id := 2+m.IntN(2), 1+m.IntN(5)
		var lines []string
		for i := range n {
			for range 1 + m.IntN(2) {
				x := m.match()
				line := m.line(&x, table, priority, fmt.Sprintf("conjunction(%d,%d/%d)", id, i+1, n))
				head, _, _ := strings.Cut(line, " ")
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, head+" ") }) {
					lines = append(lines, line)
				}
			}
		}
		if m.IntN(2) == 0 {
			x = flow.Match{}
		}
		flow.ConjID.Set(&x.Key, flow.Value{Lo: uint64(id)})
		flow.ConjID.OrMask(&x.Mask, flow.ConjID.Full())
		return append(lines, m.line(&x, table, priority, m.actions(&x, table)))
	}
	return []string{m.line(&x, table, priority, m.actions(&x, table))}
}

func (m *caseMaker) line(x *flow.Match, table, priority int, actions string) string {
	s := fmt.Sprintf("table=%d,priority=%d", table, priority)
	if t := x.String(); t != "" {
		s += "," + t
	}
	return s + " actions=" + actions
}
