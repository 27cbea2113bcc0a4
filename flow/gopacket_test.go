package flow

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"pollux/internal/packet"
)

// TestAgainstGopacket builds well-formed packets with gopacket, has gopacket
// decode them again, and compares what it read with the key.
func TestAgainstGopacket(t *testing.T) {
	keys := make([]Key, 1)
	rapid.Check(t, func(t *rapid.T) {
		frame := drawFrame(t)
		mem, b := put([][]byte{frame})
		Extract(mem, b, keys)
		comparePacket(t, frame, &keys[0], b)
	})
}

// drawFrame serializes a stack of layers.
func drawFrame(t *rapid.T) []byte {
	bytes := func(n int, name string) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name) }
	eth := &layers.Ethernet{SrcMAC: bytes(6, "src"), DstMAC: bytes(6, "dst")}
	stack := []gopacket.SerializableLayer{eth}
	typ := &eth.EthernetType
	tags := rapid.IntRange(0, 2).Draw(t, "tags")
	for i := range tags {
		*typ = layers.EthernetTypeDot1Q
		if i == 0 && tags == 2 {
			*typ = layers.EthernetTypeQinQ
		}
		tag := &layers.Dot1Q{Priority: rapid.Uint8Range(0, 7).Draw(t, "pcp"), VLANIdentifier: rapid.Uint16Range(0, 4095).Draw(t, "vid")}
		stack = append(stack, tag)
		typ = &tag.Type
	}
	payload := gopacket.Payload(bytes(rapid.IntRange(0, 64).Draw(t, "n"), "payload"))
	var proto *layers.IPProtocol
	var net3 gopacket.NetworkLayer
	switch rapid.IntRange(0, 2).Draw(t, "l3") {
	case 0:
		*typ = layers.EthernetTypeARP
		arp := &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: rapid.Uint16Range(1, 2).Draw(t, "op"), SourceHwAddress: bytes(6, "sha"), DstHwAddress: bytes(6, "tha"),
			SourceProtAddress: bytes(4, "spa"), DstProtAddress: bytes(4, "tpa")}
		return serialize(t, append(stack, arp)...)
	case 1:
		*typ = layers.EthernetTypeIPv4
		ip := &layers.IPv4{Version: 4, TOS: rapid.Uint8().Draw(t, "tos"), TTL: rapid.Uint8().Draw(t, "ttl"), SrcIP: bytes(4, "ip"), DstIP: bytes(4, "ip")}
		if rapid.Bool().Draw(t, "options") {
			ip.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
		}
		ip.Flags = layers.IPv4Flag(rapid.SampledFrom([]int{0, 2}).Draw(t, "df"))
		proto, net3 = &ip.Protocol, ip
		stack = append(stack, ip)
	case 2:
		*typ = layers.EthernetTypeIPv6
		ip := &layers.IPv6{Version: 6, TrafficClass: rapid.Uint8().Draw(t, "tc"), FlowLabel: rapid.Uint32Range(0, 1<<20-1).Draw(t, "label"),
			HopLimit: rapid.Uint8().Draw(t, "ttl"), SrcIP: bytes(16, "ip"), DstIP: bytes(16, "ip")}
		proto, net3 = &ip.NextHeader, ip
		stack = append(stack, ip)
		if rapid.Bool().Draw(t, "dstopts") {
			ip.NextHeader = layers.IPProtocolIPv6Destination
			opts := &layers.IPv6Destination{}
			opts.Options = []*layers.IPv6DestinationOption{{OptionType: 1, OptionData: make([]byte, 4)}}
			proto = &opts.NextHeader
			stack = append(stack, opts)
		}
	}
	port := func(name string) uint16 { return rapid.Uint16().Draw(t, name) }
	_, six := net3.(*layers.IPv6)
	switch kind := rapid.IntRange(0, 3).Draw(t, "l4"); {
	case kind == 0:
		*proto = layers.IPProtocolTCP
		tcp := &layers.TCP{SrcPort: layers.TCPPort(port("sport")), DstPort: layers.TCPPort(port("dport")),
			SYN: rapid.Bool().Draw(t, "syn"), ACK: rapid.Bool().Draw(t, "ack"), FIN: rapid.Bool().Draw(t, "fin"), CWR: rapid.Bool().Draw(t, "cwr")}
		mustNil(t, tcp.SetNetworkLayerForChecksum(net3))
		stack = append(stack, tcp)
	case kind == 1:
		*proto = layers.IPProtocolUDP
		udp := &layers.UDP{SrcPort: layers.UDPPort(port("sport")), DstPort: layers.UDPPort(port("dport"))}
		mustNil(t, udp.SetNetworkLayerForChecksum(net3))
		stack = append(stack, udp)
	case kind == 2:
		*proto = layers.IPProtocolSCTP
		stack = append(stack, &layers.SCTP{SrcPort: layers.SCTPPort(port("sport")), DstPort: layers.SCTPPort(port("dport"))})
		payload = []byte{11, 0, 0, 4} // a cookie acknowledgement
	case six:
		*proto = layers.IPProtocolICMPv6
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(rapid.SampledFrom([]uint8{1, 128, 129}).Draw(t, "type"), rapid.Uint8().Draw(t, "code"))}
		mustNil(t, icmp.SetNetworkLayerForChecksum(net3))
		stack = append(stack, icmp)
		payload = append(make([]byte, 4), payload...)
	default:
		*proto = layers.IPProtocolICMPv4
		stack = append(stack, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(rapid.Uint8().Draw(t, "type"), rapid.Uint8().Draw(t, "code"))})
	}
	return serialize(t, append(stack, payload)...)
}

func mustNil(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func serialize(t *rapid.T, stack ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	mustNil(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...))
	return buf.Bytes()
}

// comparePacket walks gopacket's layers and asks the key for the same things.
func comparePacket(t *rapid.T, frame []byte, k *Key, b *packet.Batch) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	same := func(f Field, want uint64) {
		if got := f.Get(k); got.Hi != 0 || got.Lo != want {
			t.Fatalf("%s is %#x, gopacket has %#x\n%s", f.Name(), got.Lo, want, p.Dump())
		}
	}
	sameIP := func(f Field, want net.IP) {
		w := Value{binary.BigEndian.Uint64(want.To16()), binary.BigEndian.Uint64(want.To16()[8:])}
		if got := f.Get(k); got != w {
			t.Fatalf("%s is %x, gopacket has %s\n%s", f.Name(), got, want, p.Dump())
		}
	}
	tags := [][2]Field{{VlanTCI, VlanTPID}, {VlanTCI2, VlanTPID2}}
	var typ layers.EthernetType
	at, top := 0, false // offset of the layer; whether ARP or a transport was read
	for _, l := range p.Layers() {
		if top {
			break // gopacket goes on into tunnels and DNS by port number
		}
		switch l.LayerType() {
		case layers.LayerTypeARP, layers.LayerTypeTCP, layers.LayerTypeUDP, layers.LayerTypeSCTP,
			layers.LayerTypeICMPv4, layers.LayerTypeICMPv6:
			top = true
		}
		switch l := l.(type) {
		case *layers.Ethernet:
			same(EthSrc, number(l.SrcMAC))
			same(EthDst, number(l.DstMAC))
			typ = l.EthernetType
		case *layers.Dot1Q:
			same(tags[0][0], uint64(l.Priority)<<13|VlanCFI|uint64(l.VLANIdentifier))
			same(tags[0][1], uint64(typ))
			tags, typ = tags[1:], l.Type
		case *layers.ARP:
			same(ARPOp, uint64(l.Operation))
			same(ARPSPA, number(l.SourceProtAddress))
			same(ARPTPA, number(l.DstProtAddress))
			same(ARPSHA, number(l.SourceHwAddress))
			same(ARPTHA, number(l.DstHwAddress))
			sameOffset(t, "L3", b.L3[0], at)
		case *layers.IPv4:
			same(IPv4Src, number(l.SrcIP.To4()))
			same(IPv4Dst, number(l.DstIP.To4()))
			same(IPProto, uint64(l.Protocol))
			same(IPTOS, uint64(l.TOS))
			same(IPTTL, uint64(l.TTL))
			same(IPFrag, 0)
			sameOffset(t, "L3", b.L3[0], at)
		case *layers.IPv6:
			sameIP(IPv6Src, l.SrcIP)
			sameIP(IPv6Dst, l.DstIP)
			same(IPTOS, uint64(l.TrafficClass))
			same(IPTTL, uint64(l.HopLimit))
			same(IPv6Label, uint64(l.FlowLabel))
			if l.NextHeader != layers.IPProtocolIPv6Destination {
				same(IPProto, uint64(l.NextHeader))
			}
			sameOffset(t, "L3", b.L3[0], at)
		case *layers.IPv6Destination:
			same(IPProto, uint64(l.NextHeader))
			same(IPv6ExtHdr, ExtDest)
		case *layers.TCP:
			same(TCPSrc, uint64(l.SrcPort))
			same(TCPDst, uint64(l.DstPort))
			var flags uint64
			for i, on := range []bool{l.FIN, l.SYN, l.RST, l.PSH, l.ACK, l.URG, l.ECE, l.CWR, l.NS} {
				if on {
					flags |= 1 << i
				}
			}
			same(TCPFlags, flags)
			sameOffset(t, "L4", b.L4[0], at)
		case *layers.UDP:
			same(UDPSrc, uint64(l.SrcPort))
			same(UDPDst, uint64(l.DstPort))
			sameOffset(t, "L4", b.L4[0], at)
		case *layers.SCTP:
			same(SCTPSrc, uint64(l.SrcPort))
			same(SCTPDst, uint64(l.DstPort))
			sameOffset(t, "L4", b.L4[0], at)
		case *layers.ICMPv4:
			same(ICMPType, uint64(l.TypeCode.Type()))
			same(ICMPCode, uint64(l.TypeCode.Code()))
			sameOffset(t, "L4", b.L4[0], at)
		case *layers.ICMPv6:
			same(ICMPv6Type, uint64(l.TypeCode.Type()))
			same(ICMPv6Code, uint64(l.TypeCode.Code()))
			sameOffset(t, "L4", b.L4[0], at)
		}
		at += len(l.LayerContents())
	}
	same(EthType, uint64(typ))
	if !top {
		t.Fatalf("gopacket read too little\n%s", p.Dump())
	}
}

func sameOffset(t *rapid.T, what string, got uint16, want int) {
	if int(got) != want {
		t.Fatalf("%s is at %d, gopacket has it at %d", what, got, want)
	}
}
