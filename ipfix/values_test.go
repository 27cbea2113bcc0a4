package ipfix

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ipfix/cache"
)

// value says what an element of a record is to be on the wire, from the definitions
// of the elements: numbers as uint64, addresses as bytes, text as string. It is the
// oracle of the encoder, and shares nothing with it.
func value(name string, r *record, c *ExporterConfig) any {
	n, v := &r.Counters, &r.Point.Verdict
	if rest, back := strings.CutPrefix(name, "reverse"); back && name != "reverseEgressInterface" {
		n, v = &r.Rev, &r.RevVerdict
		name = strings.ToLower(rest[:1]) + rest[1:]
	}
	millis := func(ns int64) uint64 { return uint64(epoch.Add(time.Duration(ns)).UnixMilli()) }
	var ports []Interface
	if c.Interfaces != nil {
		ports = c.Interfaces()
	}
	port := func(number uint32) (p Interface) {
		for _, p := range ports {
			if p.Index == number {
				return p
			}
		}
		return p
	}
	here := port(r.InPort)
	if r.Point.Dir == cache.Egress {
		here = port(r.Point.Egress)
	}
	group := r.EthDst[0]&1 == 1 && r.EthDst != [6]byte{255, 255, 255, 255, 255, 255}
	switch name {
	case "observationPointId":
		return uint64(r.Point.ID)
	case "flowDirection":
		return uint64(r.Point.Dir)
	case "ingressInterface":
		return uint64(r.InPort)
	case "egressInterface":
		return uint64(r.Point.Egress)
	case "tunnelType":
		return uint64(r.Tunnel.Type)
	case "tunnelSourceIPv4Address":
		return r.Tunnel.Src[:4]
	case "tunnelDestinationIPv4Address":
		return r.Tunnel.Dst[:4]
	case "tunnelSourceIPv6Address":
		return r.Tunnel.Src[:]
	case "tunnelDestinationIPv6Address":
		return r.Tunnel.Dst[:]
	case "tunnelProtocolIdentifier":
		return uint64(r.Tunnel.Proto)
	case "tunnelSourceTransportPort":
		return uint64(r.Tunnel.SrcPort)
	case "tunnelDestinationTransportPort":
		return uint64(r.Tunnel.DstPort)
	case "tunnelKey":
		b := binary.BigEndian.AppendUint64(nil, r.Tunnel.ID)
		return b[8-map[uint8]int{0: 8, 1: 3, 2: 4, 3: 3, 4: 8, 7: 3}[r.Tunnel.Type]:]
	case "sourceMacAddress":
		return r.EthSrc[:]
	case "destinationMacAddress":
		return r.EthDst[:]
	case "ethernetType":
		return uint64(r.EthType)
	case "ethernetHeaderLength":
		l := uint64(14)
		if r.VLAN != 0 {
			l = 18
		}
		if r.InnerTag {
			l += 4
		}
		return l
	case "vlanId", "dot1qVlanId":
		return uint64(r.VLAN % 4096)
	case "dot1qPriority":
		return uint64(r.VLAN / 8192)
	case "ipVersion":
		return map[cache.Class]uint64{cache.IPv4: 4, cache.IPv6: 6}[r.Class]
	case "protocolIdentifier":
		return uint64(r.Proto)
	case "ipClassOfService":
		return uint64(r.TOS)
	case "ipDiffServCodePoint":
		return uint64(r.TOS / 4)
	case "ipPrecedence":
		return uint64(r.TOS / 32)
	case "sourceIPv4Address":
		return r.Src[:4]
	case "destinationIPv4Address":
		return r.Dst[:4]
	case "sourceIPv6Address":
		return r.Src[:]
	case "destinationIPv6Address":
		return r.Dst[:]
	case "flowLabelIPv6":
		return uint64(r.Label)
	case "sourceTransportPort", "icmpTypeIPv4", "icmpTypeIPv6":
		return uint64(r.SrcPort)
	case "destinationTransportPort", "icmpCodeIPv4", "icmpCodeIPv6":
		return uint64(r.DstPort)
	case "icmpTypeCodeIPv4", "icmpTypeCodeIPv6":
		return uint64(r.SrcPort)*256 + uint64(r.DstPort)
	case "flowStartMilliseconds":
		return millis(n.First)
	case "flowEndMilliseconds":
		return millis(n.Last)
	case "packetDeltaCount":
		return n.Packets
	case "packetTotalCount":
		return n.Total.Packets
	case "octetDeltaCount":
		return n.Octets
	case "octetTotalCount":
		return n.Total.Octets
	case "octetDeltaSumOfSquares":
		return n.SumSq
	case "octetTotalSumOfSquares":
		return n.Total.SumSq
	case "layer2OctetDeltaCount":
		return n.L2Octets
	case "layer2OctetTotalCount":
		return n.Total.L2Octets
	case "minimumIpTotalLength":
		return uint64(n.MinLen)
	case "maximumIpTotalLength":
		return uint64(n.MaxLen)
	case "minimumTTL":
		return uint64(n.MinTTL)
	case "maximumTTL":
		return uint64(n.MaxTTL)
	case "tcpControlBits":
		return uint64(n.TCPFlags)
	case "tcpFinTotalCount":
		return n.Total.TCP[0]
	case "tcpSynTotalCount":
		return n.Total.TCP[1]
	case "tcpRstTotalCount":
		return n.Total.TCP[2]
	case "tcpPshTotalCount":
		return n.Total.TCP[3]
	case "tcpAckTotalCount":
		return n.Total.TCP[4]
	case "tcpUrgTotalCount":
		return n.Total.TCP[5]
	case "flowEndReason":
		return uint64(r.End)
	case "biflowDirection":
		return uint64(r.Direction)
	case "reverseEgressInterface":
		return uint64(r.RevEgress)
	case "selectorId":
		return 1 + uint64(r.Point.Probability)
	case "ingressUnicastPacketTotalCount", "egressUnicastPacketTotalCount":
		return n.Total.Packets - n.Total.Multicast - n.Total.Broadcast
	case "ingressMulticastPacketTotalCount", "postMCastPacketTotalCount":
		return n.Total.Multicast
	case "ingressBroadcastPacketTotalCount", "egressBroadcastPacketTotalCount":
		return n.Total.Broadcast
	case "postMCastPacketDeltaCount":
		return n.Multicast
	case "postMCastOctetDeltaCount":
		if group {
			return n.Octets
		}
		return uint64(0)
	case "postMCastOctetTotalCount":
		if group {
			return n.Total.Octets
		}
		return uint64(0)
	case "droppedPacketDeltaCount":
		return n.Dropped
	case "droppedPacketTotalCount":
		return n.Total.Dropped
	case "droppedOctetDeltaCount":
		return n.DroppedOctets
	case "droppedOctetTotalCount":
		return n.Total.DroppedOctets
	case "droppedLayer2OctetDeltaCount":
		return n.DroppedL2Octets
	case "droppedLayer2OctetTotalCount":
		return n.Total.DroppedL2Octets
	case "forwardingStatus":
		if v.Status/64 != 2 && n.Dropped > 0 && n.Dropped == n.Packets {
			return uint64(128)
		}
		return uint64(v.Status)
	case "ruleCookie":
		return v.Cookie
	case "ruleTable":
		if !v.Known {
			return uint64(255)
		}
		return uint64(v.Table)
	case "dropReason", "dropReasonName":
		reason := uint8(0)
		switch {
		case v.Status/64 == 2:
			reason = v.Drop
		case n.Dropped > 0:
			reason = n.DropReason
		}
		if name == "dropReason" {
			return uint64(reason)
		}
		for _, d := range c.DropReasons {
			if d.ID == reason {
				return d.Name
			}
		}
		return ""
	case "tcpHandshakeTime":
		for _, pair := range [][2]int64{{r.QoS.SYN, r.Rev.QoS.SYNACK}, {r.Rev.QoS.SYN, r.QoS.SYNACK}} {
			if pair[0] != 0 && pair[1] != 0 {
				us := (pair[1] - pair[0]) / 1000
				return uint64(max(0, min(us, math.MaxUint32)))
			}
		}
		return uint64(0)
	case "tcpRetransmissionCount":
		return n.QoS.Retransmit
	case "tcpOutOfOrderCount":
		return n.QoS.OutOfOrder
	case "ingressInterfaceType":
		return uint64(port(r.InPort).Type)
	case "egressInterfaceType":
		return uint64(port(r.Point.Egress).Type)
	case "interfaceName":
		return here.Name
	case "interfaceDescription":
		d := []rune(here.Description)
		for len(string(d)) > 128 {
			d = d[:len(d)-1]
		}
		return string(d)
	case "virtualObsID":
		return c.VirtualObsID
	}
	return name + " is unknown to the oracle"
}

// onWire turns what the oracle says into bytes as long as there should be.
func onWire(v any, n int) []byte {
	switch v := v.(type) {
	case uint64:
		return binary.BigEndian.AppendUint64(nil, v)[8-n:]
	case string:
		return []byte(v)
	}
	return v.([]byte)
}

// randomCounters returns what may be counted.
func randomCounters(r *rand.Rand) (c cache.Counters) {
	n := func() uint64 { return r.Uint64N(1 << 40) }
	c = cache.Counters{
		Packets: n() + 4, Octets: n(), L2Octets: n(), SumSq: r.Uint64(), First: int64(n()),
		MinLen: uint16(n()), MaxLen: uint16(n()), MinTTL: uint8(n()), MaxTTL: uint8(n()), TCPFlags: uint16(n() & 0xfff),
		Multicast: n(), Broadcast: n(), Dropped: r.Uint64N(4), DroppedOctets: n(), DroppedL2Octets: n(), DropReason: uint8(r.IntN(9)),
		QoS: cache.QoS{SYN: r.Int64N(1 << 45), SYNACK: r.Int64N(1 << 45), Retransmit: n(), OutOfOrder: n()},
	}
	if r.IntN(4) == 0 {
		c.Dropped = c.Packets
	}
	if r.IntN(4) == 0 {
		c.QoS.SYN = 0
	}
	c.Last = c.First + int64(n())
	c.Total = cache.Total{
		Began: c.First, Packets: n() << 2, Octets: n(), L2Octets: n(), SumSq: r.Uint64(), Dropped: n(),
		DroppedOctets: n(), DroppedL2Octets: n(), Multicast: n(), Broadcast: n(),
	}
	for i := range c.Total.TCP {
		c.Total.TCP[i] = n()
	}
	return c
}

func randomVerdict(r *rand.Rand) cache.Verdict {
	return cache.Verdict{
		Cookie: r.Uint64(), Table: uint8(r.Uint32()), Known: r.IntN(2) == 0,
		Status: []uint8{0, 64, 128, 131, 192}[r.IntN(5)], Drop: uint8(r.IntN(9)),
	}
}

// randomRecord returns a record that may have everything: tunnels, both directions,
// verdicts.
func randomRecord(r *rand.Rand) (rec record) {
	possible := traits(r.Uint32N(1 << numTraits))
	for !possible.possible() {
		possible = traits(r.Uint32N(1 << numTraits))
	}
	fill := func(b []byte) {
		for i := range b {
			b[i] = uint8(r.Uint32())
		}
	}
	rec = sample(possible)
	rec.Biflow = rec.Biflow && rec.Class != cache.Other
	rec.Counters, rec.Point.Verdict = randomCounters(r), randomVerdict(r)
	rec.InPort, rec.Point.ID, rec.End = r.Uint32N(4), r.Uint32(), cache.EndReason(r.IntN(6))
	fill(rec.EthSrc[:])
	fill(rec.EthDst[:])
	rec.EthType = uint16(r.Uint32())
	if rec.VLAN != 0 {
		rec.VLAN, rec.InnerTag = uint16(r.Uint32())|flow.VlanCFI, r.IntN(2) == 0
	}
	if rec.Point.Dir == cache.Egress {
		rec.Point.Egress = r.Uint32N(4)
	}
	if rec.Point.Probability != 0 {
		rec.Point.Probability = uint16(r.Uint32N(65535)) + 1
	}
	fill(rec.Src[:])
	fill(rec.Dst[:])
	if rec.Class != cache.Other {
		rec.TOS, rec.Label = uint8(r.Uint32()), r.Uint32N(1<<20)
	}
	rec.SrcPort, rec.DstPort = uint16(r.Uint32()), uint16(r.Uint32())
	if traitsOf(&rec)&isICMP != 0 {
		rec.SrcPort, rec.DstPort = rec.SrcPort%256, rec.DstPort%256
	}
	if rec.Tunnel.On {
		rec.Tunnel.ID, rec.Tunnel.Type, rec.Tunnel.Proto = r.Uint64(), []uint8{0, 1, 2, 3, 4, 7}[r.IntN(6)], uint8(r.Uint32())
		rec.Tunnel.SrcPort, rec.Tunnel.DstPort = uint16(r.Uint32()), uint16(r.Uint32())
		fill(rec.Tunnel.Src[:])
		fill(rec.Tunnel.Dst[:])
	}
	rec.Rev, rec.RevVerdict, rec.RevEgress, rec.Direction = randomCounters(r), randomVerdict(r), r.Uint32(), uint8(r.IntN(4))
	return rec
}

// drawConfig draws what records are to have.
func drawConfig(t *rapid.T) ExporterConfig {
	c := testConfigs()[rapid.SampledFrom([]string{"default", "full", "everything", "biflow", "five", "one"}).Draw(t, "config")]
	if rapid.Bool().Draw(t, "some elements") {
		c.Elements = rapid.SliceOfNDistinct(rapid.SampledFrom(ElementNames()), 0, 20, rapid.ID).Draw(t, "elements")
	}
	c.Biflow = BiflowRule(rapid.IntRange(0, 3).Draw(t, "rule"))
	return c
}

// TestEveryValueReadsBack writes random records of random configurations, and has
// goflow2's decoder read them: every value is what the oracle makes of the record,
// and nothing else is there.
func TestEveryValueReadsBack(t *testing.T) {
	names := nameTable()
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.MTU = rapid.SampledFrom([]int{1500, 9000, 65535}).Draw(t, "mtu")
		c.defaults(1)
		sc, err := newSchema(&c)
		if err != nil {
			t.Fatal(err)
		}
		ts := netflow.CreateTemplateSystem()
		limit := c.messageSize()
		m := newMessage(limit, 7)
		var sent mark
		var held []record
		send := func() {
			extra := newMessage(limit, 7)
			flush := func() {
				if !extra.empty() {
					decodeIn(t, extra.finish(1, 0), ts)
					extra.reset()
				}
			}
			sc.eachNew(sent, func(tpl *Template) {
				if !extra.addTemplate(tpl) {
					flush()
					extra.addTemplate(tpl)
				}
			}, func(*Template, *source) {})
			sent = sc.mark()
			flush()
			p := decodeIn(t, m.finish(1, 0), ts)
			if len(m.buf) > limit {
				t.Fatalf("message of %d bytes, limit %d", len(m.buf), limit)
			}
			i := 0
			for _, set := range p.FlowSets {
				for _, rec := range set.(netflow.DataFlowSet).Records {
					compareRecord(t, names, &held[i], &c, rec.Values)
					i++
				}
			}
			if i != len(held) {
				t.Fatalf("%d records read of %d", i, len(held))
			}
			held = held[:0]
			m.reset()
		}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range rapid.IntRange(1, 30).Draw(t, "records") {
			r := randomRecord(rnd)
			r.Biflow = r.Biflow && c.Biflow != BiflowOff
			src := source{rec: &r, epoch: epoch}
			tpl := sc.of(&r)
			if !m.addRecord(tpl, &src) {
				if free := limit - len(m.buf); free >= tpl.size(&m.src)+setHeader+2*(align-1) {
					t.Fatalf("a record of %d bytes was refused with %d free", tpl.size(&m.src), free)
				}
				send()
				if !m.addRecord(tpl, &src) {
					t.Fatalf("a record of %d bytes does not fit an empty message", tpl.size(&m.src))
				}
			}
			held = append(held, r)
		}
		send()
	})
}

// compareRecord compares what was read with what the oracle says.
func compareRecord(t *rapid.T, names map[elementKey]string, r *record, c *ExporterConfig, got []netflow.DataField) {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range got {
		key := elementKey{f.Pen, f.Type}
		if c.PEN != 0 && f.Pen == c.PEN {
			key.pen = examplePEN
		}
		name := names[key]
		if name == "" || seen[name] {
			t.Fatalf("element %+v (%q): not known, or there twice", key, name)
		}
		seen[name] = true
		b := f.Value.([]byte)
		if want := onWire(value(name, r, c), len(b)); !bytes.Equal(b, want) {
			t.Fatalf("%s: %x, want %x (%v) of %+v", name, b, want, value(name, r, c), *r)
		}
	}
	if !seen["observationPointId"] || !seen["flowDirection"] || seen["virtualObsID"] != (c.VirtualObsID != "") {
		t.Fatalf("elements %v", seen)
	}
}

type elementKey struct {
	pen uint32
	id  uint16
}

// nameTable names all elements as they are on the wire, of both directions.
func nameTable() map[elementKey]string {
	names := map[elementKey]string{}
	for e := range NumElements {
		for _, e := range []E{e, e | reversed} {
			names[elementKey{e.enterprise(examplePEN), e.id()}] = e.name()
		}
	}
	return names
}

// decodeIn is decode within a property.
func decodeIn(t *rapid.T, b []byte, ts netflow.NetFlowTemplateSystem) netflow.IPFIXPacket {
	t.Helper()
	var p netflow.IPFIXPacket
	var old netflow.NFv9Packet
	if err := netflow.DecodeMessageVersion(bytes.NewBuffer(bytes.Clone(b)), ts, &old, &p); err != nil {
		t.Fatalf("goflow2: %v in %x", err, b)
	}
	return p
}
