package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pollux/flow"
	"pollux/ofp/pipeline"
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
	// PortStats returns the counters of all ports.
	PortStats() []wire.PortStats
	// PushCounts brings the counters of flows and groups up to date.
	PushCounts()
	// CheckFrame refuses a packet that the switch cannot treat, whatever is to be done to it.
	CheckFrame(frame []byte) error
	// PacketOut has the switch treat a packet by a list of actions that Tables has checked.
	PacketOut(o *pipeline.Out) error
	// Resume has the switch go on with a packet that had paused. f, which Tables has checked, is
	// what is left to do.
	Resume(frame []byte, in *flow.Key, f *pipeline.Frozen) error
	Exporters
}

// Exporters is what sessions ask of the exporters of flow records.
type Exporters interface {
	// IPFIXBridge returns the counts of the bridge's exporter, false if there is none.
	IPFIXBridge() (wire.IPFIXStats, bool)
	// IPFIXSets returns the counts of the exporter of each collector set.
	IPFIXSets() []wire.IPFIXStats
}

// Config is how a Server behaves. Zero members get the defaults in brackets.
type Config struct {
	Switch     Switch
	Tables     *pipeline.State // the bridge [one without ports and flows]
	Standalone Standalone      // is told when no controller can be talked to [nobody]
	// Misses is told whenever it changes whether a packet that meets no flow at all, not
	// even one for misses, is to be sent to controllers: that is while one of a version
	// before 1.3 wants it. At first it is not. It is called as Standalone is [nobody].
	Misses   func(wanted bool)
	Versions wire.Versions // that are offered [wire.Spoken]
	Log      *slog.Logger  // gets ten lines a second at most, and ten a minute of refused requests [none]

	HelloTimeout time.Duration // for the peer's HELLO to come [10s]
	Probe        time.Duration // silence of one that connected to us after which an echo request is sent; as much again ends the session [30s]
	WholeTimeout time.Duration // for a message to come in whole [30s]
	SendTimeout  time.Duration // for the peer to take 64 KiB [15s]
	BundleIdle   time.Duration // for a bundle to be added to, closed or committed [10s]
	Queue        int           // bytes that wait for the peer before it is not read from any more [1 MiB]
	BundleBytes  int64         // bytes that messages in bundles take, of all sessions together, as they came and as they were read [1 GiB]
	Behind       int           // bytes that wait for a peer that must not miss them before its session ends [128 MiB: a flow-removed for each of a million flows]
	PacketIns    int           // packet-ins that wait for a session of which nothing else is said; more are lost [100]

	dial func(ctx context.Context, t target, files TLSFiles) (net.Conn, error) // instead of target.dial, for tests

	refusals *slog.Logger // Log, for requests that are refused
}

func (c *Config) defaults() {
	def(&c.Versions, wire.Spoken)
	def(&c.HelloTimeout, 10*time.Second)
	def(&c.Probe, 30*time.Second)
	def(&c.WholeTimeout, 30*time.Second)
	def(&c.SendTimeout, 15*time.Second)
	def(&c.BundleIdle, 10*time.Second)
	def(&c.Queue, 1<<20)
	def(&c.BundleBytes, 1<<30)
	def(&c.Behind, 128<<20)
	def(&c.PacketIns, 100)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.refusals = newCalm(c.Log, time.Minute) // so that they leave room for what is wrong with sessions
	c.Log = newCalm(c.Log, time.Second)
	if c.Tables == nil {
		// Nothing is refused of a configuration that is empty.
		c.Tables, _ = pipeline.New(pipeline.Config{})
	}
	if c.dial == nil {
		c.dial = func(ctx context.Context, t target, files TLSFiles) (net.Conn, error) { return t.dial(ctx, files) }
	}
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Server is the OpenFlow side of one switch. Make it with New.
type Server struct {
	cfg    Config
	life   [16]byte        // tells this switch from others, and from what it was before it started
	ctx    context.Context // done when the server is closed
	cancel context.CancelFunc
	wg     sync.WaitGroup

	roles    roles
	fail     failover
	misses   misses
	statuses statuses
	bundled  atomic.Int64 // bytes that messages in bundles take
	files    atomic.Pointer[TLSFiles]

	// sessions is those that there are. Who only wants to tell them something need not wait
	// for mu.
	sessions atomic.Pointer[[]*session]

	mu          sync.Mutex // guards what follows, and changes of sessions
	listeners   []listener
	controllers []*controller
	closed      bool
}

// New returns a server that listens nowhere and connects to nobody yet.
func New(c Config) *Server {
	c.defaults()
	s := &Server{cfg: c}
	rand.Read(s.life[:])
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.sessions.Store(new([]*session))
	s.files.Store(new(TLSFiles))
	s.fail.init(c.Standalone)
	s.misses.tell = c.Misses
	c.Tables.OnFlowChange(s.flowChanged)
	return s
}

// Listen opens the listener that method names, and answers there until Close. It
// returns the listener's address, which tells the port that ptcp:0 got.
func (s *Server) Listen(method string) (net.Addr, error) {
	m, err := parseMethod(method)
	if err != nil {
		return nil, fmt.Errorf("openflow: %w", err)
	}
	l, err := m.listen(method)
	if err != nil {
		return nil, fmt.Errorf("openflow: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(fmt.Errorf("openflow: %s: the server is closed", method), l.Close())
	}
	s.listeners = append(s.listeners, listener{l, method})
	s.wg.Go(func() { s.accept(l, method, m.secure) })
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
	for _, ses := range *s.sessions.Load() {
		cut(ses.conn) // it says why it ended
	}
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	return errors.Join(errs...)
}

// accept makes a session of every connection to l.
func (s *Server) accept(l net.Listener, method string, secure bool) {
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
		if !s.begin(conn, method, secure, func() { <-slots }) {
			return
		}
	}
}

// begin runs a session on conn, which connected to us; done is called when it has ended.
// It is false, and conn closed, when the server is.
func (s *Server) begin(conn net.Conn, method string, secure bool, done func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return false
	}
	s.wg.Go(func() {
		defer done()
		if secure {
			ctx, cancel := context.WithTimeout(s.ctx, s.cfg.HelloTimeout)
			defer cancel()
			t, err := s.files.Load().server(ctx, conn)
			if err != nil {
				s.cfg.Log.Warn("openflow: connection refused", "peer", whoIs(conn, method), "why", err)
				return
			}
			conn = t
		}
		s.converse(newSession(s, conn, method, &terms{probe: s.cfg.Probe, queue: s.cfg.PacketIns}, nil))
	})
	return true
}

// converse has ses until it ends, and returns why it did.
func (s *Server) converse(ses *session) error {
	if !s.join(ses) {
		ses.conn.Close()
		return net.ErrClosed
	}
	defer s.leave(ses)
	return ses.run()
}

// join adds ses to the sessions. It is false when the server is closed.
func (s *Server) join(ses *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	all := append(slices.Clone(*s.sessions.Load()), ses)
	s.sessions.Store(&all)
	return true
}

func (s *Server) leave(ses *session) {
	defer s.reviewMisses()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*s.sessions.Load()), func(x *session) bool { return x == ses })
	s.sessions.Store(&all)
}
