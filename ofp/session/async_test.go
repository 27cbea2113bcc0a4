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

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// getAsync is what the session says it wants.
func (p *peer) getAsync(v wire.Version) wire.AsyncConfig {
	p.t.Helper()
	p.write(wire.AppendMessage(nil, v, wire.GetAsyncRequest, 4, nil))
	msg := p.read()
	if wire.KindOf(v, msg[1]) != wire.GetAsyncReply {
		p.t.Fatalf("%x is no configuration of asynchronous messages", msg)
	}
	c, err := wire.ParseAsync(v, msg[wire.HeaderLen:], wire.AsyncConfig{})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// A session is told what it wants, as what it is, and has the defaults before it has said.
func TestAsynchronousConfiguration(t *testing.T) {
	for _, v := range spoken[1:] {
		f := newFloor(t, v)
		p := f.peers[0]
		c := p.getAsync(v)
		want := wire.DefaultAsync(v)
		if v >= wire.V14 {
			want.Master[wire.AsyncRoleStatus], want.Slave[wire.AsyncRoleStatus], want.Master[wire.AsyncTableStatus] = 7, 7, 0x18
		}
		if c != want {
			t.Errorf("%s: by default %+v, want %+v", v, c, want)
		}
		want.Master[wire.AsyncPacketIn], want.Slave[wire.AsyncPacketIn] = 1<<wire.ReasonAction, 1<<wire.ReasonInvalidTTL
		want.Master[wire.AsyncPortStatus], want.Slave[wire.AsyncPortStatus] = 1<<wire.PortDeleted, 0
		if e := p.ask(v, wire.AppendAsync(nil, v, wire.SetAsync, 1, &want)); e != nil {
			t.Fatalf("%s: %x", v, e)
		}
		if c := p.getAsync(v); c != want {
			t.Errorf("%s: then %+v, want %+v", v, c, want)
		}
		if v >= wire.V14 { // a property changes what it names
			want.Master[wire.AsyncTableStatus] = 1 << wire.TableVacancyUp
			if e := p.ask(v, wire.AppendMessage(nil, v, wire.SetAsync, 1, []byte{0, 9, 0, 8, 0, 0, 0, 1 << wire.TableVacancyUp})); e != nil {
				t.Fatalf("%s: %x", v, e)
			}
			if c := p.getAsync(v); c != want {
				t.Errorf("%s: after one property %+v, want %+v", v, c, want)
			}
			// One that is refused changes nothing, even if it begins well.
			if e := p.ask(v, wire.AppendMessage(nil, v, wire.SetAsync, 1, []byte{0, 9, 0, 8, 0, 0, 0, 0, 0, 99, 0, 8, 0, 0, 0, 0})); e == nil {
				t.Errorf("%s: a kind that there is not", v)
			}
			if c := p.getAsync(v); c != want {
				t.Errorf("%s: after a refusal %+v, want %+v", v, c, want)
			}
		}
		for _, slave := range []bool{false, true} {
			if slave {
				if _, err := f.turn(0, wire.RoleSlave, 1); err != nil {
					t.Fatal(err)
				}
			}
			for r := wire.ReasonNoMatch; r <= wire.ReasonPacketOut; r++ {
				f.s.PacketIn(packet(r, uint32(r), 60), 0)
			}
			for r := range wire.PortModified + 1 {
				f.s.PortStatus(&wire.PortStatusMsg{Reason: r, Port: wire.Port{Number: 5, Name: "p"}}, nil)
			}
			f.s.TableStatus(&wire.TableStatusMsg{Reason: wire.TableVacancyDown})
			f.s.TableStatus(&wire.TableStatusMsg{Reason: wire.TableVacancyUp})
			var got []string
			p.write(wire.AppendMessage(nil, v, wire.BarrierRequest, 5, nil))
			for {
				msg := p.read()
				k := wire.KindOf(v, msg[1])
				if k == wire.BarrierReply {
					break
				}
				reason := msg[wire.HeaderLen]
				if k == wire.PacketIn {
					in, err := wire.ParsePacketIn(v, msg[wire.HeaderLen:])
					if err != nil {
						t.Fatal(err)
					}
					reason = in.Data[3] // before the version made it another
				}
				got = append(got, fmt.Sprintf("%s %d", k, reason))
			}
			want := "packet in 1, port status 1"
			switch {
			case slave:
				want = "packet in 2"
			case v >= wire.V14:
				want += ", table status 4"
			default:
				want = "packet in 1, packet in 3, packet in 4, packet in 5, port status 1" // 1.3 does not tell them apart
			}
			if g := strings.Join(got, ", "); g != want {
				t.Errorf("%s, slave %v: told %s, want %s", v, slave, g, want)
			}
		}
	}
}

// In 1.0 the reasons are chosen by Nicira's extension, and packets of an invalid TTL by
// SET_CONFIG, which later versions refuse.
func TestAsynchronousConfigurationOfOld(t *testing.T) {
	f := newFloor(t, wire.V10)
	p, ses := f.peers[0], (*f.s.sessions.Load())[0]
	for _, sub := range []uint32{wire.NXTSetAsync, wire.NXTSetAsync2} {
		var c wire.AsyncConfig
		c.Master[wire.AsyncPortStatus], c.Slave[wire.AsyncFlowRemoved] = 1<<sub%7, 1
		if e := p.ask(wire.V10, wire.AppendAsyncNXT(nil, wire.V10, 1, sub, &c)); e != nil {
			t.Fatalf("%x", e)
		}
		ses.mu.Lock()
		if got := ses.state.async; got.Master[wire.AsyncPortStatus] != c.Master[wire.AsyncPortStatus] || got.Slave[wire.AsyncFlowRemoved] != 1 || got.Master[wire.AsyncPacketIn] != 0 {
			t.Errorf("%d: %+v, want %+v", sub, got, c)
		}
		ses.mu.Unlock()
	}
	for _, on := range []bool{true, false} {
		flags := byte(0)
		if on {
			flags = 4
		}
		if e := p.ask(wire.V10, wire.AppendMessage(nil, wire.V10, wire.SetConfig, 1, []byte{0, flags, 0, 128})); e != nil {
			t.Fatalf("%x", e)
		}
		ses.mu.Lock()
		if got := ses.state.wantsPacket(wire.ReasonInvalidTTL, false); got != on {
			t.Errorf("wants packets of an invalid TTL: %v, want %v", got, on)
		}
		ses.mu.Unlock()
	}
	late := newFloor(t, wire.V13).peers[0]
	msg := wire.AppendMessage(nil, wire.V13, wire.SetConfig, 1, []byte{0, 4, 0, 128})
	if got, want := late.ask(wire.V13, msg), wire.AppendError(nil, wire.V13, ofperr.ConfigBadFlags, msg); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// What a session's own PORT_MOD changed it is told from 1.5 on.
func TestPortStatusOfOwnMaking(t *testing.T) {
	f := newFloor(t, spoken...)
	for i, ses := range *f.s.sessions.Load() {
		f.s.PortStatus(&wire.PortStatusMsg{Reason: wire.PortModified, Port: wire.Port{Number: wire.PortNumber(i + 1)}}, ses)
	}
	for i, v := range spoken {
		var got []wire.PortNumber
		p := f.peers[i]
		p.write(wire.AppendMessage(nil, v, wire.BarrierRequest, 5, nil))
		for msg := p.read(); wire.KindOf(v, msg[1]) != wire.BarrierReply; msg = p.read() {
			st, err := wire.ParsePortStatus(v, msg[wire.HeaderLen:])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, st.Port.Number)
		}
		want := []wire.PortNumber{1, 2, 3, 4}
		if v < wire.V15 {
			want = slices.Delete(want, i, i+1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: told of ports %v, want %v", v, got, want)
		}
	}
}

func TestWhoWantsWhat(t *testing.T) {
	for _, c := range []struct {
		name    string
		st      state
		service bool
		kind    wire.AsyncKind
		reason  uint8
		want    bool
	}{
		{"before a version is agreed on", state{async: defaultAsync(wire.V13)}, false, wire.AsyncPortStatus, 0, false},
		{"a controller", state{version: wire.V13, async: defaultAsync(wire.V13)}, false, wire.AsyncFlowRemoved, 0, true},
		{"a tool", state{version: wire.V13, async: defaultAsync(wire.V13)}, true, wire.AsyncPortStatus, 0, false},
		{"a tool that asks for packets", state{version: wire.V13, async: defaultAsync(wire.V13), missLen: 1}, true, wire.AsyncPortStatus, 0, true},
		{"a slave, ports", state{version: wire.V13, role: wire.RoleSlave, async: defaultAsync(wire.V13)}, false, wire.AsyncPortStatus, 2, true},
		{"a slave, flows", state{version: wire.V13, role: wire.RoleSlave, async: defaultAsync(wire.V13)}, false, wire.AsyncFlowRemoved, 0, false},
		{"a master", state{version: wire.V14, role: wire.RoleMaster, async: defaultAsync(wire.V14)}, false, wire.AsyncFlowRemoved, 5, true},
		{"a reason that the version has not", state{version: wire.V13, async: defaultAsync(wire.V13)}, false, wire.AsyncFlowRemoved, 5, false},
		{"a reason that none has", state{version: wire.V14, async: defaultAsync(wire.V14)}, false, wire.AsyncFlowRemoved, 200, false},
	} {
		if got := c.st.wants(c.kind, c.reason, c.service); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhoWantsPackets(t *testing.T) {
	for _, c := range []struct {
		v      wire.Version
		reason wire.Reason
		want   bool
	}{
		{wire.V10, wire.ReasonNoMatch, true},
		{wire.V10, wire.ReasonExplicitMiss, true},
		{wire.V10, wire.ReasonImplicitMiss, true},
		{wire.V13, wire.ReasonExplicitMiss, true},
		{wire.V13, wire.ReasonImplicitMiss, false},
		{wire.V15, wire.ReasonImplicitMiss, false},
		{wire.V10, wire.ReasonGroup, true},
		{wire.V13, wire.ReasonPacketOut, true},
		{wire.V14, wire.ReasonActionSet, true},
		{wire.V10, wire.ReasonInvalidTTL, false},
		{wire.V15, wire.ReasonInvalidTTL, false},
	} {
		st := state{version: c.v, async: defaultAsync(c.v)}
		if got := st.wantsPacket(c.reason, false); got != c.want {
			t.Errorf("%s reason %d: %v", c.v, c.reason, got)
		}
		st.async.Master[wire.AsyncPacketIn] = 0
		if st.wantsPacket(c.reason, false) {
			t.Errorf("%s reason %d, and none is wanted", c.v, c.reason)
		}
	}
	// One that wants packets of groups in 1.4, and of nothing else.
	st := state{version: wire.V14}
	st.async.Master[wire.AsyncPacketIn] = 1 << wire.ReasonGroup
	if !st.wantsPacket(wire.ReasonGroup, false) || st.wantsPacket(wire.ReasonAction, false) {
		t.Error("reasons of 1.4 are not told apart")
	}
}

// packet is a packet-in of n.
func packet(r wire.Reason, n uint32, size int) *wire.PacketInMsg {
	data := append(binary.BigEndian.AppendUint32(nil, n), make([]byte, size)...)
	return &wire.PacketInMsg{Reason: r, Cookie: wire.NoCookie, FullLen: uint32(len(data)), Data: data}
}

// numbered makes a message that has a number in its body.
func numbered(v wire.Version, k wire.Kind, n uint32, size int) []byte {
	body := binary.BigEndian.AppendUint32(nil, n)
	return wire.AppendMessage(nil, v, k, 0, append(body, make([]byte, size)...))
}

// number is that of a message that numbered made, or of a packet-in.
func number(t *testing.T, msg []byte) uint32 {
	body := msg[wire.HeaderLen:]
	if wire.KindOf(wire.V13, msg[1]) == wire.PacketIn {
		p, err := wire.ParsePacketIn(wire.V13, body)
		if err != nil {
			t.Fatal(err)
		}
		body = p.Data
	}
	return binary.BigEndian.Uint32(body)
}

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
			s.PacketIn(packet(wire.ReasonAction, i, 1000), 0)
			if i%10 == 0 {
				s.tell(wire.AsyncFlowRemoved, 0, func(b []byte, _ *session, _ *state) []byte {
					return append(b, numbered(wire.V13, wire.FlowRemoved, i, 40)...)
				})
			}
			for n := 0; n == 0 || n == 1 && i%10 == 0; n++ {
				if got := number(t, fast.read()); got != i {
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
				removed = append(removed, number(t, msg))
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
		send := func(reason wire.Reason, n int) {
			for range n {
				s.PacketIn(packet(reason, 0, 60), 0)
				synctest.Wait()
			}
		}
		sent := func(want uint64, why string) {
			t.Helper()
			if l := s.Peers()[0]; l.PacketIns != want || l.PacketInFull != 0 {
				t.Errorf("%s: %+v, want %d", why, l, want)
			}
		}
		send(wire.ReasonAction, 1000)
		sent(20, "a burst")
		send(wire.ReasonNoMatch, 1000)
		sent(40, "a burst of misses")
		for range 1000 {
			time.Sleep(time.Millisecond)
			send(wire.ReasonAction, 1)
		}
		sent(140, "a second")
		time.Sleep(time.Hour)
		send(wire.ReasonAction, 1000)
		sent(160, "a burst after a long time")
		if l := s.Peers()[0]; l.PacketIns+l.PacketInLimited != 4000 {
			t.Errorf("%+v", l)
		}
		try(t, s, Controller{Target: "tcp:c", Queue: 100})
		send(wire.ReasonAction, 1000)
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
			s.tell(wire.AsyncFlowRemoved, 0, func(b []byte, _ *session, _ *state) []byte {
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
		if _, err := s.setRole(ses, &wire.RoleMsg{Role: wire.RoleSlave}); err != nil {
			t.Fatal(err)
		}
		want(true, false)
		if _, err := s.setRole(ses, &wire.RoleMsg{Role: wire.RoleEqual}); err != nil {
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
