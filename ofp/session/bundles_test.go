package session

import (
	"testing"

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
