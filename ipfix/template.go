package ipfix

import "pollux/ipfix/cache"

// Template is one kind of record. Elements[:Scope] are scope fields; a template
// that has them is an options template.
type Template struct {
	ID       uint16
	Scope    int
	Elements []E
	Len      int // bytes of a record
}

// layer4 is what a record says of the transport layer.
type layer4 uint8

const (
	noPorts layer4 = iota
	ports          // UDP, SCTP
	tcp            // ports and flags
	icmp
	numLayer4
)

// Numbers of templates: data templates from firstTemplate by family, then options.
const (
	firstTemplate = 256
	numFamilies   = 3 * int(numLayer4) * 2 * 2
	samplingID    = firstTemplate + uint16(numFamilies)
	exportingID   = samplingID + 1
	meteringID    = samplingID + 2
)

// family returns the index of a record's template: class, layer 4, VLAN or not,
// ingress or egress.
func family(class cache.Class, l4 layer4, vlan, egress bool) int {
	f := (int(class)*int(numLayer4) + int(l4)) * 4
	if vlan {
		f += 2
	}
	if egress {
		f++
	}
	return f
}

// optionTemplates are the three option records: how packets are selected
// (RFC 5476 section 6.5.2), what the exporting process sent and did not send
// (RFC 7011 section 4.3), what the metering process saw and ignored (section 4.2).
var optionTemplates = []*Template{
	newTemplate(samplingID, 1, selectorID, selectorAlgorithm, samplingPacketInterval, samplingPacketSpace, samplingProbability),
	newTemplate(exportingID, 1, exportingProcessID, exportedMessageTotalCount, exportedFlowRecordTotalCount, exportedOctetTotalCount,
		notSentFlowTotalCount, notSentPacketTotalCount, notSentOctetTotalCount),
	newTemplate(meteringID, 1, meteringProcessID, observedFlowTotalCount, ignoredPacketTotalCount, ignoredOctetTotalCount),
}

func layer4Of(r *record) layer4 {
	switch {
	case r.Class == cache.Other:
		return noPorts
	case r.Proto == 6:
		return tcp
	case r.Proto == 17 || r.Proto == 132:
		return ports
	case r.Proto == 1 && r.Class == cache.IPv4, r.Proto == 58 && r.Class == cache.IPv6:
		return icmp
	}
	return noPorts
}

func newTemplate(id uint16, scope int, es ...E) *Template {
	t := &Template{ID: id, Scope: scope, Elements: es}
	for _, e := range es {
		t.Len += int(Elements[e].Type.Len())
	}
	return t
}

func makeFamilies() (ts [numFamilies]*Template) {
	for class := cache.Other; class <= cache.IPv6; class++ {
		for l4 := noPorts; l4 < numLayer4; l4++ {
			if class == cache.Other && l4 != noPorts {
				continue
			}
			for _, vlan := range []bool{false, true} {
				for _, egress := range []bool{false, true} {
					f := family(class, l4, vlan, egress)
					ts[f] = newTemplate(firstTemplate+uint16(f), 0, elementsOf(class, l4, vlan, egress)...)
				}
			}
		}
	}
	return ts
}

// elementsOf lists a family's elements: where, layer 2, 3 and 4, then counts.
func elementsOf(class cache.Class, l4 layer4, vlan, egress bool) []E {
	es := []E{observationPointID, flowDirection, ingressInterface}
	if egress {
		es = append(es, egressInterface)
	}
	es = append(es, sourceMacAddress, destinationMacAddress, ethernetType, ethernetHeaderLength)
	if vlan {
		es = append(es, vlanID, dot1qVlanID, dot1qPriority)
	}
	switch class {
	case cache.IPv4:
		es = append(es, ipVersion, protocolIdentifier, ipClassOfService, sourceIPv4Address, destinationIPv4Address)
	case cache.IPv6:
		es = append(es, ipVersion, protocolIdentifier, ipClassOfService, sourceIPv6Address, destinationIPv6Address, flowLabelIPv6)
	}
	switch {
	case l4 == ports || l4 == tcp:
		es = append(es, sourceTransportPort, destinationTransportPort)
	case l4 == icmp && class == cache.IPv4:
		es = append(es, icmpTypeCodeIPv4)
	case l4 == icmp:
		es = append(es, icmpTypeCodeIPv6)
	}
	es = append(es, flowStartMilliseconds, flowEndMilliseconds, packetDeltaCount, layer2OctetDeltaCount)
	if class != cache.Other {
		es = append(es, octetDeltaCount, minimumIPTotalLength, maximumIPTotalLength, minimumTTL, maximumTTL)
	}
	if l4 == tcp {
		es = append(es, tcpControlBits)
	}
	return append(es, flowEndReason)
}
