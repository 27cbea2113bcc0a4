package ipfix

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// Times of a target, in ns or as a Duration.
const (
	refreshAfter  = int64(time.Second) // templates go again this long after an error: the collector may be a new one
	writeDeadline = 100 * time.Millisecond
)

// target is one collector and the session with it. Only Run's goroutine uses it.
type target struct {
	stats    CollectorStats
	conn     net.Conn // nil: not open
	dialer   dialer
	sessions map[uint32]*session
	stale    bool // an error came since templates were sent last
}

// session is what a target was sent of one observation domain.
type session struct {
	seq         uint32 // data records sent
	started     bool
	templatesAt int64 // when they were sent last
	optionsAt   int64
}

func newTarget(addr string) *target {
	return &target{stats: CollectorStats{Address: addr}, dialer: newDialer(addr), sessions: make(map[uint32]*session)}
}

func (t *target) session(domain uint32) *session {
	s := t.sessions[domain]
	if s == nil {
		s = new(session)
		t.sessions[domain] = s
	}
	return s
}

// open says whether the socket is open, and opens it if it can without waiting. A
// new socket is a new transport session: sequence numbers start from 0 and
// templates go first. When stopping, no new attempt is begun.
func (t *target) open(stopping bool) bool {
	if t.conn == nil {
		t.opened(t.dialer.try(stopping))
	}
	return t.conn != nil
}

// opened takes what an attempt came to; neither socket nor error: nothing yet.
func (t *target) opened(conn net.Conn, err error) {
	if err != nil {
		t.fail(err)
	}
	if conn != nil {
		t.conn = conn
		clear(t.sessions)
	}
}

func (t *target) fail(err error) {
	t.stats.Errors++
	t.stats.LastError = err.Error()
	t.stale = true
}

// write sends one datagram. A connected UDP socket reports with a write that an
// earlier datagram was refused, and does not send the one in hand: it is tried again.
func (t *target) write(b []byte) bool {
	t.conn.SetWriteDeadline(time.Now().Add(writeDeadline))
	_, err := t.conn.Write(b)
	if errors.Is(err, syscall.ECONNREFUSED) {
		t.fail(err)
		_, err = t.conn.Write(b)
	}
	if err != nil {
		t.fail(err)
		return false
	}
	t.stats.Messages++
	t.stats.Bytes += uint64(len(b))
	return true
}

// send sends a message, whose flow records are counted as sent or not sent. The
// export time is in seconds since 1970.
func (t *target) send(domain uint32, m *message, exportTime uint32) {
	if t.conn == nil {
		t.stats.NotSent.add(m.flows)
		return
	}
	s := t.session(domain)
	if !t.write(m.finish(exportTime, s.seq)) {
		t.stats.NotSent.add(m.flows)
		return
	}
	s.seq += m.records
	t.stats.Sent.add(m.flows)
}

// close closes the socket and ends an attempt to open it.
func (t *target) close() error {
	t.dialer.close()
	if t.conn == nil {
		return nil
	}
	return t.conn.Close()
}
