package session

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pollux/flow"
	"pollux/ofp/wire"
)

// diary notes when the switch was on its own.
type diary struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%s at %v", what, time.Since(d.began)))
}

func (d *diary) EnterStandalone() { d.note("alone") }
func (d *diary) LeaveStandalone() { d.note("not alone") }

func (d *diary) want(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := strings.Join(d.lines, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// failing runs a test with a server whose controllers are in an office, by a bubble's clock.
func failing(t *testing.T, test func(t *testing.T, s *Server, o *office, d *diary)) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{began: time.Now()}
		o := newOffice(t)
		s := New(Config{Switch: box(), Standalone: d, dial: o.dial})
		defer s.Close()
		test(t, s, o, d)
	})
}

// standalone has the server connect to controllers in fail mode standalone.
func standalone(t *testing.T, s *Server, list ...Controller) {
	t.Helper()
	if err := s.SetControllers(Controllers{List: list, Standalone: true}); err != nil {
		t.Fatal(err)
	}
}

func controllerAt(target string) Controller {
	return Controller{Target: target, Probe: 5 * time.Second, MaxBackoff: 8 * time.Second}
}

// barrier is a request that shows that the controller takes the switch; it is answered.
func (p *peer) barrier(v wire.Version) {
	p.t.Helper()
	p.write(wire.AppendMessage(nil, v, wire.BarrierRequest, 7, nil))
	if msg := p.read(); wire.KindOf(v, msg[1]) != wire.BarrierReply {
		p.t.Fatalf("%x is no barrier reply", msg)
	}
}

func TestAloneFromTheBeginning(t *testing.T) {
	failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
		o.set(errors.New("away"))
		b := controllerAt("tcp:b")
		b.Probe = 10 * time.Second // the longest counts
		standalone(t, s, controllerAt("tcp:a"), b)
		time.Sleep(30*time.Second - 1)
		d.want(t, "")
		time.Sleep(time.Nanosecond)
		d.want(t, "alone at 30s")
		if !s.Alone() {
			t.Error("Alone says that it is not")
		}
		time.Sleep(time.Hour)
		d.want(t, "alone at 30s")
	})
}

// A controller that falls silent is missed three probe intervals after its last word:
// silence, an answer that does not come, no new connection.
func TestAloneWhenTheControllerDies(t *testing.T) {
	failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
		standalone(t, s, controllerAt("tcp:a"))
		p := o.meet(wire.V13)
		p.barrier(wire.V13)
		o.set(errors.New("away"))
		p.ended(time.Now())
		d.want(t, "")
		time.Sleep(5 * time.Second)
		d.want(t, "alone at 15s")
		o.set(nil)
		p = o.meet(wire.V13)
		p.alive(wire.V13)
		d.want(t, "alone at 15s") // it has not shown yet that it takes the switch
		came := time.Since(d.began)
		p.barrier(wire.V13)
		d.want(t, fmt.Sprintf("alone at 15s, not alone at %v", came))
	})
}

// One that only ever answers echoes is taken for one that has the switch after a while.
func TestASilentControllerIsAdmitted(t *testing.T) {
	failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
		standalone(t, s, controllerAt("tcp:a"))
		p := o.meet(wire.V13)
		for echoes := 0; echoes < 6; {
			ask := p.read()
			if wire.KindOf(wire.V13, ask[1]) == wire.EchoRequest {
				ask[1] = 3
				p.write(ask)
				echoes++
			}
		}
		d.want(t, "alone at 15s, not alone at 30s")
	})
}

// While the switch is on its own a controller that is connected gets a packet every two
// seconds, as it may do nothing before it gets one; none when it has done something.
func TestKnocking(t *testing.T) {
	for _, v := range spoken {
		failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
			o.set(errors.New("away"))
			standalone(t, s, controllerAt("tcp:a"))
			time.Sleep(20 * time.Second)
			o.set(nil)
			p := o.meet(v)
			start := time.Now()
			for i := range 2 {
				msg := p.read()
				if got, want := time.Since(start), time.Duration(i+1)*knockEvery; wire.KindOf(v, msg[1]) != wire.PacketIn || got != want {
					t.Fatalf("%s: %x after %v, want a packet after %v", v, msg, got, want)
				}
				in, err := wire.ParsePacketIn(v, msg[wire.HeaderLen:])
				if err != nil || len(in.Data) != 60 || in.Reason != wire.ReasonNoMatch || flow.InPort.Get(&in.Metadata.Key).Lo != uint64(flow.PortLocal) {
					t.Errorf("%s: %+v, %v", v, in, err)
				}
			}
			p.barrier(v)
			if msg := p.read(); wire.KindOf(v, msg[1]) != wire.EchoRequest {
				t.Errorf("%s: %x", v, msg)
			}
			synctest.Wait()
			if s.Alone() {
				t.Errorf("%s: on its own", v)
			}
		})
	}
}

// One of two is enough.
func TestNotAloneWithOneOfTwo(t *testing.T) {
	failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
		a, b := controllerAt("tcp:a"), controllerAt("tcp:b")
		a.Probe, b.Probe = time.Hour, 5*time.Second
		standalone(t, s, a)
		pa := o.meet(wire.V13)
		pa.barrier(wire.V13)
		standalone(t, s, a, b)
		pb := o.meet(wire.V13)
		pb.barrier(wire.V13)
		pb.conn.Close()
		o.set(errors.New("away"))
		time.Sleep(50 * time.Minute)
		pa.alive(wire.V13)
		time.Sleep(50 * time.Minute)
		d.want(t, "")
		a.Probe = 5 * time.Second // silence counts from the last word, which was long ago
		standalone(t, s, a, b)
		pa.ended(time.Now())
		d.want(t, "alone at 1h40m10s")
	})
}

// The fail mode and the list may change meanwhile.
func TestAloneNoMore(t *testing.T) {
	failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
		o.set(errors.New("away"))
		a := controllerAt("tcp:a")
		try(t, s, a)
		time.Sleep(time.Hour)
		d.want(t, "") // secure
		standalone(t, s, a)
		time.Sleep(time.Hour)
		want := "alone at 1h0m15s"
		d.want(t, want)
		try(t, s, a)
		want += ", not alone at 2h0m0s"
		d.want(t, want)
		a.Probe = 0
		standalone(t, s, a)
		time.Sleep(time.Minute)
		want += ", alone at 2h0m15s"
		d.want(t, want)
		standalone(t, s)
		want += ", not alone at 2h1m0s"
		d.want(t, want)
	})
}

// When the answer to a request that admits is there, the switch was not alone any more when
// the request was dealt with.
func TestNotAloneBeforeTheRequest(t *testing.T) {
	failing(t, func(t *testing.T, s *Server, o *office, d *diary) {
		a := controllerAt("tcp:a")
		standalone(t, s, a)
		p := o.meet(wire.V13)
		o.set(errors.New("away"))
		time.Sleep(9 * time.Second)
		p.read() // an echo request
		p.alive(wire.V13)
		time.Sleep(6 * time.Second)
		p.read()
		d.want(t, "alone at 15s")
		p.write(wire.AppendMultipartRequest(nil, wire.V13, 6, wire.Multipart{Part: wire.PartDesc}))
		p.read()
		d.mu.Lock()
		defer d.mu.Unlock()
		if got := len(d.lines); got != 2 {
			t.Errorf("answered while %v", d.lines)
		}
	})
}
