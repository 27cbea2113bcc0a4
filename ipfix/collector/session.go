package collector

import (
	"cmp"
	"maps"
	"slices"
)

// session is a transport session: an exporter's UDP socket, a connection, a file.
type session struct {
	transport string // udp, tcp, tls, dtls, file
	peer      string
	closed    bool
	heard     uint64 // Collector.clock of the last message
	templates templates
	domains   map[uint32]*domain
	elements  map[elementID]Element // private ones that the exporter has told of (RFC 5610)
	toldCount int                   // entries of elements and of all domains' Told
}

// domain is an observation domain of a session.
type domain struct {
	sequence sequence
	told     Told
}

func newSession(transport, peer string) *session {
	s := &session{
		transport: transport,
		peer:      peer,
		domains:   make(map[uint32]*domain),
	}
	s.templates.init(s.stream())
	return s
}

// stream reports whether templates are sent once and may be withdrawn.
func (s *session) stream() bool { return s.transport != "udp" && s.transport != "dtls" }

// domain returns an observation domain, nil if there are too many.
func (s *session) domain(id uint32) *domain {
	d := s.domains[id]
	if d == nil {
		if len(s.domains) == maxDomains {
			return nil
		}
		// A connection begins at 0 (RFC 7011 section 3.1); of datagrams and files we may
		// have missed the beginning.
		d = &domain{sequence: sequence{started: s.transport == "tcp" || s.transport == "tls"}}
		s.domains[id] = d
	}
	return d
}

// sequence follows the sequence numbers of one session and domain.
type sequence struct {
	started bool
	next    uint32
}

// check takes a message's number and returns how many records are missing before
// it. A number that jumps back is a new start.
func (s *sequence) check(seq uint32) (missing uint32) {
	if s.started {
		if d := seq - s.next; d < 1<<31 {
			missing = d
		}
	}
	s.started, s.next = true, seq
	return missing
}

// Session is what a transport session and one observation domain of it are known by.
type Session struct {
	Transport string            `json:"transport"` // udp, tcp, tls, dtls, file
	Peer      string            `json:"peer"`
	Closed    bool              `json:"closed"`
	Domain    uint32            `json:"domain"`
	Told      Told              `json:"told"`
	Elements  []Element         `json:"elements"`  // private ones, by RFC 5610
	Templates map[uint16]Layout `json:"templates"` // in force
}

// Layout is a template: its fields, the first Scope of them scope fields.
type Layout struct {
	Scope  int       `json:"scope"`
	Fields []Element `json:"fields"`
	Length []uint16  `json:"length"` // of the fields, 65535 variable
}

// Sessions returns each observation domain of each session, in the order they came
// and of domains.
func (c *Collector) Sessions() []Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Session
	for _, s := range c.sessions {
		for _, id := range slices.Sorted(maps.Keys(s.domains)) {
			v := Session{
				Transport: s.transport, Peer: s.peer, Closed: s.closed, Domain: id,
				Told: s.domains[id].told.clone(), Templates: make(map[uint16]Layout),
			}
			for _, e := range s.elements {
				v.Elements = append(v.Elements, e)
			}
			slices.SortFunc(v.Elements, func(a, b Element) int {
				return cmp.Or(cmp.Compare(a.PEN, b.PEN), cmp.Compare(a.ID, b.ID))
			})
			for k, l := range s.templates.layouts {
				if k.domain != id {
					continue
				}
				t := Layout{Scope: l.scope}
				for _, f := range l.fields {
					t.Fields = append(t.Fields, s.element(f.elementID))
					t.Length = append(t.Length, f.length)
				}
				v.Templates[k.id] = t
			}
			all = append(all, v)
		}
	}
	return all
}
