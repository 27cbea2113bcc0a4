package session

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// floorOfTables is a session with a switch that has tables.
func floorOfTables(t *testing.T, v wire.Version) (*peer, *pipeline.State) {
	t.Helper()
	s, err := pipeline.New(pipeline.Config{Name: "br0"})
	if err != nil {
		t.Fatal(err)
	}
	p := dial(t, Config{Switch: box(), Tables: s})
	p.greet(v)
	return p, s
}

// features asks with the records of body, in as many messages as that takes, and returns the
// records of the answer or, of an error, the error.
func (p *peer) features(v wire.Version, records [][]byte) ([][]byte, *wire.PeerError) {
	p.t.Helper()
	const xid = 77
	var body []byte
	for len(records) > 0 {
		if len(body)+len(records[0]) > 60_000 {
			p.write(wire.AppendMultipartRequest(nil, v, xid, wire.Multipart{Part: wire.PartTableFeatures, More: true, Body: body}))
			body = nil
		}
		body, records = append(body, records[0]...), records[1:]
	}
	p.write(wire.AppendMultipartRequest(nil, v, xid, wire.Multipart{Part: wire.PartTableFeatures, Body: body}))
	var out [][]byte
	for {
		msg := p.read()
		if msg == nil {
			p.t.Fatal("the session has ended")
		}
		if wire.KindOf(v, msg[1]) == wire.ErrorMsg {
			e, err := wire.ParseError(v, msg[wire.HeaderLen:])
			if err != nil {
				p.t.Fatal(err)
			}
			return nil, e
		}
		m, err := wire.ParseMultipart(v, msg[wire.HeaderLen:])
		if err != nil {
			p.t.Fatal(err)
		}
		for b := m.Body; len(b) > 0; b = b[binary.BigEndian.Uint16(b):] {
			out = append(out, bytes.Clone(b[:binary.BigEndian.Uint16(b)]))
		}
		if !m.More {
			return out, nil
		}
	}
}

// refusedWith says whether a peer that speaks v told want, as far as the version can.
func refusedWith(v wire.Version, e *wire.PeerError, want ofperr.Error) bool {
	vendor, kind, code := want.Numbers(uint8(v))
	if e == nil || e.Vendor != vendor || e.Code != code {
		return false
	}
	return e.Type == kind || vendor != 0 && v != wire.V10
}

// TestTableFeaturesComeBack: what a table can do can be sent back as it was read, with a name
// and a bound, and is answered with what it is then.
func TestTableFeaturesComeBack(t *testing.T) {
	for _, v := range []wire.Version{wire.V13, wire.V14, wire.V15} {
		t.Run(v.String(), func(t *testing.T) {
			p, s := floorOfTables(t, v)
			if err := s.SetPipeline(&pipeline.PipelineMod{Command: pipeline.PipelineModify, Tables: []pipeline.PipelineTable{{Table: 200, FirstEgress: true}}}); err != nil {
				t.Fatal(err)
			}
			before, _ := p.features(v, nil)
			if len(before) != pipeline.NumTables {
				t.Fatalf("%d tables", len(before))
			}
			want := slices.Clone(before)
			want[5] = bytes.Clone(want[5])
			copy(want[5][8:], "acl")
			binary.BigEndian.PutUint32(want[5][60:], 1000)
			after, e := p.features(v, want)
			if e != nil || !slices.EqualFunc(after, want, bytes.Equal) {
				t.Errorf("%v: %d records, not as asked for", e, len(after))
			}
			c, err := s.TableConfigs(5)
			if err != nil || c[0].Name != "acl" || c[0].MaxFlows != 1000 {
				t.Errorf("%v %+v", err, c)
			}
			if c, err = s.TableConfigs(200); err != nil || !c[0].FirstEgress {
				t.Errorf("%v %+v", err, c)
			}
			// All but the last two: they are disabled.
			after, e = p.features(v, want[:252])
			if e != nil || len(after) != 252 {
				t.Errorf("%v: %d tables left", e, len(after))
			}
			if v >= wire.V15 {
				return
			}
			if _, e = p.features(v, want[:200]); !refusedWith(v, e, ofperr.TableFeaturesDenied) {
				t.Errorf("without the first egress table, which %s does not know: %v", v, e)
			}
		})
	}
}

// property is one property of a request.
func property(kind uint16, data ...byte) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), uint16(4+len(data)))
	b = append(b, data...)
	return append(b, make([]byte, -len(b)&7)...)
}

// TestTableFeaturesRefused is what requests are refused for, each with the error that the
// version has for it; nothing is changed by one.
func TestTableFeaturesRefused(t *testing.T) {
	type edit func(t *wire.TableFeatures)
	record := func(v wire.Version, id uint8, change edit, props ...[]byte) []byte {
		f := &wire.TableFeatures{ID: id, Command: 1, Name: "renamed", MetadataMatch: 1}
		if v < wire.V15 {
			f.Command = 0
		}
		if change != nil {
			change(f)
		}
		b := f.Append(nil, v)[:64]
		for _, p := range props {
			b = append(b, p...)
		}
		binary.BigEndian.PutUint16(b, uint16(len(b)))
		return b
	}
	nothing := edit(nil)
	for _, c := range []struct {
		name     string
		change   edit
		props    [][]byte
		v13, v15 ofperr.Error // NoError: the version doesn't have it
	}{
		{"a table that is not there", func(f *wire.TableFeatures) { f.ID = 254 }, nil, ofperr.TableFeaturesBadTable, ofperr.TableFeaturesBadTable},
		{"a command", func(f *wire.TableFeatures) { f.Command = 4 }, nil, 0, ofperr.TableFeaturesBadCommand},
		{"features", func(f *wire.TableFeatures) { f.Features = 4 }, nil, 0, ofperr.TableFeaturesBadFeatures},
		{"egress from table 0", func(f *wire.TableFeatures) { f.ID, f.Features = 0, wire.TableFirstEgress }, nil, 0, ofperr.TableFeaturesBadFeatures},
		{"capabilities", func(f *wire.TableFeatures) { f.Config = 16 }, nil, ofperr.TableFeaturesDenied, ofperr.TableFeaturesBadCapabilities},
		{"too many flows", func(f *wire.TableFeatures) { f.MaxEntries = 1_000_001 }, nil, ofperr.TableFeaturesDenied, ofperr.TableFeaturesBadMaxEntries},
		{"an instruction", nothing, [][]byte{property(0, 0, 8, 0, 4)}, ofperr.PropertyBadValue, ofperr.PropertyBadValue},
		{"an action", nothing, [][]byte{property(6, 0, 26, 0, 4)}, ofperr.PropertyBadValue, ofperr.PropertyBadValue},
		{"an action of a vendor", nothing, [][]byte{property(6, 0xff, 0xff, 0, 8, 0, 0, 0x12, 0x34)}, ofperr.PropertyBadExperimenter, ofperr.PropertyBadExperimenter},
		{"the action set of an egress table", func(f *wire.TableFeatures) { f.Features = wire.TableFirstEgress }, [][]byte{property(4, 0, 0, 0, 4)}, 0, ofperr.PropertyBadValue},
		{"a table back", nothing, [][]byte{property(2, 3)}, ofperr.PropertyBadValue, ofperr.PropertyBadValue},
		{"a table beyond the first egress table", func(f *wire.TableFeatures) { f.ID, f.Features = 5, wire.TableFirstEgress }, nil, 0, 0},
		{"a field that no packet has", nothing, [][]byte{property(8, 0, 1, 105<<1, 4)}, ofperr.PropertyBadValue, ofperr.PropertyBadValue},       // ct_state
		{"a field that cannot be written", nothing, [][]byte{property(14, 0x80, 0, 5<<1, 2)}, ofperr.PropertyBadValue, ofperr.PropertyBadValue}, // eth_type
		{"a field that is not known", nothing, [][]byte{property(8, 0x80, 0, 100<<1, 2)}, ofperr.MatchBadField, ofperr.MatchBadField},
		{"a property", nothing, [][]byte{property(23)}, ofperr.PropertyBadType, ofperr.PropertyBadType},
		{"a property of 1.5", nothing, [][]byte{property(18)}, ofperr.PropertyBadType, 0},
		{"a property twice", nothing, [][]byte{property(2, 9), property(2, 9)}, ofperr.PropertyTwice, ofperr.PropertyTwice},
		{"packets of another type", nothing, [][]byte{property(22, 0x80, 0, 44<<1, 4, 0, 1, 8, 0)}, 0, ofperr.PropertyBadValue},
		{"synchronised tables", nothing, [][]byte{property(16, 1)}, 0, ofperr.PropertyBadValue},
	} {
		for v, want := range map[wire.Version]ofperr.Error{wire.V13: c.v13, wire.V15: c.v15} {
			if want == ofperr.NoError {
				continue
			}
			p, s := floorOfTables(t, v)
			_, got := p.features(v, [][]byte{record(v, 4, func(f *wire.TableFeatures) { f.ID = 3 }), record(v, 4, c.change, c.props...)})
			if !refusedWith(v, got, want) {
				t.Errorf("%s in %s: %v, want %v", c.name, v, got, want)
			}
			all, err := s.TableConfigs(pipeline.AllTables)
			if err != nil || len(all) != pipeline.NumTables || slices.ContainsFunc(all, func(c pipeline.TableConfig) bool { return c.Name != "" || c.FirstEgress }) {
				t.Errorf("%s in %s: something was changed", c.name, v)
			}
		}
	}
}

// TestTablesAsOfctlShowsThem is names and stages as ovs-ofctl prints them, and a name in the
// place of a number.
func TestTablesAsOfctlShowsThem(t *testing.T) {
	s, err := pipeline.New(pipeline.Config{Name: "br0"})
	if err != nil {
		t.Fatal(err)
	}
	err = s.SetPipeline(&pipeline.PipelineMod{Command: pipeline.PipelineModify, Tables: []pipeline.PipelineTable{
		{Table: 3, Name: "acl", MaxFlows: 17}, {Table: 9, Name: "leave", FirstEgress: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	sock := "unix:" + serveUnix(t, Config{Switch: box(), Tables: s})
	for _, v := range []string{"OpenFlow13", "OpenFlow14", "OpenFlow15"} {
		text := ofctl(t, "-O", v, "dump-table-features", sock)
		for _, want := range []string{`table 3 ("acl"):`, "max_entries=17", `table 9 ("leave"):`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", v, want, text[:min(len(text), 4000)])
			}
		}
		if strings.Contains(text, "error") {
			t.Errorf("%s: %s", v, text)
		}
	}
	if text := ofctl(t, "-O", "OpenFlow13", "--names", "add-flow", sock, "table=acl,actions=goto_table:4"); text != "" {
		t.Error(text)
	}
	if text := ofctl(t, "-O", "OpenFlow13", "--names", "dump-flows", sock); !strings.Contains(text, "table=acl,") {
		t.Error(text)
	}
	text := ofctl(t, "dump-tables", sock)
	_, acl, _ := strings.Cut(text, `table 3 ("acl")`)
	if acl, next, _ := strings.Cut(acl, "\n  table "); !strings.Contains(acl, "max_entries=17\n") || !strings.Contains(next, "max_entries=1000000\n") {
		t.Errorf("the bound of a table is not told: %s", text[:min(len(text), 2000)])
	}
	if text := ofctl(t, "-O", "OpenFlow15", "add-flow", sock, "table=3,actions=goto_table:9"); !strings.Contains(text, "OFPBIC_BAD_TABLE_ID") {
		t.Error(text)
	}
	if text := ofctl(t, "-O", "OpenFlow15", "add-flow", sock, "table=9,actions=write_actions(output:1)"); !strings.Contains(text, "OFPBAC_BAD_TYPE") {
		t.Error(text)
	}
}
