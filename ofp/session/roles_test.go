package session

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// floor is a server with some sessions of version v, and their roles.
type floor struct {
	t     *testing.T
	s     *Server
	peers []*peer
}

func newFloor(t *testing.T, versions ...wire.Version) *floor {
	o := newOffice(t)
	f := &floor{t: t, s: New(Config{Switch: box(), dial: o.dial})}
	t.Cleanup(func() { f.s.Close() })
	var list []Controller
	for i, v := range versions {
		list = append(list, Controller{Target: fmt.Sprintf("tcp:c%d", i)})
		try(t, f.s, list...)
		p := o.meet(v)
		p.alive(v)
		f.peers = append(f.peers, p)
	}
	return f
}

// roles says which roles the sessions have.
func (f *floor) roles() string {
	text := ""
	for _, p := range f.s.Peers() {
		text += p.Role + " "
	}
	return text
}

// unelected is the generation of replies before there was an election.
const unelected = ^uint64(0)

// turn has a session be of a role, and returns the last generation.
func (f *floor) turn(i int, r wire.Role, generation uint64) (uint64, error) {
	f.t.Helper()
	p, v := f.peers[i], wire.Version(0)
	ses := (*f.s.sessions.Load())[i]
	ses.mu.Lock()
	v = ses.state.version
	ses.mu.Unlock()
	if v == wire.V10 {
		_, err := f.s.setRole(ses, &wire.RoleMsg{Role: r, Generation: generation, HasGeneration: true})
		return 0, err
	}
	ask := wire.AppendRole(nil, v, wire.RoleRequest, 3, &wire.RoleMsg{Role: r, Generation: generation, HasGeneration: true})
	p.write(ask)
	msg := p.read()
	for roleStatus(v, msg) != nil { // of before
		msg = p.read()
	}
	switch wire.KindOf(v, msg[1]) {
	case wire.ErrorMsg:
		if want := wire.AppendError(nil, v, ofperr.RoleStale, ask); !bytes.Equal(msg, want) {
			f.t.Errorf("%x, want %x", msg, want)
		}
		return 0, ofperr.RoleStale
	case wire.RoleReply:
	default:
		f.t.Fatalf("%x is no role reply", msg)
	}
	m, err := wire.ParseRole(v, wire.RoleReply, msg[wire.HeaderLen:])
	if err != nil {
		f.t.Fatal(err)
	}
	if r != wire.RoleNoChange && m.Role != r {
		f.t.Errorf("asked for role %d, got %d", r, m.Role)
	}
	if !m.HasGeneration {
		return unelected, nil
	}
	return m.Generation, nil
}

// roleStatus is the body of a message that tells of another role, nil if it tells of something else.
func roleStatus(v wire.Version, msg []byte) []byte {
	switch body := msg[wire.HeaderLen:]; wire.KindOf(v, msg[1]) {
	case wire.RoleStatus:
		return body
	case wire.Experimenter:
		if e, err := wire.ParseExtension(v, body); err == nil && e.Vendor == wire.ONF && e.Subtype == wire.ONFRoleStatus {
			return e.Body
		}
	}
	return nil
}

func TestElections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, wire.V13, wire.V13, wire.V13)
		defer f.s.Close()
		for _, c := range []struct {
			who        int
			role       wire.Role
			generation uint64
			stale      bool
			last       uint64
			roles      string
		}{
			{0, wire.RoleNoChange, 1, false, unelected, "other other other "},
			{0, wire.RoleEqual, 1, false, unelected, "other other other "}, // generations don't matter
			{0, wire.RoleMaster, 5, false, 5, "master other other "},
			{1, wire.RoleMaster, 4, true, 0, "master other other "},
			{1, wire.RoleSlave, 4, true, 0, "master other other "},
			{1, wire.RoleSlave, 5, false, 5, "master slave other "},
			{1, wire.RoleMaster, 6, false, 6, "slave master other "},
			{2, wire.RoleEqual, 0, false, 6, "slave master other "},
			{2, wire.RoleNoChange, 0, false, 6, "slave master other "},
			{0, wire.RoleEqual, 0, false, 6, "other master other "},
			{0, wire.RoleMaster, 1<<63 + 6, true, 0, "other master other "}, // half of all numbers are older
			{0, wire.RoleMaster, 1<<63 + 5, false, 1<<63 + 5, "master slave other "},
			{2, wire.RoleMaster, 1<<64 - 2, false, 1<<64 - 2, "slave slave master "},
			{2, wire.RoleMaster, 3, false, 3, "slave slave master "}, // it goes round
			{2, wire.RoleSlave, 3, false, 3, "slave slave slave "},
		} {
			last, err := f.turn(c.who, c.role, c.generation)
			if c.stale != errors.Is(err, ofperr.RoleStale) || !c.stale && err != nil || last != c.last {
				t.Errorf("%+v: generation %#x, %v", c, last, err)
			}
			if got := f.roles(); got != c.roles {
				t.Errorf("%+v: roles %s", c, got)
			}
		}
	})
}

// A slave's writes are refused, and a new master waits for those of the old one that are
// under way.
func TestSlavesDoNotWrite(t *testing.T) {
	begun, goOn, wrote := make(chan bool, 1), make(chan bool), 0
	old := handlers[wire.PortMod]
	defer func() { handlers[wire.PortMod] = old }()
	handlers[wire.PortMod] = func(s *session, q *request) error {
		begun <- true
		<-goOn
		wrote++
		return s.write(func() error { return nil }) // what a request consists of
	}
	f := newFloor(t, wire.V13, wire.V10)
	mod := wire.AppendMessage(nil, wire.V13, wire.PortMod, 1, nil)
	if _, err := f.turn(0, wire.RoleMaster, 1); err != nil {
		t.Fatal(err)
	}
	f.peers[0].write(mod)
	<-begun
	turned := make(chan error, 1)
	go func() {
		_, err := f.turn(1, wire.RoleMaster, 2)
		if wrote != 1 {
			err = errors.New("there is a new master while the old one writes")
		}
		turned <- err
	}()
	f.peers[1].alive(wire.V10) // which does not write
	goOn <- true
	if err := <-turned; err != nil {
		t.Fatal(err)
	}
	if told := f.peers[0].read(); roleStatus(wire.V13, told) == nil {
		t.Errorf("%x is no role status", told)
	}
	for _, k := range []wire.Kind{wire.PortMod, wire.FlowMod} { // which looks for itself
		mod := wire.AppendMessage(nil, wire.V13, k, 1, nil)
		f.peers[0].write(mod)
		if got, want := f.peers[0].read(), wire.AppendError(nil, wire.V13, ofperr.IsSlave, mod); string(got) != string(want) {
			t.Errorf("%s: %x, want %x", k, got, want)
		}
	}
	f.peers[0].barrier(wire.V13)
	f.peers[1].write(wire.AppendMessage(nil, wire.V10, wire.PortMod, 1, nil))
	<-begun
	goOn <- true
	f.peers[1].barrier(wire.V10)
	if wrote != 2 {
		t.Errorf("%d writes, want 2", wrote)
	}
	for k := range wire.NumKinds {
		slaves := map[wire.Kind]bool{
			wire.PacketOut: true, wire.FlowMod: true, wire.GroupMod: true, wire.PortMod: true, wire.TableMod: true, wire.MeterMod: true,
			wire.BundleControl: true, wire.BundleAdd: true,
		}
		if writes[k] != slaves[k] {
			t.Errorf("%s: a slave may not: %v", k, writes[k])
		}
	}
}

// A master that another one follows is told so, unless it does not want to know.
func TestAMasterIsToldThatItIsNoMore(t *testing.T) {
	for _, v := range spoken[1:] {
		f := newFloor(t, v, wire.V13)
		for i, wanted := range []bool{true, false} {
			n := uint64(2*i + 1)
			if _, err := f.turn(0, wire.RoleMaster, n); err != nil {
				t.Fatal(err)
			}
			if _, err := f.turn(1, wire.RoleMaster, n+1); err != nil {
				t.Fatal(err)
			}
			if wanted {
				msg := f.peers[0].read()
				body := roleStatus(v, msg)
				if body == nil {
					t.Fatalf("%s: %x is no role status", v, msg)
				}
				if st, err := wire.ParseRoleStatus(body); err != nil || *st != (wire.RoleStatusMsg{Role: wire.RoleSlave, Reason: wire.RoleMasterRequest, Generation: n + 1}) {
					t.Errorf("%s: %+v, %v", v, st, err)
				}
			}
			f.peers[0].alive(v) // and is told nothing else
			// As a slave, property 6.
			none := []byte{0, 6, 0, 8, 0, 0, 0, 0}
			set := wire.AppendMessage(nil, v, wire.SetAsync, 1, none)
			if v < wire.V14 {
				set = wire.AppendExtension(nil, v, 1, wire.Extension{Vendor: wire.Nicira, Subtype: wire.NXTSetAsync2, Body: none})
			}
			if e := f.peers[0].ask(v, set); e != nil {
				t.Errorf("%s: %x", v, e)
			}
		}
	}
}

// The master dies: another becomes master, of a later generation alone, and the old one's
// roles are nobody's.
func TestTheMasterDies(t *testing.T) {
	f := newFloor(t, wire.V13, wire.V15)
	if _, err := f.turn(0, wire.RoleMaster, 7); err != nil {
		t.Fatal(err)
	}
	f.peers[0].conn.Close()
	until(t, "the end of the session", func() bool { return len(*f.s.sessions.Load()) == 1 })
	f.peers = f.peers[1:]
	if _, err := f.turn(0, wire.RoleMaster, 6); !errors.Is(err, ofperr.RoleStale) {
		t.Errorf("an older generation: %v", err)
	}
	if last, err := f.turn(0, wire.RoleMaster, 8); err != nil || last != 8 {
		t.Errorf("generation %d, %v", last, err)
	}
	if got := f.roles(); got != "other master " {
		if p := f.s.Peers()[0]; p.Role != "" || got != " master " {
			t.Errorf("roles %s: %+v", got, p)
		}
	}
}

// Roles by Nicira's extension, which has no generations and which versions mix with their own.
func TestNicirasRoles(t *testing.T) {
	f := newFloor(t, wire.V10, wire.V13)
	for i, v := range []wire.Version{wire.V10, wire.V13} {
		p := f.peers[i]
		for _, r := range []wire.Role{wire.RoleSlave, wire.RoleEqual, wire.RoleMaster} {
			p.write(wire.AppendRoleNXT(nil, v, 8, wire.NXTRoleRequest, &wire.RoleMsg{Role: r}))
			if got, want := p.read(), wire.AppendRoleNXT(nil, v, 8, wire.NXTRoleReply, &wire.RoleMsg{Role: r}); !bytes.Equal(got, want) {
				t.Errorf("%s: %x, want %x", v, got, want)
			}
		}
	}
	if got := f.roles(); got != "slave master " {
		t.Errorf("roles %s", got)
	}
	if last, err := f.turn(1, wire.RoleNoChange, 0); err != nil || last != unelected {
		t.Errorf("generation %#x, %v", last, err)
	}
}
