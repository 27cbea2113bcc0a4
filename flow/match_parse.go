package flow

import (
	"strings"
)

// ParseMatch reads a match as ovs-ofctl does: fields, shorthands (tcp, arp, …) in
// any order, parted by commas or blanks. Unlike ovs-ofctl, which drops them with
// a line in its log, it refuses a field whose prerequisite the match does not
// ask for, and a field that is given two different values.
//
// Errors are *ParseError with an offset into s.
func ParseMatch(s string, ports PortNames) (Match, error) {
	return ParseMatchWith(s, ports, nil)
}

// ParseMatchWith is ParseMatch for texts that hold more than a match: taken is
// asked first of every word, value "" when it has none, off where it starts, and
// returns true for those that are its own (priority=5, actions=…).
func ParseMatchWith(s string, ports PortNames, taken func(key, value string, off int) (bool, error)) (Match, error) {
	p := matchParser{text: s, ports: ports}
	for o := 0; o < len(s); {
		if isSeparator(s[o]) {
			o++
			continue
		}
		w := cutWord(s, o)
		o = w.end
		if taken != nil {
			own, err := taken(w.key, w.value, w.off)
			if err != nil {
				return Match{}, err
			}
			if own {
				continue
			}
		}
		if err := p.word(w); err != nil {
			return Match{}, err
		}
	}
	if err := p.finish(); err != nil {
		return Match{}, err
	}
	p.match.tidy()
	return p.match, nil
}

func isSeparator(c byte) bool {
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'
}

// word is one key, or key=value, of a text.
type word struct {
	key, value       string
	off, valOff, end int
	hasValue         bool
}

// cutWord reads the word at o: its value ends at a separator that is in neither
// parentheses nor quotes.
func cutWord(s string, o int) word {
	w := word{off: o}
	for o < len(s) && !isSeparator(s[o]) && s[o] != '=' {
		o++
	}
	w.key = s[w.off:o]
	w.valOff, w.end = o, o
	if o == len(s) || s[o] != '=' {
		return w
	}
	o++
	w.valOff, w.hasValue = o, true
	depth, quoted := 0, false
	for ; o < len(s) && (depth > 0 || quoted || !isSeparator(s[o])); o++ {
		switch c := s[o]; {
		case quoted && c == '\\' && o+1 < len(s):
			o++
		case c == '"':
			quoted = !quoted
		case !quoted && c == '(':
			depth++
		case !quoted && c == ')':
			depth--
		}
	}
	w.end = o
	w.value = s[w.valOff:o]
	return w
}

// matchParser gathers a match; what depends on the whole of it waits for finish.
type matchParser struct {
	text  string
	ports PortNames
	match Match
	given []given
}

// given is a field that the text names, for the check of prerequisites.
type given struct {
	f Field
	w word
}

func (p *matchParser) word(w word) error {
	if w.key == "*" && !w.hasValue { // matches every packet
		return nil
	}
	if sh, ok := shorthands[w.key]; ok && !w.hasValue {
		if err := p.set(w, EthType, Value{0, uint64(sh.ethType)}, EthType.Full()); err != nil {
			return err
		}
		if sh.proto >= 0 {
			return p.set(w, IPProto, Value{0, uint64(sh.proto)}, IPProto.Full())
		}
		return nil
	}
	if w.key == "eth" && !w.hasValue { // the one packet type there is
		return nil
	}
	f, ok := FieldByName(w.key)
	if !ok {
		msg := "unknown field"
		if n := Nearest(w.key); n != "" {
			msg += "; did you mean " + n + "?"
		}
		return parseErr(p.text, w.off, len(w.key), "%s", msg)
	}
	if !w.hasValue {
		return parseErr(p.text, w.off, len(w.key), "the field lacks a value; it would be %s=VALUE", w.key)
	}
	return p.field(w, f)
}

// field takes a field with its value.
func (p *matchParser) field(w word, f Field) error {
	if f == DlVlan && w.value != "*" {
		if n, err := parseUint(w.value, w.value, 0, 16); err == nil && n == 0xffff { // no tag
			return p.set(w, VlanVID, Value{}, VlanVID.Full())
		}
	}
	v, m, err := ParseValue(f, w.value, p.ports)
	if err != nil {
		return within(err, p.text, w.valOff)
	}
	if m.IsZero() {
		return nil
	}
	switch f {
	case DlVlan, DlVlanPCP: // each asks for a tag, too
		shift := Fields[f].Shift - Fields[VlanTCI].Shift
		v = Value{0, v.Lo<<shift | VlanCFI}
		m = Value{0, m.Lo<<shift | VlanCFI}
		return p.set(w, VlanTCI, v, m)
	case VlanTCI:
		if m.Lo == 0xffff && v.IsZero() {
			m.Lo = 0x1fff // without a tag there is no priority to compare
		}
	case PacketType:
		if v.IsZero() {
			return nil // Ethernet: every packet here is
		}
	}
	p.given = append(p.given, given{f, w})
	if w.key == "tp_src" || w.key == "tp_dst" {
		return nil // finish knows the protocol
	}
	return p.set(w, f, v, m)
}

// set adds a field and refuses one that contradicts what is there.
func (p *matchParser) set(w word, f Field, v, m Value) error {
	common := f.GetMask(&p.match.Mask).And(m)
	if old := f.Get(&p.match.Key); !old.Xor(v).And(common).IsZero() {
		return parseErr(p.text, w.off, w.end-w.off, "contradicts what the match asks of %s before (%s)",
			Fields[f].Name, FormatValue(f, old, f.GetMask(&p.match.Mask), p.ports))
	}
	v = v.And(m).Or(f.Get(&p.match.Key).AndNot(m))
	f.Set(&p.match.Key, v)
	f.OrMask(&p.match.Mask, m)
	return nil
}

// finish resolves tp_src and tp_dst and checks prerequisites.
func (p *matchParser) finish() error {
	for _, g := range p.given {
		if g.w.key == "tp_src" || g.w.key == "tp_dst" {
			if err := p.port(g); err != nil {
				return err
			}
		}
	}
	for _, g := range p.given {
		if !p.exists(g) {
			return parseErr(p.text, g.w.off, g.w.end-g.w.off, "%s needs %s", g.w.key, p.wanted(g))
		}
	}
	return nil
}

// port sets tp_src or tp_dst of g, which for ICMP are the type and the code.
func (p *matchParser) port(g given) error {
	f := g.f
	icmp := PreICMPv4.pinned(&p.match.Key, &p.match.Mask) || PreICMPv6.pinned(&p.match.Key, &p.match.Mask)
	if icmp && f == TCPSrc {
		f = ICMPType
	} else if icmp {
		f = ICMPCode
	}
	v, m, err := ParseValue(f, g.w.value, p.ports)
	if err != nil {
		return within(err, p.text, g.w.valOff)
	}
	return p.set(g.w, f, v, m)
}

// alike lists, for a field by whose name OVS also means its like in another
// protocol, where that name may stand.
var alike = map[Field][]Prereq{
	IPv4Src:  {PreIPv4, PreARP},
	IPv4Dst:  {PreIPv4, PreARP},
	IPProto:  {PreIP, PreARP},
	ICMPType: {PreICMPv4, PreICMPv6},
	ICMPCode: {PreICMPv4, PreICMPv6},
}

var alikePorts = []Prereq{PreTCP, PreUDP, PreSCTP, PreICMPv4, PreICMPv6}

func (g given) prereqs() []Prereq {
	if g.w.key == "tp_src" || g.w.key == "tp_dst" {
		return alikePorts
	}
	if a := alike[g.f]; a != nil {
		return a
	}
	return []Prereq{Fields[g.f].Pre}
}

func (p *matchParser) exists(g given) bool {
	for _, pre := range g.prereqs() {
		if pre.pinned(&p.match.Key, &p.match.Mask) {
			return true
		}
	}
	return false
}

func (p *matchParser) wanted(g given) string {
	var words []string
	for _, pre := range g.prereqs() {
		words = append(words, pre.String())
	}
	return strings.Join(words, ", or ")
}
