package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"pollux/ofp/wire"
)

// maxSessions is how many sessions a listener has at most.
const maxSessions = 64

// Switch is what sessions ask of the switch. Its methods may be called from several
// goroutines at once.
type Switch interface {
	// Features describes the switch, ports included.
	Features() wire.Features
	// Desc says what the switch is in words.
	Desc() wire.Desc
	// IPFIXBridge returns the counts of the bridge's exporter, false if there is none.
	IPFIXBridge() (wire.IPFIXStats, bool)
	// IPFIXSets returns the counts of the exporter of each collector set.
	IPFIXSets() []wire.IPFIXStats
}

// Config is how a Server behaves. Zero members get the defaults in brackets.
type Config struct {
	Switch   Switch
	Versions wire.Versions // that are offered [wire.Spoken]
	Log      *slog.Logger  // gets ten lines a second at most [none]

	HelloTimeout time.Duration // for the peer's HELLO to come [10s]
	Probe        time.Duration // silence after which an echo request is sent; as much again ends the session [30s]
	WholeTimeout time.Duration // for a message to come in whole [30s]
	SendTimeout  time.Duration // for the peer to take 64 KiB [15s]
	Queue        int           // bytes that wait for the peer before it is not read from any more [1 MiB]
}

func (c *Config) defaults() {
	def(&c.Versions, wire.Spoken)
	def(&c.HelloTimeout, 10*time.Second)
	def(&c.Probe, 30*time.Second)
	def(&c.WholeTimeout, 30*time.Second)
	def(&c.SendTimeout, 15*time.Second)
	def(&c.Queue, 1<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = newCalm(c.Log)
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Server is the OpenFlow side of one switch. Make it with New.
type Server struct {
	cfg Config
	wg  sync.WaitGroup

	mu        sync.Mutex // guards what follows
	listeners []listener
	conns     map[net.Conn]struct{}
	closed    bool
}

// New returns a server that listens nowhere yet.
func New(c Config) *Server {
	c.defaults()
	return &Server{cfg: c, conns: map[net.Conn]struct{}{}}
}

// Listen opens the listener that method names, and answers there until Close. It
// returns the listener's address, which tells the port that ptcp:0 got.
func (s *Server) Listen(method string) (net.Addr, error) {
	l, err := listen(method)
	if err != nil {
		return nil, fmt.Errorf("openflow: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(fmt.Errorf("openflow: %s: the server is closed", method), l.Close())
	}
	s.listeners = append(s.listeners, listener{l, method})
	s.wg.Go(func() { s.accept(l, method) })
	return l.Addr(), nil
}

// Unlisten ends the listener that Listen opened with this method, and leaves its sessions.
func (s *Server) Unlisten(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.listeners, func(l listener) bool { return l.method == method })
	if i < 0 {
		return nil
	}
	l := s.listeners[i]
	s.listeners = slices.Delete(s.listeners, i, i+1)
	if err := l.Close(); err != nil {
		return fmt.Errorf("openflow: %w", err)
	}
	return nil
}

// listener is a place that is listened at.
type listener struct {
	net.Listener
	method string
}

// Close ends listeners and sessions and waits for their goroutines. It may be called
// more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	s.listeners = nil
	for c := range s.conns {
		c.Close() // its session says why it ended
	}
	s.mu.Unlock()
	s.wg.Wait()
	return errors.Join(errs...)
}

// accept makes a session of every connection to l.
func (s *Server) accept(l net.Listener, method string) {
	slots := make(chan struct{}, maxSessions)
	refusing := false // said once until there is room again
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.cfg.Log.Warn("openflow: accept", "listener", method, "error", err)
			time.Sleep(100 * time.Millisecond) // out of descriptors: some will be closed
			continue
		}
		select {
		case slots <- struct{}{}:
			refusing = false
		default:
			if !refusing {
				s.cfg.Log.Warn("openflow: connections refused, too many are there", "listener", method, "most", maxSessions)
			}
			refusing = true
			conn.Close()
			continue
		}
		if !s.begin(conn, method, func() { <-slots }) {
			return
		}
	}
}

// begin runs a session on conn; done is called when it has ended. It is false, and
// conn closed, when the server is.
func (s *Server) begin(conn net.Conn, method string, done func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return false
	}
	s.conns[conn] = struct{}{}
	s.wg.Go(func() {
		defer done()
		newSession(&s.cfg, conn, method).run()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	})
	return true
}
