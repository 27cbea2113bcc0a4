package session

import (
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Tables that packets of a bundle meet are bounded in number and paid for: those behind a change,
// not those behind another packet.
func TestTablesOfBundledPacketsAreBounded(t *testing.T) {
	const v = wire.V15
	f := newFloor(t, v)
	p := &bundlePeer{f.peers[0], v}
	o := &wire.PacketOutMsg{BufferID: wire.NoBuffer, Data: make([]byte, 60), Actions: wire.AppendActions(nil, v, []pipeline.Action{{Kind: pipeline.ActOutput, Port: 1}}, nil)}
	o.Metadata.SetMasked(flow.InPort, flow.Value{Lo: 2}, flow.InPort.Full())
	msg := wire.AppendPacketOut(nil, v, 7, o)
	out := func() {
		p.write(wire.AppendBundle(nil, v, wire.BundleAdd, 7, &wire.BundleMsg{ID: 1, Message: msg}))
	}
	ok := func(what string) {
		t.Helper()
		if e := p.barrier(); e != ofperr.NoError {
			t.Fatalf("%s: %s", what, e.Name())
		}
	}
	cost := func(do func()) int64 {
		before := f.s.bundled.Load()
		do()
		ok("cost")
		return f.s.bundled.Load() - before
	}
	first, second := cost(out), cost(out)
	if first-second < bundledPoint {
		t.Errorf("the first packet behind a change costs %d bytes, the next one %d", first, second)
	}
	for i := 1; i < maxBundlePoints; i++ {
		p.add(1, 0, "in_port=1,actions=drop")
		out()
		out()
		if i%64 == 0 { // answers must be read
			ok("within the bound")
		}
	}
	ok("within the bound")
	if more := cost(out); more != second {
		t.Errorf("another packet behind the last one costs %d bytes, want %d", more, second)
	}
	p.add(1, 0, "in_port=1,actions=drop")
	ok("a flow")
	held := f.s.bundled.Load()
	out()
	if e := p.barrier(); e != ofperr.BundleTooManyMessages {
		t.Errorf("one more: %s", e.Name())
	}
	if now := f.s.bundled.Load(); now != held {
		t.Errorf("what was refused takes %d bytes", now-held)
	}
	if e := p.control(1, wire.BundleDiscard, 0); e != ofperr.NoError || f.s.bundled.Load() != 0 {
		t.Errorf("%s; then %d bytes are held", e.Name(), f.s.bundled.Load())
	}
}
