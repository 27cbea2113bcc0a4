package collector

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"text/tabwriter"
)

// Table prints the n flows with the most packets, and a line of totals.
func (c *Collector) Table(w io.Writer, n int) error {
	type row struct {
		k Key
		f Flow
	}
	var rows []row
	for k, f := range c.Flows() {
		rows = append(rows, row{k, f})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.f.Packets, a.f.Packets), cmp.Compare(a.k.String(), b.k.String()))
	})
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "DIR\tIN\tOUT\tVLAN\tPROTO\tSOURCE\tDESTINATION\tPACKETS\tOCTETS\tFRAME OCTETS\tMS\tEND")
	for _, r := range rows[:min(n, len(rows))] {
		src, dst := r.k.endpoints()
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", r.k.direction(), r.k.InPort, r.k.OutPort,
			r.k.vlan(), r.k.protocol(), src, dst, r.f.Packets, r.f.Octets, r.f.L2Octets,
			r.f.Last.Sub(r.f.First).Milliseconds(), endName(r.f.End))
	}
	if len(rows) > n {
		fmt.Fprintf(t, "… %d more flows\n", len(rows)-n)
	}
	s := c.Totals()
	fmt.Fprintf(t, "total: flows=%d records=%d packets=%d octets=%d frame_octets=%d messages=%d missing=%d errors=%d\n",
		s.Flows, s.Records, s.Packets, s.Octets, s.L2Octets, s.Messages, s.Missing, s.Errors)
	return t.Flush()
}

// IP protocols (IANA).
const (
	protoICMP  = 1
	protoTCP   = 6
	protoUDP   = 17
	protoICMP6 = 58
	protoSCTP  = 132
)

// String writes the key on one line.
func (k Key) String() string {
	src, dst := k.endpoints()
	return fmt.Sprintf("%s in=%d out=%d vlan=%s %s %s > %s", k.direction(), k.InPort, k.OutPort, k.vlan(), k.protocol(), src, dst)
}

func (k Key) direction() string {
	if k.Dir == 1 {
		return "out"
	}
	return "in"
}

func (k Key) vlan() string {
	if k.VLAN < 0 {
		return "-"
	}
	return strconv.Itoa(int(k.VLAN))
}

func (k Key) protocol() string {
	if !k.Src.IsValid() {
		return fmt.Sprintf("0x%04x", k.EthType)
	}
	switch k.Proto {
	case protoICMP:
		return "icmp"
	case protoTCP:
		return "tcp"
	case protoUDP:
		return "udp"
	case protoICMP6:
		return "icmpv6"
	case protoSCTP:
		return "sctp"
	}
	return strconv.Itoa(int(k.Proto))
}

// endpoints writes source and destination: addresses with ports, or with ICMP
// type and code, or MAC addresses.
func (k Key) endpoints() (src, dst string) {
	switch {
	case !k.Src.IsValid():
		return mac(k.EthSrc), mac(k.EthDst)
	case k.Proto == protoTCP || k.Proto == protoUDP || k.Proto == protoSCTP:
		return netip.AddrPortFrom(k.Src, k.SrcPort).String(), netip.AddrPortFrom(k.Dst, k.DstPort).String()
	case k.Proto == protoICMP || k.Proto == protoICMP6:
		return k.Src.String(), fmt.Sprintf("%v type=%d,code=%d", k.Dst, k.SrcPort, k.DstPort)
	}
	return k.Src.String(), k.Dst.String()
}

func mac(a [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

var endNames = [...]string{"-", "idle", "active", "end", "forced", "lack"}

// endName names a flowEndReason (IANA).
func endName(r uint8) string {
	if int(r) < len(endNames) {
		return endNames[r]
	}
	return strconv.Itoa(int(r))
}
