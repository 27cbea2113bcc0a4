package ipfix

import (
	"fmt"
	"hash/fnv"
)

// wanted returns the set of elements that are not of the key by names and groups.
func wanted(names []string) (want [NumElements]bool, err error) {
	if len(names) == 0 {
		names = []string{"standard"}
	}
	for _, name := range names {
		known := name == "standard" || name == "full"
		for i := range layout {
			r := &layout[i]
			switch {
			case r.key || r.in == inAll:
			case name == r.e.name(), name == "standard" && r.in == inStandard, name == "full" && r.in <= inFull:
				want[r.e] = true
			}
			known = known || name == r.e.name()
		}
		if !known {
			return want, fmt.Errorf("element %q: no flow record has it", name)
		}
	}
	return want, nil
}

// asked puts in what goes with other members of the configuration, and leaves out what
// there is nothing to say about.
func (c *ExporterConfig) asked(want *[NumElements]bool) {
	want[virtualObsID] = c.VirtualObsID != ""
	if c.RuleAttribution {
		want[ruleCookie], want[ruleTable], want[dropReason] = true, true, true
	}
	if c.TCPQoS {
		want[tcpHandshakeTime], want[tcpRetransmissionCount], want[tcpOutOfOrderCount] = true, true, true
	}
	if c.Interfaces == nil {
		want[interfaceName], want[interfaceDescription] = false, false
		want[ingressInterfaceType], want[egressInterfaceType] = false, false
	}
	if len(c.DropReasons) == 0 {
		want[dropReasonName] = false
	}
}

// occurs says whether records may have the traits in this configuration.
func (s *schema) occurs(t traits) bool {
	return t&isBiflow == 0 || s.content.biflow && t.all()&isIP != 0
}

// fields lists the elements of records with the traits; which of them are of the key
// is told as bits, that of the first in front (flowKeyIndicator).
func (s *schema) fields(t traits) (es []E, keys uint64) {
	all := t.all()
	var back []E
	for i := range layout {
		r := &layout[i]
		if !s.applies(r, all) {
			continue
		}
		if r.key && len(es) < 64 {
			keys |= 1 << len(es)
		}
		es = append(es, r.e)
		if r.back && all&isBiflow != 0 {
			back = append(back, r.e|reversed)
		}
	}
	return append(es, back...), keys
}

func (s *schema) applies(r *row, all traits) bool {
	if all&r.need != r.need {
		return false
	}
	if all&r.when == r.when {
		for _, f := range r.of {
			if f.GetMask(&s.content.key).IsZero() {
				return false
			}
		}
	}
	return r.key || s.content.want[r.e] || all&r.with != 0 || r.in == inAll && r.e != virtualObsID
}

// check says whether every record and template there may be fits a message, notes which
// private elements there may be, and sums up the templates.
func (s *schema) check(message int) error {
	room := message - headerLen - setHeader - (align - 1)
	var private [2][NumElements]bool
	sum := fnv.New64a()
	note := func(place int, t *Template) error {
		var b [6]byte
		put16(b[:], uint16(place))
		put32(b[2:], uint32(t.Scope))
		sum.Write(b[:])
		for _, e := range t.Elements {
			put16(b[:], e.id())
			put32(b[2:], e.enterprise(s.pen))
			sum.Write(b[:])
			if n := e.enterprise(s.pen); n != 0 && n != ReversePEN {
				private[e>>15][e&^reversed] = true
			}
		}
		if n := max(t.longest(), t.bytes()); n > room {
			return fmt.Errorf("records of up to %d bytes and templates of %d do not fit messages of %d: want fewer elements or a larger mtu",
				t.longest(), t.bytes(), message)
		}
		return nil
	}
	for t := range traits(1 << numTraits) {
		if !t.possible() || !s.occurs(t) {
			continue
		}
		es, _ := s.fields(t)
		if err := note(int(places[t])+numOptions, newTemplate(s, 0, 0, es...)); err != nil {
			return err
		}
	}
	for kind, t := range s.kinds {
		if t == nil {
			continue
		}
		if err := note(kind, t); err != nil {
			return err
		}
	}
	s.sum = sum.Sum64()
	for e := range E(NumElements) {
		for i := range private {
			if private[i][e] {
				s.private = append(s.private, e|E(i)<<15)
			}
		}
	}
	return nil
}
