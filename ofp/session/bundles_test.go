package session

import (
	"bytes"
	"slices"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// bundlePeer is a session of a version with what bundles are made of.
type bundlePeer struct {
	*peer
	v wire.Version
}

// control sends a BUNDLE_CONTROL and returns the error that it gets, or NoError.
func (p *bundlePeer) control(id uint32, kind wire.BundleType, flags wire.BundleFlags) ofperr.Error {
	p.t.Helper()
	p.write(wire.AppendBundle(nil, p.v, wire.BundleControl, 5, &wire.BundleMsg{ID: id, Type: kind, Flags: flags}))
	msg := p.read()
	switch k := wire.KindOf(p.v, msg[1]); k {
	case wire.ErrorMsg:
		return p.errorOf(msg)
	case wire.BundleControl, wire.Experimenter:
		return ofperr.NoError
	default:
		p.t.Fatalf("a bundle control is answered by %s", k)
		return 0
	}
}

// errorOf is the error of a message.
func (p *bundlePeer) errorOf(msg []byte) (e ofperr.Error) {
	got, err := wire.ParseError(p.v, msg[wire.HeaderLen:])
	if err != nil {
		p.t.Fatal(err)
	}
	ofperr.All(func(o ofperr.Error) {
		vendor, kind, code := o.Numbers(uint8(p.v))
		if vendor == got.Vendor && code == got.Code && (vendor != 0 && p.v != wire.V10 || kind == got.Type) {
			e = o
		}
	})
	return e
}

// add sends a flow mod as part of a bundle.
func (p *bundlePeer) add(id uint32, flags wire.BundleFlags, text string) {
	p.t.Helper()
	fm, err := pipeline.ParseFlowMod(text, pipeline.FlowAdd, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	inner := wire.AppendFlowMod(nil, p.v, 7, &fm, wire.NoBuffer, wire.Style{})
	p.write(wire.AppendBundle(nil, p.v, wire.BundleAdd, 7, &wire.BundleMsg{ID: id, Flags: flags, Message: inner}))
}

// barrier returns the error that came before the answer to a barrier, or NoError.
func (p *bundlePeer) barrier() (e ofperr.Error) {
	p.t.Helper()
	p.write(wire.AppendMessage(nil, p.v, wire.BarrierRequest, 9, nil))
	for {
		msg := p.read()
		switch wire.KindOf(p.v, msg[1]) {
		case wire.ErrorMsg:
			e = p.errorOf(msg)
		case wire.BarrierReply:
			return e
		}
	}
}

// A bundle is nothing until it is committed, and then everything; each misuse has its error.
func TestBundles(t *testing.T) {
	for _, v := range spoken[1:] {
		t.Run(v.String(), func(t *testing.T) {
			f := newFloor(t, v)
			p := &bundlePeer{f.peers[0], v}
			flows := func() int { return len(f.s.cfg.Tables.DumpFlows()) }
			const both = wire.BundleAtomic | wire.BundleOrdered
			if e := p.control(1, wire.BundleOpen, both); e != ofperr.NoError {
				t.Fatal(e)
			}
			p.add(1, both, "in_port=1,actions=drop")
			p.add(1, both, "in_port=2,actions=drop")
			if e := p.barrier(); e != ofperr.NoError || flows() != 0 {
				t.Fatalf("%v; %d flows before the commit", e, flows())
			}
			if e := p.control(1, wire.BundleCommit, both); e != ofperr.NoError || flows() != 2 {
				t.Fatalf("%v; %d flows", e, flows())
			}
			// One that fails leaves nothing of the others, and is named first.
			p.add(2, both, "in_port=3,actions=drop")
			p.add(2, both, "in_port=4,actions=group:5")
			p.write(wire.AppendBundle(nil, v, wire.BundleControl, 5, &wire.BundleMsg{ID: 2, Type: wire.BundleCommit, Flags: both}))
			if e := p.errorOf(p.read()); e != ofperr.ActionBadOutGroup {
				t.Errorf("first %s", e.Name())
			}
			if e := p.errorOf(p.read()); e != ofperr.BundleMessageFailed || flows() != 2 {
				t.Errorf("then %s; %d flows", e.Name(), flows())
			}
			for _, c := range []struct {
				name string
				do   func() ofperr.Error
				want ofperr.Error
			}{
				{"commit of none", func() ofperr.Error { return p.control(9, wire.BundleCommit, 0) }, ofperr.BundleUnknown},
				{"open twice", func() ofperr.Error { p.control(3, wire.BundleOpen, 0); return p.control(3, wire.BundleOpen, 0) }, ofperr.BundleExists},
				{"other flags", func() ofperr.Error {
					p.control(4, wire.BundleOpen, wire.BundleAtomic)
					return p.control(4, wire.BundleCommit, wire.BundleOrdered)
				}, ofperr.BundleBadFlags},
				{"added when closed", func() ofperr.Error {
					p.control(5, wire.BundleOpen, 0)
					p.control(5, wire.BundleClose, 0)
					p.add(5, 0, "in_port=5,actions=drop")
					return p.barrier()
				}, ofperr.BundleClosed},
				{"and gone then", func() ofperr.Error { return p.control(5, wire.BundleCommit, 0) }, ofperr.BundleUnknown},
				{"added with other flags", func() ofperr.Error {
					p.control(6, wire.BundleOpen, 0)
					p.add(6, wire.BundleAtomic, "in_port=5,actions=drop")
					return p.barrier()
				}, ofperr.BundleBadFlags},
				{"gone then, too", func() ofperr.Error { return p.control(6, wire.BundleCommit, 0) }, ofperr.BundleUnknown},
				{"closed twice", func() ofperr.Error {
					p.control(7, wire.BundleOpen, 0)
					p.control(7, wire.BundleClose, 0)
					return p.control(7, wire.BundleClose, 0)
				}, ofperr.BundleClosed},
				{"too many", func() (e ofperr.Error) {
					for id := uint32(100); id < 200 && e == ofperr.NoError; id++ {
						e = p.control(id, wire.BundleOpen, 0)
					}
					return e
				}, ofperr.BundleTooMany},
			} {
				if e := c.do(); e != c.want {
					t.Errorf("%s: %s, want %s", c.name, e.Name(), c.want.Name())
				}
			}
			if e := p.control(100, wire.BundleDiscard, 0); e != ofperr.NoError || flows() != 2 {
				t.Errorf("discarded: %v, %d flows", e, flows())
			}
		})
	}
}

// Packets of a bundle go to the switch when it is committed, in order, each with the tables that it
// meets; one that cannot be sent is refused when it is added, or has the bundle fail.
func TestPacketOutsInBundles(t *testing.T) {
	for _, v := range spoken[1:] {
		f := newFloor(t, v)
		p, box := &bundlePeer{f.peers[0], v}, f.s.cfg.Switch.(*fixed)
		outs := func() []pipeline.Out {
			box.mu.Lock()
			defer box.mu.Unlock()
			return slices.Clone(box.outs)
		}
		out := func(id uint32, size int, list []pipeline.Action) {
			o := &wire.PacketOutMsg{BufferID: wire.NoBuffer, Data: bytes.Repeat([]byte{byte(id)}, size), Actions: wire.AppendActions(nil, v, list, nil)}
			o.Metadata.SetMasked(flow.InPort, flow.Value{Lo: 2}, flow.InPort.Full())
			p.write(wire.AppendBundle(nil, v, wire.BundleAdd, 7, &wire.BundleMsg{ID: id, Message: wire.AppendPacketOut(nil, v, 7, o)}))
		}
		to := func(port uint32) []pipeline.Action { return []pipeline.Action{{Kind: pipeline.ActOutput, Port: port}} }
		out(1, 60, to(1))
		p.add(1, 0, "in_port=1,actions=drop")
		out(1, 61, to(2))
		out(1, 62, to(flow.PortTable))
		if e := p.barrier(); e != ofperr.NoError || len(outs()) > 0 {
			t.Fatalf("%s: %v, %d packets before the commit", v, e, len(outs()))
		}
		if e := p.control(1, wire.BundleCommit, 0); e != ofperr.NoError {
			t.Fatalf("%s: %v", v, e)
		}
		got := outs()
		if len(got) != 3 {
			t.Fatalf("%s: %d packets", v, len(got))
		}
		for i, o := range got {
			if len(o.Frame) != 60+i || o.Frame[59] != 1 || o.In.InPort() != 2 || o.By == nil || (o.By == got[1].By) != (i > 0) {
				t.Errorf("%s: packet %d has %d bytes of %d from port %d; its tables: %v", v, i, len(o.Frame), o.Frame[59], o.In.InPort(), o.By != nil)
			}
		}
		for i, c := range []struct {
			do   func(id uint32)
			want ofperr.Error
		}{
			{func(id uint32) { out(id, 10, to(1)) }, ofperr.BadPacket},
			{func(id uint32) { out(id, 9000, to(1)) }, ofperr.BadPacket},
			{func(id uint32) { out(id, 60, []pipeline.Action{{Kind: pipeline.ActGroup, Group: 9}}); p.commit(id) }, ofperr.BundleMessageFailed},
			{func(id uint32) { out(id, 60, to(1)); p.add(id, 0, "actions=group:9"); p.commit(id) }, ofperr.BundleMessageFailed},
		} {
			c.do(uint32(10 + i))
			if e := p.barrier(); e != c.want || len(outs()) != 3 {
				t.Errorf("%s: case %d: %s, want %s; %d packets were sent", v, i, e.Name(), c.want.Name(), len(outs())-3)
			}
		}
	}
}

// commit asks for a commit without looking at the answer.
func (p *bundlePeer) commit(id uint32) {
	p.t.Helper()
	p.write(wire.AppendBundle(nil, p.v, wire.BundleControl, 5, &wire.BundleMsg{ID: id, Type: wire.BundleCommit}))
}
