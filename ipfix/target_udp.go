package ipfix

import (
	"errors"
	"net"
	"syscall"
	"time"

	"pollux/internal/clock"
)

// writeDeadline is how long a datagram may wait for room in the socket.
const writeDeadline = 100 * time.Millisecond

// datagrams is a UDP socket to a collector. Messages that come faster than its pace wait in
// a queue, so that no other collector waits for it.
type datagrams struct {
	conn    net.Conn // nil: not open
	dialer  dialer
	pace    pacer
	q       queue
	refused int64 // when a datagram was last refused, 0: it is over
}

// full says that the next messages will be lost.
func (d *datagrams) full() bool { return d.q.bytes+maxMTU > d.q.limit }

// refusedFor is how long after a refusal one more datagram must pass for the collector
// to be there, ns: kernels tell of a refusal or two a second, however many there are.
const refusedFor = int64(2 * time.Second)

func (d *datagrams) state() string {
	switch {
	case d.conn != nil && d.refused != 0:
		return stateRefused
	case d.conn != nil:
		return stateConnected
	case d.dialer.pending != nil:
		return stateConnecting
	}
	return stateWaiting
}

// opened takes what an attempt came to; neither socket nor error: nothing yet.
func (t *target) opened(conn net.Conn, err error) {
	if err != nil {
		t.fail(err)
	}
	if conn != nil {
		t.udp.conn, t.udp.refused = conn, 0
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
	d := t.udp
	d.conn.SetWriteDeadline(time.Now().Add(writeDeadline))
	now := clock.Now()
	_, err := d.conn.Write(b)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		d.refused = now
		t.fail(err)
		_, err = d.conn.Write(b)
	case err == nil && now-d.refused > refusedFor:
		d.refused = 0
	}
	if err != nil {
		t.fail(err)
		return false
	}
	t.stats.Messages++
	t.stats.Bytes += uint64(len(b))
	return true
}

// sendDatagram sends a message, or queues it until its time has come, and counts what
// became of its flow records.
func (t *target) sendDatagram(domain uint32, m *message, exportTime uint32) {
	d := t.udp
	if d.conn == nil {
		t.lose(m.flows, noSocket)
		return
	}
	it := item{domain: domain, records: m.records, flows: m.flows}
	b := m.finish(exportTime, 0)
	if d.q.bytes == 0 && d.pace.allow(time.Now()) {
		t.datagram(b, &it, exportTime)
		return
	}
	if !d.q.put(b, it) {
		t.lose(m.flows, bufferFull)
		return
	}
	t.stats.Queued.add(m.flows)
}

// datagram sends a message now.
func (t *target) datagram(b []byte, it *item, exportTime uint32) {
	s := t.session(it.domain)
	stamp(b, exportTime, s, it.records)
	if !t.write(b) {
		s.seq -= it.records
		t.lose(it.flows, refused)
		return
	}
	t.stats.Sent.add(it.flows)
}

// pump sends what is queued and may go now.
func (t *target) pump(exportTime uint32) {
	d := t.udp
	for d.q.bytes > 0 && d.conn != nil && d.pace.allow(time.Now()) {
		b := d.q.head()
		it := b.items[0]
		t.datagram(b.message(0), &it, exportTime)
		t.stats.Queued.sub(d.q.took(1))
	}
}

// giveUp counts what is queued as not sent.
func (t *target) giveUp(w why) {
	t.lose(t.stats.Queued, w)
	t.stats.Queued = Totals{}
	t.udp.q = queue{limit: t.udp.q.limit}
}

// close closes the socket and ends an attempt to open it.
func (d *datagrams) close() error {
	d.dialer.close()
	if d.conn == nil {
		return nil
	}
	return d.conn.Close()
}
