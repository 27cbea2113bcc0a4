package pipeline

import (
	"errors"
	"math/rand/v2"
	"testing"

	"pollux/flow"
	"pollux/pmd"
)

// TestEveryPairIsCopied copies each field of OXM that can be read to each that can be written,
// by the executor on real frames, and compares with the oracle's bytes (OpenFlow 1.5.1 section
// 7.2.6.16).
func TestEveryPairIsCopied(t *testing.T) {
	var fields []flow.Field
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		if i := &flow.Fields[f]; i.OXM != "" && Matchable(f) && f != flow.PacketType {
			fields = append(fields, f)
		}
	}
	s := testState(t, "")
	ports := s.Snapshot().Ports()
	x := newRig(ports)
	r := rand.New(rand.NewPCG(4, 3))
	pairs, changed := 0, map[flow.Field]bool{}
	for _, src := range fields {
		for _, dst := range fields {
			if !flow.Fields[dst].Writable || src == dst || dst == flow.NDSLL || dst == flow.NDTLL { // options that random frames lack
				continue
			}
			n := min(flow.Fields[src].Bits, flow.Fields[dst].Bits)
			move := Action{Kind: ActMove, Src: Subfield{Field: src, Bits: n}, Dst: Subfield{Field: dst, Lo: flow.Fields[dst].Bits - n, Bits: n}}
			flows := []Flow{{Do: Instructions{Apply: []Action{move, {Kind: ActOutput, Port: 2}}}}}
			if err := s.Replace(flows); err != nil {
				t.Fatalf("%s: %v", flows[0].String(), err)
			}
			or := &oracle{ports: ports, flows: flows}
			pairs++
			for range 6 {
				frame := randomFrame(r)
				want, err := or.process(frame, 1)
				if errors.Is(err, errTags) {
					continue
				}
				var meta flow.Key
				meta.Set(flow.WPort, 1)
				key := extract(frame, &meta)
				u := pmd.Upcall{Key: &key, Thread: 0}
				s.Snapshot().Translate(&u)
				got := x.run(u.Program, frame, 1)
				if !sameSent(blank(got), blank(want)) {
					t.Fatalf("%s\nsent:%s\nwant:%s\nframe %x", flows[0].String(), showSent(got), showSent(want), frame)
				}
				if len(want) == 1 && want[0].frame != blank([]sent{{2, string(frame)}})[0].frame {
					changed[dst] = true
				}
			}
		}
	}
	if pairs < 1000 || len(changed) < 20 {
		t.Errorf("%d pairs, %d fields of packets changed", pairs, len(changed))
	}
	t.Logf("%d pairs, %d fields of packets changed", pairs, len(changed))
}
