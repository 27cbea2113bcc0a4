package wire

import (
	"strings"
	"testing"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// What pipeline reads in a text is written as ovs-ofctl sends the text: matches, actions and
// their order mean the same to both.
func TestTextsAreWrittenAsOVSSendsThem(t *testing.T) {
	n := 0
	eachFlowMod(t, func(text string, v Version, style Style, msg []byte) {
		if cmd, _ := command(text); cmd != "add-flow" {
			return
		}
		f, err := pipeline.ParseFlow(text, nil)
		if err != nil {
			return // not all that can be sent is text of a flow; n tells how many are
		}
		n++
		fm := pipeline.FlowMod{Flow: f, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}
		if at := tableAt(style); v == V10 && msg[at] == 0xff {
			msg[at] = 0
		}
		got := AppendFlowMod(nil, v, 2, &fm, NoBuffer, style)
		if string(got) != string(msg) && !otherwise(text, v) && !otherwise10(text, v) {
			t.Errorf("%s %+v: %s\n got %x\nwant %x", v, style, text, got, msg)
		}
	})
	if n < 480 {
		t.Errorf("%d texts are read, want 480 or more", n)
	}
}

// otherwise10 says which texts are written in 1.0 in another way than ovs-ofctl's: it drops the
// mask of an address there, and uses loads where the field has an action of its own.
func otherwise10(text string, v Version) bool {
	for _, s := range []string{"set_field:10.0.0.0/255.0.0.0->ip_src", "->sctp_dst", "->mpls_label"} {
		if v == V10 && strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// legacyField is the fields that set10 writes.
func TestLegacyFieldsAreThoseWithActionsIn10(t *testing.T) {
	for f := flow.FieldNone + 1; f < flow.NumFields; f++ {
		w := actionWriter{v: V10}
		if got := w.set10(f, flow.Value{}); got != legacyField(f) {
			t.Errorf("%s: set10 %v, legacyField %v", f.Name(), got, legacyField(f))
		}
	}
}
