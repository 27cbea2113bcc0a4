package wire

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
)

// raw13 is a flow mod that adds a flow with the given fields and instructions.
func raw13(t *testing.T, v Version, table byte, flags uint16, fields, instructions string) []byte {
	t.Helper()
	b := begin(nil, v, FlowMod, 2)
	at := len(b)
	b = zeros(b, 40)
	b[at+16] = table
	binary.BigEndian.PutUint16(b[at+22:], 0x8000)
	binary.BigEndian.PutUint32(b[at+24:], NoBuffer)
	binary.BigEndian.PutUint32(b[at+28:], 0xffffffff)
	binary.BigEndian.PutUint32(b[at+32:], 0xffffffff)
	binary.BigEndian.PutUint16(b[at+36:], flags)
	m := unhex(t, fields)
	b = binary.BigEndian.AppendUint16(append(b, 0, matchOXM), uint16(4+len(m)))
	b = append(b, m...)
	b = zeros(b, (8-(4+len(m))%8)%8)
	return end(append(b, unhex(t, instructions)...), 0)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// apply13 is the instruction that applies the given actions.
func apply13(actions string) string {
	n := 8 + len(strings.ReplaceAll(actions, " ", ""))/2
	return "0004" + hex.EncodeToString(be16(uint16(n))) + "00000000" + actions
}

// wrongFlows are flows that are refused, and the error; ovs is Open vSwitch's where it has
// another, "-" where it has none: what it can do and this switch can't, and numbers that the
// specification excludes.
var wrongFlows = []struct {
	name         string
	v            Version
	table        byte
	flags        uint16
	fields       string
	instructions string
	want         ofperr.Error
	ovs          string
}{
	{"field not known", V13, 0, 0, "80007e02 0000", "", ofperr.MatchBadField, ""},
	{"class not known", V13, 0, 0, "12340002 0000", "", ofperr.MatchBadField, ""},
	{"field of an unknown experimenter", V13, 0, 0, "ffff0006 00112233 0000", "", ofperr.MatchBadField, ""},
	{"field too short", V13, 0, 0, "80000002 0001", "", ofperr.MatchBadLen, "OFPBMC_BAD_FIELD"},
	{"field cut short", V13, 0, 0, "80000004 0001", "", ofperr.MatchBadLen, ""},
	{"header cut short", V13, 0, 0, "8000", "", ofperr.MatchBadLen, ""},
	{"in_port reserved", V13, 0, 0, "80000004 0000ff00", "", ofperr.MatchBadValue, ""},
	{"vlan_vid of 14 bits", V13, 0, 0, "80000c02 2005", "", ofperr.MatchBadValue, ""},
	{"ip_dscp of 7 bits", V13, 0, 0, "80000a02 0800 80001001 40", "", ofperr.MatchBadValue, ""},
	{"arp_op of 9 bits", V13, 0, 0, "80000a02 0806 80002a02 0100", "", ofperr.MatchBadValue, ""},
	{"mpls_bos of 2", V13, 0, 0, "80000a02 8847 80004801 02", "", ofperr.MatchBadValue, ""},
	{"ipv6_flabel of 21 bits", V13, 0, 0, "80000a02 86dd 80003804 00100000", "", ofperr.MatchBadValue, ""},
	{"ip_frag of 3 bits", V13, 0, 0, "80000a02 0800 00013401 04", "", ofperr.MatchBadValue, ""},
	{"mask too short", V13, 0, 0, "8000050c 0000000000000005 00000004", "", ofperr.MatchBadLen, "OFPBMC_BAD_FIELD"},
	{"value outside the mask", V13, 0, 0, "80000510 0000000000000005 0000000000000004", "", ofperr.MatchBadWildcards, ""},
	{"mask not allowed", V13, 0, 0, "80000a02 0800 80001502 06 0f", "", ofperr.MatchBadMask, ""},
	{"no prerequisite", V13, 0, 0, "80001604 0a000001", "", ofperr.MatchBadPrerequisite, ""},
	{"prerequisite behind", V13, 0, 0, "80001604 0a000001 80000a02 0800", "", ofperr.MatchBadPrerequisite, ""},
	{"vlan_pcp without a tag", V13, 0, 0, "80000e01 03", "", ofperr.MatchBadPrerequisite, ""},
	{"tcp_dst for udp", V13, 0, 0, "80000a02 0800 80001401 11 80001c02 0050", "", ofperr.MatchBadPrerequisite, ""},
	{"field twice", V13, 0, 0, "80000a02 0800 80000a02 0800", "", ofperr.MatchFieldTwice, ""},
	{"reg0 and xreg0", V13, 0, 0, "00010004 00000001 80010008 0000000000000001", "", ofperr.MatchFieldTwice, ""},
	{"table 255", V13, 255, 0, "", "", ofperr.FlowModBadTable, "OFPFMFC_BAD_TABLE_ID"},
	{"flags", V13, 0, 0x8000, "", "", ofperr.FlowModBadFlags, ""},

	{"instruction not known", V13, 0, 0, "", "0009 0008 00000000", ofperr.InstructionUnknown, ""},
	{"instruction of an experimenter", V13, 0, 0, "", "ffff 0008 00112233", ofperr.InstructionBadExperimenter, ""},
	{"instruction twice", V13, 0, 0, "", "0005 0008 00000000 0005 0008 00000000", ofperr.InstructionTwice, ""},
	{"instruction too long", V13, 0, 0, "", "0005 0010 00000000", ofperr.InstructionBadLen, ""},
	{"goto cut short", V13, 0, 0, "", "0001 0010 05000000 0000000000000000", ofperr.InstructionBadLen, ""},
	{"goto back", V13, 5, 0, "", "0001 0008 05000000", ofperr.InstructionBadTable, ""},
	{"meter 0", V13, 0, 0, "", "0006 0008 00000000", ofperr.MeterModInvalid, ""},

	{"action not known", V13, 0, 0, "", apply13("0063 0008 00000000"), ofperr.ActionBadType, ""},
	{"push_pbb", V13, 0, 0, "", apply13("001a 0008 88e70000"), ofperr.ActionBadType, ""},
	{"meter action before 1.5", V13, 0, 0, "", apply13("001d 0008 00000001"), ofperr.ActionBadType, ""},
	{"copy past the end of the source", V15, 0, 0, "", apply13("001c 0018 0030 0001 0000 0000 80000806 80000606 00000000"), ofperr.ActionBadSetLen, ""},
	{"copy past the end of the destination", V15, 0, 0, "", apply13("001c 0018 0030 0000 0001 0000 80000806 80000606 00000000"), ofperr.ActionBadSetLen, ""},
	{"copy of nothing", V15, 0, 0, "", apply13("001c 0018 0000 0000 0000 0000 80000806 80000606 00000000"), ofperr.ActionBadSetLen, ""},
	{"copy to what is not known", V15, 0, 0, "", apply13("001c 0018 0008 0000 0000 0000 80000806 8000c801 00000000"), ofperr.ActionBadSetType, "OFPBMC_BAD_FIELD"},
	{"copy to what cannot be written", V15, 0, 0, "", apply13("001c 0018 0010 0000 0000 0000 80000806 80000a02 00000000"), ofperr.ActionBadSetArgument, ""},
	{"copy of what packets need not have", V15, 0, 0, "", apply13("001c 0018 0020 0000 0000 0000 80001604 80000606 00000000"), ofperr.ActionInconsistent, ""},
	{"copy to what packets need not have", V15, 0, 0, "", apply13("001c 0018 0020 0000 0000 0000 80000606 80001604 00000000"), ofperr.ActionInconsistent, ""},
	{"copy before 1.5", V14, 0, 0, "", apply13("001c 0018 0030 0000 0000 0000 80000806 80000606 00000000"), ofperr.ActionBadType, ""},
	{"action too long", V13, 0, 0, "", apply13("0012 0010 00000000"), ofperr.ActionBadLen, ""},
	{"action of 9 bytes", V13, 0, 0, "", apply13("0012 0009 00000000 0000000000000000"), ofperr.ActionBadLen, ""},
	{"action longer than it is", V13, 0, 0, "80000c02 1005", apply13("0012 0010 00000000 0000000000000000"), ofperr.ActionBadLen, ""},
	{"action of an unknown vendor", V13, 0, 0, "", apply13("ffff 0010 00112233 0001000000000000"), ofperr.ActionBadExperimenter, ""},
	{"action of Nicira's not known", V13, 0, 0, "", apply13("ffff 0010 00002320 00c8000000000000"), ofperr.ActionBadExperimenterType, ""},
	{"Nicira's set_queue in 1.3", V13, 0, 0, "", apply13("ffff 0010 00002320 0004 0000 00000001"), ofperr.ActionBadExperimenterType, ""},
	{"reg_load in 1.5", V15, 0, 0, "", apply13("ffff 0018 00002320 0007 001f 00010004 0000000000000001"), ofperr.ActionBadExperimenterType, ""},
	{"resubmit with ct", V13, 0, 0, "", apply13("ffff 0010 00002320 002c fff8 01000000"), ofperr.ActionBadExperimenterType, "OFPBAC_MATCH_INCONSISTENT"},
	{"ct", V13, 0, 0, "", apply13("ffff 0018 00002320 0023 0000 00000000 0000 ff 000000 0000"), ofperr.ActionBadExperimenterType, "OFPBAC_MATCH_INCONSISTENT"},
	{"output to any", V13, 0, 0, "", apply13("0000 0010 ffffffff 0000000000000000"), ofperr.ActionBadOutPort, ""},
	{"output to no port", V13, 0, 0, "", apply13("0000 0010 ffffff00 0000000000000000"), ofperr.ActionBadOutPort, ""},
	{"output to the tables", V13, 0, 0, "", apply13("0000 0010 fffffff9 0000000000000000"), ofperr.ActionBadOutPort, "-"},
	{"group all", V13, 0, 0, "", apply13("0016 0008 fffffffc"), ofperr.ActionBadOutGroup, "-"},
	{"push_vlan of IP", V13, 0, 0, "", apply13("0011 0008 08000000"), ofperr.ActionBadArgument, ""},
	{"push_mpls of IP", V13, 0, 0, "", apply13("0013 0008 08000000"), ofperr.ActionBadArgument, ""},
	{"pop_mpls of no MPLS", V13, 0, 0, "", apply13("0014 0008 08000000"), ofperr.ActionInconsistent, ""},
	{"pop_vlan of no tag", V13, 0, 0, "", apply13("0012 0008 00000000"), ofperr.ActionInconsistent, ""},
	{"dec_ttl of no IP", V13, 0, 0, "", apply13("0018 0008 00000000"), ofperr.ActionInconsistent, ""},
	{"dec_ttl behind push_mpls", V13, 0, 0, "80000a02 0800", apply13("0013 0008 88470000 0018 0008 00000000"), ofperr.ActionInconsistent, ""},
	{"set_field of no IP", V13, 0, 0, "", apply13("0019 0010 80001604 0a000001 00000000"), ofperr.ActionInconsistent, ""},
	{"set_field not known", V13, 0, 0, "", apply13("0019 0010 80007e02 0000 000000000000"), ofperr.ActionBadSetType, "OFPBAC_BAD_SET_LEN"},
	{"set_field of a wrong length", V13, 0, 0, "", apply13("0019 0010 80000602 0000 000000000000"), ofperr.ActionBadSetLen, ""},
	{"set_field of in_port", V13, 0, 0, "", apply13("0019 0010 80000004 00000001 00000000"), ofperr.ActionBadSetArgument, ""},
	{"set_field of eth_type", V13, 0, 0, "", apply13("0019 0010 80000a02 0800 000000000000"), ofperr.ActionBadSetArgument, ""},
	{"set_field of vlan_vid without its bit", V13, 0, 0, "80000c02 1005", apply13("0019 0010 80000c02 0005 000000000000"), ofperr.ActionBadSetArgument, ""},
	{"set_field with a mask in 1.3", V13, 0, 0, "", apply13("0019 0018 80000510 0000000000000001 0000000000000001"), ofperr.ActionBadSetMask, ""},
	{"set_field with more behind it", V13, 0, 0, "", apply13("0019 0010 80000602 000000000000 0001"), ofperr.ActionBadSetLen, ""},
	{"load that does not fit", V13, 0, 0, "", apply13("ffff 0018 00002320 0007 0003 00010004 0000000000000010"), ofperr.ActionBadArgument, ""},
	{"load beyond the field", V13, 0, 0, "", apply13("ffff 0018 00002320 0007 075f 00010004 0000000000000010"), ofperr.ActionBadSetLen, ""},
	{"connection tracking in a match", V13, 0, 0, "0001d604 00000005", "", ofperr.MatchBadField, "-"},
	{"connection tracking in set_field", V13, 0, 0, "", apply13("0019 0010 0001d604 00000005 00000000"), ofperr.ActionBadSetType, "OFPBAC_BAD_SET_ARGUMENT"},
	{"set_tunnel of 24 bytes", V13, 0, 0, "", apply13("ffff 0018 00002320 0002 0000 00000005 0000000000000000"), ofperr.ActionBadLen, ""},
	{"set_tunnel64 of 16 bytes", V13, 0, 0, "", apply13("ffff 0010 00002320 0009 0000 00000005"), ofperr.ActionBadLen, ""},
	{"load of eth_type", V13, 0, 0, "", apply13("ffff 0018 00002320 0007 000f 00000602 0000000000000010"), ofperr.ActionBadSetArgument, ""},
	{"move of no IP", V13, 0, 0, "", apply13("ffff 0018 00002320 0006 0020 0000 0000 00000e04 00010004"), ofperr.ActionInconsistent, ""},
	{"move of more bits than there are", V13, 0, 0, "", apply13("ffff 0018 00002320 0006 0021 0000 0000 00010204 00010004"), ofperr.ActionBadSetLen, ""},
	{"conjunction with an output", V13, 0, 0, "", apply13("ffff 0010 00002320 0022 0002 00000001 0000 0010 00000001 0000000000000000"), ofperr.BadConjunction, ""},
	{"conjunction of one clause", V13, 0, 0, "", apply13("ffff 0010 00002320 0022 0001 00000001"), ofperr.BadConjunction, ""},
	{"sample of nothing", V13, 0, 0, "", apply13("ffff 0018 00002320 001d 0000 00000001 00000002 00000003"), ofperr.ActionBadArgument, ""},
	{"output of 13 bytes", V13, 0, 0, "", apply13("ffff 0010 00002320 0027 0001 0000000d"), ofperr.ActionBadArgument, ""},
	{"output of a part to all", V13, 0, 0, "", apply13("ffff 0010 00002320 0027 fffc 00000064"), ofperr.ActionBadOutPort, "-"},
	{"learn into table 255", V13, 0, 0, "", apply13("ffff 0020 00002320 0010 0000 0000 8000 0000000000000000 0000 ff 00 0000 0000"), ofperr.ActionBadArgument, ""},
	{"learn without prerequisite", V13, 0, 0, "", apply13("ffff 0030 00002320 0010 0000 0000 8000 0000000000000000 0000 01 00 0000 0000 0020 00000e04 0000 00000e04 0000 00 00"), ofperr.ActionInconsistent, ""},
	{"controller property not known", V13, 0, 0, "", apply13("ffff 0018 00002320 0025 000000000000 0009 0004 00000000"), ofperr.PropertyBadType, ""},
	{"resubmit in the action set", V13, 0, 0, "", "0003 0018 00000000 ffff 0010 00002320 000e fff8 01000000", ofperr.ActionBadType, "-"},
}

var decodeError = regexp.MustCompile(`\*\*\*decode error: (\w+)\*\*\*`)

// What is wrong is refused by the error that Open vSwitch has for it, or a stated other one.
func TestWrongFlowsAreRefused(t *testing.T) {
	_, err := exec.LookPath("ovs-ofctl")
	installed := err == nil
	for _, c := range wrongFlows {
		msg := raw13(t, c.v, c.table, c.flags, c.fields, c.instructions)
		_, _, err := ParseFlowMod(c.v, msg[HeaderLen:], false)
		var got ofperr.Error
		if !errors.As(err, &got) || got != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want.Name())
		}
		if !installed {
			continue
		}
		want := c.ovs
		switch want {
		case "":
			want = c.want.Name()
		case "-":
			want = ""
		}
		text := ofpPrint(t, msg)
		said := ""
		if m := decodeError.FindStringSubmatch(text); m != nil {
			said = m[1]
		}
		if said != want {
			t.Errorf("%s: ovs-ofctl says %q, want %q\n%s\n%x", c.name, said, want, strings.SplitN(text, "\n", 2)[0], msg)
		}
	}
}
