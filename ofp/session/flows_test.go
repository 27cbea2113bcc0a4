package session

import (
	"fmt"
	"slices"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Flow mods that come together, good and bad, among other requests: each is done or refused
// as if it came alone, in order, and a barrier comes after all before it.
func TestFlowModsThatComeTogether(t *testing.T) {
	for _, v := range spoken {
		t.Run(v.String(), func(t *testing.T) {
			f := newFloor(t, v)
			p := &bundlePeer{f.peers[0], v}
			var all []byte
			var want []ofperr.Error
			flow := func(xid uint32, text string, buffer uint32) {
				fm, err := pipeline.ParseFlowMod(text, pipeline.FlowAdd, nil)
				if err != nil {
					t.Fatal(err)
				}
				all = wire.AppendFlowMod(all, v, xid, &fm, buffer, wire.Style{})
			}
			n := 0
			for i := range uint32(300) {
				switch {
				case i%50 == 7:
					flow(i, "actions=group:9", wire.NoBuffer)
					want = append(want, ofperr.ActionBadOutGroup)
				case i%50 == 20:
					all = wire.AppendMessage(all, v, wire.FlowMod, i, nil)
					want = append(want, ofperr.BadLen)
				case i%50 == 33:
					all = wire.AppendMessage(all, v, wire.EchoRequest, i, nil)
				case i%50 == 41:
					flow(i, fmt.Sprintf("priority=%d,actions=drop", 1000+i), 77)
					want = append(want, ofperr.BufferUnknown)
					n++
				default:
					flow(i, fmt.Sprintf("priority=%d,actions=drop", 1000+i), wire.NoBuffer)
					n++
				}
			}
			all = wire.AppendMessage(all, v, wire.BarrierRequest, 999, nil)
			go p.write(all)
			var got []ofperr.Error
			last := uint32(0)
			for {
				msg := p.read()
				h, err := wire.ParseHeader(msg)
				if err != nil {
					t.Fatal(err)
				}
				if h.XID < last {
					t.Errorf("the answer to %d comes after that to %d", h.XID, last)
				}
				last = h.XID
				if h.Kind() == wire.ErrorMsg {
					got = append(got, p.errorOf(msg))
				}
				if h.Kind() == wire.BarrierReply {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("errors %v, want %v", got, want)
			}
			have := 0
			for _, fl := range f.s.cfg.Tables.DumpFlows() {
				if fl.Priority >= 1000 && fl.Priority < 2000 {
					have++
				}
			}
			if have != n {
				t.Errorf("%d flows when the barrier is answered, want %d", have, n)
			}
		})
	}
}
