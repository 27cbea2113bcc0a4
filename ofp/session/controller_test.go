package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pollux/ofp/wire"
)

func TestControllersAreReadAsOpenVSwitchWritesThem(t *testing.T) {
	for text, want := range map[string]string{
		"unix:/run/c":                      "unix /run/c",
		"tcp:10.0.0.1":                     "tcp 10.0.0.1:6653",
		"tcp:10.0.0.1:6633":                "tcp 10.0.0.1:6633",
		"tcp:c.example:1":                  "tcp c.example:1",
		"tcp:[::1]":                        "tcp [::1]:6653",
		"ssl:[fe80::1%eth0]:7":             "tcp [fe80::1%eth0]:7 by TLS",
		"tcp:::1":                          "more than one colon",
		"tcp:[::1]:":                       "not a number",
		"tcp:[::1":                         "more than one colon",
		"tcp:[10.0.0.1]":                   "not an IPv6 address",
		"tcp:[::1]x":                       "not :PORT",
		"tcp:":                             "no host",
		"tcp:h:0":                          "not a number",
		"tcp:h:65536":                      "not a number",
		"unix:":                            "1 to 107",
		"unix:" + strings.Repeat("x", 108): "1 to 107",
		"ptcp:6653":                        "want unix:PATH",
		"":                                 "want unix:PATH",
	} {
		m, err := parseTarget(text)
		got := m.network + " " + m.addr
		if m.secure {
			got += " by TLS"
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// office is where controllers are that a server under test connects to.
type office struct {
	t     testing.TB
	conns chan net.Conn // the controllers' ends

	mu    sync.Mutex // guards what follows
	dials []time.Time
	away  error // nobody is there
}

func newOffice(t testing.TB) *office { return &office{t: t, conns: make(chan net.Conn, 16)} }

func (o *office) dial(ctx context.Context, _ target, _ TLSFiles) (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dials = append(o.dials, time.Now())
	if o.away != nil {
		return nil, o.away
	}
	near, far := net.Pipe()
	o.conns <- far
	return near, nil
}

// set says why nobody is there; nil: they are.
func (o *office) set(away error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = away
}

// dialed is how often somebody tried to connect.
func (o *office) dialed() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.dials)
}

// meet returns the next connection, greeted by a controller of version v.
func (o *office) meet(v wire.Version) *peer {
	o.t.Helper()
	p := newPeer(o.t, <-o.conns)
	p.greet(v)
	return p
}

// gaps is the times between attempts to connect.
func (o *office) gaps() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var text []string
	for i := 1; i < len(o.dials); i++ {
		text = append(text, o.dials[i].Sub(o.dials[i-1]).String())
	}
	return strings.Join(text, " ")
}

// try has a server connect to a controller.
func try(t testing.TB, s *Server, c ...Controller) {
	t.Helper()
	if err := s.SetControllers(Controllers{List: c}); err != nil {
		t.Fatal(err)
	}
}

func TestBackoff(t *testing.T) {
	for most, want := range map[time.Duration]string{
		8 * time.Second: "1s 2s 4s 8s 8s 8s",
		3 * time.Second: "1s 2s" + strings.Repeat(" 3s", 9),
		0:               strings.TrimSpace(strings.Repeat("1s ", 32)),
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t)
			o.set(errors.New("nobody is there"))
			s := New(Config{Switch: box(), dial: o.dial})
			defer s.Close()
			try(t, s, Controller{Target: "tcp:c", MaxBackoff: most})
			time.Sleep(32*time.Second + time.Millisecond)
			if got := o.gaps(); got != want {
				t.Errorf("most %v: waits %s, want %s", most, got, want)
			}
			p := s.Peers()
			if len(p) != 1 || p[0].Connected || !p[0].Primary || p[0].LastError != "nobody is there" || p[0].Attempts != uint64(o.dialed()) {
				t.Errorf("%+v", p)
			}
		})
	}
}

// A session that lasts has the waits begin again, one that does not does not.
func TestBackoffAfterSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial})
		defer s.Close()
		try(t, s, Controller{Target: "tcp:c", MaxBackoff: 8 * time.Second})
		for _, stay := range []time.Duration{0, 0, 0, 3 * time.Second, 5 * time.Second, 0} {
			p := o.meet(wire.V13)
			p.alive(wire.V13)
			time.Sleep(stay)
			p.conn.Close()
		}
		o.meet(wire.V13).conn.Close()
		// After 3s the wait before had been 4s: it is twice that. After 5s it had been 8s.
		if got, want := o.gaps(), "1s 2s 4s 11s 13s 8s"; got != want {
			t.Errorf("waits %s, want %s", got, want)
		}
		synctest.Wait()
		if p := s.Peers()[0]; p.LastError != "the controller closed the connection" {
			t.Errorf("%+v", p)
		}
	})
}

// One without a common version is tried ever more seldom, although it answers.
func TestBackoffWithoutACommonVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial})
		defer s.Close()
		try(t, s, Controller{Target: "tcp:c", MaxBackoff: 4 * time.Second})
		for range 4 {
			p := newPeer(t, <-o.conns)
			p.read()
			p.write(wire.AppendHello(nil, 1<<2, 1))
			p.ended(time.Now())
		}
		if got, want := o.gaps(), "1s 2s 4s"; got != want {
			t.Errorf("waits %s, want %s", got, want)
		}
		synctest.Wait()
		if p := s.Peers()[0]; !strings.Contains(p.LastError, "this switch speaks") {
			t.Errorf("%+v", p)
		}
	})
}

// The controller's probe is its own; 0 is none, and both can change while it is connected.
func TestProbeOfAController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial})
		defer s.Close()
		c := Controller{Target: "tcp:c", MaxBackoff: time.Second, Probe: 5 * time.Second}
		try(t, s, c)
		p := o.meet(wire.V13)
		start := time.Now()
		if ask := p.read(); wire.KindOf(wire.V13, ask[1]) != wire.EchoRequest || time.Since(start) != 5*time.Second {
			t.Errorf("%x after %v", ask, time.Since(start))
		}
		if got := p.ended(start); got != 10*time.Second {
			t.Errorf("ended after %v, want 10s", got)
		}
		p = o.meet(wire.V13)
		synctest.Wait()
		if l := s.Peers()[0]; !l.Connected || l.Version != "OpenFlow13" || l.Role != "other" || !strings.Contains(l.LastError, "nothing came") || l.Attempts != 2 {
			t.Errorf("%+v", l)
		}
		c.Probe = 0
		try(t, s, c)
		time.Sleep(time.Hour)
		p.alive(wire.V13)
		c.Probe = time.Minute
		try(t, s, c)
		start = time.Now()
		p.read()
		if got := time.Since(start); got != time.Minute {
			t.Errorf("asked after %v, want 1m", got)
		}
		if n := s.Peers()[0].Attempts; n != 2 {
			t.Errorf("other terms had it connect again: %d attempts", n)
		}
	})
}

// What the switch says of a controller is the state that it is in, and since when.
func TestStateOfAController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.set(errors.New("nobody is there"))
		s := New(Config{Switch: box(), dial: o.dial})
		defer s.Close()
		want := func(of string, connected, greeting bool, since, erred time.Duration) {
			t.Helper()
			synctest.Wait()
			p := s.Peers()[0]
			if p.Connected != connected || p.Greeting != greeting || time.Since(p.Since) != since || time.Since(p.ErrorAt) != erred {
				t.Errorf("%s: %+v, since %v, error %v ago", of, p, time.Since(p.Since), time.Since(p.ErrorAt))
			}
		}
		try(t, s, Controller{Target: "tcp:c", MaxBackoff: 2 * time.Second})
		time.Sleep(1500 * time.Millisecond) // attempts at 0 and 1 s
		want("nobody listens", false, false, 1500*time.Millisecond, 500*time.Millisecond)
		o.set(nil)
		p := newPeer(t, <-o.conns) // at 3 s
		time.Sleep(time.Second)
		want("no HELLO yet", false, true, time.Second, 3*time.Second)
		p.greet(wire.V13)
		time.Sleep(time.Second)
		want("connected", true, false, time.Second, 4*time.Second)
		p.conn.Close()
		time.Sleep(time.Second / 2)
		want("gone", false, false, time.Second/2, time.Second/2)
	})
}

// What is not configured any more is let go of, at whatever it is; the rest does not notice.
func TestControllersChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial})
		defer s.Close()
		a, b := Controller{Target: "tcp:a"}, Controller{Target: "tcp:b"}
		try(t, s, a)
		pa := o.meet(wire.V13)
		try(t, s, a, b)
		pb := o.meet(wire.V14)
		try(t, s, b)
		if msg := pa.read(); msg != nil {
			t.Errorf("%x", msg)
		}
		pb.alive(wire.V14)
		o.set(errors.New("away"))
		try(t, s, b, a) // a waits for its next attempt
		synctest.Wait()
		if p := s.Peers(); len(p) != 2 || p[0].Target != "tcp:b" || !p[0].Connected || p[1].Connected {
			t.Errorf("%+v", p)
		}
		try(t, s)
		if msg := pb.read(); msg != nil {
			t.Errorf("%x", msg)
		}
		n := o.dialed()
		time.Sleep(time.Hour)
		if o.dialed() != n {
			t.Error("a controller that is not configured is connected to")
		}
		if err := s.SetControllers(Controllers{List: []Controller{{Target: "tcp:c"}, {Target: "tcp:"}}}); err == nil || len(s.Peers()) != 0 {
			t.Errorf("%v, %v", err, s.Peers())
		}
	})
}

// A server that is closed connects to nobody, in whatever it was.
func TestCloseEndsControllers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ target, _ TLSFiles) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		s := New(Config{Switch: box(), dial: hang})
		try(t, s, Controller{Target: "tcp:a"})
		synctest.Wait()
		start := time.Now()
		if err := s.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := s.SetControllers(Controllers{}); err == nil {
			t.Error("a closed server takes controllers")
		}
	})
}

// Real sockets of every kind.
func TestConnecting(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ network, addr, target string }{
		{"unix", filepath.Join(dir, "c"), "unix:%s"},
		{"tcp4", "127.0.0.1:0", "tcp:%s"},
		{"tcp6", "[::1]:0", "tcp:%s"},
	} {
		l, err := net.Listen(c.network, c.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := New(Config{Switch: box()})
		defer s.Close()
		try(t, s, Controller{Target: fmt.Sprintf(c.target, l.Addr())})
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, conn)
		p.greet(wire.V13)
		p.alive(wire.V13)
		if l := s.Peers()[0]; !l.Connected || l.Version != "OpenFlow13" {
			t.Errorf("%+v", l)
		}
		conn.Close()
	}
}
