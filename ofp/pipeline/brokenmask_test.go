package pipeline

import (
	"math/rand/v2"
	"testing"

	"pollux/flow"
)

// TestBrokenMaskIsCaught forgets one bit of one field in every mask and asks the
// property of TestTranslationIsSound to notice: a property that cannot fail shows
// nothing.
func TestBrokenMaskIsCaught(t *testing.T) {
	t.Run("nothing forgotten", func(t *testing.T) {
		for seed := range uint64(40) {
			r := rand.New(rand.NewPCG(seed, 2))
			if n, err := newWorld(t, r, 25).sound(r, 150, nil); err != nil {
				t.Fatalf("after %d cases of seed %d: %v", n, seed, err)
			}
		}
	})
	for _, c := range []struct {
		field flow.Field
		bit   uint
	}{
		{flow.InPort, 0},
		{flow.EthSrc, 1},
		{flow.EthDst, 40},
		{flow.EthType, 11},
		{flow.VlanVID, 0},
		{flow.VlanVID, 12},
		{flow.DlVlanPCP, 0},
		{flow.IPv4Src, 0},
		{flow.IPv4Dst, 24},
		{flow.IPv6Dst, 0},
		{flow.IPProto, 0},
		{flow.IPTTL, 1},
		{flow.IPDSCP, 2},
		{flow.TCPDst, 5},
		{flow.ARPOp, 0},
		{flow.MPLSLabel, 0},
		{flow.MPLSTTL, 6},
	} {
		t.Run(c.field.Name(), func(t *testing.T) {
			var bit flow.Mask
			c.field.OrMask(&bit, flow.Value{Lo: 1}.Shl(c.bit))
			spoil := func(m *flow.Mask) {
				for w := range m.W {
					m.W[w] &^= bit.W[w]
					if m.W[w] == 0 {
						m.Map &^= 1 << w
					}
				}
			}
			cases := 0
			for seed := range uint64(400) {
				r := rand.New(rand.NewPCG(seed, 2))
				w := newWorld(t, r, 25)
				n, err := w.sound(r, 150, spoil)
				cases += n
				if err != nil {
					t.Logf("bit %d of %s forgotten: caught in case %d", c.bit, c.field.Name(), cases)
					return
				}
			}
			t.Errorf("bit %d of %s was forgotten in every mask, and %d cases noticed nothing", c.bit, c.field.Name(), cases)
		})
	}
}
