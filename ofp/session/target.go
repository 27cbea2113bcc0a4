package session

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// target is a controller to connect to, as configurations name it.
type target struct {
	network string // unix or tcp
	addr    string
	secure  bool // by TLS
}

// parseTarget reads unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]. HOST is a name or an
// IP address, one of IPv6 in brackets. PORT is 6653 when left out.
func parseTarget(text string) (target, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "unix":
		if rest == "" || len(rest) > maxPath {
			return target{}, fmt.Errorf("controller %q: a path has 1 to %d bytes, not %d", text, maxPath, len(rest))
		}
		return target{network: "unix", addr: rest}, nil
	case "tcp", "ssl":
		host, port, err := hostPort(rest)
		if err != nil {
			return target{}, fmt.Errorf("controller %q: %w", text, err)
		}
		return target{"tcp", net.JoinHostPort(host, port), kind == "ssl"}, nil
	}
	return target{}, fmt.Errorf("controller %q: want unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]", text)
}

// hostPort takes HOST[:PORT] apart.
func hostPort(s string) (host, port string, err error) {
	host, port, given := s, "", false
	if end := strings.IndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		host = s[1:end]
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", "", fmt.Errorf("%q in brackets is not an IPv6 address", host)
		}
		if port, given = strings.CutPrefix(s[end+1:], ":"); !given && port != "" {
			return "", "", fmt.Errorf("%q behind the brackets is not :PORT", port)
		}
	} else {
		host, port, given = strings.Cut(s, ":")
	}
	if !given {
		port = strconv.Itoa(DefaultPort)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case strings.Contains(port, ":"):
		return "", "", fmt.Errorf("%q has more than one colon; an IPv6 address belongs in brackets", s)
	case err != nil || n == 0:
		return "", "", fmt.Errorf("port %q is not a number from 1 to 65535", port)
	case host == "":
		return "", "", fmt.Errorf("%q has no host", s)
	}
	return host, strconv.FormatUint(n, 10), nil
}

// dial connects to t within ctx.
func (t target) dial(ctx context.Context, files TLSFiles) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, t.network, t.addr)
	if err != nil || !t.secure {
		return conn, err
	}
	return files.client(ctx, conn)
}
