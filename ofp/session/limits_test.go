package session

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"pollux/ofp/wire"
)

// pipe runs a session on one end of a pipe and returns the other. In a synctest bubble
// all of it lives by the bubble's clock.
func pipe(t testing.TB, c Config) (*peer, *Server) {
	near, far := net.Pipe()
	s := New(c)
	if !s.begin(near, "pipe", false, func() {}) {
		t.Fatal("the server is closed")
	}
	return newPeer(t, far), s
}

// ended says when the session closes its connection, from start on.
func (p *peer) ended(start time.Time) time.Duration {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.in); err != nil {
		p.t.Error(err)
	}
	return time.Since(start)
}

func TestAPeerThatNeverGreets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p, s := pipe(t, Config{Switch: box()})
		defer s.Close()
		if got := p.ended(start); got != 10*time.Second {
			t.Errorf("ended after %v, want 10s", got)
		}
	})
}

// A silent peer is asked once, and lives as long as it answers.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := pipe(t, Config{Switch: box(), Probe: 5 * time.Second})
		defer s.Close()
		p.greet(wire.V14)
		start := time.Now()
		for i := range 3 {
			ask := p.read()
			if want := wire.AppendMessage(nil, wire.V14, wire.EchoRequest, uint32(i+2), nil); !bytes.Equal(ask, want) {
				t.Fatalf("%x, want %x", ask, want)
			}
			if got, want := time.Since(start), time.Duration(i+1)*5*time.Second; got != want {
				t.Fatalf("asked after %v, want %v", got, want)
			}
			ask[1] = 3 // echo reply
			p.write(ask)
		}
		p.read() // asked again, and this time there is no answer
		if got := p.ended(start); got != 25*time.Second {
			t.Errorf("ended after %v, want 25s", got)
		}
	})
}

// Any message is a sign of life.
func TestATalkingPeerIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := pipe(t, Config{Switch: box(), Probe: 5 * time.Second})
		defer s.Close()
		p.greet(wire.V13)
		for range 10 {
			time.Sleep(4 * time.Second)
			p.alive(wire.V13)
		}
	})
}

// A message that does not come to its end has its time, however slowly it drips.
func TestHalfAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := pipe(t, Config{Switch: box(), Probe: 5 * time.Second, WholeTimeout: 30 * time.Second})
		defer s.Close()
		p.greet(wire.V13)
		start := time.Now()
		msg := wire.AppendMessage(nil, wire.V13, wire.EchoRequest, 1, make([]byte, 1000))
		go func() {
			for i := range msg {
				if _, err := p.conn.Write(msg[i : i+1]); err != nil {
					return // the session has ended
				}
				time.Sleep(time.Second)
			}
		}()
		if got := p.ended(start); got != 30*time.Second {
			t.Errorf("ended after %v, want 30s", got)
		}
		time.Sleep(2 * time.Second) // the goroutine sees it
	})
}

// A peer that asks and does not read is not read from any more once its answers are
// too many, and ends after a while; what waits for it is bounded.
func TestASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queue = 64 << 10
		near, far := net.Pipe()
		ses := newSession(New(Config{Switch: box(), Queue: queue, SendTimeout: 5 * time.Second}), near, "pipe", &terms{probe: time.Minute}, nil)
		done := make(chan struct{})
		go func() { ses.run(); close(done) }()
		p := newPeer(t, far)
		p.greet(wire.V13)

		start := time.Now()
		msg := wire.AppendMessage(nil, wire.V13, wire.EchoRequest, 1, make([]byte, 10_000))
		sent := 0
		for ; ; sent++ {
			if _, err := far.Write(msg); err != nil {
				break
			}
			ses.out.mu.Lock()
			if n := len(ses.out.buf); n >= queue+wire.MaxLen {
				t.Fatalf("%d bytes wait", n)
			}
			ses.out.mu.Unlock()
			if sent > 1000 {
				t.Fatal("all is read, whatever the peer reads")
			}
		}
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("ended after %v, want 5s", got)
		}
		<-done
		t.Logf("%d messages of %d bytes were taken", sent, len(msg))
	})
}

// What one session does to its connection others do not notice.
func TestOthersDoNotNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Switch: box(), Queue: 1})
		defer s.Close()
		open := func() *peer {
			near, far := net.Pipe()
			s.begin(near, "pipe", false, func() {})
			return newPeer(t, far)
		}
		good := open()
		good.greet(wire.V13)
		stuck := open() // asks and never reads
		stuck.greet(wire.V10)
		for range 2 {
			stuck.write(wire.AppendMessage(nil, wire.V10, wire.FeaturesRequest, 1, nil))
		}
		half := open() // is in the middle of a message
		half.greet(wire.V15)
		half.write([]byte{6, 2, 0xff, 0xff})
		silent := open()
		garbage := open()
		garbage.read()
		garbage.write(bytes.Repeat([]byte{0xff}, 4096)[:8])

		start := time.Now()
		for range 100 {
			good.alive(wire.V13)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the others cost %v", d)
		}
		for _, p := range []*peer{stuck, half, silent, garbage} {
			p.conn.Close()
		}
	})
}

// One that reads slowly, but reads, is served to the end.
func TestAReaderThatIsOnlySlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := pipe(t, Config{Switch: box(), Queue: 64 << 10, SendTimeout: 5 * time.Second, Probe: time.Hour, WholeTimeout: time.Hour})
		defer s.Close()
		p.greet(wire.V13)
		const n = 50
		go func() {
			for range n {
				if _, err := p.conn.Write(wire.AppendMessage(nil, wire.V13, wire.EchoRequest, 1, make([]byte, 60_000))); err != nil {
					return
				}
			}
		}()
		for i := range n {
			time.Sleep(2 * time.Second)
			if len(p.read()) != 60_008 {
				t.Fatalf("answer %d is missing", i)
			}
		}
	})
}

// Of a listener there are so many sessions and no more, until one ends.
func TestSessionsAreBounded(t *testing.T) {
	path := serveUnix(t, Config{Switch: box()})
	var peers []*peer
	for range maxSessions {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		p := newPeer(t, conn)
		p.greet(wire.V13)
		peers = append(peers, p)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := io.ReadAll(conn); len(b) != 0 || err != nil {
		t.Errorf("one too many is told %x, %v", b, err)
	}
	for _, p := range peers {
		p.alive(wire.V13)
	}
	peers[0].conn.Close()
	for end := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1)
		n, _ := conn.Read(b)
		conn.Close()
		if n == 1 {
			return // it was greeted
		}
		if time.Now().After(end) {
			t.Fatal("there is no room although a session has ended")
		}
		time.Sleep(time.Millisecond)
	}
}

// Close cuts sessions in whatever they do.
func TestCloseEndsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle, s := pipe(t, Config{Switch: box()})
		idle.greet(wire.V13)
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if got := idle.read(); got != nil {
			t.Errorf("%x", got)
		}

		// One whose answers nobody reads.
		stuck, s2 := pipe(t, Config{Switch: box(), Queue: 1})
		stuck.greet(wire.V13)
		for range 2 {
			stuck.write(wire.AppendMessage(nil, wire.V13, wire.EchoRequest, 1, nil))
		}
		synctest.Wait()
		if err := s2.Close(); err != nil {
			t.Error(err)
		}
	})
}
