package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// latest are the versions whose numbers are gone through, one by one.
var latest = []wire.Version{wire.V13, wire.V14, wire.V15}

// specified is what the specifications have under a number, and what becomes of it.
type specified struct {
	name     string
	since    wire.Version // 0: 1.3
	until    wire.Version // 0: 1.5
	body     []byte
	bodies   func(v wire.Version) []byte
	answer   wire.Kind    // Unknown: none, as it is done
	err      ofperr.Error // why it is refused; NoError: it is not
	required bool         // by the specification
}

func (n *specified) of(v wire.Version) bool {
	return v >= n.since && (n.until == 0 || v <= n.until)
}

func (n *specified) in(v wire.Version) []byte {
	if n.bodies != nil {
		return n.bodies(v)
	}
	return n.body
}

// house is a session with a switch that has port 1, group 1, meter 1 and no flows.
func house(t *testing.T, v wire.Version) *peer {
	t.Helper()
	s, err := pipeline.New(pipeline.Config{Name: "br0", Ports: []pipeline.Port{{OFPort: 1, Name: "up0", Up: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	meter := pipeline.Meter{ID: 1, Flags: pipeline.MeterPktps, Bands: []pipeline.Band{{Type: pipeline.BandDrop, Rate: 1}}}
	if err := s.MeterMod(&pipeline.MeterMod{Command: pipeline.MeterAdd, Meter: meter}); err != nil {
		t.Fatal(err)
	}
	p := dial(t, Config{Switch: box(), Tables: s})
	p.greet(v)
	return p
}

// exchange sends a message of a type and returns the kind of what comes before the barrier's
// reply, Unknown for nothing, and an error.
func (p *peer) exchange(v wire.Version, typ uint8, body []byte) (answers []wire.Kind, refused *wire.PeerError) {
	p.t.Helper()
	msg := binary.BigEndian.AppendUint16([]byte{uint8(v), typ}, uint16(8+len(body)))
	msg = append(binary.BigEndian.AppendUint32(msg, 5), body...)
	const last = 6
	p.write(wire.AppendMessage(msg, v, wire.BarrierRequest, last, nil))
	for {
		m := p.read()
		if m == nil {
			p.t.Fatalf("type %d of %s ends the session", typ, v)
		}
		h, err := wire.ParseHeader(m)
		if err != nil {
			p.t.Fatal(err)
		}
		switch k := h.Kind(); {
		case h.XID == last:
			return answers, refused
		case k == wire.ErrorMsg:
			if refused, err = wire.ParseError(v, m[wire.HeaderLen:]); err != nil {
				p.t.Fatal(err)
			}
		default:
			answers = append(answers, k)
		}
	}
}

// check compares what came of n with what should.
func (n *specified) check(t *testing.T, v wire.Version, what string, answers []wire.Kind, refused *wire.PeerError) {
	t.Helper()
	switch {
	case n.err != ofperr.NoError:
		if !refusedWith(v, refused, n.err) || len(answers) > 0 {
			t.Errorf("%s: %s %s: %v %v, want the error %s", v, what, n.name, answers, refused, n.err.Name())
		}
	case refused != nil:
		t.Errorf("%s: %s %s: %v, want none", v, what, n.name, refused)
	case n.answer == wire.Unknown:
		if len(answers) > 0 {
			t.Errorf("%s: %s %s is answered by %v", v, what, n.name, answers)
		}
	case !slices.Equal(slices.Compact(answers), []wire.Kind{n.answer}):
		t.Errorf("%s: %s %s is answered by %v, want %v", v, what, n.name, answers, n.answer)
	}
	if n.required && n.err != ofperr.NoError {
		t.Errorf("%s: %s %s is required", v, what, n.name)
	}
}

// bytesOf takes a body off a message.
func bytesOf(msg []byte) []byte { return msg[wire.HeaderLen:] }

func flowModWith(v wire.Version, text string) []byte {
	f, err := pipeline.ParseFlow(text, nil)
	if err != nil {
		panic(err)
	}
	return bytesOf(wire.AppendFlowMod(nil, v, 1, &pipeline.FlowMod{Command: pipeline.FlowAdd, Flow: f}, wire.NoBuffer, wire.Style{}))
}

// fromSwitches are messages that only switches send.
func fromSwitches(name string) specified { return specified{name: name, err: ofperr.BadType} }

// messages are the messages of 1.3 to 1.5 by number. Those beyond are no messages.
var messages = []specified{
	{name: "HELLO", required: true},
	{name: "ERROR", body: []byte{0, 1, 0, 1}, required: true},
	{name: "ECHO_REQUEST", answer: wire.EchoReply, body: []byte{1, 2, 3}, required: true},
	{name: "ECHO_REPLY", required: true},
	{name: "EXPERIMENTER", body: []byte{0, 0, 0x12, 0x34, 0, 0, 0, 1}, err: ofperr.BadExperimenter},
	{name: "FEATURES_REQUEST", answer: wire.FeaturesReply, required: true},
	fromSwitches("FEATURES_REPLY"),
	{name: "GET_CONFIG_REQUEST", answer: wire.GetConfigReply, required: true},
	fromSwitches("GET_CONFIG_REPLY"),
	{name: "SET_CONFIG", body: []byte{0, 0, 0, 128}, required: true},
	fromSwitches("PACKET_IN"),
	fromSwitches("FLOW_REMOVED"),
	fromSwitches("PORT_STATUS"),
	{name: "PACKET_OUT", required: true, bodies: func(v wire.Version) []byte {
		p := wire.PacketOutMsg{BufferID: wire.NoBuffer, Data: make([]byte, 60)}
		p.Metadata.SetMasked(flow.InPort, flow.Value{Lo: uint64(wire.PortController)}, flow.InPort.Full())
		return bytesOf(wire.AppendPacketOut(nil, v, 1, &p))
	}},
	{name: "FLOW_MOD", required: true, bodies: func(v wire.Version) []byte { return flowModWith(v, "actions=output:1") }},
	{name: "GROUP_MOD", required: true, bodies: func(v wire.Version) []byte {
		return bytesOf(wire.AppendGroupMod(nil, v, 1, &pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: 7}}))
	}},
	{name: "PORT_MOD", required: true, bodies: func(v wire.Version) []byte {
		return bytesOf(wire.AppendPortMod(nil, v, 1, &wire.PortModMsg{Port: 1}))
	}},
	{name: "TABLE_MOD", body: make([]byte, 8), required: true},
	{name: "MULTIPART_REQUEST", body: make([]byte, 8), answer: wire.MultipartReply, required: true},
	fromSwitches("MULTIPART_REPLY"),
	{name: "BARRIER_REQUEST", answer: wire.BarrierReply, required: true},
	fromSwitches("BARRIER_REPLY"),
	{name: "QUEUE_GET_CONFIG_REQUEST", until: wire.V13, body: []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, answer: wire.QueueGetConfigReply},
	fromSwitches("QUEUE_GET_CONFIG_REPLY"),
	{name: "ROLE_REQUEST", body: make([]byte, 16), answer: wire.RoleReply},
	fromSwitches("ROLE_REPLY"),
	{name: "GET_ASYNC_REQUEST", answer: wire.GetAsyncReply, required: true},
	fromSwitches("GET_ASYNC_REPLY"),
	{name: "SET_ASYNC", required: true, bodies: func(v wire.Version) []byte {
		c := wire.DefaultAsync(v)
		return bytesOf(wire.AppendAsync(nil, v, wire.SetAsync, 1, &c))
	}},
	{name: "METER_MOD", bodies: func(v wire.Version) []byte {
		m := pipeline.Meter{ID: 7, Flags: pipeline.MeterKbps, Bands: []pipeline.Band{{Type: pipeline.BandDrop, Rate: 1}}}
		return bytesOf(wire.AppendMeterMod(nil, v, 1, &pipeline.MeterMod{Command: pipeline.MeterAdd, Meter: m}))
	}},
	{name: "ROLE_STATUS", since: wire.V14, err: ofperr.BadType},
	{name: "TABLE_STATUS", since: wire.V14, err: ofperr.BadType},
	{name: "REQUESTFORWARD", since: wire.V14, err: ofperr.BadType},
	{name: "BUNDLE_CONTROL", since: wire.V14, body: []byte{0, 0, 0, 9, 0, 0, 0, 3}, answer: wire.BundleControl},
	{name: "BUNDLE_ADD_MESSAGE", since: wire.V14, body: make([]byte, 8), err: ofperr.BundleBadMessageLen},
	{name: "CONTROLLER_STATUS", since: wire.V15, err: ofperr.BadType},
}

// TestEveryMessage sends a message of every number, in every version: it is answered, done, or
// refused with the error that the specification has for it.
func TestEveryMessage(t *testing.T) {
	for _, v := range latest {
		for typ := range 256 {
			n := specified{name: "no message", err: ofperr.BadType}
			if typ < len(messages) && messages[typ].of(v) {
				n = messages[typ]
			} else if typ > 40 && typ%50 != 0 && typ != 255 {
				continue
			}
			answers, refused := house(t, v).exchange(v, uint8(typ), n.in(v))
			n.check(t, v, fmt.Sprint("message ", typ), answers, refused)
		}
	}
}

// anyFlow and the others are bodies of requests for what there is of everything.
func anyFlow(v wire.Version) []byte {
	msg := wire.AppendFlowRequest(nil, v, 1, wire.Multipart{}, &pipeline.FlowFilter{Table: pipeline.AllTables, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup})
	return msg[wire.HeaderLen+8:]
}

var (
	anyNumber = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	anyQueue  = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	anyGroup  = []byte{0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0}
)

// multiparts are the multipart types of 1.3 to 1.5 by number.
var multiparts = []specified{
	{name: "DESC", required: true},
	{name: "FLOW, FLOW_DESC", bodies: anyFlow, required: true},
	{name: "AGGREGATE", bodies: anyFlow, required: true},
	{name: "TABLE", required: true},
	{name: "PORT_STATS", body: anyNumber, required: true},
	{name: "QUEUE, QUEUE_STATS", body: anyQueue},
	{name: "GROUP", body: anyGroup},
	{name: "GROUP_DESC", bodies: func(v wire.Version) []byte {
		if v >= wire.V15 {
			return anyGroup
		}
		return nil
	}},
	{name: "GROUP_FEATURES"},
	{name: "METER", body: anyNumber},
	{name: "METER_CONFIG, METER_DESC", body: anyNumber},
	{name: "METER_FEATURES"},
	{name: "TABLE_FEATURES", required: true},
	{name: "PORT_DESC", required: true, bodies: func(v wire.Version) []byte {
		if v >= wire.V15 {
			return anyNumber
		}
		return nil
	}},
	{name: "TABLE_DESC", since: wire.V14, required: true},
	{name: "QUEUE_DESC", since: wire.V14, body: anyQueue},
	{name: "FLOW_MONITOR", since: wire.V14, bodies: func(v wire.Version) []byte {
		b := append([]byte{0, 0, 0, 1}, anyNumber[:4]...)      // id, out_port
		b = append(append(b, anyNumber[:4]...), 0, 1, 0xff, 0) // out_group; initial, all tables, add
		return append(b, 0, 1, 0, 4, 0, 0, 0, 0)
	}},
	{name: "FLOW_STATS", since: wire.V15, bodies: anyFlow, required: true},
	{name: "CONTROLLER_STATUS", since: wire.V15},
	{name: "BUNDLE_FEATURES", since: wire.V15, body: make([]byte, 8)},
}

// TestEveryMultipart is TestEveryMessage for multipart types.
func TestEveryMultipart(t *testing.T) {
	for _, v := range latest {
		for typ := range len(multiparts) + 3 {
			n := specified{name: "none", err: ofperr.BadMultipart}
			switch {
			case typ < len(multiparts) && multiparts[typ].of(v):
				n = multiparts[typ]
			case typ == len(multiparts)+2:
				typ, n = 0xffff, specified{name: "EXPERIMENTER", body: []byte{0, 0, 0x12, 0x34, 0, 0, 0, 1}, err: ofperr.BadExperimenter}
			case typ == len(multiparts)+1:
				typ = 0x1234
			}
			if n.err == ofperr.NoError {
				n.answer = wire.MultipartReply
			}
			body := append([]byte{byte(typ >> 8), byte(typ), 0, 0, 0, 0, 0, 0}, n.in(v)...)
			answers, refused := house(t, v).exchange(v, 18, body)
			n.check(t, v, fmt.Sprint("multipart ", typ), answers, refused)
		}
	}
}

// TestBundleFeatures is what bundles there can be, and that time plays no part in it.
func TestBundleFeatures(t *testing.T) {
	p := house(t, wire.V15)
	ask := func(body ...byte) []byte {
		p.write(wire.AppendMultipartRequest(nil, wire.V15, 3, wire.Multipart{Part: wire.PartBundleFeatures, Body: body}))
		return p.read()
	}
	for _, flags := range []byte{0, 1} {
		if msg := ask(0, 0, 0, flags, 0, 0, 0, 0); wire.KindOf(wire.V15, msg[1]) != wire.MultipartReply || !slices.Equal(msg[16:], []byte{0, 3, 0, 0, 0, 0, 0, 0}) {
			t.Errorf("flags %d: %x", flags, msg)
		}
	}
	for want, body := range map[ofperr.Error][]byte{
		ofperr.MultipartBadSchedule: {0, 0, 0, 2, 0, 0, 0, 0},
		ofperr.BadLen:               {0, 0, 0, 0},
		ofperr.PropertyBadType:      {0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 4, 0, 0, 0, 0},
	} {
		msg := ask(body...)
		if e, err := wire.ParseError(wire.V15, msg[wire.HeaderLen:]); wire.KindOf(wire.V15, msg[1]) != wire.ErrorMsg || err != nil || !refusedWith(wire.V15, e, want) {
			t.Errorf("%x: %x, want %s", body, msg, want.Name())
		}
	}
}

// tried is a flow mod of a match and instructions as bytes.
func tried(t *testing.T, v wire.Version, match string, instructions []byte) []byte {
	t.Helper()
	b := flowModWith(v, match+"actions=drop")
	return append(b, instructions...)
}

func part(kind uint16, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), uint16(4+len(body))), body...)
}

// actionNumbers are the actions of 1.3 to 1.5; name says the match that they need, behind a space.
var actionNumbers = map[int]specified{
	0:  {name: "OUTPUT", body: []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, required: true},
	11: {name: "COPY_TTL_OUT mpls,", body: make([]byte, 4)},
	12: {name: "COPY_TTL_IN mpls,", body: make([]byte, 4)},
	15: {name: "SET_MPLS_TTL mpls,", body: []byte{9, 0, 0, 0}},
	16: {name: "DEC_MPLS_TTL mpls,", body: make([]byte, 4)},
	17: {name: "PUSH_VLAN", body: []byte{0x81, 0, 0, 0}},
	18: {name: "POP_VLAN dl_vlan=5,", body: make([]byte, 4)},
	19: {name: "PUSH_MPLS", body: []byte{0x88, 0x47, 0, 0}},
	20: {name: "POP_MPLS mpls,", body: []byte{8, 0, 0, 0}},
	21: {name: "SET_QUEUE", body: []byte{0, 0, 0, 1}},
	22: {name: "GROUP", body: []byte{0, 0, 0, 1}, required: true},
	23: {name: "SET_NW_TTL ip,", body: []byte{9, 0, 0, 0}},
	24: {name: "DEC_NW_TTL ip,", body: make([]byte, 4)},
	25: {name: "SET_FIELD", body: []byte{0x80, 0, 3 << 1, 6, 2, 0, 0, 0, 0, 1, 0, 0}},
	26: {name: "PUSH_PBB", body: []byte{0x88, 0xe7, 0, 0}, err: ofperr.ActionBadType},
	27: {name: "POP_PBB", body: make([]byte, 4), err: ofperr.ActionBadType},
	28: {name: "COPY_FIELD", since: wire.V15, body: []byte{0, 48, 0, 0, 0, 0, 0, 0, 0x80, 0, 4 << 1, 6, 0x80, 0, 3 << 1, 6, 0, 0, 0, 0}},
	29: {name: "METER", since: wire.V15, body: []byte{0, 0, 0, 1}},

	0xffff: {name: "EXPERIMENTER", body: []byte{0, 0, 0x12, 0x34}, err: ofperr.ActionBadExperimenter},
}

// TestEveryAction installs a flow with every action, by number, in a list and in the action set.
func TestEveryAction(t *testing.T) {
	for _, v := range latest {
		p := house(t, v)
		for _, typ := range append(seq(33), 0xfffe, 0xffff) {
			n, ok := actionNumbers[typ]
			if !ok || !n.of(v) {
				n = specified{name: "none", body: make([]byte, 4), err: ofperr.ActionBadType}
			}
			var name, match string
			fmt.Sscanf(n.name, "%s %s", &name, &match)
			for kind, list := range map[uint16]string{3: "written", 4: "applied"} {
				want := n
				if typ == 29 && kind == 3 && n.err == ofperr.NoError {
					want.err = ofperr.ActionBadType // OFPMFF_ACTION_SET is not told
				}
				do := part(kind, append([]byte{0, 0, 0, 0}, part(uint16(typ), n.body...)...)...)
				answers, refused := p.exchange(v, 14, tried(t, v, match, do))
				want.check(t, v, fmt.Sprint(list, " action ", typ), answers, refused)
			}
		}
	}
}

func seq(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// instructionNumbers are the instructions of 1.3 to 1.5.
var instructionNumbers = map[int]specified{
	1: {name: "GOTO_TABLE", body: []byte{1, 0, 0, 0}, required: true},
	2: {name: "WRITE_METADATA", body: make([]byte, 20)},
	3: {name: "WRITE_ACTIONS", body: make([]byte, 4), required: true},
	4: {name: "APPLY_ACTIONS", body: make([]byte, 4)},
	5: {name: "CLEAR_ACTIONS", body: make([]byte, 4)},
	6: {name: "METER", until: wire.V14, body: []byte{0, 0, 0, 1}},
	7: {name: "STAT_TRIGGER", since: wire.V15, body: []byte{0, 0, 0, 0, 0, 0, 0, 16, 0x80, 2, 4 << 1, 8, 0, 0, 0, 0, 0, 0, 0, 9}},

	0xffff: {name: "EXPERIMENTER", body: []byte{0, 0, 0x12, 0x34}, err: ofperr.InstructionBadExperimenter},
}

// TestEveryInstruction installs a flow with every instruction, by number.
func TestEveryInstruction(t *testing.T) {
	for _, v := range latest {
		p := house(t, v)
		for _, typ := range append(seq(10), 0xfffe, 0xffff) {
			n, ok := instructionNumbers[typ]
			switch {
			case typ == 6 && v == wire.V15:
				n = specified{name: "DEPRECATED", body: n.body, err: ofperr.InstructionUnsupported}
			case !ok || !n.of(v):
				n = specified{name: "none", body: make([]byte, 4), err: ofperr.InstructionUnknown}
			}
			answers, refused := p.exchange(v, 14, tried(t, v, "", part(uint16(typ), n.body...)))
			n.check(t, v, fmt.Sprint("instruction ", typ), answers, refused)
		}
	}
}

// oxmFields are the fields of OXM's basic class by number (OpenFlow 1.5.1 section 7.2.3.8), with
// the match that they need and their length.
var oxmFields = []struct {
	name, needs string
	bytes       int
	value       byte // the last byte
	err         ofperr.Error
}{
	{"in_port", "", 4, 1, 0}, {"in_phy_port", "", 4, 1, ofperr.MatchBadField}, {"metadata", "", 8, 1, 0},
	{"eth_dst", "", 6, 1, 0}, {"eth_src", "", 6, 1, 0}, {"eth_type", "", 2, 9, 0}, {"vlan_vid", "", 2, 0, 0}, {"vlan_pcp", "dl_vlan=5,", 1, 1, 0},
	{"ip_dscp", "ip,", 1, 1, 0}, {"ip_ecn", "ip,", 1, 1, 0}, {"ip_proto", "ip,", 1, 1, 0}, {"ipv4_src", "ip,", 4, 1, 0}, {"ipv4_dst", "ip,", 4, 1, 0},
	{"tcp_src", "tcp,", 2, 1, 0}, {"tcp_dst", "tcp,", 2, 1, 0}, {"udp_src", "udp,", 2, 1, 0}, {"udp_dst", "udp,", 2, 1, 0},
	{"sctp_src", "sctp,", 2, 1, 0}, {"sctp_dst", "sctp,", 2, 1, 0}, {"icmpv4_type", "icmp,", 1, 1, 0}, {"icmpv4_code", "icmp,", 1, 1, 0},
	{"arp_op", "arp,", 2, 1, 0}, {"arp_spa", "arp,", 4, 1, 0}, {"arp_tpa", "arp,", 4, 1, 0}, {"arp_sha", "arp,", 6, 1, 0}, {"arp_tha", "arp,", 6, 1, 0},
	{"ipv6_src", "ipv6,", 16, 1, 0}, {"ipv6_dst", "ipv6,", 16, 1, 0}, {"ipv6_flabel", "ipv6,", 4, 1, 0}, {"icmpv6_type", "icmp6,", 1, 1, 0}, {"icmpv6_code", "icmp6,", 1, 1, 0},
	{"ipv6_nd_target", "icmp6,icmp_type=135,icmp_code=0,", 16, 1, 0}, {"ipv6_nd_sll", "icmp6,icmp_type=135,icmp_code=0,", 6, 1, 0}, {"ipv6_nd_tll", "icmp6,icmp_type=136,icmp_code=0,", 6, 1, 0},
	{"mpls_label", "mpls,", 4, 1, 0}, {"mpls_tc", "mpls,", 1, 1, 0}, {"mpls_bos", "mpls,", 1, 1, 0}, {"pbb_isid", "", 3, 1, ofperr.MatchBadField}, {"tunnel_id", "", 8, 1, 0},
	{"ipv6_exthdr", "ipv6,", 2, 1, 0}, {"40", "", 1, 1, ofperr.MatchBadField}, {"pbb_uca", "", 1, 1, ofperr.MatchBadField}, {"tcp_flags", "tcp,", 2, 1, 0},
	{"actset_output", "", 4, 1, 0}, {"packet_type", "", 4, 0, 0}, {"45", "", 4, 0, ofperr.MatchBadField},
}

// TestEveryField matches on every field, by number.
func TestEveryField(t *testing.T) {
	for _, v := range latest {
		p := house(t, v)
		for number, f := range oxmFields {
			body := flowModWith(v, f.needs+"actions=drop")
			oxm := append([]byte{0x80, 0, byte(number << 1), byte(f.bytes)}, make([]byte, f.bytes-1)...)
			answers, refused := p.exchange(v, 14, withField(body, append(oxm, f.value)))
			n := specified{name: f.name, err: f.err}
			n.check(t, v, fmt.Sprint("field ", number), answers, refused)
		}
		// Packets of this switch are Ethernet, whatever a controller would like.
		oxm := []byte{0x80, 0, 44 << 1, 4, 0, 1, 8, 0}
		answers, refused := p.exchange(v, 14, withField(flowModWith(v, "actions=drop"), oxm))
		n := specified{name: "packet_type=(1,0x800)", err: ofperr.MatchBadValue}
		n.check(t, v, "field 44", answers, refused)
	}
}

// withField adds a field to the match of a flow mod's body that has one.
func withField(body, oxm []byte) []byte {
	const at = 40 // of the match
	n := int(binary.BigEndian.Uint16(body[at+2:]))
	fields := append(slices.Clone(body[at+4:at+n]), oxm...)
	out := append(slices.Clone(body[:at]), 0, 1, 0, 0)
	binary.BigEndian.PutUint16(out[at+2:], uint16(4+len(fields)))
	out = append(out, fields...)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	return out
}

// TestPacketType is packet_type in packet-outs of 1.5: Ethernet's is what every packet has.
func TestPacketType(t *testing.T) {
	for typ, want := range map[uint32]ofperr.Error{0: ofperr.NoError, 1<<16 | 0x800: ofperr.MatchBadValue} {
		body := []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 0, 20, 0x80, 0, 0, 4, 0xff, 0xff, 0xff, 0xfd, 0x80, 0, 44 << 1, 4}
		body = append(binary.BigEndian.AppendUint32(body, typ), 0, 0, 0, 0)
		body = append(body, make([]byte, 60)...)
		answers, refused := house(t, wire.V15).exchange(wire.V15, 13, body)
		n := specified{name: fmt.Sprintf("packet_type %#x", typ), err: want}
		n.check(t, wire.V15, "packet-out", answers, refused)
	}
}
