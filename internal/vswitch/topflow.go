package vswitch

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// topFlow describes a flow. Members that are not in the exporter's flow key stay empty.
func topFlow(e *exporter, r *cache.Record, loops []int, ports map[uint32]string, now int64) TopFlow {
	slices.Sort(loops)
	keyed := keyedBy(e)
	f := TopFlow{
		Exporter: e.name, ObsDomainID: r.Point.Domain, ObsPointID: r.Point.ID, Direction: "ingress",
		InPort: portName(ports, r.InPort), EthType: r.EthType, VLAN: -1, Protocol: r.Proto, TOS: r.TOS,
		SrcPort: r.SrcPort, DstPort: r.DstPort, Table: -1,
		Packets: r.Packets, Octets: r.Octets, L2Octets: r.L2Octets, Dropped: r.Dropped,
		TotalPackets: r.Total.Packets, TotalL2Octets: r.Total.L2Octets,
		Seconds: span(r.First, now), Age: float64(now-r.Total.Began) / 1e9, Idle: max(0, float64(now-r.Last)/1e9),
		Loops: loops,
	}
	f.PacketRate, f.BitRate = float64(f.Packets)/f.Seconds, 8*float64(f.L2Octets)/f.Seconds
	if r.Point.Dir == cache.Egress {
		f.Direction, f.OutPort = "egress", portName(ports, r.Point.Egress)
	}
	if keyed(flow.EthSrc) {
		f.EthSrc = net.HardwareAddr(r.EthSrc[:]).String()
	}
	if keyed(flow.EthDst) {
		f.EthDst = net.HardwareAddr(r.EthDst[:]).String()
	}
	if r.VLAN&flow.VlanCFI != 0 {
		f.VLAN = int(r.VLAN & 0xfff)
	}
	src, dst := r.Addrs()
	switch r.Class {
	case cache.IPv4:
		f.IPVersion = 4
		f.Src, f.Dst = address(src, keyed(flow.IPv4Src)), address(dst, keyed(flow.IPv4Dst))
	case cache.IPv6:
		f.IPVersion = 6
		f.Src, f.Dst = address(src, keyed(flow.IPv6Src)), address(dst, keyed(flow.IPv6Dst))
	}
	if v := &r.Point.Verdict; v.Known {
		f.Cookie, f.Table = v.Cookie, int(v.Table)
	}
	f.Flow = f.line()
	return f
}

// keyedBy says of a field whether it is in an exporter's flow key.
func keyedBy(e *exporter) func(flow.Field) bool {
	m := e.cfg.FlowKey.Mask()
	return func(f flow.Field) bool {
		bits := f.GetMask(m)
		return !bits.IsZero()
	}
}

func address(a netip.Addr, keyed bool) string {
	if !keyed {
		return ""
	}
	return a.String()
}

// portName is the name of a port, or its number when it is gone; "" for none.
func portName(ports map[uint32]string, n uint32) string {
	switch name, ok := ports[n]; {
	case n == 0:
		return ""
	case ok:
		return name
	}
	return portNumber(n)
}

// protocols are those that flows are named by.
var protocols = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}

// etherTypes are the same of flows that are not IP.
var etherTypes = map[uint16]string{0x0806: "arp", 0x8035: "rarp", 0x8847: "mpls", 0x8848: "mpls", 0x88cc: "lldp"}

// line writes the flow as people do: udp 10.0.0.1:53 > 10.0.0.2:999, h1, vlan 10.
func (f *TopFlow) line() string {
	var b strings.Builder
	kind, ok := protocols[f.Protocol]
	switch {
	case f.IPVersion == 0 && etherTypes[f.EthType] != "":
		kind = etherTypes[f.EthType]
	case f.IPVersion == 0:
		kind = fmt.Sprintf("type 0x%04x", f.EthType)
	case !ok:
		kind = "proto " + strconv.Itoa(int(f.Protocol))
	}
	ports := ok && f.IPVersion != 0 && kind != "icmp" && kind != "icmp6"
	end := func(ip, mac string, port uint16) string {
		at := ip
		if f.IPVersion == 0 {
			at = mac
		}
		switch {
		case at == "" && !ports:
			return "*"
		case !ports:
			return at
		case at == "":
			return fmt.Sprintf("*:%d", port)
		}
		return net.JoinHostPort(at, strconv.Itoa(int(port)))
	}
	fmt.Fprintf(&b, "%s %s > %s", kind, end(f.Src, f.EthSrc, f.SrcPort), end(f.Dst, f.EthDst, f.DstPort))
	if strings.HasPrefix(kind, "icmp") {
		fmt.Fprintf(&b, " type %d code %d", f.SrcPort, f.DstPort)
	}
	if f.VLAN >= 0 {
		fmt.Fprintf(&b, ", vlan %d", f.VLAN)
	}
	switch {
	case f.OutPort != "":
		fmt.Fprintf(&b, ", out %s", f.OutPort)
	case f.InPort != "":
		fmt.Fprintf(&b, ", in %s", f.InPort)
	}
	return b.String()
}

// topText writes the flows, the heaviest first.
func topText(w io.Writer, list []TopFlow) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no flows: the caches hold none with packets since its last record")
		return
	}
	fmt.Fprintf(w, "%s: flows in the caches; counts and rates are since each flow's last record or its begin\n\n", list[0].Exporter)
	t := newTable(">bits/s", ">packets/s", ">bytes", ">packets", ">since", "flow")
	for i := range list {
		f := &list[i]
		t.row(scaled(f.BitRate), scaled(f.PacketRate), f.L2Octets, f.Packets, fmt.Sprintf("%.0fs", f.Seconds), f.Flow)
	}
	t.write(w)
}

// scaled writes a rate with three or four digits and a unit of thousands.
func scaled(v float64) string {
	for _, u := range []struct {
		name string
		n    float64
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if v >= u.n {
			return fmt.Sprintf("%.4g%s", v/u.n, u.name)
		}
	}
	return fmt.Sprintf("%.4g", v)
}
