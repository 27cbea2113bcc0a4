package collector

import (
	"bytes"
	"strings"
	"testing"
)

// stream feeds messages to a new session of a transport, as a connection would.
func stream(transport string, msgs ...[]byte) (*Collector, error) {
	c := New()
	s := newSession(transport, "test")
	return c, c.stream(s, bytes.NewReader(bytes.Join(msgs, nil)))
}

// TestWithdrawal: what goflow2's decoder would take for a template of no fields, and
// for half of an options template, is a withdrawal.
func TestWithdrawal(t *testing.T) {
	opt := template(301, 1, spec{0, 144, 4}, spec{0, 41, 8})
	optRec := setOf(301, values(uint32(1), uint64(5))...)
	tests := []struct {
		name string
		msgs [][]byte
		want string // in the error that ends the session, "" for none
		errs uint64
		gone uint64
		recs uint64
	}{
		{"one, then a record of it", [][]byte{message(1, 0, udp, flow(1, 1)), message(1, 1, withdrawal(2, 300)), message(1, 1, flow(1, 1))}, "", 1, 1, 1},
		{"one, and defined anew in the same set", [][]byte{message(1, 0, udp, flow(1, 1)),
			message(1, 1, setOf(2, append([]byte{300 >> 8, 300 & 0xff, 0, 0}, defs(300, 0, spec{0, 2, 4})...)...), setOf(300, 0, 0, 0, 9))}, "", 0, 1, 2},
		{"all data templates", [][]byte{message(1, 0, udp, opt), message(1, 0, withdrawal(2, 2)), message(1, 0, optRec)}, "", 0, 1, 0},
		{"all options templates", [][]byte{message(1, 0, udp, opt), message(1, 0, withdrawal(3, 3)), message(1, 0, flow(1, 1))}, "", 0, 1, 1},
		{"an options template", [][]byte{message(1, 0, opt, optRec), message(1, 1, withdrawal(3, 301)), message(1, 1, optRec)}, "", 1, 1, 0},
		{"all, and there is none", [][]byte{message(1, 0, withdrawal(2, 2), withdrawal(3, 3))}, "", 0, 0, 0},
		{"of another domain's", [][]byte{message(1, 0, udp), message(2, 0, withdrawal(2, 2)), message(1, 0, flow(1, 1))}, "", 0, 0, 1},
		{"one that there is not", [][]byte{message(1, 0, withdrawal(2, 300)), message(1, 0, udp)}, "withdrawal of template 300, which is not in force", 0, 0, 0},
		{"a data template by the set of options", [][]byte{message(1, 0, udp), message(1, 0, withdrawal(3, 300))}, "withdrawal of template 300", 0, 0, 0},
		{"none, and defined anew", [][]byte{message(1, 0, udp), message(1, 0, template(300, 0, spec{0, 2, 4}))}, "template 300 is defined anew without a withdrawal", 0, 0, 0},
		{"none, and defined again as it is", [][]byte{message(1, 0, udp), message(1, 0, udp, flow(1, 2))}, "", 0, 0, 1},
		{"padding behind", [][]byte{message(1, 0, udp), message(1, 0, setOf(2, 300>>8, 300&0xff, 0, 0, 0, 0, 0))}, "", 0, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := stream("tcp", tt.msgs...)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			got := c.Totals()
			if got.Errors != tt.errs || got.Withdrawn != tt.gone || got.Records != tt.recs {
				t.Errorf("totals %+v, want %d errors, %d withdrawn, %d records", got, tt.errs, tt.gone, tt.recs)
			}
		})
	}
}

// TestTemplatesOverUDP: there a template may be replaced, and not withdrawn.
func TestTemplatesOverUDP(t *testing.T) {
	c := New()
	c.Handle(from, message(1, 0, udp, flow(1, 3)))
	c.Handle(from, message(1, 1, withdrawal(2, 300), flow(1, 4)))
	if got := c.Totals(); got.Errors != 1 || got.Withdrawn != 0 || got.Packets != 7 || !strings.Contains(got.LastError, "UDP") {
		t.Errorf("totals %+v", got)
	}
	c.Handle(from, message(1, 2, template(300, 0, spec{0, 2, 2}), setOf(300, 1, 0)))
	if got := c.Totals(); got.Errors != 1 || got.Packets != 7+256 {
		t.Errorf("totals %+v", got)
	}
}

// TestTemplateBounds: what one exporter can make us keep is bounded.
func TestTemplateBounds(t *testing.T) {
	c := New()
	for i := range 10 * maxTemplates / 100 {
		var sets [][]byte
		for j := range 100 {
			sets = append(sets, template(uint16(256+i*100+j), 0, spec{0, 2, 8}))
		}
		c.Handle(from, message(1, 0, sets...))
	}
	s := c.udp[from]
	if n := len(s.templates.layouts); n != maxTemplates || len(s.templates.decoder.GetTemplates()) != n {
		t.Errorf("%d templates are kept, want %d", n, maxTemplates)
	}
	if c.Totals().Errors == 0 {
		t.Error("too many templates are no error")
	}

	c = New()
	many := make([]spec, 10_000)
	for i := range many {
		many[i] = spec{0, uint16(i % 400), 1}
	}
	for i := range uint16(20) {
		c.Handle(from, message(1, 0, template(256+i, 0, many...)))
	}
	if n := c.udp[from].templates.fields; n > maxTemplateFields || n < maxTemplateFields-len(many) {
		t.Errorf("templates of %d fields are kept, want at most %d", n, maxTemplateFields)
	}
	// The same again: their places are their own.
	errs := c.Totals().Errors
	c.Handle(from, message(1, 0, template(256, 0, spec{0, 2, 8})))
	c.Handle(from, message(1, 0, template(256, 0, many...)))
	if got := c.Totals(); got.Errors != errs || c.udp[from].templates.fields > maxTemplateFields {
		t.Errorf("totals %+v, %d fields", got, c.udp[from].templates.fields)
	}

	// Fields of no length take nothing in a message and much as values.
	c = New()
	empty := make([]spec, 4000)
	empty[0].length = 1
	c.Handle(from, message(1, 0, template(256, 0, empty...)))
	c.Handle(from, message(1, 0, setOf(256, make([]byte, 40_000)...)))
	if got := c.Totals(); got.Records != 0 || got.Errors != 1 || !strings.Contains(got.LastError, "values") {
		t.Errorf("totals %+v", got)
	}
}

// TestSessionsAreBounded: the exporter that was quiet for longest gives way; domains
// beyond a bound are errors.
func TestSessionsAreBounded(t *testing.T) {
	c := New()
	for i := range 3 * maxSessions {
		from := from
		c.Handle(netipPort(from, uint16(i+1)), message(1, 0, udp, flow(1, 1)))
	}
	if got := c.Totals(); got.Errors != 0 || got.Packets != 3*maxSessions || len(c.sessions) != maxSessions || len(c.udp) != maxSessions {
		t.Errorf("totals %+v, %d sessions kept", got, len(c.sessions))
	}
	if got := c.Sessions(); got[len(got)-1].Peer != netipPort(from, 3*maxSessions).String() {
		t.Errorf("the last is %v", got[len(got)-1].Peer)
	}
	c = New()
	for i := range uint32(2 * maxDomains) {
		c.Handle(from, message(i, 0))
	}
	if got := c.Totals(); got.Errors != maxDomains || len(c.udp[from].domains) != maxDomains {
		t.Errorf("totals %+v", got)
	}
}
