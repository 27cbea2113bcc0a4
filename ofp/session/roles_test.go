package session

import (
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

// turn has a session be of a role.
func (f *floor) turn(i int, r Role, generation uint64) (uint64, error) {
	_, last, err := f.s.setRole((*f.s.sessions.Load())[i], r, generation, true)
	return last, err
}

func TestElections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFloor(t, wire.V13, wire.V13, wire.V13)
		defer f.s.Close()
		for _, c := range []struct {
			who        int
			role       Role
			generation uint64
			stale      bool
			last       uint64
			roles      string
		}{
			{0, RoleNoChange, 1, false, unelected, "other other other "},
			{0, RoleEqual, 1, false, unelected, "other other other "}, // generations don't matter
			{0, RoleMaster, 5, false, 5, "master other other "},
			{1, RoleMaster, 4, true, 0, "master other other "},
			{1, RoleSlave, 4, true, 0, "master other other "},
			{1, RoleSlave, 5, false, 5, "master slave other "},
			{1, RoleMaster, 6, false, 6, "slave master other "},
			{2, RoleEqual, 0, false, 6, "slave master other "},
			{2, RoleNoChange, 0, false, 6, "slave master other "},
			{0, RoleEqual, 0, false, 6, "other master other "},
			{0, RoleMaster, 1<<63 + 6, true, 0, "other master other "}, // half of all numbers are older
			{0, RoleMaster, 1<<63 + 5, false, 1<<63 + 5, "master slave other "},
			{2, RoleMaster, 1<<64 - 1, false, 1<<64 - 1, "slave slave master "},
			{2, RoleMaster, 3, false, 3, "slave slave master "}, // it goes round
			{2, RoleSlave, 3, false, 3, "slave slave slave "},
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
	old := handlers[wire.FlowMod]
	defer func() { handlers[wire.FlowMod] = old }()
	handlers[wire.FlowMod] = func(s *session, q *request) error {
		begun <- true
		<-goOn
		wrote++
		return s.write(func() error { return nil }) // what a request consists of
	}
	f := newFloor(t, wire.V13, wire.V10)
	mod := wire.AppendMessage(nil, wire.V13, wire.FlowMod, 1, nil)
	if _, err := f.turn(0, RoleMaster, 1); err != nil {
		t.Fatal(err)
	}
	f.peers[0].write(mod)
	<-begun
	turned := make(chan error, 1)
	go func() {
		_, err := f.turn(1, RoleMaster, 2)
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
	f.peers[0].write(mod)
	if got, want := f.peers[0].read(), wire.AppendError(nil, wire.V13, ofperr.IsSlave, mod); string(got) != string(want) {
		t.Errorf("%x, want %x", got, want)
	}
	f.peers[0].barrier(wire.V13)
	f.peers[1].write(wire.AppendMessage(nil, wire.V10, wire.FlowMod, 1, nil))
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
