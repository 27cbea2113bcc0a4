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
	secure := "" // what needs TLS
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
		if strings.HasPrefix(l, "pssl:") {
			secure = at
		}
	}
	if at := c.checkControllers(); at != "" {
		secure = at
	}
	c.checkControlTLS(secure)
}

// checkControllers returns the path of a controller that is reached by TLS, "" if none is.
func (c *checker) checkControllers() (secure string) {
	list := c.c.Control.Controllers
	if n := len(list); n > MaxControllers {
		c.errorf("control.controllers", "%d controllers are more than the %d that a switch can have", n, MaxControllers)
	}
	first := map[string]int{}
	for i := range list {
		at := fmt.Sprintf("control.controllers[%d]", i)
		target := list[i].Target
		if c.bad[at] || c.bad[at+".target"] {
			continue
		}
		if msg := badTarget(target); msg != "" {
			c.errorf(at+".target", "%q %s", target, msg)
			continue
		}
		if j, dup := first[target]; dup {
			c.errorf(at+".target", "%s is already controller %d", target, j)
		}
		first[target] = i
		switch {
		case target == "unix:"+c.c.Control.Socket:
			c.errorf(at+".target", "%s is control.socket, which speaks another protocol", c.c.Control.Socket)
		case strings.HasPrefix(target, "ssl:"):
			secure = at + ".target"
		}
		if r := &list[i]; r.BurstLimit > 0 && r.RateLimit == 0 && !c.bad[at+".controller_rate_limit"] {
			c.errorf(at+".controller_burst_limit", "there is no rate that it would be a burst of; give controller_rate_limit, too")
		}
	}
	if len(list) == 0 && c.given("control.fail_mode") && !c.bad["control.controllers"] {
		c.errorf("control.fail_mode", "there are no controllers that could fail; add control.controllers, or remove the key")
	}
	return secure
}

// checkControlTLS reads the files of TLS, so that what is wrong with them is said here.
// secure is the path of what needs them, "" if nothing does.
func (c *checker) checkControlTLS(secure string) {
	t, path := &c.c.Control.TLS, "control.tls"
	switch {
	case secure == "" && *t == (ControlTLS{}) && !c.given(path):
		return
	case secure == "" && !c.bad["control.openflow"] && !c.bad["control.controllers"]:
		c.errorf(path, "nothing is reached by TLS; add a listener as in openflow: [\"pssl:6653\"] or a controller as in target: \"ssl:10.0.0.1\", or remove the block")
		return
	case t.Key == "" || t.Certificate == "" || t.CA == "":
		at := path
		if !c.given(path) {
			at = secure
		}
		c.errorf(at, "TLS needs control.tls with key, certificate and ca, all three")
		return
	}
	c.checkCA(path+".ca", t.CA)
	c.checkPair(path+".certificate", t.Certificate, path+".key", t.Key)
}

// MaxControllers is the most controllers of a switch.
const MaxControllers = 64

// badListener says what is wrong with a place to listen at, or "".
func badListener(l string) string {
	kind, rest, _ := strings.Cut(l, ":")
	switch kind {
	case "punix":
		if rest == "" || len(rest) > maxSocket || strings.ContainsRune(rest, 0) {
			return "is not punix: with a path of 1 to 107 bytes, all that a Unix socket can have"
		}
		return ""
	case "ptcp", "pssl":
		port, host, given := strings.Cut(rest, ":")
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "is not " + kind + ": with a port from 1 to 65535, as in " + kind + ":6653"
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); given && err != nil {
			return "does not end in an IP address to listen at, as in " + kind + ":6653:127.0.0.1"
		}
		return ""
	}
	return "is no place to listen at; write punix:PATH, ptcp:PORT[:HOST] or pssl:PORT[:HOST]"
}

// badTarget says what is wrong with a controller to connect to, or "".
func badTarget(target string) string {
	kind, rest, _ := strings.Cut(target, ":")
	switch kind {
	case "unix":
		if rest == "" || len(rest) > maxSocket || strings.ContainsRune(rest, 0) {
			return "is not unix: with a path of 1 to 107 bytes, all that a Unix socket can have"
		}
		return ""
	case "tcp", "ssl":
		host, port, given := rest, "", false
		if end := strings.IndexByte(rest, ']'); strings.HasPrefix(rest, "[") && end > 0 {
			host = rest[1:end]
			if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
				return "has no IPv6 address in its brackets"
			}
			port, given = strings.CutPrefix(rest[end+1:], ":")
			if !given && port != "" {
				return "has something other than :PORT behind its brackets"
			}
		} else {
			host, port, given = strings.Cut(rest, ":")
		}
		switch n, err := strconv.ParseUint(port, 10, 16); {
		case strings.Contains(port, ":"):
			return "has more than one colon; an IPv6 address belongs in brackets, as in " + kind + ":[2001:db8::1]:6653"
		case given && (err != nil || n == 0):
			return fmt.Sprintf("has %q for a port, which is not a number from 1 to 65535", port)
		case host == "" || strings.ContainsAny(host, " \t/\x00"):
			return "has no host, as in " + kind + ":10.0.0.1:6653"
		}
		return ""
	case "ptcp", "pssl", "punix":
		return "is a place to listen at, which belongs in control.openflow"
	}
	return "is no controller; write tcp:HOST[:PORT], ssl:HOST[:PORT] or unix:PATH"
}
