package session

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultPort is OpenFlow's TCP port.
const DefaultPort = 6653

// maxPath is the longest path that a Unix socket can have.
const maxPath = 107

// method is a listener as configurations name it.
type method struct {
	network string // unix, tcp4 or tcp6
	addr    string
	secure  bool // by TLS
}

// parseMethod reads punix:PATH, ptcp:[PORT][:HOST] or pssl:[PORT][:HOST]. HOST is an IP
// address, in brackets or not; without it the listener is on every IPv4 address, as in
// Open vSwitch. PORT is 6653 when left out, and any free one when 0.
func parseMethod(text string) (method, error) {
	kind, rest, ok := strings.Cut(text, ":")
	switch {
	case !ok:
	case kind == "punix":
		if rest == "" || len(rest) > maxPath {
			return method{}, fmt.Errorf("listener %q: a path has 1 to %d bytes, not %d", text, maxPath, len(rest))
		}
		return method{network: "unix", addr: rest}, nil
	case kind == "ptcp" || kind == "pssl":
		m, err := parseTCP(text, rest)
		m.secure = kind == "pssl"
		return m, err
	}
	return method{}, fmt.Errorf("listener %q: want punix:PATH, ptcp:[PORT][:HOST] or pssl:[PORT][:HOST]", text)
}

func parseTCP(text, rest string) (method, error) {
	port, host, hasHost := strings.Cut(rest, ":")
	if port == "" {
		port = strconv.Itoa(DefaultPort)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return method{}, fmt.Errorf("listener %q: port %q is not a number from 0 to 65535", text, port)
	}
	if !hasHost {
		host = "0.0.0.0"
	}
	inner, brackets := strings.CutPrefix(host, "[")
	if brackets {
		if inner, brackets = strings.CutSuffix(inner, "]"); !brackets {
			return method{}, fmt.Errorf("listener %q: host %q has no closing bracket", text, host)
		}
	}
	a, err := netip.ParseAddr(inner)
	if err != nil {
		return method{}, fmt.Errorf("listener %q: host %q is not an IP address", text, host)
	}
	network := "tcp4"
	if a.Is6() {
		network = "tcp6"
	}
	return method{network: network, addr: net.JoinHostPort(inner, strconv.FormatUint(n, 10))}, nil
}

// listen opens the listener m, which is written text.
func (m method) listen(text string) (l net.Listener, err error) {
	if m.network == "unix" {
		l, err = listenUnix(m.addr)
	} else {
		l, err = net.Listen(m.network, m.addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w", text, err)
	}
	return l, nil
}

// errInUse says that a living program listens on a Unix socket.
var errInUse = errors.New("another program answers there; stop it, or give this switch another path")
