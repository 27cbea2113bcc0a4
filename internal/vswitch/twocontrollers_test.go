package vswitch

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// duo is a switch between two hosts, and two controllers of it.
type duo struct {
	*rig
	controllers [2]*told
}

// duoPorts are where the controllers listen, in the switch's namespace, which has a loopback
// device of its own.
var duoPorts = [2]string{"16653", "16654"}

// newDuo runs the switch with that fail mode, and has both controllers talk to it.
func newDuo(t *testing.T, failMode string) *duo {
	d := &duo{rig: newSwitchRig(t)}
	d.write("")
	var list []string
	for _, port := range duoPorts {
		list = append(list, fmt.Sprintf("{target: 'tcp:127.0.0.1:%s', inactivity_probe: 2s, max_backoff: 1s}", port))
	}
	d.writeText(strings.Replace(d.configText(), "control: {socket: "+d.sock+"}",
		fmt.Sprintf("control:\n  socket: %s\n  fail_mode: %s\n  controllers: [%s]\n", d.sock, failMode, strings.Join(list, ", ")), 1))
	d.begin(0)
	d.begin(1)
	d.start()
	for _, c := range d.controllers {
		c.until("connected")
	}
	return d
}

// begin runs a controller.
func (d *duo) begin(i int) {
	d.t.Helper()
	d.controllers[i] = newTold(d.t, "13", "127.0.0.1", duoPorts[i], func(c *exec.Cmd) error { return d.dut.Start(c) })
}

// tell has controller i do something, of which the switch is to say want.
func (d *duo) tell(i int, command, want string) {
	d.t.Helper()
	if got := d.controllers[i].ask(command); got != want {
		d.t.Errorf("controller %d, %s: the switch says %q, want %q", i+1, command, got, want)
	}
}

// What controllers are told when they may not do something, and when their generation id is
// of before.
const (
	isSlave = "error type=1 code=10\n"
	isStale = "error type=11 code=0\n"
	nowhere = "77" // a port that is not there: what goes to it is dropped
)

// priorities returns those of the switch's flows.
func (d *duo) priorities() (out []uint16) {
	for _, f := range d.flowsOf() {
		out = append(out, uint16(f.Priority))
	}
	return out
}

// TestTwoControllers: of two controllers one is master. The slave's writes are refused. The
// master is killed under traffic, which goes on; the slave becomes master, by a generation id
// that is not of before, and rules. The one that was master comes back as a slave. And when both
// are gone, flows go on forwarding, as the fail mode is secure.
func TestTwoControllers(t *testing.T) {
	d := newDuo(t, "secure")
	d.tell(0, "role master 1", "role master 0x1\n")
	d.tell(1, "role slave 1", "role slave 0x1\n")
	d.tell(1, "flow 9 "+nowhere, isSlave)
	d.tell(1, "group 1", isSlave)
	if got := d.priorities(); len(got) != 0 {
		t.Fatalf("there are flows of priorities %v, and the only one who may write has written none", got)
	}
	d.tell(0, "normal 10", "")
	n := d.talk()
	d.more("datagrams by the master's flow", n)

	d.controllers[0].kill()
	d.more("datagrams although the master is dead", n)
	d.tell(1, "normal 11", isSlave) // nobody is master by another's death
	d.tell(1, "role master 0", isStale)
	d.tell(1, "role master 2", "role master 0x2\n")
	d.more("datagrams while there is another master", n)
	d.tell(1, "flow 20 "+nowhere, "")
	d.none(n, "the flow of the new master")
	d.tell(1, "normal 30", "")
	d.more("datagrams by the next flow of the new master", n)

	d.begin(0)
	d.controllers[0].until("connected")
	d.tell(0, "role master 1", isStale)
	d.tell(0, "role slave 2", "role slave 0x2\n")
	d.tell(0, "flow 40 "+nowhere, isSlave)
	d.tell(1, "role nochange", "role master 0x2\n")

	d.controllers[0].kill()
	d.controllers[1].kill()
	d.more("datagrams without any controller", n)
	if got := fmt.Sprint(d.priorities()); got != "[30 20 10]" {
		t.Errorf("there are flows of priorities %v", got)
	}
	if strings.Contains(d.out.String(), "forwards by itself") {
		t.Error("the switch has gone standalone, and its fail mode is secure")
	}
}

// TestTwoControllersAndStandalone: a switch that may go standalone does when the last of its
// controllers has gone, and not before; then it forwards whatever flows say. It gives back when
// one returns.
func TestTwoControllersAndStandalone(t *testing.T) {
	d := newDuo(t, "standalone")
	d.tell(0, "role master 1", "role master 0x1\n")
	d.tell(1, "role slave 1", "role slave 0x1\n")
	d.tell(0, "normal 10", "")
	n := d.talk()
	d.more("datagrams by the master's flow", n)
	d.tell(0, "flow 20 "+nowhere, "")
	d.none(n, "the master's flow")

	missed := func() int {
		return strings.Count(d.out.String(), "no connection to a controller\" controller=tcp:127.0.0.1:"+duoPorts[0])
	}
	was := missed()
	d.controllers[0].kill()
	d.wait("the switch to miss the master", func() bool { return missed() > was })
	d.none(n, "the flow of the dead master, while there is a slave")

	d.controllers[1].kill()
	d.more("datagrams that the switch forwards by itself", n)

	d.begin(1)
	d.controllers[1].until("connected")
	d.tell(1, "role master 2", "role master 0x2\n")
	d.none(n, "the flow that has been there all the time")
	d.tell(1, "normal 30", "")
	d.more("datagrams by the new master's flow", n)
}
