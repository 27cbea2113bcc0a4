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
	"time"

	"golang.org/x/sys/unix"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// session is one connection. Its members belong to the goroutine that runs it.
type session struct {
	cfg  *Config
	conn net.Conn
	in   *bufio.Reader
	msg  bytes.Buffer // the message in hand
	out  *outbox
	who  string // for people

	version wire.Version // 0 until agreed
	config  wire.SwitchConfig
	began   time.Time // when the message in hand began to come; zero between messages
	probing bool      // an echo request is out and nothing came since
	xid     uint32    // of our own requests
	scratch []byte    // for messages that are written
}

func newSession(cfg *Config, conn net.Conn, method string) *session {
	who := method
	if a := conn.RemoteAddr(); a != nil && a.String() != "" && a.String() != "@" {
		who = a.String()
	}
	s := &session{cfg: cfg, conn: conn, who: who, out: newOutbox(cfg.Queue)}
	s.in = bufio.NewReaderSize(s, 8<<10)
	return s
}

// run has the session until it ends; then conn is closed and nothing of it runs.
func (s *session) run() {
	written := make(chan error, 1)
	go func() { written <- s.out.write(s.conn, s.cfg.SendTimeout) }()
	why := s.converse()
	s.out.finish()
	// What the peer was told last, why it is cut off for example, is written first.
	if err := <-written; err != nil && !errors.Is(err, net.ErrClosed) {
		why = fmt.Errorf("write: %w", err)
	}
	switch {
	case errors.Is(why, io.EOF), errors.Is(why, net.ErrClosed), errors.Is(why, io.ErrClosedPipe),
		errors.Is(why, unix.ECONNRESET), errors.Is(why, unix.EPIPE):
		s.cfg.Log.Debug("openflow: session ended", "peer", s.who)
	default:
		s.cfg.Log.Warn("openflow: session ended", "peer", s.who, "why", why)
	}
}

// converse agrees on a version and answers requests, until something is wrong with the
// connection. Its error is never nil.
func (s *session) converse() (err error) {
	// A mistake in a handler must not end the forwarding of packets.
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Log.Error("openflow: request panicked", "peer", s.who, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("a request failed inside the switch: %v", r)
		}
	}()
	if err := s.greet(); err != nil {
		return err
	}
	for {
		h, err := s.next()
		if err != nil {
			return err
		}
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
	s.cfg.Log.Debug("openflow: session", "peer", s.who, "version", s.version.String())
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
	for {
		wait := s.cfg.Probe
		switch {
		case !s.began.IsZero():
			wait = time.Until(s.began.Add(s.cfg.WholeTimeout))
		case s.version == 0:
			wait = s.cfg.HelloTimeout
		}
		// It fails only on a closed connection, which Read says too.
		_ = s.conn.SetReadDeadline(time.Now().Add(max(wait, 0)))
		n, err := s.conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			s.probing = false
			return n, err
		}
		if s.probing || s.version == 0 || !s.began.IsZero() {
			return 0, errSilent
		}
		s.probing = true
		s.send(wire.AppendMessage(s.scratch[:0], s.version, wire.EchoRequest, s.nextXID(), nil))
	}
}

// send puts a message, whose memory is s.scratch for the next one, and says whether the
// peer is still there.
func (s *session) send(msg []byte) bool {
	s.scratch = msg
	return s.out.put(msg)
}

func (s *session) nextXID() uint32 {
	s.xid++
	return s.xid
}
