package session

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// terms is how a session is dealt with. That of a controller may change while it lasts.
type terms struct {
	probe       time.Duration // 0: never
	rate, burst int           // of packet-ins a second; 0: no limit
	queue       int           // packet-ins that wait
}

// session is one connection. Its members belong to the goroutine that runs it, but for
// those of which something else is said.
type session struct {
	srv  *Server
	cfg  *Config
	conn net.Conn
	in   *bufio.Reader
	msg  bytes.Buffer // the message in hand
	out  *outbox
	who  string // for people
	at   string // the listener or the target

	controller *controller           // nil: it connected to us, and is a service connection in Open vSwitch's terms
	terms      atomic.Pointer[terms] // written by anybody, with waiting held
	waiting    sync.Mutex            // who reads the terms to set conn's deadline for reading holds it until that is set

	lost lost // written by anybody

	mu    sync.Mutex // guards what follows
	state state

	monitors monitors         // guarded as it says
	xidOf    func(int) uint32 // of the requests that the tables are being told, for changes that they tell of

	bundles map[uint32]*bundle // that are not committed
	mods    []pipeline.FlowMod // that wait for those which have come with them
	held    []heldMod          // of each

	version wire.Version // 0 until agreed
	config  wire.SwitchConfig
	began   time.Time // when the message in hand began to come; zero between messages
	since   time.Time // when the session began
	heard   time.Time // when something came last
	probing bool      // an echo request is out and nothing came since
	hurry   bool      // answers must not wait: others do for the request in hand
	xid     uint32    // of our own requests
	scratch []byte    // for messages that are written
	parts   assembly
}

// state is what others than its own goroutine ask of a session.
type state struct {
	version    wire.Version // 0 until agreed
	agreed     time.Time    // when it was
	role       wire.Role
	async      wire.AsyncConfig
	packetIns  wire.PacketInFormat
	flowFormat wire.FlowFormat // of 1.0
	shortID    uint16          // of ROLE_REQUEST (1.5)
	id         uint16          // that controller actions name
	missLen    uint16          // of SET_CONFIG
	tableIDs   bool            // a flow mod of 1.0 has a table in its command
	buckets    [2]bucket       // for packet-ins: of flows, and of misses
}

// defaultMissLen is how much of a packet a controller that the switch connects to is sent
// before it has said, in bytes.
const defaultMissLen = 128

func newSession(srv *Server, conn net.Conn, at string, t *terms, c *controller) *session {
	s := &session{
		srv: srv, cfg: &srv.cfg, conn: conn, at: at, who: whoIs(conn, at), controller: c,
		out: newOutbox(srv.cfg.Queue, srv.cfg.Behind), since: time.Now(),
	}
	s.terms.Store(t)
	s.state.role = wire.RoleEqual
	if c != nil {
		s.config.MissSendLen = defaultMissLen
		s.state.missLen = defaultMissLen
	}
	s.out.sever = func() { cut(conn) }
	s.in = bufio.NewReaderSize(s, 8<<10)
	return s
}

// change changes what others ask of the session.
func (s *session) change(fn func(*state)) {
	s.mu.Lock()
	fn(&s.state)
	s.mu.Unlock()
	s.srv.reviewMisses()
}

// whoIs names a peer for people.
func whoIs(conn net.Conn, at string) string {
	if a := conn.RemoteAddr(); a != nil && a.String() != "" && a.String() != "@" {
		return a.String()
	}
	return at
}

// run has the session until it ends, and returns why it did; then conn is closed and
// nothing of it runs.
func (s *session) run() error {
	written := make(chan error, 1)
	go func() { written <- s.deliver() }()
	why := s.converse()
	s.forgetBundles()
	s.out.finish()
	// What the peer was told last, why it is cut off for example, is written first.
	if err := <-written; err != nil && !errors.Is(err, net.ErrClosed) {
		why = fmt.Errorf("write: %w", err)
	}
	if err := s.out.behind(); err != nil {
		why = err
	}
	switch {
	case errors.Is(why, io.EOF), errors.Is(why, net.ErrClosed), errors.Is(why, io.ErrClosedPipe),
		errors.Is(why, unix.ECONNRESET), errors.Is(why, unix.EPIPE):
		s.cfg.Log.Debug("openflow: session ended", "peer", s.who)
	default:
		s.cfg.Log.Warn("openflow: session ended", "peer", s.who, "why", why)
	}
	return why
}

// deliver writes what the peer is told.
func (s *session) deliver() (err error) {
	defer s.survive(&err, "news")
	return s.out.write(s.conn, s.cfg.SendTimeout, s.resume)
}

// survive, deferred, makes an error of a panic, which is that of what was done. A mistake in what a
// session does must not end the forwarding of packets: the session ends.
func (s *session) survive(err *error, of string) {
	if r := recover(); r != nil {
		s.cfg.Log.Error("openflow: "+of+" panicked", "peer", s.who, "panic", r, "stack", string(debug.Stack()))
		*err = fmt.Errorf("a %s failed inside the switch: %v", of, r)
	}
}

// converse agrees on a version and answers requests, until something is wrong with the
// connection. Its error is never nil.
func (s *session) converse() (err error) {
	defer s.survive(&err, "request")
	if err := s.greet(); err != nil {
		return err
	}
	for {
		h, err := s.next()
		if err != nil {
			return err
		}
		s.expireBundles(time.Now())
		s.admit(h.Kind())
		if err := s.serve(h, s.msg.Bytes()); err != nil && !s.refuse(err, s.msg.Bytes()) {
			return net.ErrClosed
		}
	}
}

// greet exchanges hellos.
func (s *session) greet() error {
	s.send(wire.AppendHello(s.scratch[:0], s.cfg.Versions, s.nextXID()))
	h, err := s.next()
	if err != nil {
		return err
	}
	offer := wire.ParseHello(h, s.msg.Bytes()[wire.HeaderLen:])
	switch {
	case wire.KindOf(wire.V10, h.Type) == wire.ErrorMsg: // hello and error have one number in all versions
		return errors.New("the peer answered our hello with an error")
	case wire.KindOf(wire.V10, h.Type) != wire.Hello:
		s.send(wire.AppendError(s.scratch[:0], s.closest(h.Version), ofperr.BadType, s.msg.Bytes()))
		return fmt.Errorf("the first message has type %d and is not a hello", h.Type)
	}
	s.version = offer.Agree(s.cfg.Versions)
	if s.version == 0 {
		why := fmt.Sprintf("this switch speaks %s; the peer offers %s", versionsText(s.cfg.Versions), offerText(offer))
		s.send(wire.AppendHelloFailed(s.scratch[:0], s.closest(h.Version), h.XID, why))
		return errors.New(why)
	}
	s.change(func(st *state) { st.version, st.agreed, st.async = s.version, time.Now(), defaultAsync(s.version) })
	s.cfg.Log.Debug("openflow: session", "peer", s.who, "version", s.version.String())
	if s.controller != nil {
		s.controller.agreed(s.version)
		s.srv.reviewControllers()
	}
	return nil
}

// closest returns the version in which to tell a peer of version v that it is wrong:
// the highest of ours that is not above it, else the lowest of ours.
func (s *session) closest(v wire.Version) wire.Version {
	low := wire.Version(0)
	for ours := s.cfg.Versions; ours != 0; {
		high := ours.Highest()
		if high <= v {
			return high
		}
		low, ours = high, ours&^(1<<high)
	}
	return low
}

func versionsText(set wire.Versions) string {
	text := ""
	for v := wire.Version(1); v < 32; v++ {
		if set.Has(v) {
			text += fmt.Sprintf(", %s", v)
		}
	}
	if text == "" {
		return "no version"
	}
	return text[2:]
}

func offerText(o wire.Offer) string {
	if o.Bitmap {
		return versionsText(o.Versions)
	}
	return o.Version.String() + " and gives no bitmap of others"
}

// retune has the session go on by other terms. Anybody may call it.
func (s *session) retune(t *terms) {
	s.waiting.Lock()
	defer s.waiting.Unlock()
	s.terms.Store(t)
	wait := s.cfg.BundleIdle
	if t.probe > 0 {
		wait = min(wait, t.probe)
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(wait)) // who waits for a message then looks at the new probe
}

// next reads a message into s.msg.
func (s *session) next() (wire.Header, error) {
	s.began = time.Time{}
	if _, err := s.in.Peek(1); err != nil {
		return wire.Header{}, err
	}
	s.began = time.Now()
	head, err := s.in.Peek(wire.HeaderLen)
	if err != nil {
		return wire.Header{}, err
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		// Where the next message begins is not known any more.
		v := s.version
		if v == 0 {
			v = s.closest(h.Version)
		}
		s.send(wire.AppendError(s.scratch[:0], v, ofperr.BadLen, head))
		return h, err
	}
	s.msg.Reset()
	// It grows with what comes, not with what the header promises.
	if _, err := io.CopyN(&s.msg, s.in, int64(h.Length)); err != nil {
		return h, fmt.Errorf("in a message of %d bytes: %w", h.Length, err)
	}
	return h, nil
}

// errSilent ends a session whose peer does not show that it lives.
var errSilent = errors.New("nothing came for too long")

// Read reads what the peer sends; s.in calls it. After a time of silence the peer is asked
// whether it is there, after another one the session ends. A message that has begun
// has its own time.
func (s *session) Read(p []byte) (int, error) {
	for from := time.Now(); ; {
		s.setDeadline(from)
		n, err := s.conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			s.probing = false
			if n > 0 {
				s.heard = time.Now()
			}
			return n, err
		}
		now := time.Now()
		s.expireBundles(now)
		if end := s.patience(from); end.IsZero() || now.Before(end) {
			continue
		}
		if s.probing || s.version == 0 || !s.began.IsZero() {
			return 0, errSilent
		}
		s.probing, from = true, now
		s.send(wire.AppendMessage(s.scratch[:0], s.version, wire.EchoRequest, s.nextXID(), nil))
	}
}

// setDeadline has a read end when there is something to be done for want of what is read. Terms
// that change meanwhile are met by this deadline, or set another: retune waits.
func (s *session) setDeadline(from time.Time) {
	s.waiting.Lock()
	defer s.waiting.Unlock()
	// It fails only on a closed connection, which Read says too.
	_ = s.conn.SetReadDeadline(sooner(s.patience(from), s.bundleEnd()))
}

// patience is when the peer, which has been silent since from, has been for too long; zero:
// never.
func (s *session) patience(from time.Time) time.Time {
	switch probe := s.terms.Load().probe; {
	case !s.began.IsZero():
		return s.began.Add(s.cfg.WholeTimeout)
	case s.version == 0:
		return from.Add(s.cfg.HelloTimeout)
	case probe > 0:
		return from.Add(probe)
	}
	return time.Time{}
}

// sooner is the earlier one of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// send puts a message, whose memory is s.scratch for the next one, and says whether the
// peer is still there.
func (s *session) send(msg []byte) bool {
	s.scratch = msg
	return s.pass(msg)
}

// pass puts a message.
func (s *session) pass(msg []byte) bool {
	if s.hurry {
		return s.out.post(msg)
	}
	return s.out.put(msg)
}

func (s *session) nextXID() uint32 {
	s.xid++
	return s.xid
}
