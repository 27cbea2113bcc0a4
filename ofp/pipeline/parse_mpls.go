package pipeline

import "pollux/flow"

// pin makes the match that the rest of the list is checked by say that packets have this
// EtherType, as an action before has seen to it.
func (p *actionParser) pin(etherType uint16) {
	p.match.SetMasked(flow.EthType, flow.Value{Lo: uint64(etherType)}, flow.EthType.Full())
}

func (p *actionParser) pushMPLS(w piece) (Action, error) {
	n, err := p.number(w, 16, "push_mpls:0x8847")
	if err == nil && n != etherTypeMPLS && n != etherTypeMPLSM {
		err = p.errAt(w.valOff, len(w.value), "not the type of MPLS; it would be 0x8847 or 0x8848")
	}
	p.pin(uint16(n))
	return Action{Kind: ActPushMPLS, EtherType: uint16(n)}, err
}

func (p *actionParser) popMPLS(w piece) (Action, error) {
	n, err := p.number(w, 16, "pop_mpls:0x0800")
	if err == nil {
		err = p.header(flow.MPLSLabel, w)
	}
	if err == nil {
		if why := popsTo(uint16(n)); why != "" {
			err = p.errAt(w.valOff, len(w.value), "%s", why)
		}
	}
	p.pin(uint16(n))
	return Action{Kind: ActPopMPLS, EtherType: uint16(n)}, err
}

// popsTo says why no label can have a payload of this type, or "".
func popsTo(typ uint16) string {
	switch {
	case typ < 0x600:
		return "not an EtherType, which 0x600 is the least of"
	case typ == etherTypeVLAN || typ == etherTypeQinQ:
		return "the type of a VLAN tag, which stands before labels and not under one"
	}
	return ""
}

func (p *actionParser) copyTTLOut(w piece) (Action, error) {
	if err := p.wantNothing(w); err != nil {
		return Action{}, err
	}
	return Action{Kind: ActCopyTTLOut}, p.header(flow.MPLSTTL, w)
}

func (p *actionParser) copyTTLIn(w piece) (Action, error) {
	if err := p.wantNothing(w); err != nil {
		return Action{}, err
	}
	return Action{Kind: ActCopyTTLIn}, p.header(flow.MPLSTTL, w)
}
