package ipfix

import (
	"slices"
	"testing"

	"pollux/ipfix/cache"
)

// sample is a record with all there can be.
func sample(is traits) record {
	var r record
	switch {
	case is&isIPv4 != 0:
		r.Class, r.EthType = cache.IPv4, 0x0800
	case is&isIPv6 != 0:
		r.Class, r.EthType = cache.IPv6, 0x86dd
	}
	switch {
	case is&isTCP != 0:
		r.Proto = 6
	case is&hasPorts != 0:
		r.Proto = 17
	case is&isICMP != 0 && is&isIPv4 != 0:
		r.Proto = 1
	case is&isICMP != 0:
		r.Proto = 58
	case is&(isIPv4|isIPv6) != 0:
		r.Proto = 47
	}
	if is&isTagged != 0 {
		r.VLAN = 0x1064
	}
	if is&isEgress != 0 {
		r.Point.Dir, r.Point.Egress = cache.Egress, 2
	}
	r.Tunnel.On, r.Tunnel.IPv6, r.Tunnel.Type = is&isTunnel != 0, is&isTunnel6 != 0, 1
	r.Biflow = is&isBiflow != 0
	if is&isSampled != 0 {
		r.Point.Probability = 40000
	}
	r.InPort, r.Packets, r.Rev.Packets = 1, 3, 4
	return r
}

// TestOneTemplateForTheSameTraits: of finds the template of every kind of record, the
// same one each time, and its marks tell what is new.
func TestOneTemplateForTheSameTraits(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{Biflow: BiflowInitiator})
	atStart := sc.mark()
	for is := range traits(1 << numTraits) {
		if !is.possible() || !sc.occurs(is) {
			continue
		}
		r := sample(is)
		if got := traitsOf(&r); got != is {
			t.Fatalf("traits %b of a record made to have %b", got, is)
		}
		before := sc.mark()
		tpl := sc.of(&r)
		if late := is&(isTunnel|isSampled) != 0; late != (sc.mark().templates > before.templates) {
			t.Errorf("traits %b: template made with the first record: %v, want %v", is, !late, late)
		}
		if again := sc.of(&r); again != tpl || sc.byTraits[is] != tpl {
			t.Errorf("traits %b: two templates", is)
		}
	}
	now := sc.mark()
	if now.selectors != 1 {
		t.Errorf("%d selectors, want one", now.selectors)
	}
	var tpls []*Template
	kinds := map[*Template]int{}
	sc.eachNew(atStart, func(tpl *Template) { tpls = append(tpls, tpl) }, func(tpl *Template, _ *source) { kinds[tpl]++ })
	if len(tpls) != now.templates-atStart.templates || kinds[sc.kinds[keysOption]] != len(tpls) || kinds[sc.kinds[selectorOption]] != 1 {
		t.Errorf("%d templates and options %v since the start", len(tpls), kinds)
	}
	sc.eachNew(now, func(*Template) { t.Error("a template since now") }, func(*Template, *source) { t.Error("an option since now") })
}

// TestNextSchema: a change of what records say makes templates with other numbers,
// any other change leaves them.
func TestNextSchema(t *testing.T) {
	base := ExporterConfig{MTU: 1500, DropReasons: []DropReason{{1, "a", "b"}}}
	sc := schemaOf(t, base)
	same := base
	same.DropReasons, same.Targets, same.Elements = []DropReason{{1, "c", "d"}}, []string{"127.0.0.1:1"}, []string{"standard"}
	if n, err := sc.next(&same); err != nil || n != sc || sc.reason(1).Name != "c" {
		t.Errorf("another schema for the same records: %v", err)
	}
	for name, change := range map[string]func(*ExporterConfig){
		"elements": func(c *ExporterConfig) { c.Elements = []string{"full"} },
		"key":      func(c *ExporterConfig) { c.FlowKey = testConfigs()["five"].FlowKey },
		"biflow":   func(c *ExporterConfig) { c.Biflow = BiflowReverse },
		"pen":      func(c *ExporterConfig) { c.PEN = 64000 },
		"rules":    func(c *ExporterConfig) { c.RuleAttribution = true },
		"virtual":  func(c *ExporterConfig) { c.VirtualObsID = "x" },
		"ports":    func(c *ExporterConfig) { c.Interfaces = func() []Interface { return nil } },
	} {
		c := base
		change(&c)
		n, err := sc.next(&c)
		if err != nil || n == sc {
			t.Errorf("%s: the same schema, %v", name, err)
			continue
		}
		used := map[uint16]bool{}
		for _, tpl := range sc.all() {
			used[tpl.ID] = true
		}
		for _, tpl := range n.all() {
			if used[tpl.ID] {
				t.Fatalf("%s: template %d is in both", name, tpl.ID)
			}
		}
	}
}

// TestNumbersAreOfWhatTemplatesAre: two schemas of one configuration give each kind of
// record the same number, whatever came first; numbers fit their block.
func TestNumbersAreOfWhatTemplatesAre(t *testing.T) {
	for name, c := range testConfigs() {
		a, b := schemaOf(t, c), schemaOf(t, c)
		for i := range traits(1 << numTraits) {
			for sc, is := range map[*schema]traits{a: i, b: 1<<numTraits - 1 - i} {
				if is.possible() && sc.occurs(is) {
					r := sample(is)
					sc.of(&r)
				}
			}
		}
		for is := range traits(1 << numTraits) {
			x, y := a.byTraits[is], b.byTraits[is]
			if x == nil && y == nil {
				continue
			}
			if x.ID != y.ID || !slices.Equal(x.Elements, y.Elements) {
				t.Errorf("%s: traits %b have templates %d and %d", name, is, x.ID, y.ID)
			}
		}
		for _, tpl := range a.all() {
			if tpl.ID < a.first() || int(tpl.ID) >= int(a.first())+blockSize {
				t.Errorf("%s: template %d is not in the block at %d", name, tpl.ID, a.first())
			}
		}
	}
	for block := range uint16(numBlocks) {
		s := schema{block: block}
		if int(s.first())+blockSize > 1<<16 || s.first() < firstTemplate {
			t.Errorf("block %d begins at %d", block, s.first())
		}
	}
}

// TestNextBlock: a change whose templates would have the numbers in force gets others.
func TestNextBlock(t *testing.T) {
	sc := schemaOf(t, ExporterConfig{})
	c := ExporterConfig{Elements: []string{"full"}}
	c.defaults(1)
	n, err := sc.next(&c)
	if err != nil {
		t.Fatal(err)
	}
	sc.block = n.block
	again, err := sc.next(&c)
	if err != nil || again.block == sc.block || again.all()[0].ID == n.all()[0].ID {
		t.Errorf("block %d after %d: %v", again.block, sc.block, err)
	}
}

// TestElementsGoWithWhatTheyTell: rules and what is measured of TCP are in records when
// the caches know them, names of ports when there are ports.
func TestElementsGoWithWhatTheyTell(t *testing.T) {
	ports := func() []Interface { return nil }
	for _, tt := range []struct {
		name     string
		c        ExporterConfig
		with     []E
		without  []E
		traitsOf traits
	}{
		{"nothing", ExporterConfig{Elements: []string{"full"}}, []E{dropReason, packetTotalCount},
			[]E{ruleCookie, ruleTable, tcpRetransmissionCount, interfaceName, ingressInterfaceType, dropReasonName, virtualObsID}, 0},
		{"standard", ExporterConfig{Interfaces: ports}, []E{forwardingStatus}, []E{dropReason, interfaceName, packetTotalCount}, 0},
		{"rules", ExporterConfig{RuleAttribution: true}, []E{ruleCookie, ruleTable, dropReason}, []E{tcpRetransmissionCount}, 0},
		{"tcp", ExporterConfig{TCPQoS: true}, []E{tcpRetransmissionCount, tcpOutOfOrderCount}, []E{ruleCookie, tcpHandshakeTime}, 0},
		{"both directions", ExporterConfig{TCPQoS: true, Biflow: BiflowInitiator}, []E{tcpRetransmissionCount | reversed, tcpHandshakeTime}, nil, isBiflow},
		{"by name", ExporterConfig{Elements: []string{"ruleTable"}}, []E{ruleTable}, []E{ruleCookie, packetDeltaCount, flowEndReason}, 0},
		{"ports", ExporterConfig{Elements: []string{"full"}, Interfaces: ports}, []E{interfaceName, ingressInterfaceType}, nil, 0},
	} {
		r := sample(isIPv4 | hasPorts | isTCP | tt.traitsOf)
		tpl := schemaOf(t, tt.c).of(&r)
		for _, e := range tt.with {
			if !tpl.has(e) {
				t.Errorf("%s: no %s", tt.name, e.name())
			}
		}
		for _, e := range tt.without {
			if tpl.has(e) {
				t.Errorf("%s: there is %s", tt.name, e.name())
			}
		}
	}
}

// TestWrongSchemas: what cannot be sent is refused.
func TestWrongSchemas(t *testing.T) {
	for name, c := range map[string]ExporterConfig{
		"unknown element": {Elements: []string{"full", "octetDeltacount"}},
		"long id":         {VirtualObsID: string(make([]byte, 255))},
		"small mtu":       {MTU: 576, Elements: []string{"full"}, Biflow: BiflowInitiator},
	} {
		c.defaults(1)
		if _, err := newSchema(&c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestEncodeAllocatesNothing: neither finding the template nor writing the record
// allocates.
func TestEncodeAllocatesNothing(t *testing.T) {
	for name, c := range testConfigs() {
		sc := schemaOf(t, c)
		r := sample(isIPv4 | hasPorts | isTCP | isTunnel | isSampled)
		src := source{rec: &r, epoch: epoch}
		m := newMessage(1452, 0)
		n := testing.AllocsPerRun(100, func() {
			if !m.addRecord(sc.of(&r), &src) {
				m.finish(0, 0)
				m.reset()
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a record", name, n)
		}
	}
}

// BenchmarkRecord is the time to find a record's template and to write it.
func BenchmarkRecord(b *testing.B) {
	for name, is := range map[string]traits{"udp": isIPv4 | hasPorts, "tcp6": isIPv6 | hasPorts | isTCP} {
		for _, set := range []string{"default", "full", "everything"} {
			b.Run(name+"/"+set, func(b *testing.B) {
				sc := schemaOf(b, testConfigs()[set])
				r := sample(is)
				src := source{rec: &r, epoch: epoch}
				m := newMessage(1452, 0)
				for b.Loop() {
					if !m.addRecord(sc.of(&r), &src) {
						m.finish(0, 0)
						m.reset()
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/record")
			})
		}
	}
}

// TestNothingIsLonger: names of elements fit what is reckoned with for them.
func TestNothingIsLonger(t *testing.T) {
	for e := range NumElements {
		if n := len((e | reversed).name()); n > maxPortName {
			t.Errorf("%s has %d bytes", (e | reversed).name(), n)
		}
		if n := len(Elements[e].About) + len(ofReverse); n > maxSentence {
			t.Errorf("what is told of %s has %d bytes", e.name(), n)
		}
	}
}
