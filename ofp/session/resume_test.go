package session

import (
	"bytes"
	"reflect"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// A packet that pauses goes to controllers with what is left to do to it, and comes back as one
// of them says; not with what is of another switch, or not to be done.
func TestResume(t *testing.T) {
	left := &pipeline.Frozen{
		Stack: []flow.Value{{Lo: 5}},
		Steps: []pipeline.FrozenStep{
			{Table: 2, Cookie: 6, Actions: []pipeline.Action{{Kind: pipeline.ActResubmit, Table: 3, Paren: true}}, Rest: pipeline.Instructions{Clear: true, Goto: 4}},
			{Cookie: 7, Actions: []pipeline.Action{{Kind: pipeline.ActExit}}},
		},
		Set: []pipeline.Action{{Kind: pipeline.ActOutput, Port: 2}},
	}
	for _, v := range spoken {
		t.Run(v.String(), func(t *testing.T) {
			f := newFloor(t, v)
			p := f.peers[0]
			format := wire.Extension{Vendor: wire.Nicira, Subtype: wire.NXTSetPacketInFormat, Body: []byte{0, 0, 0, byte(wire.PacketInNXT2)}}
			if e := p.ask(v, wire.AppendExtension(nil, v, 1, format)); e != nil {
				t.Fatalf("%x", e)
			}
			in := wire.PacketInMsg{Reason: wire.ReasonAction, Cookie: 6, TableID: 2, Data: harmless(), FullLen: uint32(len(harmless())), Paused: wire.NewContinuation([16]byte{}, left)}
			in.Metadata.SetMasked(flow.InPort, flow.Value{Lo: 1}, flow.InPort.Full())
			in.Metadata.SetMasked(flow.Reg3, flow.Value{Lo: 9}, flow.Reg3.Full())
			f.s.PacketIn(&in, 0)
			e, err := wire.ParseExtension(v, p.read()[wire.HeaderLen:])
			if err != nil || e.Subtype != wire.NXTPacketIn2 {
				t.Fatalf("%+v, %v", e, err)
			}
			got, err := wire.ParsePacketIn2(v, e.Body)
			if err != nil || len(got.Continuation) == 0 {
				t.Fatalf("%+v, %v", got, err)
			}
			back := *got
			back.Data = append(append([]byte{}, got.Data...), 1, 2, 3)
			flow.Reg3.Set(&back.Metadata.Key, flow.Value{Lo: 10})
			if e := p.ask(v, wire.AppendResume(nil, v, 2, &back)); e != nil {
				t.Fatalf("%x", e)
			}
			sw := f.s.cfg.Switch.(*fixed)
			if len(sw.resumed) != 1 {
				t.Fatalf("%d packets resumed", len(sw.resumed))
			}
			r := sw.resumed[0]
			same := bytes.Equal(wire.NewContinuation(f.s.life, r.of).Append(nil, v), wire.NewContinuation(f.s.life, left).Append(nil, v))
			if !same || string(r.frame) != string(back.Data) || r.in.InPort() != 1 || flow.Reg3.Get(&r.in).Lo != 10 {
				t.Errorf("resumed with %+v, %+v", r, r.of)
			}
			for what, c := range map[string]struct {
				rest []byte
				want ofperr.Error
			}{
				"nothing left to do":  {nil, ofperr.PropertyBadLen},
				"of another switch":   {wire.NewContinuation([16]byte{1}, left).Append(nil, v), ofperr.ResumeStale},
				"a table there isn't": {wire.NewContinuation(f.s.life, &pipeline.Frozen{Steps: []pipeline.FrozenStep{{Table: 255}}}).Append(nil, v), ofperr.InstructionBadTable},
			} {
				bad := *got
				bad.Continuation = c.rest
				msg := wire.AppendResume(nil, v, 2, &bad)
				if e, want := p.ask(v, msg), wire.AppendError(nil, v, c.want, msg); !reflect.DeepEqual(e, want) {
					t.Errorf("%s: %x, want %x", what, e, want)
				}
			}
			if len(sw.resumed) != 1 {
				t.Errorf("%d packets resumed", len(sw.resumed))
			}
		})
	}
}
