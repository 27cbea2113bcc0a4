package wire

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// TestControllerProperties: numbers of one and two bytes come with their padding counted, as Open
// vSwitch sends those of two, and without.
func TestControllerProperties(t *testing.T) {
	const head = "ffff 0020 00002320 0025 000000000000"
	for _, c := range []struct {
		props string
		want  pipeline.ControllerAction
		err   error
	}{
		{"0000 0008 0028 0000 0001 0008 0003 0000", pipeline.ControllerAction{MaxLen: 40, ID: 3, Reason: reasonAction}, nil},
		{"0000 0006 0028 0000 0001 0006 0003 0000", pipeline.ControllerAction{MaxLen: 40, ID: 3, Reason: reasonAction}, nil},
		{"0002 0005 0200 0000 0002 0008 0200 0000", pipeline.ControllerAction{MaxLen: maxLenNoBuffer, Reason: 2}, nil},
		{"0000 0007 0028 0000 0001 0008 0003 0000", pipeline.ControllerAction{}, ofperr.PropertyBadLen},
		{"0004 0008 0000 0000 0001 0008 0003 0000", pipeline.ControllerAction{}, ofperr.PropertyBadLen},
		{"0005 0006 0001 0000 0001 0008 0003 0000", pipeline.ControllerAction{}, ofperr.PropertyBadLen},
		{"0009 0008 0001 0000 0001 0008 0003 0000", pipeline.ControllerAction{}, ofperr.PropertyBadType},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(head+c.props, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		list, err := ParseActions(V13, b, &flow.Match{})
		if c.err != nil {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v, want %v", c.props, err, c.err)
			}
			continue
		}
		if err != nil || len(list) != 1 || list[0].List == nil || list[0].List.Controller == nil || *list[0].List.Controller != c.want {
			t.Errorf("%s: %+v, %v", c.props, list, err)
		}
	}
}
