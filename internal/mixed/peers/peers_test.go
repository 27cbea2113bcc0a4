package peers

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"pollux/internal/mixed"
)

// What tshark and ipfixDump print, cut to a record of options and one of a flow each.
const (
	tsharkText = `Cisco NetFlow/IPFIX
    Set 1 [id=256] (1 flows)
        Flow 1
            Selector Id: 1
            Selector Algorithm: Uniform probabilistic Sampling (4)
    Set 2 [id=257] (1 flows)
        FlowSet Length: 88
        Flow 1
            Source Mac Address: for-bridges)_00 (01:80:c2:00:00:00)
            Destination Mac Address: 02:00:00:01:00:0b (02:00:00:01:00:0b)
            Ethernet Type: 2048
            Ethernet Header Length: 18
            Dot1q Vlan Id: 1201
            Dot1q Priority: 3
            Protocol: TCP (6)
            IP ToS: 0xad
            SrcAddr: 10.0.8.57
            DstAddr: 192.168.1.11
            SrcPort: 1619
            DstPort: 5060
            TCP Flags: 0x0012, SYN, ACK
                .... ..1. = SYN: Used
            Packets: 2
            Octets: 80
            Layer2 Octet Delta Count: 120
            Forwarding Status
                ForwardingStatusForwardCode: Forwarded (Unknown) (0)
    Set 3 [id=999] (no template found)
`
	fixbufText = "--- Message Header ---\nexport time: 2026\n\n--- data record 1 ---\nheader:\nfields:\n\t(302) (S)                     selectorId : 1\n" +
		"--- data record 2 ---\nheader:\n\tcount: 2\nfields:\n\t(56)   sourceMacAddress : 01:80:c2:00:00:00\n\t(80)  destinationMacAddress : 02:00:00:01:00:0b\n" +
		"\t(256)   ethernetType : 2048\n\t(240)  ethernetHeaderLength : 18\n\t(243)  dot1qVlanId : 1201\n\t(244)   dot1qPriority : 3\n" +
		"\t(4)  protocolIdentifier : 6\n\t(5)   ipClassOfService : 173\n\t(8)  sourceIPv4Address : 10.0.8.57\n\t(12)  destinationIPv4Address : 192.168.1.11\n" +
		"\t(7)  sourceTransportPort : 1619\n\t(11)  destinationTransportPort : 5060\n\t(6)  tcpControlBits : 18\n\t(2)  packetDeltaCount : 2\n" +
		"\t(1)  octetDeltaCount : 80\n\t(352)   layer2OctetDeltaCount : 120\n\t(82)  interfaceName : (len: 4) west\n\t(32473/9)  _alienInformationElement : 7\n"
)

var (
	textKey = mixed.Key{
		EthSrc: [6]byte{1, 0x80, 0xc2}, EthDst: [6]byte{2, 0, 0, 1, 0, 0xb}, EthType: 0x0800, Tags: 1, TCI: 3<<13 | 1201,
		Src: netip.MustParseAddr("10.0.8.57"), Dst: netip.MustParseAddr("192.168.1.11"), Proto: 6, TOS: 0xad, SrcPort: 1619, DstPort: 5060,
	}
	textCounts = mixed.Counts{Packets: 2, Octets: 80, L2Octets: 120, TCPFlags: 0x12}
)

func TestTexts(t *testing.T) {
	for name, r := range map[string]Report{"tshark": TsharkReport(t, tsharkText), "ipfixDump": FixbufReport(t, fixbufText)} {
		if d := (Report{textKey: textCounts}).Diff(r); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if r := Records(tsharkText); len(r) != 2 || r[0]["Selector Id"] != "1" {
		t.Errorf("tshark: %v", r)
	}
	if r := FixbufRecords(fixbufText); len(r) != 2 || r[0]["selectorId"] != "1" || r[1]["interfaceName"] != "west" || r[1]["32473/9"] != "7" {
		t.Errorf("ipfixDump: %v", r)
	}
	if c := Complaints(tsharkText); !reflect.DeepEqual(c, []string{"Set 3 [id=999] (no template found)"}) {
		t.Errorf("complaints %q", c)
	}
}

// TestDiff: a report that lacks a flow, has one too many or other counts is told from
// one that is the same.
func TestDiff(t *testing.T) {
	other := textKey
	other.SrcPort++
	want := Report{textKey: textCounts}
	for name, got := range map[string]Report{
		"missing": {}, "another": {other: textCounts}, "one more": {textKey: textCounts, other: textCounts}, "other counts": {textKey: {Packets: 3}},
	} {
		if d := want.Diff(got); !strings.Contains(d, "flows differ") {
			t.Errorf("%s: %q", name, d)
		}
	}
	if d := want.Diff(Report{textKey: textCounts}); d != "" {
		t.Errorf("the same: %q", d)
	}
}
