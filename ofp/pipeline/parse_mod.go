package pipeline

import (
	"strconv"

	"pollux/flow"
)

// mod reads mod_X:value as the set_field it is.
func (p *actionParser) mod(w piece, f flow.Field) (Action, error) {
	a := Action{Kind: ActSetField, Dst: Subfield{Field: f, Bits: flow.Fields[f].Bits}, Mask: f.Full()}
	if err := p.want(w, w.key+":VALUE"); err != nil {
		return a, err
	}
	if err := p.prereq(f, w); err != nil {
		return a, err
	}
	v, m, err := flow.ParseValue(f, w.value, p.ports)
	if err != nil {
		return a, p.inside(err, w.valOff)
	}
	if m != a.Mask {
		return a, p.errAt(w.valOff, len(w.value), "%s takes no mask; set_field does", w.key)
	}
	a.Value = v
	return a, nil
}

// number reads a value of at most so many bits.
func (p *actionParser) number(w piece, bits uint, example string) (uint64, error) {
	if err := p.want(w, example); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(w.value, 0, 64)
	if err != nil || n>>bits != 0 {
		return 0, p.errAt(w.valOff, len(w.value), "not a number from 0 to %d", uint64(1)<<bits-1)
	}
	return n, nil
}

func (p *actionParser) modTOS(w piece) (Action, error) {
	a := Action{Kind: ActSetField, Dst: Subfield{Field: flow.IPDSCP, Bits: 6}, Mask: flow.IPDSCP.Full()}
	n, err := p.number(w, 8, "mod_nw_tos:16")
	if err == nil && n&3 != 0 {
		err = p.errAt(w.valOff, len(w.value), "not a TOS: its lowest two bits are ECN and have to be 0")
	}
	if err == nil {
		err = p.prereq(flow.IPDSCP, w)
	}
	a.Value.Lo = n >> 2
	return a, err
}

func (p *actionParser) modTTL(w piece) (Action, error) {
	n, err := p.number(w, 8, "mod_nw_ttl:64")
	if err == nil {
		err = p.header(flow.IPTTL, w)
	}
	return Action{Kind: ActModTTL, Value: flow.Value{Lo: n}}, err
}

// setTunnel reads set_tunnel and set_tunnel64. As ovs-ofctl has it, an id of more than 32
// bits is set_tunnel64's under either name.
func (p *actionParser) setTunnel(w piece, k Kind) (Action, error) {
	n, err := p.number(w, 64, w.key+":5")
	if n>>32 != 0 {
		k = ActSetTunnel64
	}
	return Action{Kind: k, Value: flow.Value{Lo: n}}, err
}

func (p *actionParser) modPort(w piece, fields ...flow.Field) (Action, error) {
	f, err := p.pickPort(w, fields...)
	if err != nil {
		return Action{}, err
	}
	return p.mod(w, f)
}

func (p *actionParser) modVLAN(w piece, k Kind, bits uint) (Action, error) {
	n, err := p.number(w, bits, w.key+":1")
	p.match.SetMasked(flow.VlanTCI, flow.Value{Lo: flow.VlanCFI}, flow.Value{Lo: flow.VlanCFI})
	return Action{Kind: k, Value: flow.Value{Lo: n}}, err
}

func (p *actionParser) pushVLAN(w piece) (Action, error) {
	n, err := p.number(w, 16, "push_vlan:0x8100")
	if err == nil && n != 0x8100 && n != 0x88a8 {
		err = p.errAt(w.valOff, len(w.value), "not the type of a VLAN tag; it would be 0x8100 or 0x88a8")
	}
	p.match.SetMasked(flow.VlanTCI, flow.Value{Lo: flow.VlanCFI}, flow.Value{Lo: flow.VlanCFI})
	return Action{Kind: ActPushVLAN, EtherType: uint16(n)}, err
}

// popVLAN takes away what the match said of the outer tag; of the next one it says
// nothing that would be relied on.
func (p *actionParser) popVLAN(w piece) (Action, error) {
	p.match.Mask.W[flow.WVLAN] = 0
	p.match.Mask.Map &^= 1 << flow.WVLAN
	p.match.Key.W[flow.WVLAN] = 0
	p.match.Key.Map &^= 1 << flow.WVLAN
	return Action{Kind: ActPopVLAN}, p.wantNothing(w)
}

func (p *actionParser) modMPLSTTL(w piece) (Action, error) {
	n, err := p.number(w, 8, "set_mpls_ttl(64)")
	if err == nil {
		err = p.header(flow.MPLSTTL, w)
	}
	return Action{Kind: ActModMPLSTTL, Value: flow.Value{Lo: n}}, err
}

func (p *actionParser) decMPLSTTL(w piece) (Action, error) {
	if err := p.wantNothing(w); err != nil {
		return Action{}, err
	}
	return Action{Kind: ActDecMPLSTTL}, p.header(flow.MPLSTTL, w)
}

// decTTL reads dec_ttl and dec_ttl(id,...), which names the controllers that are told of
// packets whose TTL has expired. One of them, 0, is what dec_ttl alone means.
func (p *actionParser) decTTL(w piece) (Action, error) {
	a := Action{Kind: ActDecTTL}
	if err := p.header(flow.IPTTL, w); err != nil {
		return a, err
	}
	args := p.arguments(w)
	if len(args) == 0 {
		return a, nil
	}
	a.Kind, a.List = ActDecTTLIDs, &Lists{}
	for _, arg := range args {
		n, err := p.plain(arg, "controller's id", 16)
		if err != nil {
			return a, err
		}
		a.List.IDs = append(a.List.IDs, uint16(n))
	}
	return a, nil
}
