package pipeline

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"pollux/flow"
)

// actionParser reads actions. match is what is known of the packet so far: the
// flow's match, with the VLAN tag that actions brought or took.
type actionParser struct {
	*flowParser
	match flow.Match
}

// actionReaders reads each action by its name. They are filled in init, as some
// read lists themselves.
var actionReaders map[string]func(*actionParser, piece) (Action, error)

func init() {
	actionReaders = map[string]func(*actionParser, piece) (Action, error){
		"output":       (*actionParser).output,
		"resubmit":     (*actionParser).resubmit,
		"set_field":    (*actionParser).setField,
		"load":         (*actionParser).load,
		"move":         (*actionParser).move,
		"mod_vlan_vid": func(p *actionParser, w piece) (Action, error) { return p.modVLAN(w, ActModVID, 12) },
		"mod_vlan_pcp": func(p *actionParser, w piece) (Action, error) { return p.modVLAN(w, ActModPCP, 3) },
		"strip_vlan":   (*actionParser).popVLAN,
		"pop_vlan":     (*actionParser).popVLAN,
		"push_vlan":    (*actionParser).pushVLAN,
		"mod_dl_src":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.EthSrc) },
		"mod_dl_dst":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.EthDst) },
		"mod_nw_src":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.IPv4Src) },
		"mod_nw_dst":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.IPv4Dst) },
		"mod_nw_tos":   (*actionParser).modTOS,
		"mod_nw_ecn":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.IPECN) },
		"mod_nw_ttl":   (*actionParser).modTTL,
		"mod_tp_src": func(p *actionParser, w piece) (Action, error) {
			return p.modPort(w, flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc)
		},
		"mod_tp_dst": func(p *actionParser, w piece) (Action, error) {
			return p.modPort(w, flow.TCPDst, flow.UDPDst, flow.SCTPDst)
		},
		"dec_ttl": (*actionParser).decTTL,
		"note":    (*actionParser).note,
		"sample":  (*actionParser).sample,
		"exit":    (*actionParser).exit,
	}
}

// unsupported are actions of ovs-ofctl that this switch does not have, and why.
var unsupported = map[string]string{
	"controller": "no controller is connected to this switch; sending packets to one comes with OpenFlow sessions",
	"group":      "there are no groups yet", "meter": "there are no meters yet",
	"enqueue": "there are no queues to send to", "set_queue": "there are no queues to send to", "pop_queue": "there are no queues to send to",
	"learn": "flows cannot make flows yet", "ct": "there is no connection tracking", "ct_clear": "there is no connection tracking", "nat": "there is no connection tracking",
	"set_tunnel": "there are no tunnels", "set_tunnel64": "there are no tunnels",
	"push_mpls": "labels cannot be changed yet", "pop_mpls": "labels cannot be changed yet", "set_mpls_label": "labels cannot be changed yet",
	"set_mpls_tc": "labels cannot be changed yet", "set_mpls_ttl": "labels cannot be changed yet", "dec_mpls_ttl": "labels cannot be changed yet",
	"push": "there is no stack", "pop": "there is no stack", "clone": "it is not implemented", "fin_timeout": "it is not implemented",
	"multipath": "it is not implemented", "bundle": "it is not implemented", "bundle_load": "it is not implemented", "conjunction": "it is not implemented",
	"check_pkt_larger": "it is not implemented", "encap": "it is not implemented", "decap": "it is not implemented", "dec_nsh_ttl": "it is not implemented",
	"delete_field": "it is not implemented", "debug_recirc": "it is not implemented", "debug_slow": "it is not implemented",
}

// action reads one action and appends it to list.
func (p *actionParser) action(list []Action, w piece) ([]Action, error) {
	key := strings.ToLower(w.key)
	if read, ok := actionReaders[key]; ok {
		a, err := read(p, w)
		return append(list, a), err
	}
	if why, ok := unsupported[key]; ok {
		return nil, p.errAt(w.off, len(w.key), "not supported: %s", why)
	}
	if !w.hasValue {
		// A port by itself means output.
		if a, err := p.toPort(w.key, w.off); err == nil {
			return append(list, a), nil
		} else if n, e := flow.ParsePort(w.key, p.ports); e == nil && n != 0 {
			return nil, err
		}
	}
	if w.key == "" {
		return nil, p.errAt(w.off, w.end-w.off, "an action's name is missing")
	}
	msg := "neither an action nor a port"
	if n := nearestAction(key); n != "" {
		msg += "; did you mean " + n + "?"
	}
	return nil, p.errAt(w.off, len(w.key), "%s", msg)
}

// nearestAction returns an action that begins like name, or "".
func nearestAction(name string) string {
	var all []string
	for n := range actionReaders {
		all = append(all, n)
	}
	all = append(all, "drop", "normal", "flood", "in_port", "goto_table", "write_actions", "write_metadata", "clear_actions")
	sort.Strings(all)
	best, n := "", 2
	for _, a := range all {
		k := 0
		for k < len(a) && k < len(name) && a[k] == name[k] {
			k++
		}
		if k > n {
			best, n = a, k
		}
	}
	return best
}

// writeActions reads the list that write_actions adds to the action set.
func (p *actionParser) writeActions(w piece) (list []Action, err error) {
	if !w.paren {
		return nil, p.errAt(w.off, w.end-w.off, "the actions stand in parentheses: write_actions(output:2)")
	}
	o, end := w.valOff, w.valOff+len(w.value)
	for {
		for o < end && isSeparator(p.text[o]) {
			o++
		}
		if o == end {
			break
		}
		sub, err := p.cutPiece(o, end)
		if err != nil {
			return nil, err
		}
		o = sub.end
		if list, err = p.action(list, sub); err != nil {
			return nil, err
		}
		switch list[len(list)-1].Kind {
		case ActResubmit, ActNote, ActSample, ActExit:
			return nil, p.errAt(sub.off, len(sub.key), "cannot be part of the action set (OpenFlow 1.3 section 5.10)")
		}
	}
	if len(list) == 0 {
		return nil, p.errAt(w.off, w.end-w.off, "no action to write; clear_actions empties the action set")
	}
	return list, nil
}

func (p *actionParser) want(w piece, example string) error {
	if w.hasValue && w.value != "" {
		return nil
	}
	return p.errAt(w.off, max(w.end-w.off, 1), "the value is missing; it would be %s", example)
}

func (p *actionParser) wantNothing(w piece) error {
	if !w.hasValue {
		return nil
	}
	return p.errAt(w.valOff, len(w.value), "%s takes no value", w.key)
}

func (p *actionParser) output(w piece) (Action, error) {
	if err := p.want(w, "output:2"); err != nil {
		return Action{}, err
	}
	if w.paren {
		return Action{}, p.errAt(w.off, w.end-w.off, "truncated output is not supported; it would be output:2")
	}
	if _, err := flow.ParsePort(w.value, p.ports); err != nil {
		name, _, _ := strings.Cut(w.value, "[")
		if _, ok := flow.FieldByName(name); ok {
			src, e := p.subfield(w.value, w.valOff)
			if e == nil && src.Bits > 32 {
				e = p.errAt(w.valOff, len(w.value), "a port number has 32 bits at most, as in reg0[0..15]")
			}
			if e == nil {
				e = p.prereq(src.Field, w)
			}
			return Action{Kind: ActOutputReg, Src: src}, e
		}
	}
	return p.toPort(w.value, w.valOff)
}

// toPort makes the output to the port that s names.
func (p *actionParser) toPort(s string, off int) (Action, error) {
	n, err := flow.ParsePort(s, p.ports)
	if err != nil {
		return Action{}, p.inside(err, off)
	}
	switch {
	case n == flow.PortController:
		return Action{}, p.errAt(off, len(s), "not supported: %s", unsupported["controller"])
	case n == flow.PortIn || n == flow.PortNormal || n == flow.PortFlood || n == flow.PortAll || n == flow.PortLocal:
	case n == 0 || n >= flow.PortMax:
		return Action{}, p.errAt(off, len(s), "not a port to send to; it would be 1 to %d, a port's name, LOCAL, IN_PORT, ALL, FLOOD or NORMAL", flow.PortMax-1)
	}
	return Action{Kind: ActOutput, Port: n}, nil
}

func (p *actionParser) resubmit(w piece) (Action, error) {
	a := Action{Kind: ActResubmit, Port: PortKeep, Table: TableKeep}
	if err := p.want(w, "resubmit(,1)"); err != nil {
		return a, err
	}
	port, table, more := strings.Cut(w.value, ",")
	if !w.paren && more {
		return a, p.errAt(w.off, w.end-w.off, "a table is named in parentheses: resubmit(,1)")
	}
	if port == "" && table == "" {
		return a, p.errAt(w.off, w.end-w.off, "neither port nor table; it would be resubmit(,1)")
	}
	if port != "" {
		n, err := flow.ParsePort(port, p.ports)
		if err != nil {
			return a, p.inside(err, w.valOff)
		}
		if n != flow.PortIn {
			if n == 0 || n >= flow.PortMax && n != flow.PortLocal {
				return a, p.errAt(w.valOff, len(port), "no packet comes in by it; it would be a port, or nothing for the packet's own")
			}
			a.Port = n
		}
	}
	if table != "" {
		n, err := strconv.ParseUint(table, 0, 8)
		if err != nil || n >= NumTables {
			return a, p.errAt(w.valOff+len(port)+1, len(table), "not a table; there are tables 0 to %d", NumTables-1)
		}
		a.Table = uint8(n)
	}
	return a, nil
}

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
	sf := Subfield{Field: f, Bits: flow.Fields[f].Bits}
	if f == flow.InPort {
		sf.Bits = 16 // NXM_OF_IN_PORT is that of OpenFlow 1.0
	}
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
	case f >= flow.TunID && f <= flow.TunGBPFlags:
		return p.errAt(at, n, "not supported: there are no tunnels")
	case f >= flow.CtState && f <= flow.CtTpDst:
		return p.errAt(at, n, "not supported: there is no connection tracking")
	case i.Pre == flow.PreMPLS:
		return p.errAt(at, n, "not supported: %s", unsupported["push_mpls"])
	}
	return p.prereq(f, w)
}

// prereq checks that the flow's match makes sure that its packets have f.
func (p *actionParser) prereq(f flow.Field, w piece) error {
	check := f
	if f == flow.VlanVID {
		check = flow.DlVlanPCP // same need, which the match table does not state for it
	}
	if err := flow.Prereqs(check, &p.match.Key, &p.match.Mask); err != nil {
		return p.errAt(w.off, w.end-w.off, "%s only exists in some packets; the match needs %s", flow.Fields[f].Name, flow.Fields[check].Pre)
	}
	return nil
}

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
		err = p.prereq(flow.IPTTL, w)
	}
	return Action{Kind: ActModTTL, Value: flow.Value{Lo: n}}, err
}

// portField picks the transport port field that the flow's match is about.
func (p *actionParser) portField(f flow.Field, w piece) (flow.Field, error) {
	if f == flow.TCPSrc {
		return p.pickPort(w, flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc)
	}
	return p.pickPort(w, flow.TCPDst, flow.UDPDst, flow.SCTPDst)
}

func (p *actionParser) pickPort(w piece, fields ...flow.Field) (flow.Field, error) {
	for _, f := range fields {
		if flow.Prereqs(f, &p.match.Key, &p.match.Mask) == nil {
			return f, nil
		}
	}
	return 0, p.errAt(w.off, w.end-w.off, "ports only exist in some packets; the match needs tcp, udp, sctp, tcp6, udp6 or sctp6")
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

func (p *actionParser) decTTL(w piece) (Action, error) {
	if w.hasValue {
		return Action{}, p.errAt(w.valOff, len(w.value), "not supported: no controller could be told")
	}
	return Action{Kind: ActDecTTL}, p.prereq(flow.IPTTL, w)
}

func (p *actionParser) exit(w piece) (Action, error) {
	return Action{Kind: ActExit}, p.wantNothing(w)
}

// note reads bytes in hexadecimal, dots between them allowed. OpenFlow pads the
// action with zeros to a multiple of eight bytes; so does the note.
func (p *actionParser) note(w piece) (Action, error) {
	var b []byte
	for s := w.value; s != ""; {
		s = strings.TrimPrefix(s, ".")
		if s == "" {
			break
		}
		n, err := strconv.ParseUint(s[:min(2, len(s))], 16, 8)
		if err != nil || len(s) < 2 {
			return Action{}, p.errAt(w.valOff, len(w.value), "not bytes in hexadecimal; it would be note:00.11.ff")
		}
		b, s = append(b, byte(n)), s[2:]
	}
	if len(b) > 2048 {
		return Action{}, p.errAt(w.valOff, len(w.value), "a note has 2048 bytes at most")
	}
	for len(b) == 0 || (len(b)+2)%8 != 0 {
		b = append(b, 0)
	}
	return Action{Kind: ActNote, Note: string(b)}, nil
}

var sampleKeys = []string{"probability", "collector_set_id", "obs_domain_id", "obs_point_id", "sampling_port", "ingress", "egress"}

func (p *actionParser) sample(w piece) (Action, error) {
	a := Action{Kind: ActSample}
	const example = "sample(probability=65535,collector_set_id=1,obs_domain_id=0,obs_point_id=0)"
	if err := p.want(w, example); err != nil {
		return a, err
	}
	off := w.valOff
	for _, part := range strings.Split(w.value, ",") {
		key, text, _ := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		if err := p.samplePart(&a.Sample, key, text, off, len(part)); err != nil {
			return a, err
		}
		off += len(part) + 1
	}
	switch {
	case a.Sample.Probability != 65535:
		return a, p.errAt(w.off, w.end-w.off, "probability must be 65535, every packet; the exporter's own sampling makes it fewer")
	case a.Sample.Set == 0:
		return a, p.errAt(w.off, w.end-w.off, "collector_set_id is missing; it would be %s", example)
	}
	return a, nil
}

func (p *actionParser) samplePart(s *SampleAction, key, text string, off, n int) error {
	if !slices.Contains(sampleKeys, key) {
		return p.errAt(off, n, "unknown in sample; known are %s", strings.Join(sampleKeys, ", "))
	}
	switch key {
	case "ingress":
		s.Direction = SampleIngress
		return nil
	case "egress":
		s.Direction = SampleEgress
		return nil
	case "sampling_port":
		port, err := flow.ParsePort(text, p.ports)
		if err != nil {
			return p.inside(err, off+len(key)+1)
		}
		s.SamplingPort = port
		return nil
	}
	bits := 32
	if key == "probability" {
		bits = 16
	}
	v, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		return p.errAt(off, n, "%s is not a number from 0 to %s", key, fmt.Sprint(uint64(1)<<bits-1))
	}
	switch key {
	case "probability":
		s.Probability = uint16(v)
	case "collector_set_id":
		s.Set = uint32(v)
	case "obs_domain_id":
		s.Domain = uint32(v)
	case "obs_point_id":
		s.Point = uint32(v)
	}
	return nil
}
