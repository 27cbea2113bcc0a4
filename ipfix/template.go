package ipfix

import "slices"

// firstTemplate is the lowest number of a template (RFC 7011 section 3.4.1).
const firstTemplate = 256

// Template is one kind of record. Elements[:Scope] are scope fields; a template
// that has them is an options template.
type Template struct {
	ID       uint16
	Scope    int
	Elements []E
	Len      int // bytes of a record; those of variable length are empty in it

	schema *schema
	parts  []part
	fixed  int    // bytes of a record that are not of variable length
	keys   uint64 // flowKeyIndicator
}

// part is a run of fields, whose offsets do not depend on values, and the field of
// variable length behind them, if there is one. Fields of a part are all of one
// direction.
type part struct {
	steps   []step
	len     int
	last    *Element // of variable length; nil: none
	reverse bool
}

type step struct {
	at  int
	put func(b []byte, s *source)
}

func newTemplate(sc *schema, id uint16, scope int, es ...E) *Template {
	t := &Template{ID: id, Scope: scope, Elements: es, schema: sc}
	p := part{}
	flush := func() {
		if len(p.steps) > 0 || p.last != nil {
			t.parts = append(t.parts, p)
		}
		p = part{}
	}
	for _, e := range es {
		el := e.element()
		if back := e&reversed != 0; back != p.reverse {
			flush()
			p.reverse = back
		}
		if el.size != nil {
			p.last = el
			back := p.reverse
			flush()
			p.reverse = back
			t.Len++
			continue
		}
		n := int(el.Type.Len())
		p.steps = append(p.steps, step{p.len, el.put})
		p.len += n
		t.Len += n
		t.fixed += n
	}
	flush()
	return t
}

// size returns the length of a record.
func (t *Template) size(s *source) int {
	n := t.Len
	for i := range t.parts {
		if p := &t.parts[i]; p.last != nil {
			s.turn(p.reverse)
			n += prefixed(p.last.size(s)) - 1
		}
	}
	return n
}

// prefixed is how long a value of variable length is with its length before it
// (RFC 7011 section 7).
func prefixed(n int) int {
	if n < 255 {
		return n + 1
	}
	return n + 3
}

// write writes a record of the size that size told.
func (t *Template) write(b []byte, s *source) {
	for i := range t.parts {
		p := &t.parts[i]
		s.turn(p.reverse)
		for _, st := range p.steps {
			st.put(b[st.at:], s)
		}
		b = b[p.len:]
		if p.last == nil {
			continue
		}
		n := p.last.size(s)
		if n < 255 {
			b[0] = uint8(n)
			b = b[1:]
		} else {
			b[0] = 255
			put16(b[1:], uint16(n))
			b = b[3:]
		}
		p.last.put(b[:n], s)
		b = b[n:]
	}
}

// bytes returns the length of the template's own record.
func (t *Template) bytes() int {
	n := 4
	if t.Scope > 0 {
		n = 6
	}
	for _, e := range t.Elements {
		n += 4
		if e.enterprise(t.schema.pen) != 0 {
			n += 4
		}
	}
	return n
}

// has says whether records have the element.
func (t *Template) has(e E) bool { return slices.Contains(t.Elements, e) }

// longest returns an upper bound of the length of a record.
func (t *Template) longest() int {
	n := t.Len
	for i := range t.parts {
		if e := t.parts[i].last; e != nil {
			n += prefixed(t.schema.longest(e)) - 1
		}
	}
	return n
}
