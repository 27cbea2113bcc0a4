package ipfix

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// sink is what a stream writes to: a connection or a file.
type sink interface {
	// write writes whole messages, and returns how many bytes are out. Bytes of a
	// message that is not out in whole are as if they had not been written.
	write(b []byte) (n int, err error)
	// gone is closed when the other side has ended the session, for a reason; nil: never.
	gone() <-chan struct{}
	why() error
	// resumes says that the session goes on after an error of write.
	resumes() bool
	// renews says that other templates want a new session.
	renews() bool
	// over says that it is time for a new session.
	over() bool
	// abort makes a write under way end; any goroutine may call it.
	abort()
	close() error
}

// stream is a target whose session can stall or break: messages go to a bounded
// queue, and a goroutine of its own sends them. Methods in lower case that say so
// belong to that goroutine; the others may be called from any.
type stream struct {
	addr address
	size int // of messages with templates
	wall func() time.Time
	open func(context.Context) (sink, error)

	life    context.Context // ends when sending is over
	end     context.CancelFunc
	wake    chan struct{}
	done    chan struct{}   // closed when the goroutine has ended
	era     atomic.Uint64   // connections after the first
	running bool            // only Run's goroutine
	after   <-chan struct{} // sending begins when it is closed; nil: at once

	mu       sync.Mutex
	q        queue
	stats    CollectorStats
	stopping bool
	stopped  bool  // nothing is sent any more
	closeErr error // of the last session; read when done is closed

	sessions map[uint32]*session  // of the session in hand, by domain; only the stream's goroutine
	preamble map[uint32][]kept    // option records that were sent last, for new sessions; the same
	opened   uint64               // sessions begun; the same
	planned  bool                 // the session to come follows one that ended by itself; the same
	backoff  backoff              // the same
	pause    func() time.Duration // the wait between attempts: backoff's
}

// kept is a message that is sent again at the start of a session.
type kept struct {
	buf     []byte
	records uint32
	list    *templateList
}

// maxPreamble bounds the messages with option records that are kept of a domain.
const maxPreamble = 64

func newStream(a address, cfg *ExporterConfig, wall func() time.Time) *stream {
	s := &stream{
		addr: a, size: cfg.messageSize(), wall: wall, q: queue{limit: cfg.Buffer},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		stats:    CollectorStats{State: stateConnecting},
		sessions: make(map[uint32]*session), preamble: make(map[uint32][]kept),
	}
	switch a.transport {
	case File:
		s.open = fileOpener(a.rest, cfg.File, wall)
	case TLS:
		s.open = tlsOpener(a, cfg.TLS)
	case DTLS:
		s.open = dtlsOpener(a, cfg)
	default:
		s.open = tcpOpener(a)
	}
	s.pause = s.backoff.next
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// start lets the stream begin. Run's goroutine calls it.
func (s *stream) start() {
	if !s.running {
		s.running = true
		go s.run()
	}
}

// put queues a message, or counts its flow records as not sent.
func (s *stream) put(b []byte, it item) {
	s.mu.Lock()
	if s.stopped || !s.q.put(b, it) {
		w := bufferFull
		if s.stopped {
			w = atStop
		}
		s.stats.lose(it.flows, w)
		s.mu.Unlock()
		return
	}
	s.stats.Queued.add(it.flows)
	s.mu.Unlock()
	s.poke()
}

func (s *stream) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// adjust takes over the size of the buffer.
func (s *stream) adjust(cfg *ExporterConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.q.limit = cfg.Buffer
}

func (s *stream) counts() CollectorStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.stats
	c.QueuedSize = uint64(s.q.bytes)
	return c
}

func (s *stream) note(f func(*CollectorStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

func (s *stream) fail(err error) {
	s.note(func(c *CollectorStats) { c.Errors++; c.LastError = err.Error() })
}

// stop says that nothing is put any more and that sending may go on for that long.
// It does not wait.
func (s *stream) stop(left time.Duration) {
	s.mu.Lock()
	s.stopping = true
	open := s.stats.State == stateConnected || s.stats.State == stateWriting
	vain := s.stats.Queued == (Totals{}) && !open
	s.mu.Unlock()
	if left <= 0 || vain || !s.running {
		s.end()
	} else {
		time.AfterFunc(left, s.end)
	}
	if !s.running {
		s.giveUp()
		close(s.done)
	}
	s.poke()
}

// run sends until stopped: one session after the other.
func (s *stream) run() {
	defer close(s.done)
	defer s.end()
	if s.after != nil {
		<-s.after // ends within its own limit
	}
	for {
		k := s.connect()
		if k == nil {
			break
		}
		began := time.Now()
		release := context.AfterFunc(s.life, k.abort)
		end := s.session(k)
		s.planned = end == renewed
		release()
		if end == broken {
			s.reason(k)
		}
		if err := k.close(); err != nil && end != broken {
			s.fail(err)
			s.closeErr = err
		}
		if time.Since(began) > settled {
			s.backoff.reset()
		}
		if end == finished || end == broken && !s.rest() {
			break
		}
	}
	s.giveUp()
}

// reason notes why the other side ended a session.
func (s *stream) reason(k sink) {
	select {
	case <-k.gone():
		s.fail(k.why())
	default:
	}
}

// giveUp counts what is queued as not sent.
func (s *stream) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.stats.lose(s.stats.Queued, atStop)
	s.stats.Queued = Totals{}
	s.q = queue{}
	s.stats.State = stateWaiting
}

// connect opens a sink, trying until one opens; nil when it is time to stop.
func (s *stream) connect() sink {
	for {
		s.note(func(c *CollectorStats) { c.State = stateConnecting })
		k, err := s.open(s.life)
		if err == nil {
			s.note(func(c *CollectorStats) {
				c.State = stateConnected
				if s.addr.transport == File {
					c.State = stateWriting
				}
				switch {
				case s.opened == 0:
				case s.renews():
					c.Renewals++
				default:
					c.Reconnects++
				}
			})
			if s.opened > 0 && s.addr.transport != File {
				s.era.Add(1)
			}
			s.opened++
			return k
		}
		if s.life.Err() == nil {
			s.fail(err)
		}
		if !s.rest() {
			return nil
		}
	}
}

// renews says that the session to come is one of DTLS that was to follow another. It
// needs nothing sent again: the exporter gives new sessions their options, of now.
func (s *stream) renews() bool { return s.planned && s.addr.transport == DTLS }

// rest waits before the next attempt; false when it is time to stop.
func (s *stream) rest() bool {
	s.note(func(c *CollectorStats) { c.State = stateWaiting })
	t := time.NewTimer(s.pause())
	defer t.Stop()
	for {
		s.mu.Lock()
		vain := s.stopping && s.stats.Queued == (Totals{})
		s.mu.Unlock()
		if vain {
			return false
		}
		select {
		case <-t.C:
			return s.life.Err() == nil
		case <-s.wake:
		case <-s.life.Done():
			return false
		}
	}
}

// outcome is how a session ended.
type outcome uint8

const (
	finished outcome = iota // stopped
	broken                  // the other side ended it, or writing failed
	renewed                 // a new one is to begin at once
)

// session sends in one session until it ends. It begins with the options that were
// sent last, and the templates of those, unless it was to follow another.
func (s *stream) session(k sink) outcome {
	clear(s.sessions)
	preamble := s.preamble
	if s.renews() {
		preamble = nil
	}
	for domain, list := range preamble {
		for i := range list {
			for !s.resend(k, domain, &list[i]) {
				if end, ok := s.failed(k); !ok {
					return end
				}
			}
		}
	}
	for {
		if s.life.Err() != nil {
			return finished
		}
		if k.over() {
			return renewed
		}
		s.mu.Lock()
		b := s.q.head()
		stopping := s.stopping
		s.mu.Unlock()
		switch {
		case b.items == nil && stopping:
			return finished
		case b.items == nil:
			if !s.idle(k) {
				return broken
			}
		case k.renews() && s.another(b.items[0].list, b.items[0].domain):
			s.forget(b.items[0].list)
			return renewed
		case !s.write(k, &b):
			if end, ok := s.failed(k); !ok {
				return end
			}
		}
	}
}

// failed says whether the session goes on after an error, which it does later, or else
// how it ended.
func (s *stream) failed(k sink) (end outcome, ok bool) {
	if s.life.Err() != nil {
		return finished, false
	}
	if !k.resumes() {
		return broken, false
	}
	if !s.rest() {
		return finished, false
	}
	s.note(func(c *CollectorStats) { c.State = stateWriting })
	return 0, true
}

// idle waits for something to do; false when the session has ended.
func (s *stream) idle(k sink) bool {
	look := time.NewTimer(time.Second)
	defer look.Stop()
	select {
	case <-s.wake:
	case <-look.C:
	case <-s.life.Done():
	case <-k.gone():
		return false
	}
	return true
}
