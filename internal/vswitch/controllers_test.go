package vswitch

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pollux/internal/ctl"
	"pollux/ofp/wire"
)

// control rewrites the switch's configuration with more keys of control, and rest.
func (r *ipfixRig) control(keys, rest string) {
	r.t.Helper()
	r.write(rest)
	text, err := os.ReadFile(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	s := strings.Replace(string(text), "control: {socket: "+r.sock, "control: {socket: "+r.sock+", "+keys, 1)
	if err := os.WriteFile(r.config, []byte(s), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// desk is a controller at a Unix socket.
type desk struct {
	t *testing.T
	l net.Listener
}

func newDesk(t *testing.T, path string) *desk {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &desk{t, l}
}

// take waits for the switch, greets it and has it answer a barrier, as one that takes it.
func (d *desk) take() net.Conn {
	d.t.Helper()
	_ = d.l.(*net.UnixListener).SetDeadline(time.Now().Add(patience))
	conn, err := d.l.Accept()
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	hello := make([]byte, 16)
	if _, err := io.ReadFull(conn, hello); err != nil {
		d.t.Fatal(err)
	}
	msg := wire.AppendHello(nil, 1<<wire.V13, 1)
	msg = wire.AppendMessage(msg, wire.V13, wire.BarrierRequest, 5, nil)
	if _, err := conn.Write(msg); err != nil {
		d.t.Fatal(err)
	}
	want := wire.AppendMessage(nil, wire.V13, wire.BarrierReply, 5, nil)
	got := make([]byte, len(want))
	for { // an echo request may come first
		if _, err := io.ReadFull(conn, got); err != nil {
			d.t.Fatal(err)
		}
		if bytes.Equal(got, want) {
			return conn
		}
		if wire.KindOf(wire.V13, got[1]) != wire.EchoRequest {
			d.t.Fatalf("%x", got)
		}
	}
}

// dumpFlows is what the switch says its flows are.
func (r *ipfixRig) dumpFlows() string {
	r.t.Helper()
	text, err := ctl.Call(r.sock, "dump-flows")
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// A switch whose controller is away forwards by itself until it comes, a reload between or
// not; then it has no flow.
func TestStandalone(t *testing.T) {
	r := newMemoryRig(t)
	path := filepath.Join(filepath.Dir(r.sock), "controller")
	control := fmt.Sprintf("controllers: [{target: \"unix:%s\", inactivity_probe: 1s, max_backoff: 1s}]", path)
	r.control(control, "")
	r.run()
	if f := r.dumpFlows(); strings.Contains(f, "actions") {
		t.Errorf("at first there are flows:\n%s", f)
	}
	var show Show
	alone := func() bool {
		r.ask(&show, "show")
		return show.Standalone
	}
	r.wait("the switch to be on its own", alone)
	normal := func() bool { return strings.Contains(r.dumpFlows(), "priority=65535 actions=NORMAL") }
	if !normal() {
		t.Errorf("on its own the switch has flows\n%s", r.dumpFlows())
	}
	if c := show.Controllers; len(c) != 1 || c[0].Connected || c[0].Attempts < 2 || !strings.Contains(c[0].LastError, "no such file") {
		t.Errorf("%+v", c)
	}
	text, err := ctl.Call(r.sock, "show")
	if err != nil || !strings.Contains(text, "not connected") || !strings.Contains(text, "the switch forwards by itself") {
		t.Errorf("%v\n%s", err, text)
	}
	r.control(control, "bridge: {mac_ageing: 100s}\nflows: [\"in_port=sink actions=drop\"]\n")
	if _, err := ctl.Call(r.sock, "reload"); err != nil {
		t.Fatal(err)
	}
	if !normal() || !strings.Contains(r.dumpFlows(), "in_port=2 actions=drop") {
		t.Errorf("after a reload the switch has flows\n%s", r.dumpFlows())
	}
	d := newDesk(t, path)
	d.take()
	if normal() {
		t.Errorf("with a controller the switch has flows\n%s", r.dumpFlows())
	}
	if alone() || !show.Controllers[0].Connected || show.Controllers[0].Version != "OpenFlow13" {
		t.Errorf("%v, %+v", show.Standalone, show.Controllers)
	}
}

// Listeners and controllers change by a reload; one that can't be opened has nothing
// change. Flows are left alone.
func TestReloadOfControl(t *testing.T) {
	r := newMemoryRig(t)
	dir := filepath.Dir(r.sock)
	at := func(name string) string { return filepath.Join(dir, name) }
	first, second := newDesk(t, at("c1")), newDesk(t, at("c2"))
	const flows = "flows: [\"actions=NORMAL\"]\n"
	r.control(fmt.Sprintf("openflow: [\"punix:%s\"], controllers: [{target: \"unix:%s\"}]", at("a"), at("c1")), flows)
	r.run()
	conn := first.take()
	before := r.dumpFlows()

	reload := func() error {
		_, err := ctl.Call(r.sock, "reload")
		return err
	}
	if err := os.WriteFile(at("taken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.control(fmt.Sprintf("openflow: [\"punix:%s\", \"punix:%s\"], controllers: [{target: \"unix:%s\"}]", at("b"), at("taken"), at("c2")), flows)
	if err := reload(); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a listener that can't be opened: %v", err)
	}
	if _, err := os.Lstat(at("b")); err == nil {
		t.Error("nothing was to be applied, and there is a listener")
	}
	if _, err := os.Lstat(at("a")); err != nil {
		t.Error("nothing was to be applied, and a listener is gone")
	}
	r.control(fmt.Sprintf("openflow: [\"punix:%s\"], controllers: [{target: \"unix:%s\"}]", at("b"), at("c2")), flows)
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	second.take()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the session with a controller that is not configured any more: %v", err)
	}
	if _, err := os.Lstat(at("a")); err == nil {
		t.Error("a listener that is not configured any more is there")
	}
	c, err := net.Dial("unix", at("b"))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	age := func(s string) string { return ages.ReplaceAllString(s, "") }
	if got := r.dumpFlows(); age(got) != age(before) {
		t.Errorf("flows are\n%sand were\n%s", got, before)
	}
	r.control("openflow: [], controllers: []", flows)
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	var show Show
	r.ask(&show, "show")
	if len(show.Controllers) != 0 {
		t.Errorf("%+v", show.Controllers)
	}
	// Of control only the socket needs a restart.
	r.write(flows)
	text, err := os.ReadFile(r.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.config, bytes.Replace(text, []byte("socket: "+r.sock), []byte("socket: "+at("other")), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reload(); err == nil || !strings.Contains(err.Error(), "control.socket can only change with a restart") {
		t.Errorf("another socket: %v", err)
	}
}

// ages is what of flows is never twice the same.
var ages = regexp.MustCompile(`(duration|n_packets|n_bytes|idle_age)=[0-9.]+s?`)
