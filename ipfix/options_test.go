package ipfix

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// optionsOf writes all options of a schema as eachOption of an exporter does, and
// returns what goflow2 reads of them: by kind, records of values by element name.
func optionsOf(t testing.TB, sc *schema, o options) map[int][]map[string][]byte {
	t.Helper()
	ts := netflow.CreateTemplateSystem()
	m := newMessage(1452, 7)
	got := map[int][]map[string][]byte{}
	names := nameTable()
	flush := func() {
		for _, set := range decode(t, m.finish(1, 0), ts).FlowSets {
			data, ok := set.(netflow.OptionsDataFlowSet)
			if !ok {
				continue
			}
			kind := slices.IndexFunc(sc.kinds[:], func(tpl *Template) bool { return tpl != nil && tpl.ID == data.Id })
			for _, rec := range data.Records {
				values := map[string][]byte{}
				for _, f := range append(rec.ScopesValues, rec.OptionsValues...) {
					key := elementKey{f.Pen, f.Type &^ enterpriseBit}
					if key.pen == sc.pen {
						key.pen = examplePEN
					}
					values[names[key]] = f.Value.([]byte)
				}
				got[kind] = append(got[kind], values)
			}
		}
		m.reset()
	}
	for _, tpl := range sc.options() {
		if !m.addTemplate(tpl) {
			flush()
			m.addTemplate(tpl)
		}
	}
	sc.eachStatistic(o, epoch, func(tpl *Template, s *source) { addOrFlush(t, m, tpl, s, flush) })
	sc.eachOption(func(tpl *Template, s *source) { addOrFlush(t, m, tpl, s, flush) })
	sc.eachNew(mark{selectors: len(sc.selectors)}, nil, func(tpl *Template, s *source) { addOrFlush(t, m, tpl, s, flush) })
	flush()
	return got
}

func addOrFlush(t testing.TB, m *message, tpl *Template, s *source, flush func()) {
	if !m.addRecord(tpl, s) {
		flush()
		if !m.addRecord(tpl, s) {
			t.Fatalf("an option of template %d does not fit", tpl.ID)
		}
	}
}

func number(b []byte) uint64 { return binary.BigEndian.Uint64(append(make([]byte, 8-len(b)), b...)) }

// TestStatisticsReadBack: what was sent, not sent, seen and ignored.
func TestStatisticsReadBack(t *testing.T) {
	o := options{
		sampling: 1, domain: 7, sentOctets: 1, sentMessages: 2, sentRecords: 3, notSentFlows: 4, notSentPackets: 5, notSentOctets: 6,
		flows: 7, ignoredPackets: 8, ignoredOctets: 9,
	}
	got := optionsOf(t, schemaOf(t, ExporterConfig{VirtualObsID: "br0"}), o)
	want := map[int]map[string]uint64{
		exportingOption: {
			"exportingProcessId": 1, "exportedOctetTotalCount": 1, "exportedMessageTotalCount": 2, "exportedFlowRecordTotalCount": 3,
			"notSentFlowTotalCount": 4, "notSentPacketTotalCount": 5, "notSentOctetTotalCount": 6,
		},
		meteringOption: {"meteringProcessId": 1, "observedFlowTotalCount": 7, "ignoredPacketTotalCount": 8, "ignoredOctetTotalCount": 9},
	}
	for kind, values := range want {
		if len(got[kind]) != 1 {
			t.Fatalf("option %d: %d records", kind, len(got[kind]))
		}
		have := map[string]uint64{}
		for name, b := range got[kind][0] {
			have[name] = number(b)
		}
		if !maps.Equal(have, values) {
			t.Errorf("option %d: %v, want %v", kind, have, values)
		}
	}
	if d := got[domainOption]; len(d) != 1 || number(d[0]["observationDomainId"]) != 7 || string(d[0]["virtualObsID"]) != "br0" {
		t.Errorf("virtual observation id: %q", d)
	}
}

// TestSelectorsReadBack: the exporter's sampling and each sample action's probability
// are told without a bias: 40000/65535 is that very fraction.
func TestSelectorsReadBack(t *testing.T) {
	for _, n := range []uint32{1, 10, 100} {
		sc := schemaOf(t, ExporterConfig{})
		for _, p := range []uint16{40000, 65535, 1, 40000} {
			r := sample(isIPv4 | isSampled)
			r.Point.Probability = p
			sc.of(&r)
		}
		got := optionsOf(t, sc, options{sampling: n})[selectorOption]
		if len(got) != 4 {
			t.Fatalf("%d selectors, want 4", len(got))
		}
		for i, p := range []uint16{0, 40000, 65535, 1} {
			want := 1 / float64(n)
			if p != 0 {
				want = float64(p) / 65535 / float64(n)
			}
			probability := math.Float64frombits(number(got[i]["samplingProbability"]))
			if number(got[i]["selectorId"]) != uint64(p)+1 || probability != want {
				t.Errorf("1:%d of %d: selector %d with probability %v, want %v", n, p, number(got[i]["selectorId"]), probability, want)
			}
			algorithm, space := uint64(uniformProbabilistic), uint64(math.Round(1/want))-1
			if want == 1 {
				algorithm = systematicCount
			}
			if number(got[i]["selectorAlgorithm"]) != algorithm || number(got[i]["samplingPacketInterval"]) != 1 || number(got[i]["samplingPacketSpace"]) != space {
				t.Errorf("1:%d of %d: %x, want algorithm %d, space %d", n, p, got[i], algorithm, space)
			}
		}
	}
}

// TestTablesReadBack: ports, drop reasons, flow keys and the types of private elements.
func TestTablesReadBack(t *testing.T) {
	for name, c := range testConfigs() {
		sc := schemaOf(t, c)
		got := optionsOf(t, sc, options{})
		var ports []Interface
		if c.Interfaces != nil {
			ports = c.Interfaces()
		}
		if len(got[interfaceOption]) != len(ports) || len(got[reasonOption]) != len(c.DropReasons) {
			t.Fatalf("%s: %d ports, %d reasons", name, len(got[interfaceOption]), len(got[reasonOption]))
		}
		for i, p := range ports {
			v := got[interfaceOption][i]
			if number(v["ingressInterface"]) != uint64(p.Index) || string(v["interfaceName"]) != p.Name ||
				string(v["interfaceDescription"]) != cut(p.Description, maxDescription) ||
				number(v["ingressInterfaceType"]) != uint64(p.Type) || number(v["interfaceSpeed"]) != p.Speed {
				t.Errorf("%s: port %q, want %+v", name, v, p)
			}
		}
		for i, d := range c.DropReasons {
			v := got[reasonOption][i]
			if number(v["dropReason"]) != uint64(d.ID) || string(v["dropReasonName"]) != d.Name || string(v["dropReasonDescription"]) != d.Sentence {
				t.Errorf("%s: reason %q, want %+v", name, v, d)
			}
		}
		checkKeys(t, name, sc, got[keysOption])
		checkTypes(t, name, sc, got[typeOption])
	}
}

// checkKeys: every data template has its bits, which are of elements that tell flows
// apart and of all of them.
func checkKeys(t *testing.T, name string, sc *schema, got []map[string][]byte) {
	keys := map[E]bool{}
	for i := range layout {
		keys[layout[i].e] = layout[i].key
	}
	if len(got) != len(sc.data()) {
		t.Fatalf("%s: keys of %d templates, want %d", name, len(got), len(sc.data()))
	}
	for i, tpl := range sc.data() {
		bits := number(got[i]["flowKeyIndicator"])
		if number(got[i]["templateId"]) != uint64(tpl.ID) {
			t.Fatalf("%s: template %x, want %d", name, got[i]["templateId"], tpl.ID)
		}
		for f, e := range tpl.Elements {
			if f < 64 && bits>>f&1 == 1 != keys[e] {
				t.Errorf("%s: template %d: %s: key %v", name, tpl.ID, e.name(), !keys[e])
			}
		}
	}
}

// checkTypes: what is not IANA's is described wherever it may be met.
func checkTypes(t *testing.T, name string, sc *schema, got []map[string][]byte) {
	told := map[elementKey]map[string][]byte{}
	for _, v := range got {
		k := elementKey{uint32(number(v["privateEnterpriseNumber"])), uint16(number(v["informationElementId"]))}
		if told[k] != nil {
			t.Errorf("%s: %v is described twice", name, k)
		}
		told[k] = v
	}
	for _, tpl := range everyTemplate(sc) {
		for _, e := range tpl.Elements {
			pen := e.enterprise(sc.pen)
			if pen == 0 || pen == ReversePEN {
				continue
			}
			el, v := e.element(), told[elementKey{pen, e.id()}]
			if v == nil {
				t.Errorf("%s: %s is not described", name, e.name())
				continue
			}
			if string(v["informationElementName"]) != e.name() || len(v["informationElementDescription"]) < 5 ||
				number(v["informationElementDataType"]) != uint64(types[el.Type].number) ||
				number(v["informationElementSemantics"]) != uint64(el.Semantics) || number(v["informationElementUnits"]) != uint64(el.Units) {
				t.Errorf("%s: %s is described as %q", name, e.name(), v)
			}
		}
	}
}

// TestTypesAreIANAs: numbers of data types as the registry has them.
func TestTypesAreIANAs(t *testing.T) {
	want := map[string]uint8{
		"octetArray": 0, "unsigned8": 1, "unsigned16": 2, "unsigned32": 3, "unsigned64": 4, "float64": 10, "macAddress": 12, "string": 13,
		"dateTimeMilliseconds": 15, "ipv4Address": 18, "ipv6Address": 19,
	}
	for i := range types {
		if n, ok := want[types[i].name]; !ok || n != types[i].number {
			t.Errorf("%s is %d, want %d", types[i].name, types[i].number, n)
		}
	}
}

// TestStringsAreCut: at most so many bytes, and whole characters.
func TestStringsAreCut(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"aéb", 3, "aé"}, {"é", 1, ""}, {"", 0, ""}} {
		if got := cut(tt.text, tt.n); got != tt.want {
			t.Errorf("%q cut to %d: %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}
