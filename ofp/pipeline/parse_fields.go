package pipeline

import (
	"strconv"
	"strings"

	"pollux/flow"
)

// arrow parts "value->field".
func (p *actionParser) arrow(w piece, example string) (left, right string, at int, err error) {
	if err = p.want(w, example); err != nil {
		return
	}
	left, right, ok := strings.Cut(w.value, "->")
	if !ok {
		err = p.errAt(w.valOff, len(w.value), "no -> in it; it would be %s", example)
	}
	return left, right, w.valOff + len(left) + 2, err
}

func (p *actionParser) setField(w piece) (Action, error) {
	a := Action{Kind: ActSetField}
	text, name, at, err := p.arrow(w, "set_field:10.0.0.1->nw_dst")
	if err != nil {
		return a, err
	}
	f, ok := flow.FieldByName(name)
	if !ok {
		return a, p.errAt(at, len(name), "unknown field")
	}
	if name == "tp_src" || name == "tp_dst" {
		if f, err = p.portField(f, w); err != nil {
			return a, err
		}
	}
	if err := p.writable(f, at, len(name), w); err != nil {
		return a, err
	}
	a.Dst = Subfield{Field: f, Bits: flow.Fields[f].Bits}
	a.Value, a.Mask, err = flow.ParseValue(f, text, p.ports)
	if err != nil {
		return a, p.inside(err, w.valOff)
	}
	if a.Mask.IsZero() {
		return a, p.errAt(w.valOff, len(text), "the mask is 0, so that nothing would be written")
	}
	if f == flow.VlanVID && a.Value.Lo&flow.VlanCFI == 0 {
		return a, p.errAt(w.valOff, len(text), "vlan_vid is written with the bit 0x1000, which says that there is a tag: %d for VLAN %d", a.Value.Lo|flow.VlanCFI, a.Value.Lo)
	}
	return a, nil
}

func (p *actionParser) load(w piece) (Action, error) {
	a := Action{Kind: ActLoad}
	text, name, at, err := p.arrow(w, "load:5->NXM_NX_REG0[0..15]")
	if err != nil {
		return a, err
	}
	if a.Dst, err = p.subfield(name, at); err != nil {
		return a, err
	}
	if err := p.writable(a.Dst.Field, at, len(name), w); err != nil {
		return a, err
	}
	if a.Value.Lo, err = strconv.ParseUint(text, 0, 64); err != nil {
		return a, p.errAt(w.valOff, len(text), "not a number; it would be like 0x1f")
	}
	if !a.Value.AndNot(flow.Ones(uint(a.Dst.Bits))).IsZero() {
		return a, p.errAt(w.valOff, len(text), "does not fit into %d bits", a.Dst.Bits)
	}
	return a, nil
}

func (p *actionParser) move(w piece) (Action, error) {
	a := Action{Kind: ActMove}
	from, to, at, err := p.arrow(w, "move:NXM_NX_REG0[]->NXM_NX_REG1[]")
	if err != nil {
		return a, err
	}
	if a.Src, err = p.subfield(from, w.valOff); err != nil {
		return a, err
	}
	if err = p.prereq(a.Src.Field, w); err != nil {
		return a, err
	}
	if a.Dst, err = p.subfield(to, at); err != nil {
		return a, err
	}
	if err = p.writable(a.Dst.Field, at, len(to), w); err != nil {
		return a, err
	}
	if a.Src.Bits != a.Dst.Bits {
		return a, p.errAt(w.valOff, len(w.value), "source is %d bits wide and destination %d; they must be of one width", a.Src.Bits, a.Dst.Bits)
	}
	return a, nil
}

// subfield reads NAME, NAME[], NAME[n] or NAME[a..b].
func (p *actionParser) subfield(s string, off int) (Subfield, error) {
	name, rest, hasRange := strings.Cut(s, "[")
	f, ok := flow.FieldByName(name)
	if !ok {
		return Subfield{}, p.errAt(off, len(name), "unknown field")
	}
	if name == "tp_src" || name == "tp_dst" {
		if of, err := p.portField(f, piece{}); err == nil {
			f = of
		}
	}
	sf := Subfield{Field: f, Bits: SubfieldBits(f)}
	if flow.Fields[f].OXM == "" && flow.Fields[f].NXM == "" && f != flow.DlVlan {
		return sf, p.errAt(off, len(name), "bits of %s cannot be named", name)
	}
	if !hasRange {
		return sf, nil
	}
	inner, ok := strings.CutSuffix(rest, "]")
	if !ok {
		return sf, p.errAt(off+len(name), len(s)-len(name), "a bracket is not closed")
	}
	if inner == "" {
		return sf, nil
	}
	from, to, span := strings.Cut(inner, "..")
	if !span {
		to = from
	}
	lo, e1 := strconv.ParseUint(from, 10, 8)
	hi, e2 := strconv.ParseUint(to, 10, 8)
	at := off + len(name) + 1
	switch {
	case e1 != nil || e2 != nil:
		return sf, p.errAt(at, len(inner), "not a range of bits; it would be 0..%d", sf.Bits-1)
	case lo > hi:
		return sf, p.errAt(at, len(inner), "the lower bit comes first: %d..%d", hi, lo)
	case hi >= uint64(sf.Bits):
		return sf, p.errAt(at, len(inner), "%s has bits 0 to %d", name, sf.Bits-1)
	}
	sf.Lo, sf.Bits = uint8(lo), uint8(hi-lo+1)
	return sf, nil
}

// writable checks that f can be written, in this flow.
func (p *actionParser) writable(f flow.Field, at, n int, w piece) error {
	i := &flow.Fields[f]
	switch {
	case !i.Writable:
		return p.errAt(at, n, "%s is read-only", i.Name)
	case f >= flow.CtState && f <= flow.CtTpDst:
		return p.errAt(at, n, "not supported: there is no connection tracking")
	}
	if f == flow.VlanVID && p.prereq(flow.DlVlanPCP, w) != nil { // only read is it 0 where there is no tag
		return p.errAt(w.off, w.end-w.off, "%s only exists in some packets; the match needs %s", i.Name, flow.PreVLAN)
	}
	return p.prereq(f, w)
}

// prereq checks that the flow's match makes sure that its packets have f.
func (p *actionParser) prereq(f flow.Field, w piece) error {
	if err := flow.Prereqs(f, &p.match.Key, &p.match.Mask); err != nil {
		return p.errAt(w.off, w.end-w.off, "%s only exists in some packets; the match needs %s", flow.Fields[f].Name, flow.Fields[f].Pre)
	}
	return nil
}

// header is prereq for actions of whole headers. In an action set, which is executed in an
// order of its own, behind whatever flows add to it, they pass over packets without one.
func (p *actionParser) header(f flow.Field, w piece) error {
	if p.inSet {
		return nil
	}
	return p.prereq(f, w)
}

// portField picks the transport port field that the flow's match is about.
func (p *actionParser) portField(f flow.Field, w piece) (flow.Field, error) {
	if f == flow.TCPSrc {
		return p.pickPort(w, flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc)
	}
	return p.pickPort(w, flow.TCPDst, flow.UDPDst, flow.SCTPDst)
}

// pickPort returns the first of fields that the packets of the match have.
func (p *actionParser) pickPort(w piece, fields ...flow.Field) (flow.Field, error) {
	for _, f := range fields {
		if flow.Prereqs(f, &p.match.Key, &p.match.Mask) == nil {
			return f, nil
		}
	}
	return 0, p.errAt(w.off, w.end-w.off, "ports only exist in some packets; the match needs tcp, udp, sctp, tcp6, udp6 or sctp6")
}
