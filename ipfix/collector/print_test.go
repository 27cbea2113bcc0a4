package collector

import (
	"net/netip"
	"strings"
	"testing"
)

// TestLineWithout: what a record does not say is a dash, never a zero; the switch's own
// port has its name.
func TestLineWithout(t *testing.T) {
	fields := func(names ...string) (list []Field) {
		for _, n := range names {
			list = append(list, Field{Element: Element{Name: n}})
		}
		return list
	}
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for _, tc := range []struct {
		r    Record
		want string
	}{
		{Record{Key: Key{VLAN: -1}}, "- - - - in - - - - - > -"},
		{Record{Key: Key{VLAN: -1, Src: a}}, "- - - - in - - - - 10.0.0.1 > -"},
		{Record{Key: Key{VLAN: -1, Src: a, Dst: b, Proto: 6}, Fields: fields("protocolIdentifier", "packetDeltaCount")}, "- - 0 - in - - - tcp 10.0.0.1 > 10.0.0.2"},
		{Record{Key: Key{VLAN: -1, Src: a, Dst: b, Proto: 17, SrcPort: 7}, Fields: fields("protocolIdentifier", "sourceTransportPort", "octetDeltaCount")},
			"- - - 0 in - - - udp 10.0.0.1:7 > 10.0.0.2"},
		{Record{Key: Key{VLAN: -1, EthType: 0x806, InPort: 0xfffffffe}, Fields: fields("ethernetType", "destinationMacAddress", "layer2OctetDeltaCount")},
			"- - - 0 in LOCAL - - 0x0806 - > 00:00:00:00:00:00"},
		{Record{Key: Key{VLAN: 5, Src: a, Dst: b, Proto: 1}, Fields: fields("protocolIdentifier", "icmpTypeCodeIPv4")}, "- - - - in - - 5 icmp 10.0.0.1 > 10.0.0.2 type=0,code=0"},
	} {
		if got := strings.Join(strings.Fields(tc.r.Line()), " "); got != tc.want {
			t.Errorf("%v: %s\nwant %s", tc.r.Fields, got, tc.want)
		}
	}
}
