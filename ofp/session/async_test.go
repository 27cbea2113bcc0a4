package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pollux/ofp/wire"
)

// The defaults are Open vSwitch's, which are the specification's but for invalid TTLs.
func TestDefaultsOfAsynchronousMessages(t *testing.T) {
	for v, want := range map[wire.Version]string{
		wire.V10: "packet-in 0x3/0x0 port 0x7/0x7 flow-removed 0x7/0x0 role 0x0/0x0 table 0x0/0x0 forward 0x0/0x0",
		wire.V13: "packet-in 0x3/0x0 port 0x7/0x7 flow-removed 0xf/0x0 role 0x0/0x0 table 0x0/0x0 forward 0x0/0x0",
		wire.V14: "packet-in 0x3b/0x0 port 0x7/0x7 flow-removed 0x3f/0x0 role 0x7/0x7 table 0x18/0x0 forward 0x0/0x0",
		wire.V15: "packet-in 0x3b/0x0 port 0x7/0x7 flow-removed 0x3f/0x0 role 0x7/0x7 table 0x18/0x0 forward 0x0/0x0",
	} {
		c := defaultAsync(v)
		var parts []string
		for k, name := range []string{"packet-in", "port", "flow-removed", "role", "table", "forward"} {
			parts = append(parts, fmt.Sprintf("%s %#x/%#x", name, c.master[k], c.slave[k]))
		}
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("%s: %s, want %s", v, got, want)
		}
	}
}

func TestWhoWantsWhat(t *testing.T) {
	for _, c := range []struct {
		name    string
		st      state
		service bool
		kind    asyncKind
		reason  uint8
		want    bool
	}{
		{"before a version is agreed on", state{async: defaultAsync(wire.V13)}, false, asyncPortStatus, 0, false},
		{"a controller", state{version: wire.V13, async: defaultAsync(wire.V13)}, false, asyncFlowRemoved, 0, true},
		{"a tool", state{version: wire.V13, async: defaultAsync(wire.V13)}, true, asyncPortStatus, 0, false},
		{"a tool that asks for packets", state{version: wire.V13, async: defaultAsync(wire.V13), missLen: 1}, true, asyncPortStatus, 0, true},
		{"a slave, ports", state{version: wire.V13, role: RoleSlave, async: defaultAsync(wire.V13)}, false, asyncPortStatus, 2, true},
		{"a slave, flows", state{version: wire.V13, role: RoleSlave, async: defaultAsync(wire.V13)}, false, asyncFlowRemoved, 0, false},
		{"a master", state{version: wire.V14, role: RoleMaster, async: defaultAsync(wire.V14)}, false, asyncFlowRemoved, 5, true},
		{"a reason that the version has not", state{version: wire.V13, async: defaultAsync(wire.V13)}, false, asyncFlowRemoved, 5, false},
		{"a reason that none has", state{version: wire.V14, async: defaultAsync(wire.V14)}, false, asyncFlowRemoved, 200, false},
	} {
		if got := c.st.wants(c.kind, c.reason, c.service); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhoWantsPackets(t *testing.T) {
	for _, c := range []struct {
		v        wire.Version
		reason   uint8
		implicit bool
		want     bool
	}{
		{wire.V10, reasonNoMatch, false, true},
		{wire.V10, reasonNoMatch, true, true},
		{wire.V13, reasonNoMatch, false, true},
		{wire.V13, reasonNoMatch, true, false},
		{wire.V10, reasonGroup, false, true},
		{wire.V13, reasonPacketOut, false, true},
		{wire.V14, reasonActionSet, false, true},
		{wire.V10, reasonInvalidTTL, false, false},
		{wire.V15, reasonInvalidTTL, false, false},
	} {
		st := state{version: c.v, async: defaultAsync(c.v)}
		if got := st.wantsPacket(c.reason, c.implicit, false); got != c.want {
			t.Errorf("%s reason %d, implicit %v: %v", c.v, c.reason, c.implicit, got)
		}
	}
}

// numbered makes a message that has a number in its body.
func numbered(v wire.Version, k wire.Kind, n uint32, size int) []byte {
	body := binary.BigEndian.AppendUint32(nil, n)
	return wire.AppendMessage(nil, v, k, 0, append(body, make([]byte, size)...))
}

// number is that of a message that numbered made.
func number(msg []byte) uint32 { return binary.BigEndian.Uint32(msg[wire.HeaderLen:]) }

// A controller that does not read loses packet-ins, and nothing else: what it must not miss
// it gets, in order, when it reads again; others miss nothing.
func TestAFloodOfPacketIns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial, SendTimeout: time.Minute})
		defer s.Close()
		const queue, all = 7, 1000
		a, b := Controller{Target: "tcp:slow", Queue: queue}, Controller{Target: "tcp:fast", Queue: queue}
		try(t, s, a)
		slow := o.meet(wire.V13)
		try(t, s, a, b)
		fast := o.meet(wire.V13)
		synctest.Wait()
		start := time.Now()
		for i := range uint32(all) {
			s.packetIn(reasonAction, false, 0, func(b []byte, _ *state) []byte {
				return append(b, numbered(wire.V13, wire.PacketIn, i, 1000)...)
			})
			if i%10 == 0 {
				s.tell(asyncFlowRemoved, 0, nil, func(b []byte, _ *state) []byte {
					return append(b, numbered(wire.V13, wire.FlowRemoved, i, 40)...)
				})
			}
			for n := 0; n == 0 || n == 1 && i%10 == 0; n++ {
				if got := number(fast.read()); got != i {
					t.Fatalf("the fast one has %d instead of %d", got, i)
				}
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the slow one costs %v", d)
		}
		p := s.Peers()
		if p[0].PacketInFull+p[0].PacketIns != all || p[0].PacketIns > 2*queue+2 {
			t.Errorf("%+v", p[0])
		}
		if p[1].PacketIns != all || p[1].PacketInFull != 0 {
			t.Errorf("%+v", p[1])
		}
		// What the slow one has not lost comes, and an answer after it.
		slow.conn.SetReadDeadline(time.Now().Add(time.Hour))
		go slow.write(wire.AppendMessage(nil, wire.V13, wire.EchoRequest, 9, nil))
		var packets uint64
		var removed []uint32
		for {
			msg := slow.read()
			switch wire.KindOf(wire.V13, msg[1]) {
			case wire.PacketIn:
				packets++
				continue
			case wire.FlowRemoved:
				removed = append(removed, number(msg))
				continue
			case wire.EchoReply:
			default:
				t.Fatalf("%x", msg)
			}
			break
		}
		if packets != p[0].PacketIns {
			t.Errorf("%d packet-ins came and %d were sent", packets, p[0].PacketIns)
		}
		if len(removed) != all/10 || !slices.IsSorted(removed) {
			t.Errorf("of %d flows that were removed it was told of %v", all/10, removed)
		}
	})
}

// The rate holds for each session and for misses apart from other packets.
func TestRateOfPacketIns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial})
		defer s.Close()
		try(t, s, Controller{Target: "tcp:c", Queue: 100, Rate: 100, Burst: 20})
		p := o.meet(wire.V13)
		synctest.Wait()
		go func() {
			for p.read() != nil {
			}
		}()
		send := func(reason uint8, n int) {
			for range n {
				s.packetIn(reason, false, 0, func(b []byte, _ *state) []byte {
					return append(b, numbered(wire.V13, wire.PacketIn, 0, 8)...)
				})
				synctest.Wait()
			}
		}
		sent := func(want uint64, why string) {
			t.Helper()
			if l := s.Peers()[0]; l.PacketIns != want || l.PacketInFull != 0 {
				t.Errorf("%s: %+v, want %d", why, l, want)
			}
		}
		send(reasonAction, 1000)
		sent(20, "a burst")
		send(reasonNoMatch, 1000)
		sent(40, "a burst of misses")
		for range 1000 {
			time.Sleep(time.Millisecond)
			send(reasonAction, 1)
		}
		sent(140, "a second")
		time.Sleep(time.Hour)
		send(reasonAction, 1000)
		sent(160, "a burst after a long time")
		if l := s.Peers()[0]; l.PacketIns+l.PacketInLimited != 4000 {
			t.Errorf("%+v", l)
		}
		try(t, s, Controller{Target: "tcp:c", Queue: 100})
		send(reasonAction, 1000)
		sent(1160, "no limit any more")
		p.conn.Close()
	})
}

// A session that is told more than it can be kept waiting for ends, the caller does not wait.
func TestTooFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial, Behind: 100_000, SendTimeout: time.Hour})
		defer s.Close()
		try(t, s, Controller{Target: "tcp:c", MaxBackoff: time.Second})
		p := o.meet(wire.V13)
		synctest.Wait()
		start := time.Now()
		for range 102 { // one is being written
			s.tell(asyncFlowRemoved, 0, nil, func(b []byte, _ *state) []byte {
				return append(b, numbered(wire.V13, wire.FlowRemoved, 0, 988)...)
			})
			synctest.Wait()
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v", d)
		}
		if err := s.Peers()[0].LastError; !strings.Contains(err, "too far behind: 101000 bytes wait") {
			t.Errorf("last error %q", err)
		}
		if got := p.ended(start); got != 0 {
			t.Errorf("ended after %v", got)
		}
		o.meet(wire.V13).alive(wire.V13) // and begins anew
	})
}

// Sessions of a version before 1.3 are told of packets that no flow was for; the switch
// knows whether there is one.
func TestMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []bool
		o := newOffice(t)
		s := New(Config{Switch: box(), dial: o.dial, Misses: func(wanted bool) { told = append(told, wanted) }})
		defer s.Close()
		want := func(list ...bool) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(told, list) {
				t.Errorf("told %v, want %v", told, list)
			}
		}
		a, b := Controller{Target: "tcp:a"}, Controller{Target: "tcp:b"}
		try(t, s, a)
		o.meet(wire.V13)
		want()
		try(t, s, a, b)
		pb := o.meet(wire.V10)
		want(true)
		ses := (*s.sessions.Load())[1]
		if _, _, err := s.setRole(ses, RoleSlave, 0, false); err != nil {
			t.Fatal(err)
		}
		want(true, false)
		if _, _, err := s.setRole(ses, RoleEqual, 0, false); err != nil {
			t.Fatal(err)
		}
		want(true, false, true)
		pb.conn.Close()
		want(true, false, true, false)
		near, far := net.Pipe()
		s.begin(near, "punix:x", false, func() {})
		tool := newPeer(t, far)
		tool.greet(wire.V10)
		want(true, false, true, false)
		tool.write(append(wire.AppendMessage(nil, wire.V10, wire.SetConfig, 1, []byte{0, 0, 0, 1}), wire.AppendMessage(nil, wire.V10, wire.BarrierRequest, 2, nil)...))
		tool.read()
		want(true, false, true, false, true)
	})
}

// An outbox gives each sort its own room.
func TestOutbox(t *testing.T) {
	o := newOutbox(100, 200)
	msg := bytes.Repeat([]byte("x"), 50)
	for i, want := range []bool{true, true, false} {
		if got := o.offer(msg, 5); got != want {
			t.Errorf("packet-in %d: %v", i, got)
		}
	}
	for range 2 {
		if !o.put(msg) {
			t.Error("packet-ins take the room of answers")
		}
	}
	for range 2 {
		if !o.post(msg) {
			t.Error("packet-ins take the room of what must not be lost")
		}
	}
	if b := o.take(nil); len(b) != 300 {
		t.Errorf("%d bytes", len(b))
	}
	for i := range 5 {
		if !o.offer(msg[:1], 5) {
			t.Errorf("packet-in %d is lost", i)
		}
	}
	if o.offer(msg[:1], 5) {
		t.Error("more than the most")
	}
	if o.post(make([]byte, 201)) || o.behind() == nil || o.put(msg) || o.post(msg) || o.offer(msg, 5) {
		t.Error("it goes on after its end")
	}
}
