package ipfix

import (
	"fmt"

	"pollux/flow"
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

// template makes the template of records with the traits.
func (s *schema) template(t traits) *Template {
	es, keys := s.fields(t)
	tpl := newTemplate(s, s.first()+numOptions+places[t], 0, es...)
	tpl.keys = keys
	s.byTraits[t] = tpl
	s.made = append(s.made, tpl)
	return tpl
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
