package configs

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocket is the longest path that a Unix socket can have.
const maxSocket = 107

// completeControl has OpenFlow listened for beside the control socket.
func (c *checker) completeControl() {
	ctl := &c.c.Control
	if c.given("control.openflow") || ctl.Socket == "" || c.bad["control.socket"] {
		return
	}
	ctl.OpenFlow = []string{"punix:" + filepath.Join(filepath.Dir(ctl.Socket), c.c.Bridge.Name+".mgmt")}
	ctl.OpenFlowAuto = true
}

func (c *checker) checkControl() {
	ctl := &c.c.Control
	if s := ctl.Socket; s == "" || len(s) > maxSocket || strings.ContainsRune(s, 0) {
		c.errorf("control.socket", "%q is not a path of 1 to 107 bytes, all that a Unix socket can have", s)
		return
	}
	first := map[string]int{}
	for i, l := range ctl.OpenFlow {
		at := fmt.Sprintf("control.openflow[%d]", i)
		if c.bad[at] || c.bad["bridge.name"] {
			continue
		}
		if msg := badListener(l); msg != "" {
			c.errorf(at, "%q %s", l, msg)
			continue
		}
		if j, dup := first[l]; dup {
			c.errorf(at, "%s is already listener %d", l, j)
		}
		first[l] = i
		if l == "punix:"+ctl.Socket {
			c.errorf(at, "%s is control.socket, which speaks another protocol", ctl.Socket)
		}
	}
}

// badListener says what is wrong with a place to listen at, or "".
func badListener(l string) string {
	kind, rest, _ := strings.Cut(l, ":")
	switch kind {
	case "punix":
		if rest == "" || len(rest) > maxSocket || strings.ContainsRune(rest, 0) {
			return "is not punix: with a path of 1 to 107 bytes, all that a Unix socket can have"
		}
		return ""
	case "ptcp":
		port, host, given := strings.Cut(rest, ":")
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "is not ptcp: with a port from 1 to 65535, as in ptcp:6653"
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); given && err != nil {
			return "does not end in an IP address to listen at, as in ptcp:6653:127.0.0.1"
		}
		return ""
	}
	return "is no place to listen at; write punix:PATH, or ptcp:PORT[:HOST]"
}
