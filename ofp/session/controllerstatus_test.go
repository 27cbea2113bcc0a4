package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

func stateText(c *wire.ControllerState) string {
	text := fmt.Sprintf("%s reason %d role %d id %d", c.URI, c.Reason, c.Role, c.ShortID)
	if c.Down {
		text += " down"
	}
	return text
}

// states asks for the controllers.
func (p *peer) states() string {
	p.t.Helper()
	p.write(wire.AppendMultipartRequest(nil, wire.V15, 5, wire.Multipart{Part: wire.PartControllerStatus}))
	msg := p.read()
	m, err := wire.ParseMultipart(wire.V15, msg[wire.HeaderLen:])
	if err != nil || m.Part != wire.PartControllerStatus {
		p.t.Fatalf("%x: %v", msg, err)
	}
	var lines []string
	for b := m.Body; len(b) > 0; {
		c, rest, err := wire.ParseControllerState(b)
		if err != nil {
			p.t.Fatal(err)
		}
		lines, b = append(lines, stateText(c)), rest
	}
	return strings.Join(lines, "\n")
}

// status reads a CONTROLLER_STATUS.
func (p *peer) status() string {
	p.t.Helper()
	msg := p.read()
	if msg == nil || wire.KindOf(wire.V15, msg[1]) != wire.ControllerStatus {
		p.t.Fatalf("%x is no controller status", msg)
	}
	c, err := wire.ParseControllerStatus(msg[wire.HeaderLen:])
	if err != nil {
		p.t.Fatal(err)
	}
	return stateText(c)
}

// A controller of 1.5 is told, if it asks for it, of the others' roles, ids and channels, and of
// those that come and go; and when it asks how all are.
func TestControllersAreToldOfEachOther(t *testing.T) {
	o := newOffice(t)
	s := New(Config{Switch: box(), dial: o.dial})
	t.Cleanup(func() { s.Close() })
	a, b, c := Controller{Target: "tcp:a"}, Controller{Target: "tcp:b"}, Controller{Target: "tcp:c"}
	try(t, s, a)
	p := o.meet(wire.V15)
	p.alive(wire.V15)
	if got, want := p.states(), "tcp:a reason 0 role 1 id 0"; got != want {
		t.Errorf("alone: %s, want %s", got, want)
	}
	config := p.getAsync(wire.V15)
	config.Master[wire.AsyncControllerStatus], config.Slave[wire.AsyncControllerStatus] = 0x7f, 0x7f
	if e := p.ask(wire.V15, wire.AppendAsync(nil, wire.V15, wire.SetAsync, 1, &config)); e != nil {
		t.Fatalf("%x", e)
	}
	expect := func(what string, want ...string) {
		t.Helper()
		for _, w := range want {
			if got := p.status(); got != w {
				t.Errorf("%s: told %s, want %s", what, got, w)
			}
		}
		p.alive(wire.V15) // nothing else came
	}
	try(t, s, a, b)
	q := o.meet(wire.V15)
	q.alive(wire.V15) // which is told nothing, as it has not asked
	expect("one comes", "tcp:b reason 3 role 1 id 0 down", "tcp:b reason 1 role 1 id 0")
	role := func(p *peer, r wire.Role, id uint16) (told string) {
		t.Helper()
		p.write(wire.AppendRole(nil, wire.V15, wire.RoleRequest, 3, &wire.RoleMsg{Role: r, ShortID: id, Generation: 1, HasGeneration: true}))
		msg := p.read()
		if wire.KindOf(wire.V15, msg[1]) == wire.ControllerStatus {
			c, err := wire.ParseControllerStatus(msg[wire.HeaderLen:])
			if err != nil {
				t.Fatal(err)
			}
			told, msg = stateText(c), p.read()
		}
		m, err := wire.ParseRole(wire.V15, wire.RoleReply, msg[wire.HeaderLen:])
		if err != nil || m.Role != r || m.ShortID != id {
			t.Fatalf("%+v, %v", m, err)
		}
		return told
	}
	if told := role(q, wire.RoleMaster, 77); told != "" {
		t.Errorf("of itself it is told %s", told)
	}
	expect("it is the master", "tcp:b reason 2 role 2 id 77", "tcp:b reason 5 role 2 id 77")
	if told, want := role(p, wire.RoleMaster, 5), "tcp:b reason 2 role 3 id 77"; told != want {
		t.Errorf("of the role that the other has now it is told %q, want %q", told, want)
	}
	if got, want := p.states(), "tcp:a reason 0 role 2 id 5\ntcp:b reason 0 role 3 id 77"; got != want {
		t.Errorf("two: %s, want %s", got, want)
	}
	o.set(errors.New("away")) // so that it does not come again
	q.conn.Close()
	expect("its channel ends", "tcp:b reason 1 role 1 id 0 down")
	try(t, s, a, c)
	expect("another in its place", "tcp:c reason 3 role 1 id 0 down", "tcp:b reason 4 role 1 id 0 down")
	o.set(nil)
	r := o.meet(wire.V13)
	r.alive(wire.V13)
	expect("of an older version", "tcp:c reason 1 role 1 id 0")
	ask := wire.AppendMultipartRequest(nil, wire.V13, 5, wire.Multipart{Part: wire.PartControllerStatus})
	old := &bundlePeer{r, wire.V13}
	r.write(ask)
	if got := old.errorOf(r.read()); got != ofperr.BadMultipart {
		t.Errorf("an older version asks: %v", got)
	}
}
