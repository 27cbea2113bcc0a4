package configs

import (
	"pollux/flow"
	"pollux/ipfix/cache"
)

// keyElement is an element that may be in a flow key, with the fields that it is of.
type keyElement struct {
	name   string
	fields []flow.Field
	bits   flow.Value // of each field; zero is all
}

// keyElements is the table of them. Those without fields are part of every key, or go
// with the others of tunnels.
var keyElements = []keyElement{
	{name: "ingressInterface", fields: []flow.Field{flow.InPort}},
	{name: "egressInterface"},
	{name: "observationPointId"},
	{name: "flowDirection"},
	{name: "ipVersion"},
	{name: "sourceMacAddress", fields: []flow.Field{flow.EthSrc}},
	{name: "destinationMacAddress", fields: []flow.Field{flow.EthDst}},
	{name: "ethernetType", fields: []flow.Field{flow.EthType}},
	{name: "vlanId", fields: []flow.Field{flow.VlanTCI}, bits: flow.Value{Lo: flow.VlanCFI | 0xfff}},
	{name: "dot1qVlanId", fields: []flow.Field{flow.VlanTCI}, bits: flow.Value{Lo: flow.VlanCFI | 0xfff}},
	{name: "dot1qPriority", fields: []flow.Field{flow.VlanTCI}, bits: flow.Value{Lo: flow.VlanCFI | 0xe000}},
	{name: "protocolIdentifier", fields: []flow.Field{flow.IPProto}},
	{name: "ipClassOfService", fields: []flow.Field{flow.IPTOS}},
	{name: "flowLabelIPv6", fields: []flow.Field{flow.IPv6Label}},
	{name: "sourceIPv4Address", fields: []flow.Field{flow.IPv4Src}},
	{name: "destinationIPv4Address", fields: []flow.Field{flow.IPv4Dst}},
	{name: "sourceIPv6Address", fields: []flow.Field{flow.IPv6Src}},
	{name: "destinationIPv6Address", fields: []flow.Field{flow.IPv6Dst}},
	{name: "sourceTransportPort", fields: []flow.Field{flow.TCPSrc}},
	{name: "destinationTransportPort", fields: []flow.Field{flow.TCPDst}},
	{name: "icmpTypeCodeIPv4", fields: []flow.Field{flow.TCPSrc, flow.TCPDst}},
	{name: "icmpTypeCodeIPv6", fields: []flow.Field{flow.TCPSrc, flow.TCPDst}},
	{name: "tunnelKey", fields: []flow.Field{flow.TunID}},
	{name: "tunnelSourceIPv4Address", fields: []flow.Field{flow.TunSrc}},
	{name: "tunnelDestinationIPv4Address", fields: []flow.Field{flow.TunDst}},
	{name: "tunnelSourceIPv6Address", fields: []flow.Field{flow.TunIPv6Src}},
	{name: "tunnelDestinationIPv6Address", fields: []flow.Field{flow.TunIPv6Dst}},
	{name: "tunnelType"},
	{name: "tunnelProtocolIdentifier"},
	{name: "tunnelSourceTransportPort"},
	{name: "tunnelDestinationTransportPort"},
}

// fiveTuple is what KeyFiveTuple stands for, of IPv4 and of IPv6.
var fiveTuple = FlowKey{
	"protocolIdentifier", "sourceIPv4Address", "destinationIPv4Address", "sourceIPv6Address",
	"destinationIPv6Address", "sourceTransportPort", "destinationTransportPort",
}

// keyNames lists what may stand in a list of flow_key.
func keyNames() []string {
	names := make([]string, len(keyElements))
	for i := range keyElements {
		names[i] = keyElements[i].name
	}
	return names
}

// Mask returns the key as the bits of packets' keys that a flow cache tells flows
// apart by. Of a key that Load found right nothing is left out.
func (k FlowKey) Mask() *flow.Mask {
	if len(k) == 0 || k[0] == KeyOVS {
		return cache.OVSKey()
	}
	if k[0] == KeyFiveTuple {
		k = fiveTuple
	}
	m := new(flow.Mask)
	for _, name := range k {
		for i := range keyElements {
			e := &keyElements[i]
			if e.name != name {
				continue
			}
			for _, f := range e.fields {
				bits := e.bits
				if bits.IsZero() {
					bits = f.Full()
				}
				f.OrMask(m, bits)
			}
		}
	}
	return m
}
