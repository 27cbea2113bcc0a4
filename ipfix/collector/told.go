package collector

import (
	"maps"
	"math"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// maxTold bounds what one session can tell by options; what is beyond is passed over.
const maxTold = 4096

// Told is what option records of one observation domain say, the last of each kind
// and subject.
type Told struct {
	Exporting   map[uint32]Exporting  `json:"exporting,omitempty"`    // by exportingProcessId
	Metering    map[uint32]Metering   `json:"metering,omitempty"`     // by meteringProcessId
	Selectors   map[uint64]Selector   `json:"selectors,omitempty"`    // by selectorId
	Interfaces  map[uint32]Interface  `json:"interfaces,omitempty"`   // by ingressInterface
	FlowKeys    map[uint16]uint64     `json:"flow_keys,omitempty"`    // flowKeyIndicator by template: bit n is its nth field
	DropReasons map[uint64]DropReason `json:"drop_reasons,omitempty"` // by number
}

// Exporting is the exporting process reliability statistics (RFC 7011 section 4.3)
// with the counts of what was sent.
type Exporting struct {
	Messages       uint64 `json:"messages"`
	Records        uint64 `json:"records"`
	Octets         uint64 `json:"octets"`
	NotSentFlows   uint64 `json:"not_sent_flows"`
	NotSentPackets uint64 `json:"not_sent_packets"`
	NotSentOctets  uint64 `json:"not_sent_octets"`
}

// Metering is the metering process statistics and its reliability statistics
// (RFC 7011 sections 4.1, 4.2).
type Metering struct {
	Flows          uint64 `json:"flows"`
	IgnoredPackets uint64 `json:"ignored_packets"`
	IgnoredOctets  uint64 `json:"ignored_octets"`
}

// Selector is a selector report interpretation (RFC 5476 section 6.5.2).
type Selector struct {
	Algorithm   uint16  `json:"algorithm"` // 1 systematic count based, 3 random n out of N, 4 uniform probabilistic …
	Interval    uint64  `json:"interval,omitempty"`
	Space       uint64  `json:"space,omitempty"`
	Size        uint64  `json:"size,omitempty"`
	Population  uint64  `json:"population,omitempty"`
	Probability float64 `json:"probability,omitempty"` // 0 when it is not told
}

// Interface is a row of the interface table.
type Interface struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Type        uint32 `json:"type,omitempty"`  // ifType
	Speed       uint64 `json:"speed,omitempty"` // bits a second
}

// DropReason is the words of a drop reason.
type DropReason struct {
	Name     string `json:"name"`
	Sentence string `json:"sentence,omitempty"`
}

func (t *Told) clone() Told {
	return Told{
		Exporting: maps.Clone(t.Exporting), Metering: maps.Clone(t.Metering), Selectors: maps.Clone(t.Selectors),
		Interfaces: maps.Clone(t.Interfaces), FlowKeys: maps.Clone(t.FlowKeys), DropReasons: maps.Clone(t.DropReasons),
	}
}

// optionValues are the values of an option record.
type optionValues struct {
	iana  map[uint16][]byte
	named map[string][]byte // private ones by name
}

func (v *optionValues) has(id uint16) bool { return v.iana[id] != nil }

// num returns a number, 0 for what is none.
func (v *optionValues) num(id uint16) uint64 { return num(v.iana[id]) }

func num(b []byte) uint64 {
	if len(b) > 8 {
		return 0
	}
	return number(b)
}

// tell takes an option record: its scope says what it is about.
func (m *msg) tell(scopes, values []netflow.DataField) {
	v := optionValues{make(map[uint16][]byte), make(map[string][]byte)}
	for _, fs := range [][]netflow.DataField{scopes, values} {
		for _, f := range fs {
			b, ok := f.Value.([]byte)
			if !ok {
				continue
			}
			if e := elementOf(f); e.PEN == 0 {
				v.iana[e.ID] = b
			} else if name := m.s.elements[e].Name; name != "" {
				v.named[name] = b
			}
		}
	}
	t := &m.d.told
	switch {
	case v.has(netflow.IPFIX_FIELD_informationElementId) && v.has(netflow.IPFIX_FIELD_privateEnterpriseNumber):
		m.s.learn(&v)
	case v.has(netflow.IPFIX_FIELD_selectorId) && v.has(netflow.IPFIX_FIELD_selectorAlgorithm):
		s := Selector{
			Algorithm:  uint16(v.num(netflow.IPFIX_FIELD_selectorAlgorithm)),
			Interval:   v.num(netflow.IPFIX_FIELD_samplingPacketInterval),
			Space:      v.num(netflow.IPFIX_FIELD_samplingPacketSpace),
			Size:       v.num(netflow.IPFIX_FIELD_samplingSize),
			Population: v.num(netflow.IPFIX_FIELD_samplingPopulation),
		}
		if b := v.iana[netflow.IPFIX_FIELD_samplingProbability]; b != nil {
			s.Probability = float(b)
		}
		keep(m.s, &t.Selectors, v.num(netflow.IPFIX_FIELD_selectorId), s)
	case v.has(netflow.IPFIX_FIELD_exportingProcessId):
		keep(m.s, &t.Exporting, uint32(v.num(netflow.IPFIX_FIELD_exportingProcessId)), Exporting{
			Messages:       v.num(netflow.IPFIX_FIELD_exportedMessageTotalCount),
			Records:        v.num(netflow.IPFIX_FIELD_exportedFlowRecordTotalCount),
			Octets:         v.num(netflow.IPFIX_FIELD_exportedOctetTotalCount),
			NotSentFlows:   v.num(netflow.IPFIX_FIELD_notSentFlowTotalCount),
			NotSentPackets: v.num(netflow.IPFIX_FIELD_notSentPacketTotalCount),
			NotSentOctets:  v.num(netflow.IPFIX_FIELD_notSentOctetTotalCount),
		})
	case v.has(netflow.IPFIX_FIELD_meteringProcessId):
		keep(m.s, &t.Metering, uint32(v.num(netflow.IPFIX_FIELD_meteringProcessId)), Metering{
			Flows:          v.num(netflow.IPFIX_FIELD_observedFlowTotalCount),
			IgnoredPackets: v.num(netflow.IPFIX_FIELD_ignoredPacketTotalCount),
			IgnoredOctets:  v.num(netflow.IPFIX_FIELD_ignoredOctetTotalCount),
		})
	case v.has(netflow.IPFIX_FIELD_templateId) && v.has(netflow.IPFIX_FIELD_flowKeyIndicator):
		keep(m.s, &t.FlowKeys, uint16(v.num(netflow.IPFIX_FIELD_templateId)), v.num(netflow.IPFIX_FIELD_flowKeyIndicator))
	case v.has(netflow.IPFIX_FIELD_interfaceName):
		id := uint16(netflow.IPFIX_FIELD_ingressInterface)
		if !v.has(id) {
			id = netflow.IPFIX_FIELD_egressInterface
		}
		keep(m.s, &t.Interfaces, uint32(v.num(id)), Interface{
			Name:        text(v.iana[netflow.IPFIX_FIELD_interfaceName]),
			Description: text(v.iana[netflow.IPFIX_FIELD_interfaceDescription]),
			Type:        uint32(max(v.num(netflow.IPFIX_FIELD_ingressInterfaceType), v.num(netflow.IPFIX_FIELD_egressInterfaceType))),
			Speed:       num(v.named[nameInterfaceSpeed]),
		})
	case v.named[nameDrop] != nil:
		keep(m.s, &t.DropReasons, num(v.named[nameDrop]), DropReason{
			Name: text(v.named[nameDropName]), Sentence: text(v.named[nameDropDescription])})
	}
}

// keep puts a value in one of a domain's maps, within the session's bound.
func keep[K comparable, V any](s *session, m *map[K]V, k K, v V) {
	if _, ok := (*m)[k]; !ok {
		if s.toldCount == maxTold {
			return
		}
		s.toldCount++
		if *m == nil {
			*m = make(map[K]V)
		}
	}
	(*m)[k] = v
}

// learn takes the type information of an element (RFC 5610 section 3.9).
func (s *session) learn(v *optionValues) {
	e := Element{
		PEN:         uint32(v.num(netflow.IPFIX_FIELD_privateEnterpriseNumber)),
		ID:          uint16(v.num(netflow.IPFIX_FIELD_informationElementId)) &^ enterpriseBit,
		Name:        text(v.iana[netflow.IPFIX_FIELD_informationElementName]),
		Description: text(v.iana[netflow.IPFIX_FIELD_informationElementDescription]),
		Type:        Type(v.num(netflow.IPFIX_FIELD_informationElementDataType)),
		Semantics:   uint8(v.num(netflow.IPFIX_FIELD_informationElementSemantics)),
		Units:       uint16(v.num(netflow.IPFIX_FIELD_informationElementUnits)),
		RangeBegin:  v.num(netflow.IPFIX_FIELD_informationElementRangeBegin),
		RangeEnd:    v.num(netflow.IPFIX_FIELD_informationElementRangeEnd),
	}
	keep(s, &s.elements, elementID{e.PEN, e.ID}, e)
}

// float reads a float32 or a float64 (RFC 7011 section 6.1.2); others are 0.
func float(b []byte) float64 {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(uint32(number(b))))
	case 8:
		return math.Float64frombits(number(b))
	}
	return 0
}
