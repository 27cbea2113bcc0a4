package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

func init() {
	samplesOf = append(samplesOf, continuationSamples)
}

func sampleContinuation() *Continuation {
	out := func(port uint32) []pipeline.Action { return []pipeline.Action{{Kind: pipeline.ActOutput, Port: port}} }
	return &Continuation{
		Switch: [16]byte{0: 1, 15: 2}, Stack: []flow.Value{{Lo: 5}, {Hi: 1, Lo: 6}},
		Steps:     []ContinuationStep{{Table: 3, Cookie: 0x77, Actions: out(1)}, {Cookie: 0x77, Actions: out(2)}, {Cookie: 0x88}},
		ActionSet: out(9),
	}
}

func continuationSamples(v Version) map[string][]byte {
	p := samplePacketIn()
	p.Continuation = sampleContinuation().Append(nil, v)
	return map[string][]byte{"packet-in-nxt2-continuation": AppendPacketIn(nil, v, 0, PacketInNXT2, p)}
}

// A continuation comes back as it went.
func TestContinuationsAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(spoken).Draw(t, "version")
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pipeline.Action {
			return pipeline.Action{Kind: pipeline.ActOutput, Port: rapid.Uint32Range(1, 0xfe00).Draw(t, "port")}
		}), 0, 4)
		c := &Continuation{ActionSet: list.Draw(t, "set")}
		if rapid.Bool().Draw(t, "egress") {
			c.Port, c.Most = rapid.Uint32Min(1).Draw(t, "port"), rapid.Uint16().Draw(t, "most")
		}
		copy(c.Switch[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "switch"))
		for range rapid.IntRange(0, 5).Draw(t, "stack") {
			c.Stack = append(c.Stack, flow.Value{Hi: rapid.Uint64().Draw(t, "hi"), Lo: rapid.Uint64().Draw(t, "lo")})
		}
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			s := ContinuationStep{
				Table: rapid.Uint8().Draw(t, "table"), Cookie: rapid.SampledFrom([]uint64{0, 1, 1 << 63}).Draw(t, "cookie"), Actions: list.Draw(t, "actions"),
			}
			if rapid.Bool().Draw(t, "rest") {
				s.Rest = pipeline.Instructions{Clear: true, Write: list.Draw(t, "write"), Metadata: 1, MetadataMask: rapid.Uint64Range(1, 2).Draw(t, "mask"), Goto: rapid.Uint8Max(253).Draw(t, "goto")}
				s.Rest.Metadata &= s.Rest.MetadataMask
			}
			c.Steps = append(c.Steps, s)
		}
		got, err := ParseContinuation(v, c.Append(nil, v))
		if err != nil {
			t.Fatal(err)
		}
		// An output is written with its length for controllers, which is none here.
		if d := cmp.Diff(c, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(pipeline.Action{}, "MaxLen")); d != "" {
			t.Fatal(d)
		}
	})
}

func TestBadContinuations(t *testing.T) {
	for _, c := range []struct {
		name string
		b    []byte
		want ofperr.Error
	}{
		{"nothing", nil, 0},
		{"a property that there is not", property8(nil, 0x8009, 1), ofperr.PropertyBadType},
		{"a switch of two bytes", propertyBytes(nil, contBridge, []byte{1, 2}), ofperr.PropertyBadLen},
		{"a value of 17 bytes", propertyBytes(nil, contStack, make([]byte, 17)), ofperr.PropertyBadLen},
		{"actions without padding", propertyBytes(nil, contActions, []byte{1}), ofperr.PropertyBadLen},
		{"half an action", propertyBytes(nil, contActions, make([]byte, 8)), ofperr.ActionBadLen},
	} {
		_, err := ParseContinuation(V13, c.b)
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// FuzzContinuation reads what a controller gives back: no panic, and what is read is written
// as the same.
func FuzzContinuation(f *testing.F) {
	for _, v := range spoken {
		f.Add(byte(v), sampleContinuation().Append(nil, v))
	}
	f.Fuzz(func(t *testing.T, version byte, b []byte) {
		v := Version(version)
		if !Spoken.Has(v) {
			return
		}
		c, err := ParseContinuation(v, b)
		if err != nil {
			var e ofperr.Error
			if !errors.As(err, &e) {
				t.Errorf("%v", err)
			}
			return
		}
		first := c.Append(nil, v)
		again, err := ParseContinuation(v, first)
		if err != nil {
			t.Fatalf("%x, written %x: %v", b, first, err)
		}
		if second := again.Append(nil, v); string(first) != string(second) {
			t.Fatalf("%x, written %x, then %x", b, first, second)
		}
	})
}
