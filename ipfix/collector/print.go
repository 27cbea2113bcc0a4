package collector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// LineHeader is the heading of what Line writes.
const LineHeader = "TIME         END     PACKETS     OCTETS DIR  IN OUT VLAN PROTO  FLOW"

// Line writes a record for people: one line, without its end. A flow's time is that
// of its last packet, an option's that of its message, in the local zone; octets are
// those of the IP packets, of other flows those of the frames. What the record does not
// say is -.
func (r *Record) Line() string {
	var b bytes.Buffer
	if r.Scope > 0 {
		fmt.Fprintf(&b, "%s option ", clock(r.Exported))
		for i := range r.Fields {
			f := &r.Fields[i]
			switch {
			case i == r.Scope:
				b.WriteString(": ")
			case i > 0:
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%s=%s", f.Name, f)
		}
		return b.String()
	}
	at, packets, octets := "-", "-", "-"
	if !r.Flow.Last.IsZero() {
		at = clock(r.Flow.Last)
	}
	if r.has("packetDeltaCount") {
		packets = strconv.FormatUint(r.Flow.Packets, 10)
	}
	if r.has("octetDeltaCount", "layer2OctetDeltaCount") {
		octets = strconv.FormatUint(r.Flow.octets(&r.Key), 10)
	}
	src, dst := r.endpoints()
	fmt.Fprintf(&b, "%-12s %-6s %8s %10s %-3s %3s %3s %4s %-6s %s > %s", at, endName(r.Flow.End), packets, octets,
		r.Key.direction(), port(r.Key.InPort), port(r.Key.OutPort), r.Key.vlan(), r.protocol(), src, dst)
	if r.Biflow {
		fmt.Fprintf(&b, " < packets=%d octets=%d", r.Reverse.Packets, r.Reverse.octets(&r.Key))
	}
	d := &r.Details
	if d.Dropped > 0 {
		fmt.Fprintf(&b, " dropped=%d", d.Dropped)
	}
	if d.Drop != 0 {
		name := r.DropName
		if name == "" {
			name = strconv.FormatUint(d.Drop, 10)
		}
		fmt.Fprintf(&b, " why=%s", name)
	}
	if d.Rule {
		fmt.Fprintf(&b, " table=%d cookie=%#x", d.Table, d.Cookie)
	}
	if t := &r.Key.Tunnel; *t != (Tunnel{}) {
		fmt.Fprintf(&b, " tunnel=%d,key=%d,%v>%v", t.Type, t.ID, t.Src, t.Dst)
	}
	if d.VirtualObsID != "" {
		fmt.Fprintf(&b, " at=%q", d.VirtualObsID)
	}
	return b.String()
}

// octets returns the IP octets, or the frames' of flows that are not IP.
func (f *Flow) octets(k *Key) uint64 {
	if !k.Src.IsValid() && f.Octets == 0 {
		return f.L2Octets
	}
	return f.Octets
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// has says whether the record has one of the elements.
func (r *Record) has(names ...string) bool {
	return slices.ContainsFunc(r.Fields, func(f Field) bool { return slices.Contains(names, f.Name) })
}

// protocol is that of the key as far as the record says it.
func (r *Record) protocol() string {
	switch ip := r.Key.Src.IsValid() || r.Key.Dst.IsValid(); {
	case !ip && !r.has("ethernetType"), ip && !r.has("protocolIdentifier"):
		return "-"
	}
	return r.Key.protocol()
}

// endpoints writes source and destination as far as the record has them.
func (r *Record) endpoints() (src, dst string) {
	k := &r.Key
	if !k.Src.IsValid() && !k.Dst.IsValid() {
		return r.endpoint(k.Src, 0, k.EthSrc, nil, "sourceMacAddress"), r.endpoint(k.Dst, 0, k.EthDst, nil, "destinationMacAddress")
	}
	if r.has("icmpTypeCodeIPv4", "icmpTypeCodeIPv6", "icmpTypeIPv4", "icmpTypeIPv6") && k.Src.IsValid() && k.Dst.IsValid() {
		return k.endpoints()
	}
	return r.endpoint(k.Src, k.SrcPort, k.EthSrc, []string{"sourceTransportPort", "udpSourcePort", "tcpSourcePort"}, ""),
		r.endpoint(k.Dst, k.DstPort, k.EthDst, []string{"destinationTransportPort", "udpDestinationPort", "tcpDestinationPort"}, "")
}

func (r *Record) endpoint(a netip.Addr, port uint16, hardware [6]byte, ports []string, macs string) string {
	switch {
	case a.IsValid() && r.has(ports...):
		return netip.AddrPortFrom(a, port).String()
	case a.IsValid():
		return a.String()
	case r.has(macs):
		return mac(hardware)
	}
	return "-"
}

// localPort is the OpenFlow number of the switch's own port.
const localPort = 0xfffffffe

// port writes a port number, - for none.
func port(n uint32) string {
	switch n {
	case 0:
		return "-"
	case localPort:
		return "LOCAL"
	}
	return strconv.FormatUint(uint64(n), 10)
}

// JSON writes a record as one object on one line, without its end: type (flow or
// option), peer, domain, exported, template, for an option how many elements are its
// scope, and the elements by name in their order. An element that is there more than
// once has its values in an array.
func (r *Record) JSON() ([]byte, error) {
	var b bytes.Buffer
	kind := "flow"
	if r.Scope > 0 {
		kind = "option"
	}
	peer, err := json.Marshal(r.Peer)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, `{"type":%q,"peer":%s,"domain":%d,"exported":%q,"template":%d`,
		kind, peer, r.Domain, r.Exported.UTC().Format(time.RFC3339), r.Template)
	if r.Scope > 0 {
		fmt.Fprintf(&b, `,"scope":%d`, r.Scope)
	}
	b.WriteString(`,"elements":{`)
	values := make(map[string][]any, len(r.Fields))
	var names []string // in their order
	for i := range r.Fields {
		f := &r.Fields[i]
		if values[f.Name] == nil {
			names = append(names, f.Name)
		}
		values[f.Name] = append(values[f.Name], f.Value())
	}
	for i, name := range names {
		var v any = values[name]
		if len(values[name]) == 1 {
			v = values[name][0]
		}
		key, err1 := json.Marshal(name)
		value, err2 := json.Marshal(v)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteString("}}")
	return b.Bytes(), nil
}
