package wire

import (
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// TestStatTrigger is the instruction as bytes, and what is refused of it.
func TestStatTrigger(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want *pipeline.StatTrigger // nil: refused with err
		err  ofperr.Error
	}{
		{"0007001800000001 00000010 80020808 00000000000003e8", &pipeline.StatTrigger{Packets: 1000, Periodic: true}, 0},
		{"0007002800000003 0000001c 80020008 0000000a00000005 80020a08 0000000000000064 00000000",
			&pipeline.StatTrigger{Duration: 10*time.Second + 5, Bytes: 100, Periodic: true, OnlyFirst: true}, 0},
		{"0007001800000000 00000010 80020208 0000000200000000", &pipeline.StatTrigger{Idle: 2 * time.Second}, 0},
		{"0007001000000000 0000000400000000", &pipeline.StatTrigger{}, 0},
		{"0007001000000004 0000000400000000", nil, ofperr.InstructionUnsupported},                   // a flag
		{"0007001800000000 00000010 80020808 0000000000000000", nil, ofperr.InstructionUnsupported}, // 0 packets
		{"0007001800000000 0000000c 80020604 0000000100000000", nil, ofperr.InstructionUnsupported}, // flows
		{"0007001800000000 00000010 ffff0808 0000000000000001", nil, ofperr.InstructionUnsupported}, // an experimenter's
		{"0007000800000000", nil, ofperr.InstructionBadLen},
		{"0007001800000000 0000000800000000 0000000000000000", nil, ofperr.InstructionBadLen}, // statistics that end early
		{"0007001000000000 0000000800000000", nil, ofperr.InstructionUnsupported},
		{"0007001000000000 0000000280020808", nil, ofperr.InstructionBadLen},
		{"0007001800000000 00000010 80020809 00000000000003e8", nil, ofperr.InstructionBadLen}, // past the end
	} {
		b := unhex(t, c.hex)
		in, err := ParseInstructions(V15, b, nil)
		if c.want == nil {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v, want %v", c.hex, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(in.Trigger, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.hex, in.Trigger, err, c.want)
			continue
		}
		if got := AppendInstructions(nil, V15, &in, nil); hex.EncodeToString(got) != hex.EncodeToString(b) {
			t.Errorf("%s is written as %x", c.hex, got)
		}
		// Versions before do not have it, neither as request nor in what they are told.
		if _, err := ParseInstructions(V14, b, nil); !errors.Is(err, ofperr.InstructionUnknown) {
			t.Errorf("1.4: %v", err)
		}
		if got := AppendInstructions(nil, V14, &in, nil); len(got) > 0 {
			t.Errorf("1.4 is told %x", got)
		}
	}
}
