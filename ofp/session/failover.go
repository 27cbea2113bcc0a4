package session

import (
	"sync"
	"time"

	"pollux/ofp/wire"
)

// Standalone is told when the switch is on its own, and when it is not any more. Calls
// come one after the other, Enter first. They may come from any goroutine of the server,
// and are over before a message of the controller that ended it is dealt with. They must
// neither call the server nor wait for one who does.
type Standalone interface {
	// EnterStandalone has the switch forward by itself.
	EnterStandalone()
	// LeaveStandalone undoes EnterStandalone.
	LeaveStandalone()
}

// failover decides whether the switch is on its own: that is when controllers are
// configured, fail mode is standalone, and none was admitted for three times the longest
// probe interval, which is one for silence to be noticed, one for an answer, one to
// connect again (fail-open in Open vSwitch).
type failover struct {
	hooks Standalone
	news  chan struct{} // something that it depends on has changed

	mu    sync.Mutex // guards what follows, and calls of hooks
	watch bool       // there is a goroutine that watches
	on    bool       // fail mode is standalone
	alone bool
	since time.Time // when an admitted controller was last heard, or the first was configured
}

// unprobed is what counts for three probe intervals where no controller is probed.
const unprobed = 15 * time.Second

func (f *failover) init(hooks Standalone) {
	f.hooks, f.news = hooks, make(chan struct{}, 1)
}

// watch has the server watch its controllers. s.mu is held.
func (s *Server) watch(standalone bool) {
	f := &s.fail
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on {
		f.since = time.Now()
	}
	f.on = standalone && len(s.controllers) > 0
	if f.on && !f.watch {
		f.watch = true
		s.wg.Go(s.watchControllers)
	}
	s.watchAgain()
}

// watchAgain has the server look at its controllers again. It does not wait.
func (s *Server) watchAgain() {
	select {
	case s.fail.news <- struct{}{}:
	default:
	}
}

// watchControllers enters and leaves standalone mode until the server closes.
func (s *Server) watchControllers() {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.fail.news:
		case <-t.C:
		}
		t.Stop()
		if wait, ok := s.look(); ok {
			t.Reset(wait)
		}
	}
}

// look enters or leaves standalone mode if it is time, and says when to look again; false
// if that is when there are news.
func (s *Server) look() (time.Duration, bool) {
	admitted, patience := s.admission()
	f := &s.fail
	f.mu.Lock()
	defer f.mu.Unlock()
	switch quiet := time.Since(f.since); {
	case !f.on || admitted:
		f.leave(s)
	case f.alone:
		return knockEvery, s.knock()
	case quiet < patience:
		return patience - quiet, true
	default:
		s.cfg.Log.Warn("openflow: no controller can be talked to: the switch forwards by itself", "for", quiet.Round(time.Second))
		f.alone = true
		if f.hooks != nil {
			f.hooks.EnterStandalone()
		}
		return knockEvery, s.knock()
	}
	return 0, false
}

// leave ends standalone mode. f.mu is held.
func (f *failover) leave(s *Server) {
	if !f.alone {
		return
	}
	s.cfg.Log.Warn("openflow: the switch does not forward by itself any more")
	f.alone = false
	if f.hooks != nil {
		f.hooks.LeaveStandalone()
	}
}

// admission says whether a controller is admitted, and how long the switch waits for one.
func (s *Server) admission() (admitted bool, patience time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.controllers {
		c.mu.Lock()
		admitted = admitted || c.admitted
		patience = max(patience, 3*c.cfg.Probe)
		c.mu.Unlock()
	}
	if patience == 0 {
		patience = unprobed
	}
	return admitted, patience
}

// lost notes that the session with an admitted controller has ended, which was last heard
// at a time.
func (f *failover) lost(heard time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if heard.After(f.since) {
		f.since = heard
	}
}

// greetings is the messages that a controller sends before it has decided to have the
// switch. Any other, or any message after a while, shows that it does.
var greetings = [wire.NumKinds]bool{
	wire.Hello: true, wire.ErrorMsg: true, wire.EchoRequest: true, wire.EchoReply: true,
	wire.FeaturesRequest: true, wire.GetConfigRequest: true, wire.SetConfig: true,
	wire.GetAsyncRequest: true, wire.QueueGetConfigRequest: true,
}

// admittedAfter is how long a session lasts with a controller that does not want the
// switch, at most.
const admittedAfter = 30 * time.Second

// admit notes that a message of kind k came. When it returns the switch is not on its own
// any more, if the message says that its controller takes it.
func (s *session) admit(k wire.Kind) {
	c := s.controller
	if c == nil || greetings[k] && time.Since(s.since) < admittedAfter {
		return
	}
	c.mu.Lock()
	was := c.admitted
	c.admitted = true
	c.mu.Unlock()
	if was {
		return
	}
	f := &s.srv.fail
	f.mu.Lock()
	f.leave(s.srv)
	f.mu.Unlock()
	// Who looked before, and enters now, is to look again.
	s.srv.watchAgain()
}
