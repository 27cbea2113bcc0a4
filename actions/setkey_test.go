package actions

import (
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/internal/packet"
)

// TestSetMatchesKey checks what the translation relies on: setting a field in the
// packet and setting it in the packet's key are the same, for every field that the
// packet has, and setting any other changes nothing.
func TestSetMatchesKey(t *testing.T) {
	done := map[flow.Field]int{}
	r := newRig(1, 1)
	rapid.Check(t, func(t *rapid.T) {
		for range 60 {
			f := drawFrame(t)
			value, mask := valueGen.Draw(t, "value"), valueGen.Draw(t, "mask")
			var key, got flow.Key
			_, _, l4 := flow.ExtractOne(f, 1, &key)
			nd := key.Map>>flow.WND&1 != 0
			for _, field := range settable {
				switch field {
				case flow.NDOptionsType:
					continue // changes which option is which
				case flow.ICMPv6Type, flow.ICMPv6Code:
					if flow.PreICMPv6.Met(&key) {
						continue // changes whether there is a target at all
					}
				case flow.IPTOS, flow.IPDSCP, flow.IPECN, flow.IPTTL:
					if flow.PreIPv6.Met(&key) && key.NwProto() == 0 {
						continue // extension headers cut short: the key stops before them
					}
				case flow.NDSLL, flow.NDTLL:
					if nd && (field.Get(&key).IsZero() || !flow.Fields[field].Pre.Met(&key)) {
						continue // the key does not say whether there is an option
					}
				}
				i, v, m := &flow.Fields[field], value, field.Full()
				if i.Maskable {
					m = m.And(mask)
				}
				want := key
				if i.Pre.Met(&key) && key.Map>>i.Word&1 != 0 && (i.Word < flow.WL4 || l4 != packet.None) {
					if field == flow.VlanTCI || field == flow.VlanVID {
						m.Lo &^= flow.VlanCFI
					}
					field.Set(&want, field.Get(&key).AndNot(m).Or(v.And(m)))
					done[field]++
				}
				r.receive(f, 256)
				r.run(build(func(b *Builder) { b.Set(field, v, m) }, out(1)))
				flow.ExtractOne(r.Mem.Frame(r.sent[0][0]), 1, &got)
				r.reset()
				if got != want {
					t.Fatalf("set %s to %x/%x in %x:\n got %x\nwant %x", field.Name(), v, m, f, got, want)
				}
			}
		}
	})
	for _, f := range settable {
		if done[f] == 0 && f != flow.NDOptionsType && f != flow.ICMPv6Type && f != flow.ICMPv6Code {
			t.Errorf("%s was never set", f.Name())
		}
	}
}
