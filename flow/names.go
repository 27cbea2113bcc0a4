package flow

import "strings"

var fieldNames = func() map[string]Field {
	m := make(map[string]Field, 4*int(NumFields))
	for f := FieldNone + 1; f < NumFields; f++ {
		i := &Fields[f]
		for _, n := range append([]string{i.Name, i.OXM, i.NXM}, i.Aliases...) {
			if n != "" {
				m[n] = f
			}
		}
	}
	// Names that OVS gives to more than one place.
	m["tp_src"], m["tp_dst"] = TCPSrc, TCPDst
	m["in_port_oxm"] = InPort
	m["icmpv4_type"], m["icmpv4_code"] = ICMPType, ICMPCode
	m["ipv6_flabel"] = IPv6Label
	m["ipv6_nd_target"], m["ipv6_nd_sll"], m["ipv6_nd_tll"] = NDTarget, NDSLL, NDTLL
	return m
}()

// FieldByName finds a field by a name used in matches (its own or an alias) or
// by its OXM_… or NXM_… name. tp_src and tp_dst are taken for TCP's, as OVS does;
// ParseMatch resolves them by protocol.
func FieldByName(name string) (Field, bool) {
	f, ok := fieldNames[name]
	return f, ok
}

// shorthand is a word that stands for an Ethernet type and perhaps a protocol.
type shorthand struct {
	ethType uint16
	proto   int // -1: none
}

var shorthands = map[string]shorthand{
	"ip":    {etherIPv4, -1},
	"icmp":  {etherIPv4, protoICMP},
	"tcp":   {etherIPv4, protoTCP},
	"udp":   {etherIPv4, protoUDP},
	"sctp":  {etherIPv4, protoSCTP},
	"ipv6":  {etherIPv6, -1},
	"ip6":   {etherIPv6, -1},
	"icmp6": {etherIPv6, protoICMPv6},
	"tcp6":  {etherIPv6, protoTCP},
	"udp6":  {etherIPv6, protoUDP},
	"sctp6": {etherIPv6, protoSCTP},
	"arp":   {etherARP, -1},
	"rarp":  {etherRARP, -1},
	"mpls":  {etherMPLS, -1},
	"mplsm": {etherMPLSM, -1},
}

// Nearest returns the word of a match, or of more, that name most looks like, or "".
func Nearest(name string, more ...string) string {
	best, dist := "", min(len(name)/3+1, 4)
	try := func(n string) {
		if d := typos(name, n); d < dist || d == dist && (best == "" || n < best) {
			best, dist = n, d
		}
	}
	if len(name) > 32 {
		return ""
	}
	for n := range fieldNames {
		if !strings.Contains(n, "XM_") {
			try(n)
		}
	}
	for n := range shorthands {
		try(n)
	}
	for _, n := range more {
		try(n)
	}
	return best
}

// typos counts the letters added, lost, changed or swapped with the next one
// between a and b.
func typos(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			d := min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1]) + 1
			if a[i-1] == b[j-1] {
				d = rows[i-1][j-1]
			} else if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
