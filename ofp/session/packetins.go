package session

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pollux/ofp/wire"
)

// PacketIn sends p to the sessions that want it and whose controller id is id (0 where no
// action says another). It never waits: who does not read, or gets too many, loses it, with
// a count.
func (s *Server) PacketIn(p *wire.PacketInMsg, id uint16) {
	if p.Paused != nil {
		p.Paused.Switch = s.life
	}
	now := time.Now()
	var msg []byte
	var of state // for which msg is written
	for _, ses := range *s.sessions.Load() {
		t := ses.terms.Load()
		ses.mu.Lock()
		st := ses.state
		wanted := st.id == id && st.wantsPacket(p.Reason, ses.controller == nil)
		limited := wanted && !ses.state.buckets[bucketOf(p.Reason)].take(t.rate, t.burst, now)
		ses.mu.Unlock()
		if limited {
			ses.lost.limited.Add(1)
		}
		if !wanted || limited {
			continue
		}
		if msg == nil || st.version != of.version || st.packetIns != of.packetIns {
			msg, of = wire.AppendPacketIn(msg[:0], st.version, 0, st.packetIns, p), st
		}
		if ses.out.offer(msg, t.queue) {
			ses.lost.sent.Add(1)
		} else {
			ses.lost.full.Add(1)
		}
	}
}

// bucketOf returns which of a session's buckets packets for reason are of: those that no
// flow matched have one of their own, so that they don't keep others from coming.
func bucketOf(r wire.Reason) int {
	switch r {
	case wire.ReasonNoMatch, wire.ReasonExplicitMiss, wire.ReasonImplicitMiss:
		return 1
	}
	return 0
}

// wantsPacket is wants for a packet-in.
func (st *state) wantsPacket(r wire.Reason, service bool) bool {
	switch {
	case r == wire.ReasonImplicitMiss && st.version >= wire.V13:
		return false // it is dropped there, by the specification
	case bucketOf(r) == 1:
		r = wire.ReasonNoMatch
	case r > wire.ReasonInvalidTTL && st.version < wire.V14:
		r = wire.ReasonAction // which older versions don't tell apart
	}
	return st.wants(wire.AsyncPacketIn, uint8(r), service)
}

// misses says whether somebody wants packets that meet no flow at all, not even one for
// misses. From 1.3 on such a packet is dropped.
type misses struct {
	mu     sync.Mutex // guards wanted, and calls of tell
	tell   func(wanted bool)
	wanted bool
}

// reviewMisses looks again whether somebody wants misses. It is called where that may have
// changed.
func (s *Server) reviewMisses() {
	s.misses.mu.Lock()
	defer s.misses.mu.Unlock()
	wanted := slices.ContainsFunc(*s.sessions.Load(), func(ses *session) bool {
		ses.mu.Lock()
		defer ses.mu.Unlock()
		return ses.state.id == 0 && ses.state.wantsPacket(wire.ReasonImplicitMiss, ses.controller == nil)
	})
	if wanted == s.misses.wanted {
		return
	}
	s.misses.wanted = wanted
	if s.misses.tell != nil {
		s.misses.tell(wanted)
	}
}

// lost is what became of a session's packet-ins, and of what is too long for a message.
type lost struct {
	sent    atomic.Uint64
	limited atomic.Uint64 // lost to the rate limit
	full    atomic.Uint64 // lost because the session does not read
	tooLong atomic.Uint64 // records of replies and of monitors that no message has room for
}

// bucket is the tokens that a session has for packet-ins: rate a second, burst at most.
type bucket struct {
	credit int64     // in token times nanoseconds: whole numbers lose nothing
	at     time.Time // of credit; zero before the first
}

// token is what one packet-in costs.
const token = int64(time.Second)

// take takes a token at now, if there is one. rate and burst are at most 100,000,000.
func (b *bucket) take(rate, burst int, now time.Time) bool {
	if rate == 0 {
		return true
	}
	if burst == 0 {
		burst = rate / 4
	}
	most := int64(max(burst, 1)) * token
	if gone := max(int64(now.Sub(b.at)), 0); b.at.IsZero() || gone > (most-b.credit)/int64(rate) {
		b.credit = most
	} else {
		b.credit += gone * int64(rate)
	}
	b.at = now
	if b.credit < token {
		return false
	}
	b.credit -= token
	return true
}
