package collector

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// records returns how many whole records a set's body begins with and the bytes
// they take. What is behind them is padding, which is shorter than any record.
func (l *layout) records(body []byte) (n, end int, err error) {
	if l.fixed == l.min {
		n = len(body) / l.min
		return n, n * l.min, nil
	}
	for len(body)-end >= l.min {
		size, err := l.record(body[end:])
		if err != nil {
			return n, end, fmt.Errorf("record %d: %w", n+1, err)
		}
		end += size
		n++
	}
	return n, end, nil
}

// record returns the length of the record that b begins with.
func (l *layout) record(b []byte) (int, error) {
	off := 0
	for i := range l.fields {
		n := int(l.fields[i].length)
		if n == variable {
			if len(b)-off < 1 {
				return 0, fmt.Errorf("its set ends before field %d", i+1)
			}
			n = int(b[off])
			off++
			if n == 255 {
				if len(b)-off < 2 {
					return 0, fmt.Errorf("its set ends in the length of field %d", i+1)
				}
				n = int(binary.BigEndian.Uint16(b[off:]))
				off += 2
			}
		}
		if n > len(b)-off {
			return 0, fmt.Errorf("field %d of %d bytes: its set has %d left", i+1, n, len(b)-off)
		}
		off += n
	}
	return off, nil
}

// data takes a data set. goflow2's decoder gets exactly the bytes of whole records:
// by itself it would take what is there for a value that is longer.
func (m *msg) data(id uint16, b []byte) error {
	l := m.s.templates.layouts[templateKey{m.domain, id}]
	if l == nil {
		return fmt.Errorf("data set of domain %d: no template %d", m.domain, id)
	}
	n, end, bad := l.records(b[setHeaderLen:])
	switch {
	case n*len(l.fields) > maxValues:
		return fmt.Errorf("data set of template %d with %d records of %d fields: want at most %d values", id, n, len(l.fields), maxValues)
	case bad != nil:
		bad = fmt.Errorf("data set of template %d: %w", id, bad)
	}
	if n == 0 {
		return bad
	}
	b = b[:setHeaderLen+end]
	if l.fixed == 0 {
		return cmp.Or(m.variable(id, l, b[setHeaderLen:]), bad)
	}
	set, err := netflow.DecodeMessageCommonFlowSet(bytes.NewBuffer(b), m.s.templates.decoder, m.domain, version)
	if err != nil {
		return err
	}
	switch s := set.(type) {
	case netflow.DataFlowSet:
		for _, r := range s.Records {
			m.flow(id, r.Values)
		}
	case netflow.OptionsDataFlowSet:
		for _, r := range s.Records {
			m.option(id, r.ScopesValues, r.OptionsValues)
		}
	}
	return bad
}

// variable decodes records all of whose fields have variable lengths. goflow2 does
// not see the end of a set of them, so it gets one record a call.
func (m *msg) variable(id uint16, l *layout, body []byte) error {
	fields := make([]netflow.Field, len(l.fields))
	for i, f := range l.fields {
		fields[i] = netflow.Field{PenProvided: f.PEN != 0, Type: f.ID, Length: f.length, Pen: f.PEN}
	}
	for len(body) > 0 {
		n, err := l.record(body)
		if err != nil {
			return err
		}
		values, err := netflow.DecodeDataSetUsingFields(version, bytes.NewBuffer(body[:n]), fields)
		if err != nil {
			return err
		}
		if l.set == optionsTemplateSet {
			m.option(id, values[:l.scope], values[l.scope:])
		} else {
			m.flow(id, values)
		}
		body = body[n:]
	}
	return nil
}

// flow takes a decoded flow record.
func (m *msg) flow(id uint16, values []netflow.DataField) {
	c := m.c
	m.records++
	p := parsed{domain: m.domain, elements: m.s.elements}
	if err := p.parse(values); err != nil {
		m.fail(fmt.Errorf("record of template %d: %w", id, err))
		return
	}
	c.totals.Records++
	c.count(p.key, &p.flow, &p.details)
	if p.biflow {
		c.totals.Biflows++
		p.reverse.Records = 0 // the record is the forward direction's
		if p.reverse.Packets > 0 {
			c.count(p.reverseKey, &p.reverse, &p.reverseDetails)
		}
	}
	if c.each != nil {
		r := m.record(id, nil, values)
		r.Key, r.Flow, r.Details = p.key, p.flow, p.details
		r.Biflow, r.Reverse, r.ReverseDetails = p.biflow, p.reverse, p.reverseDetails
		r.DropName = m.d.told.DropReasons[p.details.Drop].Name
		c.each(r)
	}
}

// count adds a record's flow to the totals and to what is kept of it.
func (c *Collector) count(k Key, f *Flow, d *Details) {
	c.totals.Packets += f.Packets
	c.totals.Octets += f.Octets
	c.totals.L2Octets += f.L2Octets
	have := c.flows[k]
	if have == nil {
		if len(c.flows) == maxFlows {
			return
		}
		c.flows[k] = &kept{*f, *d}
		c.totals.Flows++
		return
	}
	have.Flow.add(f)
	have.Details.add(d)
}

// option takes a decoded option record.
func (m *msg) option(id uint16, scopes, values []netflow.DataField) {
	c := m.c
	m.records++
	c.totals.Options++
	for _, v := range values {
		if b, ok := v.Value.([]byte); ok && !v.PenProvided && len(b) <= 8 {
			c.options[v.Type] = number(b)
		}
	}
	m.tell(scopes, values)
	if c.each != nil {
		c.each(m.record(id, scopes, values))
	}
}
