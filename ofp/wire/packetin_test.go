package wire

import (
	"bytes"
	"errors"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
)

func init() {
	readers[PacketIn] = of(ParsePacketIn, func(b []byte, v Version, xid uint32, p *PacketInMsg) []byte {
		return AppendPacketIn(b, v, xid, PacketInStandard, p)
	})
	readers[PacketOut] = of(ParsePacketOut, AppendPacketOut)
	extensions[[2]uint32{Nicira, NXTPacketIn}] = of(ParsePacketInNXT, func(b []byte, v Version, xid uint32, p *PacketInMsg) []byte {
		return AppendPacketIn(b, v, xid, PacketInNXT, p)
	})
	extensions[[2]uint32{Nicira, NXTPacketIn2}] = of(ParsePacketIn2, func(b []byte, v Version, xid uint32, p *PacketInMsg) []byte {
		return AppendPacketIn(b, v, xid, PacketInNXT2, p)
	})
	extensions[[2]uint32{Nicira, NXTResume}] = of(ParseResume, AppendResume)
	extensions[[2]uint32{Nicira, NXTSetPacketInFormat}] = of(
		func(_ Version, b []byte) (PacketInFormat, error) { return ParseSetPacketInFormat(b) }, AppendSetPacketInFormat)
	extensions[[2]uint32{Nicira, NXTSetControllerID}] = of(
		func(_ Version, b []byte) (uint16, error) { return ParseSetControllerID(b) }, AppendSetControllerID)
	extensions[[2]uint32{Nicira, NXTFlowModTableID}] = of(
		func(_ Version, b []byte) (bool, error) { return ParseFlowModTableID(b) }, AppendFlowModTableID)
	extensions[[2]uint32{Nicira, NXTSetFlowFormat}] = of(
		func(_ Version, b []byte) (FlowFormat, error) { return ParseSetFlowFormat(b) }, AppendSetFlowFormat)
	samplesOf = append(samplesOf, packetSamples)
}

// arp is a packet: who has 10.0.0.2?
var arp = []byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" +
	"\x02\x00\x00\x00\x00\x01\x0a\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x02")

// meta makes a match of fields and their values.
func meta(pairs ...uint64) (m flow.Match) {
	for i := 0; i < len(pairs); i += 2 {
		f := flow.Field(pairs[i])
		m.SetMasked(f, flow.Value{Lo: pairs[i+1]}, f.Full())
	}
	return m
}

func samplePacketIn() *PacketInMsg {
	return &PacketInMsg{
		Reason: ReasonAction, TableID: 3, Cookie: 0x1234, FullLen: 1500, Data: arp,
		Metadata: meta(uint64(flow.InPort), 7, uint64(flow.Metadata), 0x5555, uint64(flow.TunID), 42, uint64(flow.PktMark), 9,
			uint64(flow.Reg0), 0xabcd, uint64(flow.Reg1), 0, uint64(flow.Reg7), 1),
	}
}

func packetSamples(v Version) map[string][]byte {
	full, miss, paused := samplePacketIn(), samplePacketIn(), samplePacketIn()
	miss.Reason, miss.Cookie, miss.FullLen = ReasonNoMatch, NoCookie, uint32(len(arp))
	paused.UserData, paused.Continuation = []byte{1, 2, 3}, []byte{0x80, 4, 0, 5, 2, 0, 0, 0}
	short := &PacketInMsg{FullLen: 60, Data: arp, Metadata: meta(uint64(flow.InPort), 7), TableID: 1, Cookie: 5}
	if v == V10 {
		short.TableID, short.Cookie = 0, NoCookie
	}
	out := &PacketOutMsg{BufferID: NoBuffer, Data: arp, Metadata: meta(uint64(flow.InPort), uint64(PortController))}
	out.Actions = []byte{0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}
	if v == V10 {
		out.Actions = []byte{0, 0, 0, 8, 0, 2, 0, 0}
	}
	buffered := &PacketOutMsg{BufferID: 77, Metadata: meta(uint64(flow.InPort), 3)}
	msgs := map[string][]byte{
		"packet-in":                AppendPacketIn(nil, v, 0, PacketInStandard, short),
		"packet-in-nxt":            AppendPacketIn(nil, v, 0, PacketInNXT, full),
		"packet-in-nxt-miss":       AppendPacketIn(nil, v, 0, PacketInNXT, miss),
		"packet-in-nxt2":           AppendPacketIn(nil, v, 0, PacketInNXT2, full),
		"packet-in-nxt2-miss":      AppendPacketIn(nil, v, 0, PacketInNXT2, miss),
		"packet-in-nxt2-paused":    AppendPacketIn(nil, v, 0, PacketInNXT2, paused),
		"resume":                   AppendResume(nil, v, 4, paused),
		"packet-out":               AppendPacketOut(nil, v, 5, out),
		"packet-out-buffered":      AppendPacketOut(nil, v, 6, buffered),
		"set-packet-in-format":     AppendSetPacketInFormat(nil, v, 7, PacketInNXT),
		"set-packet-in-format-two": AppendSetPacketInFormat(nil, v, 7, PacketInNXT2),
		"set-controller-id":        AppendSetControllerID(nil, v, 8, 123),
	}
	if v == V10 {
		msgs["flow-mod-table-id"] = AppendFlowModTableID(nil, v, 9, true)
		msgs["set-flow-format"] = AppendSetFlowFormat(nil, v, 10, FlowFormatNXM)
	} else {
		msgs["packet-in-metadata"] = AppendPacketIn(nil, v, 0, PacketInStandard, full)
	}
	if v == V15 {
		out.Metadata = meta(uint64(flow.InPort), uint64(PortController), uint64(flow.Metadata), 3, uint64(flow.XReg1), 1<<40)
		msgs["packet-out-metadata"] = AppendPacketOut(nil, v, 11, out)
	}
	return msgs
}

// Reasons that a version does not have are told by those that it has.
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		r    Reason
		want [4]Reason // by spoken
	}{
		{ReasonNoMatch, [4]Reason{0, 0, 0, 0}},
		{ReasonAction, [4]Reason{1, 1, 1, 1}},
		{ReasonInvalidTTL, [4]Reason{2, 2, 2, 2}},
		{ReasonActionSet, [4]Reason{1, 1, 3, 3}},
		{ReasonGroup, [4]Reason{1, 1, 4, 4}},
		{ReasonPacketOut, [4]Reason{1, 1, 5, 5}},
		{ReasonExplicitMiss, [4]Reason{1, 0, 0, 0}},
		{ReasonImplicitMiss, [4]Reason{0, 0, 0, 0}},
	} {
		for i, v := range spoken {
			if got := c.r.On(v); got != c.want[i] {
				t.Errorf("reason %d in %s: %d, want %d", c.r, v, got, c.want[i])
			}
		}
	}
}

// A packet that is too long for a message is cut, whatever the format, and what stays is
// a message.
func TestLongPacketIns(t *testing.T) {
	p := samplePacketIn()
	p.Data = bytes.Repeat([]byte{0xab}, 70_000)
	p.FullLen = 70_000
	for _, v := range spoken {
		for f := PacketInStandard; f <= PacketInNXT2; f++ {
			for _, extra := range []int{0, 1, 7, 40_000, 65_400, 65_535} {
				p.UserData, p.Continuation = make([]byte, extra/2), make([]byte, extra)
				msg := AppendPacketIn(nil, v, 0, f, p)
				h, err := ParseHeader(msg)
				if err != nil || int(h.Length) != len(msg) || len(msg) > MaxLen {
					t.Fatalf("%s format %d: header %+v of %d bytes, %v", v, f, h, len(msg), err)
				}
				r, rest, _ := readerOf(h, msg[HeaderLen:])
				x, err := r.parse(v, rest)
				if err != nil {
					t.Fatalf("%s format %d, %d bytes beside it: %v", v, f, extra, err)
				}
				got := x.(*PacketInMsg)
				if want := 65_000; extra == 0 && len(got.Data) < want {
					t.Errorf("%s format %d: %d bytes of the packet, want %d or more", v, f, len(got.Data), want)
				}
				if f == PacketInNXT2 && got.FullLen != 70_000 {
					t.Errorf("%s: full length %d", v, got.FullLen)
				}
			}
		}
	}
}

// Packet-outs that no switch can do are refused with the error of the specification.
func TestBadPacketOuts(t *testing.T) {
	out := func(port uint64) *PacketOutMsg {
		return &PacketOutMsg{BufferID: NoBuffer, Data: arp, Metadata: meta(uint64(flow.InPort), port)}
	}
	odd := out(1)
	odd.Actions = make([]byte, 4)
	l2, none := out(1), &PacketOutMsg{BufferID: NoBuffer}
	l2.Metadata.SetMasked(flow.Reg0, flow.Value{Lo: 1}, flow.Value{Lo: 1})
	ether := AppendPacketOut(nil, V15, 1, out(1))
	ether = bytes.Replace(ether, []byte{0x80, 0, 0, 4}, []byte{0x80, 0, 11 << 1, 4}, 1)
	for _, c := range []struct {
		name string
		v    Version
		msg  []byte
		want ofperr.Error
	}{
		{"port 0", V13, AppendPacketOut(nil, V13, 1, out(0)), 0},
		{"port flood", V13, AppendPacketOut(nil, V13, 1, out(0xfffffffb)), ofperr.BadPort},
		{"port flood", V10, AppendPacketOut(nil, V10, 1, out(0xfffffffb)), ofperr.BadPort},
		{"port none", V10, AppendPacketOut(nil, V10, 1, out(0xffffffff)), 0},
		{"port local", V14, AppendPacketOut(nil, V14, 1, out(0xfffffffe)), 0},
		{"no port", V15, AppendPacketOut(nil, V15, 1, none), ofperr.BadPort},
		{"a masked register", V15, AppendPacketOut(nil, V15, 1, l2), 0},
		{"a field of the packet", V15, ether, ofperr.PipelineFieldsOnly},
		{"odd actions", V13, AppendPacketOut(nil, V13, 1, odd), ofperr.ActionBadLen},
		{"short", V13, AppendPacketOut(nil, V13, 1, out(1))[:20], ofperr.BadLen},
	} {
		_, err := ParsePacketOut(c.v, c.msg[HeaderLen:])
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s in %s: %v, want %v", c.name, c.v, err, c.want)
		}
	}
}
