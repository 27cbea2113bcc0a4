package flow

import (
	"strconv"
	"strings"
)

var reservedPorts = []struct {
	name string
	n    uint32
}{
	{"UNSET", PortUnset},
	{"IN_PORT", PortIn},
	{"TABLE", PortTable},
	{"NORMAL", PortNormal},
	{"FLOOD", PortFlood},
	{"ALL", PortAll},
	{"CONTROLLER", PortController},
	{"LOCAL", PortLocal},
	{"ANY", PortAny},
	{"NONE", PortAny}, // its name in OpenFlow 1.0
}

// ParsePort reads a port: a name of ports, a reserved name in either case, or a
// number. 65527 to 65535, the reserved numbers of OpenFlow 1.0, mean the
// reserved ports of today. Errors are *ParseError.
func ParsePort(s string, ports PortNames) (uint32, error) {
	n, err := parsePort(s, ports)
	return uint32(n), err
}

func parsePort(s string, ports PortNames) (uint64, error) {
	name := s
	if len(s) >= 2 && s[0] == '"' {
		u, err := strconv.Unquote(s)
		if err != nil {
			return 0, parseErr(s, 0, len(s), "a name in quotes that does not end in one")
		}
		name = u
	}
	if ports != nil {
		if n, ok := ports.Number(name); ok {
			return uint64(n), nil
		}
	}
	if name == s {
		for _, r := range reservedPorts {
			if strings.EqualFold(r.name, s) {
				return uint64(r.n), nil
			}
		}
		if n, err := parseUint(s, s, 0, 32); err == nil {
			if n >= 0xfff7 && n <= 0xffff {
				n |= 0xffff0000
			}
			return n, nil
		}
	}
	return 0, parseErr(s, 0, len(s), "no such port; it may be a number, a port's name or IN_PORT, LOCAL, CONTROLLER, …")
}

// FormatPort writes what ParsePort reads: the name that ports gives, in quotes
// where it is not one plain word, a reserved name, or the number.
func FormatPort(n uint32, ports PortNames) string {
	if ports != nil {
		if name, ok := ports.Name(n); ok {
			if plainWord(name) {
				return name
			}
			return strconv.Quote(name)
		}
	}
	for _, r := range reservedPorts {
		if r.n == n {
			return r.name
		}
	}
	return strconv.FormatUint(uint64(n), 10)
}

func plainWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
