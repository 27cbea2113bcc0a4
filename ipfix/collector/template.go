package collector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// Bounds of one session's templates.
const (
	maxTemplates      = 4096
	maxTemplateFields = 1 << 16 // of all templates together
	maxValues         = 1 << 17 // of one set: records times fields
)

const (
	variable      = 0xffff // length of a field whose values carry their own (RFC 7011 section 7)
	enterpriseBit = 0x8000
)

// templateKey names a template of a session.
type templateKey struct {
	domain uint32
	id     uint16
}

// layout is what the guard knows of a template: enough to find where records end.
type layout struct {
	set    uint16 // templateSet or optionsTemplateSet
	scope  int
	fields []field
	min    int // bytes of the shortest record
	fixed  int // bytes of the fields of fixed length
}

type field struct {
	elementID
	length uint16
}

// templates are a session's. The decoder of goflow2 has its own store of them, which
// is told only of those that passed the checks here.
type templates struct {
	decoder netflow.NetFlowTemplateSystem
	layouts map[templateKey]*layout
	fields  int
	strict  bool // once defined, a template may not change but by withdrawal
}

func (t *templates) init(strict bool) {
	t.decoder, t.layouts, t.strict = netflow.CreateTemplateSystem(), make(map[templateKey]*layout), strict
}

// remove forgets a template and reports whether there was one.
func (t *templates) remove(k templateKey) bool {
	l := t.layouts[k]
	if l == nil {
		return false
	}
	t.fields -= len(l.fields)
	delete(t.layouts, k)
	t.decoder.RemoveTemplate(version, k.domain, k.id)
	return true
}

// put keeps a template that passed add.
func (t *templates) put(k templateKey, l *layout) {
	if old := t.layouts[k]; old != nil {
		t.fields -= len(old.fields)
	}
	t.fields += len(l.fields)
	t.layouts[k] = l
}

// admits checks a new definition against the bounds and what is in force.
func (t *templates) admits(k templateKey, l *layout) error {
	old := t.layouts[k]
	switch {
	case l.min == 0:
		return fmt.Errorf("template %d: its records have no length", k.id)
	case old == nil && len(t.layouts) >= maxTemplates:
		return fmt.Errorf("template %d: more than %d templates", k.id, maxTemplates)
	case t.fields+len(l.fields) > maxTemplateFields:
		return fmt.Errorf("template %d of %d fields: more than %d of all templates", k.id, len(l.fields), maxTemplateFields)
	case t.strict && old != nil && (old.set != l.set || old.scope != l.scope || !slices.Equal(old.fields, l.fields)):
		return fmt.Errorf("template %d is defined anew without a withdrawal (RFC 7011 section 8.1): %w", k.id, errSession)
	}
	return nil
}

// templates takes a set of templates or options templates, record by record, so that
// withdrawals, which goflow2's decoder would take for definitions, apply in their order.
func (m *msg) templates(set uint16, b []byte) error {
	for rest := b[setHeaderLen:]; len(rest) >= 4; { // less is padding
		n, l, err := parseTemplate(set, rest)
		if err != nil {
			return err
		}
		k := templateKey{m.domain, binary.BigEndian.Uint16(rest)}
		switch {
		case k.id == 0 && n == 4 && len(l.fields) == 0:
			return nil // padding by zeros
		case len(l.fields) == 0:
			err = m.withdraw(set, k)
		default:
			err = m.define(set, k, l, rest[:n])
		}
		if errors.Is(err, errSession) {
			return err
		}
		if err != nil {
			m.fail(err)
		}
		rest = rest[n:]
	}
	return nil
}

// parseTemplate finds the end of the template record that b begins with.
func parseTemplate(set uint16, b []byte) (n int, l *layout, err error) {
	id, count := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	l = &layout{set: set}
	n = 4
	if count == 0 { // a withdrawal, of options templates too, has but these (section 8.1)
		return n, l, nil
	}
	if set == optionsTemplateSet {
		if len(b) < 6 {
			return 0, nil, fmt.Errorf("options template %d of %d bytes: want 6 and its fields", id, len(b))
		}
		l.scope, n = int(binary.BigEndian.Uint16(b[4:])), 6
		if l.scope == 0 || l.scope > count {
			return 0, nil, fmt.Errorf("options template %d with %d scope fields of %d: want 1 to %d", id, l.scope, count, count)
		}
	}
	if count*4 > len(b)-n {
		return 0, nil, fmt.Errorf("template %d with %d fields: its set has %d bytes left", id, count, len(b)-n)
	}
	l.fields = make([]field, count)
	for i := range l.fields {
		f := &l.fields[i]
		if len(b)-n < 4 {
			return 0, nil, fmt.Errorf("template %d: its set ends at field %d of %d", id, i+1, count)
		}
		f.ID, f.length = binary.BigEndian.Uint16(b[n:]), binary.BigEndian.Uint16(b[n+2:])
		n += 4
		if f.ID&enterpriseBit != 0 {
			if len(b)-n < 4 {
				return 0, nil, fmt.Errorf("template %d: its set ends in the enterprise number of field %d", id, i+1)
			}
			f.ID &^= enterpriseBit
			f.PEN = binary.BigEndian.Uint32(b[n:])
			n += 4
		}
		if f.length == variable {
			l.min++ // the length's own byte
		} else {
			l.fixed += int(f.length)
		}
	}
	l.min += l.fixed
	return n, l, nil
}

// define has the decoder learn a template, record being its definition.
func (m *msg) define(set uint16, k templateKey, l *layout, record []byte) error {
	t := &m.s.templates
	if k.id < firstDataSet {
		return fmt.Errorf("template %d: want a number of %d and up", k.id, firstDataSet)
	}
	if err := t.admits(k, l); err != nil {
		return err
	}
	one := binary.BigEndian.AppendUint16(nil, set)
	one = binary.BigEndian.AppendUint16(one, uint16(setHeaderLen+len(record)))
	one = append(one, record...)
	if _, err := netflow.DecodeMessageCommonFlowSet(bytes.NewBuffer(one), t.decoder, k.domain, version); err != nil {
		return err
	}
	t.put(k, l)
	m.c.totals.Templates++
	return nil
}

// withdraw forgets one template, or with the number of the set all of its kind
// (RFC 7011 section 8.1).
func (m *msg) withdraw(set uint16, k templateKey) error {
	t := &m.s.templates
	switch {
	case !t.strict:
		return fmt.Errorf("withdrawal of template %d over %s, which has none (RFC 7011 section 8.4)", k.id, strings.ToUpper(m.s.transport))
	case k.id == set:
		for o, l := range t.layouts {
			if o.domain == k.domain && l.set == set {
				t.remove(o)
				m.c.totals.Withdrawn++
			}
		}
		return nil
	case t.layouts[k] == nil || t.layouts[k].set != set:
		return fmt.Errorf("withdrawal of template %d, which is not in force: %w", k.id, errSession)
	}
	t.remove(k)
	m.c.totals.Withdrawn++
	return nil
}
