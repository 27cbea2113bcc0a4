package ipfix

import (
	"fmt"
	"hash/fnv"
	"slices"

	"pollux/flow"
	"pollux/internal/clock"
	"pollux/ipfix/cache"
)

// schema is what an exporter's records say: the templates made of its
// configuration. It belongs to the exporter's goroutine.
//
// Templates of most records are made with the schema; those of records that are
// rare (of tunnels, of sample actions) with the first such record. They are added
// to data, and a target must be given them before the message that has the record:
// it is enough to remember with each session the mark up to which it has had
// everything, and to give it what has come since.
type schema struct {
	content content
	pen     uint32

	byTraits  [1 << numTraits]*Template
	made      []*Template // of data, in the order they were made
	opts      []*Template
	kinds     [numOptions]*Template // of opts, by what they say; nil: not in use
	private   []E                   // elements that are not IANA's, of all records and options there may be
	sum       uint64                // of what templates there may be
	block     uint16                // of template numbers
	selectors []uint16              // probabilities of sample actions seen, in the order they came
	seen      [1 << 16 / 64]uint64  // the same as a set

	virtualObsID string
	interfaces   func() []Interface
	ports        map[uint32]*Interface
	portsAt      int64 // when ports was made
	reasons      [256]DropReason
	listed       []DropReason

	// What eachOption gives out.
	src source
	opt options
	rec record
}

// content is what templates of flow records depend on.
type content struct {
	key    flow.Mask
	want   [NumElements]bool
	biflow bool
}

// Limits of strings in records, bytes. Those of ports are Open vSwitch's.
const (
	maxVirtualObsID = 254
	maxPortName     = 64
	maxDescription  = 128
	maxReasonName   = 64
	maxSentence     = 254
)

// Numbers of templates. A schema has a block of them, chosen by what its templates
// are, and in it each kind of record has its place: so that as good as always another
// number means another template and the same number the same, also for the next run of
// the program and for exporters that share a domain. Some collectors mix up templates
// that have changed (nfcapd 1.7.1), and those without sessions can but guess.
const (
	blockSize = 512
	numBlocks = (1<<16 - firstTemplate) / blockSize
)

// newSchema returns the schema of a configuration. It is an error when an element is
// not known, or when a record or a template can be longer than a message.
func newSchema(c *ExporterConfig) (*schema, error) {
	s, err := makeSchema(c)
	if err != nil {
		return nil, err
	}
	s.number(uint16(s.sum % numBlocks))
	return s, nil
}

// next returns the schema of a changed configuration, whose templates have numbers
// that this one's have not; or this one, when templates stay what they are.
func (s *schema) next(c *ExporterConfig) (*schema, error) {
	n, err := makeSchema(c)
	if err != nil {
		return nil, err
	}
	if n.sum == s.sum {
		s.content = n.content
		s.describe(c)
		return s, nil
	}
	block := uint16(n.sum % numBlocks)
	if block == s.block {
		block = (block + 1) % numBlocks
	}
	n.number(block)
	return n, nil
}

// number gives the templates of options their numbers, and makes those of flow records
// that are not rare.
func (s *schema) number(block uint16) {
	s.block = block
	for kind, t := range s.kinds {
		if t != nil {
			t.ID = s.first() + uint16(kind)
		}
	}
	for t := range traits(1 << numTraits) {
		if t.possible() && t&(isTunnel|isSampled) == 0 && s.occurs(t) {
			s.template(t)
		}
	}
}

// first is the first number of the schema's block.
func (s *schema) first() uint16 { return firstTemplate + s.block*blockSize }

// makeSchema makes all but the numbers.
func makeSchema(c *ExporterConfig) (*schema, error) {
	s := &schema{pen: c.PEN}
	if s.pen == 0 {
		s.pen = examplePEN
	}
	if len(c.VirtualObsID) > maxVirtualObsID {
		return nil, fmt.Errorf("virtual observation id of %d bytes: want at most %d", len(c.VirtualObsID), maxVirtualObsID)
	}
	key := c.FlowKey
	if key == nil {
		key = cache.OVSKey()
	}
	want, err := wanted(c.Elements)
	if err != nil {
		return nil, err
	}
	c.asked(&want)
	s.content = content{key: *key, want: want, biflow: c.Biflow != BiflowOff}
	s.describe(c)
	s.makeOptions(c)
	if err := s.check(c.messageSize()); err != nil {
		return nil, err
	}
	return s, nil
}

// describe takes what options tell and templates do not depend on.
func (s *schema) describe(c *ExporterConfig) {
	s.virtualObsID = c.VirtualObsID
	s.interfaces, s.ports = c.Interfaces, nil
	s.listed = slices.Clone(c.DropReasons)
	clear(s.reasons[:])
	for i := range s.listed {
		r := &s.listed[i]
		r.Name, r.Sentence = cut(r.Name, maxReasonName), cut(r.Sentence, maxSentence)
		s.reasons[r.ID] = *r
	}
}

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

// template makes the template of records with the traits.
func (s *schema) template(t traits) *Template {
	es, keys := s.fields(t)
	tpl := newTemplate(s, s.first()+numOptions+places[t], 0, es...)
	tpl.keys = keys
	s.byTraits[t] = tpl
	s.made = append(s.made, tpl)
	return tpl
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

// data returns the templates of flow records in use, in the order they were made:
// a longer list begins with what a shorter one was.
func (s *schema) data() []*Template { return s.made }

// options returns the templates of option records.
func (s *schema) options() []*Template { return s.opts }

// of returns the template of a record, and notes the selector that the record is of.
// Either may be new: see mark.
func (s *schema) of(r *record) *Template {
	t := traitsOf(r)
	if t&isSampled != 0 {
		s.noteSelector(r.Point.Probability)
	}
	if tpl := s.byTraits[t]; tpl != nil {
		return tpl
	}
	return s.template(t)
}

func (s *schema) noteSelector(p uint16) {
	if w, bit := &s.seen[p/64], uint64(1)<<(p%64); *w&bit == 0 {
		*w |= bit
		s.selectors = append(s.selectors, p)
	}
}

// mark is how much of a schema a session has been given.
type mark struct{ templates, selectors int }

// mark returns the mark of all there is now.
func (s *schema) mark() mark { return mark{len(s.made), len(s.selectors)} }

// port returns a port of the switch; without a name when it is not known.
func (s *schema) port(number uint32) *Interface {
	if p := s.ports[number]; p != nil {
		return p
	}
	if s.interfaces == nil || s.ports != nil && clock.Now()-s.portsAt < portsAge {
		return &noPort
	}
	s.loadPorts()
	if p := s.ports[number]; p != nil {
		return p
	}
	return &noPort
}

// portsAge is how long a port that the table does not have is taken not to be, ns.
const portsAge = int64(1e9)

var noPort Interface

// loadPorts reads the interface table.
func (s *schema) loadPorts() []Interface {
	if s.interfaces == nil {
		return nil
	}
	list := slices.Clone(s.interfaces())
	s.ports, s.portsAt = make(map[uint32]*Interface, len(list)), clock.Now()
	for i := range list {
		p := &list[i]
		p.Name, p.Description = cut(p.Name, maxPortName), cut(p.Description, maxDescription)
		s.ports[p.Index] = p
	}
	return list
}

// reason returns a drop reason; without a name when it is not known.
func (s *schema) reason(id uint8) *DropReason { return &s.reasons[id] }

// cut returns a string without what is behind its first n bytes, in whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}

// longest returns the most bytes that a value of variable length may have.
func (s *schema) longest(e *Element) int {
	switch e.Name {
	case Elements[virtualObsID].Name:
		return len(s.virtualObsID)
	case Elements[tunnelKey].Name:
		return 8
	case Elements[interfaceName].Name, Elements[dropReasonName].Name, Elements[informationElementName].Name:
		return maxPortName
	case Elements[interfaceDescription].Name:
		return maxDescription
	}
	return maxSentence
}
