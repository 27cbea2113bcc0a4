package pipeline

import (
	"strings"
	"testing"
)

func TestParseFlowMod(t *testing.T) {
	for _, c := range []struct {
		text    string
		command FlowCommand
		want    FlowMod // its flow apart
		flow    string
	}{
		{"cookie=7,check_overlap,in_port=1,actions=2", FlowAdd, FlowMod{CheckOverlap: true, OutPort: AnyPort, OutGroup: AnyGroup}, "cookie=0x7, in_port=1 actions=output:2"},
		{"reset_counts,cookie=7,actions=2", FlowModify, FlowMod{ResetCounts: true, SetsCookie: true, OutPort: AnyPort, OutGroup: AnyGroup}, "cookie=0x7, table=255, actions=output:2"},
		{"table=3,cookie=7/0xf,actions=2", FlowModifyStrict, FlowMod{CookieMask: 0xf, OutPort: AnyPort, OutGroup: AnyGroup}, "cookie=0x7, table=3, actions=output:2"},
		{"cookie=7/-1,out_port=p2,out_group=5", FlowDelete, FlowMod{CookieMask: ^uint64(0), OutPort: 2, OutGroup: 5}, "cookie=0x7, table=255, actions=drop"},
		{"priority=5,tcp", FlowDeleteStrict, FlowMod{OutPort: AnyPort, OutGroup: AnyGroup}, "table=255, priority=5,tcp actions=drop"},
	} {
		m, err := ParseFlowMod(c.text, c.command, testState(t, "").Snapshot().PortNames())
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := m.Flow.String(); got != c.flow {
			t.Errorf("%s: flow %s, want %s", c.text, got, c.flow)
		}
		m.Flow, c.want.Command = Flow{}, c.command
		if got := m; got.Command != c.want.Command || got.CookieMask != c.want.CookieMask || got.SetsCookie != c.want.SetsCookie || got.OutPort != c.want.OutPort ||
			got.OutGroup != c.want.OutGroup || got.CheckOverlap != c.want.CheckOverlap || got.ResetCounts != c.want.ResetCounts || got.AddsMissing {
			t.Errorf("%s: %+v, want %+v", c.text, got, c.want)
		}
	}
	for _, c := range []struct {
		text    string
		command FlowCommand
		column  int
		msg     string
	}{
		{"in_port=1", FlowAdd, 10, "no actions"},
		{"in_port=1 actions=2", FlowDelete, 11, "no actions"},
		{"out_port=1 actions=2", FlowModify, 1, "to delete"},
		{"cookie=1/1 actions=2", FlowAdd, 8, "no mask"},
		{"cookie=x/1", FlowDelete, 8, "64 bits"},
		{"cookie=1/x", FlowDelete, 10, "mask"},
		{"out_port=nowhere", FlowDelete, 10, "name"},
		{"out_group=x", FlowDelete, 11, "32 bits"},
		{"check_overlap", FlowDelete, 1, "no use"},
		{"check_overlap=1 actions=2", FlowAdd, 15, "no value"},
	} {
		_, err := ParseFlowMod(c.text, c.command, nil)
		pe, ok := err.(*ParseError)
		if !ok || pe.Column != c.column || !strings.Contains(pe.Msg, c.msg) {
			t.Errorf("%s: %v; want column %d with %q", c.text, err, c.column, c.msg)
		}
	}
}

// FuzzParseFlowMod asks of any text: no panic, and an error lies within the text.
func FuzzParseFlowMod(f *testing.F) {
	f.Add("cookie=1/2,out_port=1,check_overlap,table=3,tcp", uint8(3))
	f.Add("cookie=1/2,reset_counts actions=1", uint8(1))
	f.Fuzz(func(t *testing.T, s string, command uint8) {
		m, err := ParseFlowMod(s, FlowCommand(command%5), nil)
		if err != nil {
			if pe, ok := err.(*ParseError); !ok || pe.Column < 1 || pe.Column-1+pe.Len > len(s) || pe.Msg == "" {
				t.Fatalf("error %#v does not lie in %q", err, s)
			}
			return
		}
		if m.Flow.Table >= NumTables && m.Flow.Table != AllTables {
			t.Fatalf("table %d", m.Flow.Table)
		}
	})
}
