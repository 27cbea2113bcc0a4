package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"pollux/ofp/wire"
)

// Controller is a controller to connect to.
type Controller struct {
	Target     string        // unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]
	Probe      time.Duration // silence after which an echo request is sent; as much again ends the session. 0: never
	MaxBackoff time.Duration // longest wait between attempts; the first is firstBackoff
	Rate       int           // packet-ins a second; 0: no limit
	Burst      int           // beyond it at once; 0: a quarter of Rate
	Queue      int           // packet-ins that wait for it; more are lost. 0: Config.PacketIns
}

func (c *Controller) terms(most int) *terms {
	return &terms{probe: c.Probe, rate: c.Rate, burst: c.Burst, queue: cmp.Or(c.Queue, most)}
}

// Controllers is how the switch reaches its controllers.
type Controllers struct {
	List       []Controller // of different targets
	Standalone bool         // the switch forwards by itself when none can be talked to
	TLS        TLSFiles
}

// firstBackoff is the wait before the second attempt to connect; each is twice the one
// before. No attempt has less than minAttempt.
const (
	firstBackoff = time.Second
	minAttempt   = 2 * time.Second
)

// controller is one that the switch connects to, again and again until it is cancelled.
type controller struct {
	srv    *Server
	target target
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex // guards what follows
	cfg      Controller
	session  *session  // nil: not connected
	since    time.Time // when the session began, or the last one ended
	lastErr  error     // why the last session or attempt ended
	erred    time.Time // when it did
	said     string    // of lastErr, in the log
	attempts uint64
	admitted bool // the session did something that only one does that takes the switch
}

// SetControllers has the switch connect to these controllers and no others. Sessions with
// those that stay go on, by their new terms; TLS's files count for new connections. On an
// error nothing has changed.
func (s *Server) SetControllers(c Controllers) error {
	defer s.reviewControllers()
	targets := make([]target, len(c.List))
	for i := range c.List {
		t, err := parseTarget(c.List[i].Target)
		if err != nil {
			return fmt.Errorf("openflow: %w", err)
		}
		targets[i] = t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("openflow: the server is closed")
	}
	files := c.TLS
	s.files.Store(&files)
	old := s.controllers
	s.controllers = nil
	for i, want := range c.List {
		if j := slices.IndexFunc(old, func(x *controller) bool { return x.config().Target == want.Target }); j >= 0 {
			old[j].retune(want)
			s.controllers = append(s.controllers, old[j])
			old = slices.Delete(old, j, j+1)
			continue
		}
		x := &controller{srv: s, target: targets[i], cfg: want, since: time.Now()}
		x.ctx, x.cancel = context.WithCancel(s.ctx)
		s.controllers = append(s.controllers, x)
		s.wg.Go(x.run)
	}
	for _, x := range old {
		x.end()
	}
	s.watch(c.Standalone)
	return nil
}

// config returns the controller's present configuration.
func (c *controller) config() Controller {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg
}

// retune changes all but the target.
func (c *controller) retune(to Controller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg = to
	if c.session != nil {
		c.session.retune(to.terms(c.srv.cfg.PacketIns))
	}
}

// end has the controller's goroutine end, and its session.
func (c *controller) end() {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		cut(c.session.conn)
	}
}

// run connects, and connects again, with waits between that double up to the longest. A
// session that lasted for longer than the wait before it has the next be the first again.
func (c *controller) run() {
	wait := firstBackoff
	for {
		lasted, err := c.connect(max(wait, minAttempt))
		if c.ctx.Err() != nil {
			return
		}
		most := max(c.config().MaxBackoff, firstBackoff)
		if lasted >= wait {
			wait = firstBackoff
		}
		wait = min(wait, most)
		c.failed(err, wait)
		t := time.NewTimer(wait)
		select {
		case <-c.ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		wait *= 2
	}
}

// connect is one attempt within so long, and the session that comes of it. It returns for
// how long that lasted, 0 if no version was agreed on, and why it ended.
func (c *controller) connect(within time.Duration) (lasted time.Duration, err error) {
	c.mu.Lock()
	c.attempts++
	at := c.cfg.Target
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, within)
	conn, err := c.srv.cfg.dial(ctx, c.target, *c.srv.files.Load())
	cancel()
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	ses := newSession(c.srv, conn, at, c.cfg.terms(c.srv.cfg.PacketIns), c)
	c.session, c.since = ses, time.Now()
	c.mu.Unlock()
	if c.ctx.Err() != nil {
		cut(conn) // end came before it could see the session
	}
	err = c.srv.converse(ses)
	if ses.version != 0 {
		lasted = time.Since(ses.since)
	}
	c.ended(ses)
	if errors.Is(err, io.EOF) {
		err = errors.New("the controller closed the connection")
	}
	return lasted, err
}

// ended notes that there is no session any more.
func (c *controller) ended(ses *session) {
	c.mu.Lock()
	was, heard := c.admitted, time.Now()
	if c.cfg.Probe > 0 {
		heard = ses.heard // silence before the end counts: the probe would have broken it
	}
	c.session, c.since, c.admitted = nil, time.Now(), false
	c.mu.Unlock()
	if was {
		c.srv.fail.lost(heard)
	}
	c.srv.watchAgain()
	c.srv.reviewControllers()
}

// failed notes why there is no session.
func (c *controller) failed(err error, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastErr, c.erred = err, time.Now()
	log := c.srv.cfg.Log.Warn
	if c.said == err.Error() {
		log = c.srv.cfg.Log.Debug
	}
	c.said = err.Error()
	log("openflow: no connection to a controller", "controller", c.cfg.Target, "why", err, "again_in", wait)
}

// agreed notes that the session has agreed on a version.
func (c *controller) agreed(v wire.Version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = ""
	c.srv.cfg.Log.Info("openflow: connected to a controller", "controller", c.cfg.Target, "version", v.String())
	c.srv.watchAgain()
}
