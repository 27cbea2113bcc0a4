package ipfix

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Transport is how messages reach a collector.
type Transport uint8

// The transports.
const (
	UDP  Transport = iota
	TCP            // RFC 7011 section 10.4
	TLS            // over TCP, RFC 7011 section 11
	File           // RFC 5655
	DTLS           // over UDP, RFC 7011 section 11
)

var transportNames = [...]string{"udp", "tcp", "tls", "file", "dtls"}

// String returns the transport's name, which is the prefix of targets.
func (t Transport) String() string { return transportNames[t] }

// address is a target as it was meant.
type address struct {
	transport Transport
	rest      string // host:port, or a path
}

// parseTarget reads host:port or TRANSPORT:host:port or file:PATH.
func parseTarget(s string) (address, error) {
	a := address{UDP, s}
	for t, name := range transportNames {
		if rest, ok := strings.CutPrefix(s, name+":"); ok {
			a = address{Transport(t), rest}
		}
	}
	if a.transport == File {
		if a.rest == "" || strings.HasSuffix(a.rest, "/") || strings.ContainsRune(a.rest, 0) {
			return a, fmt.Errorf("target %q: want file:PATH of a file", s)
		}
		return a, nil
	}
	host, port, err := net.SplitHostPort(a.rest)
	if err != nil || host == "" || port == "" {
		return a, fmt.Errorf("target %q: want host:port, udp:host:port, tcp:host:port, tls:host:port, dtls:host:port or file:PATH", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return a, fmt.Errorf("target %q: port %q: want 1 to 65535", s, port)
	}
	return a, nil
}

// String writes the address in one way, whatever way it was given in.
func (a address) String() string { return a.transport.String() + ":" + a.rest }

// host returns the name or number of the host; "" of a file.
func (a address) host() string {
	host, _, _ := net.SplitHostPort(a.rest)
	return host
}

// numeric says that the host needs no look-up.
func (a address) numeric() bool {
	_, err := netip.ParseAddrPort(a.rest)
	return err == nil
}

// overhead is what lower headers take of the MTU: of UDP and IPv4, or IPv6 when that
// is or may be it. Streams and files have none that count.
func (a address) overhead() int {
	over := 0
	switch a.transport {
	case UDP:
	case DTLS:
		over = dtlsOverhead
	default:
		return 0
	}
	if ip := net.ParseIP(a.host()); ip != nil && ip.To4() != nil {
		return over + 28
	}
	return over + 48
}

// parseTargets reads a list in which no target is twice.
func parseTargets(list []string) ([]address, error) {
	var all []address
	seen := make(map[address]string, len(list))
	for _, s := range list {
		a, err := parseTarget(s)
		if err != nil {
			return nil, err
		}
		if first, twice := seen[a]; twice {
			return nil, fmt.Errorf("target %q: the same as %q", s, first)
		}
		seen[a] = s
		all = append(all, a)
	}
	return all, nil
}
