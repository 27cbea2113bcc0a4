package session

import (
	"slices"
	"strings"
	"time"
)

// Peer is a session, or a controller that there is none with, for people.
type Peer struct {
	Target    string    `json:"target"` // of a controller as configured; else the listener
	Peer      string    `json:"peer,omitempty"`
	Primary   bool      `json:"primary"`  // the switch connects to it
	Greeting  bool      `json:"greeting"` // there is a connection, by which no HELLO has come yet
	Connected bool      `json:"connected"`
	Admitted  bool      `json:"admitted"`          // it has shown that it takes the switch
	Role      string    `json:"role,omitempty"`    // other, master or slave
	Version   string    `json:"version,omitempty"` // as ovs-ofctl names it
	Since     time.Time `json:"since"`             // it is connected, greeting, or neither
	LastError string    `json:"last_error,omitempty"`
	ErrorAt   time.Time `json:"last_error_at,omitzero"`
	Attempts  uint64    `json:"attempts,omitempty"` // to connect

	PacketIns       uint64 `json:"packet_ins"`         // that it was sent
	PacketInLimited uint64 `json:"packet_ins_limited"` // lost to the rate limit
	PacketInFull    uint64 `json:"packet_ins_full"`    // lost because it does not read
	RecordsTooLong  uint64 `json:"records_too_long"`   // of replies and monitors, and requests to be forwarded, left out: no message of its version has room for them
}

// Peers lists the controllers, in the order of the configuration, then who else has a
// session, by listener.
func (s *Server) Peers() []Peer {
	s.mu.Lock()
	controllers := slices.Clone(s.controllers)
	s.mu.Unlock()
	var out []Peer
	for _, c := range controllers {
		out = append(out, c.peer())
	}
	n := len(out)
	for _, ses := range *s.sessions.Load() {
		if ses.controller == nil {
			p := Peer{Target: ses.at, Peer: ses.who, Since: ses.since}
			ses.describe(&p)
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out[n:], func(a, b Peer) int { return strings.Compare(a.Target, b.Target) })
	return out
}

func (c *controller) peer() Peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Peer{Target: c.cfg.Target, Primary: true, Admitted: c.admitted, Since: c.since, Attempts: c.attempts}
	if c.lastErr != nil {
		p.LastError, p.ErrorAt = c.lastErr.Error(), c.erred
	}
	if c.session != nil {
		p.Peer = c.session.who
		c.session.describe(&p)
	}
	return p
}

// describe fills in what p says of the session. It may be called from any goroutine.
func (s *session) describe(p *Peer) {
	s.mu.Lock()
	st := s.state
	s.mu.Unlock()
	p.PacketIns, p.PacketInLimited, p.PacketInFull = s.lost.sent.Load(), s.lost.limited.Load(), s.lost.full.Load()
	p.RecordsTooLong = s.lost.tooLong.Load()
	if st.version == 0 {
		p.Greeting = true
		return
	}
	p.Since = st.agreed
	p.Connected, p.Role, p.Version = true, roleName(st.role), st.version.String()
}

// Alone says whether the switch is on its own because no controller can be talked to.
func (s *Server) Alone() bool {
	s.fail.mu.Lock()
	defer s.fail.mu.Unlock()
	return s.fail.alone
}
