package ipfix

import (
	"math"
	"time"

	"pollux/ipfix/cache"
)

// options is what option records are about, as far as a flow record has no member for
// it. Counts are totals since the exporter was made.
type options struct {
	sampling uint32 // 1:N of the exporter's caches
	domain   uint32

	sentOctets, sentMessages, sentRecords       uint64
	notSentFlows, notSentPackets, notSentOctets uint64
	flows, ignoredPackets, ignoredOctets        uint64

	template uint16
	keys     uint64

	// An element that is described (RFC 5610).
	id         uint16
	enterprise uint32
	dataType   uint8
	semantics  Semantics
	units      Units
	name       string
	about      string
}

// Kinds of option records.
const (
	selectorOption  = iota // how packets are selected (RFC 5476 section 6.5.2)
	meteringOption         // what the metering process saw and ignored (RFC 7011 sections 4.1 and 4.2)
	exportingOption        // what the exporting process sent and did not send (section 4.3)
	domainOption           // the virtual observation id
	interfaceOption        // the ports
	keysOption             // which fields of a template tell flows apart (section 4.4)
	typeOption             // what elements that are not IANA's mean (RFC 5610 section 3.9)
	reasonOption           // names of drop reasons
	numOptions
)

// optionLayout lists the elements of option records, the scope in front.
var optionLayout = [numOptions]struct {
	scope    int
	elements []E
}{
	selectorOption: {1, []E{selectorID, selectorAlgorithm, samplingPacketInterval, samplingPacketSpace, samplingProbability}},
	meteringOption: {1, []E{meteringProcessID, observedFlowTotalCount, ignoredPacketTotalCount, ignoredOctetTotalCount}},
	exportingOption: {1, []E{exportingProcessID, exportedMessageTotalCount, exportedFlowRecordTotalCount, exportedOctetTotalCount,
		notSentFlowTotalCount, notSentPacketTotalCount, notSentOctetTotalCount}},
	domainOption:    {1, []E{observationDomainID, virtualObsID}},
	interfaceOption: {1, []E{ingressInterface, interfaceName, interfaceDescription, ingressInterfaceType, interfaceSpeed}},
	keysOption:      {1, []E{templateID, flowKeyIndicator}},
	typeOption: {2, []E{privateEnterpriseNumber, informationElementID, informationElementDataType, informationElementSemantics,
		informationElementUnits, informationElementName, informationElementDescription}},
	reasonOption: {1, []E{dropReason, dropReasonName, dropReasonDescription}},
}

// makeOptions makes the templates of the options that the configuration has use for.
func (s *schema) makeOptions(c *ExporterConfig) {
	for kind, use := range [numOptions]bool{
		selectorOption: true, meteringOption: true, exportingOption: true, keysOption: true, typeOption: true,
		domainOption: c.VirtualObsID != "", interfaceOption: c.Interfaces != nil, reasonOption: len(c.DropReasons) > 0,
	} {
		if use {
			l := &optionLayout[kind]
			s.kinds[kind] = newTemplate(s, 0, l.scope, l.elements...)
			s.opts = append(s.opts, s.kinds[kind])
		}
	}
}

// Selector algorithms of the registry "PSAMP parameters".
const (
	systematicCount      = 1
	uniformProbabilistic = 4
)

// ownSelector is the number of the selector that is the exporter's sampling alone;
// those of sample actions follow, by their probability.
const ownSelector = 1

// selectorOf returns the number of the selector of packets that a sample action took
// with probability p/65535; p 0 is without such an action.
func selectorOf(p uint16) uint64 { return ownSelector + uint64(p) }

// probability returns that of the selector of the record: a sample action's, and
// then 1:N.
func (s *source) probability() float64 {
	p := s.rec.Point.Probability
	if p == 0 {
		p = math.MaxUint16
	}
	return float64(p) / math.MaxUint16 / float64(max(s.opt.sampling, 1))
}

// algorithm returns the selector algorithm: when every packet is taken that is
// one of each one by count; else packets are drawn independently.
func (s *source) algorithm() uint16 {
	if s.probability() == 1 {
		return systematicCount
	}
	return uniformProbabilistic
}

// space returns how many packets are left out for each that is taken, to the next
// whole number.
func (s *source) space() uint32 { return uint32(math.Round(1/s.probability())) - 1 }

// eachOption gives every option record of a domain to a target, with its template.
// The source is valid until emit returns.
func (x *Exporter) eachOption(t *target, domain uint32, emit func(*Template, *source)) {
	x.eachStatistic(t, domain, emit)
	s := x.schema
	s.eachOption(emit)
	s.eachNew(mark{selectors: len(s.selectors)}, nil, emit)
}

// eachStatistic gives those option records whose values change as time goes by: what
// was seen, sent and not sent, and the selectors, whose 1:N may be tuned.
func (x *Exporter) eachStatistic(t *target, domain uint32, emit func(*Template, *source)) {
	o := x.options(t)
	o.domain = domain
	x.schema.eachStatistic(o, x.epoch, emit)
}

func (s *schema) eachStatistic(o options, epoch time.Time, emit func(*Template, *source)) {
	s.rec, s.opt = record{}, o
	s.src = source{rec: &s.rec, opt: &s.opt, epoch: epoch}
	for _, kind := range []int{selectorOption, meteringOption, exportingOption, domainOption} {
		if tpl := s.kinds[kind]; tpl != nil {
			emit(tpl, &s.src)
		}
	}
	s.eachNew(mark{templates: len(s.made)}, nil, emit)
}

// eachNew gives the templates that were made since the mark, and the option records
// that belong to them and to selectors that are new. Templates come first. A nil
// template leaves them out.
func (s *schema) eachNew(since mark, template func(*Template), emit func(*Template, *source)) {
	if template != nil {
		for _, tpl := range s.made[since.templates:] {
			template(tpl)
		}
	}
	s.src = source{rec: &s.rec, opt: &s.opt}
	for _, tpl := range s.made[since.templates:] {
		s.opt.template, s.opt.keys = tpl.ID, tpl.keys
		emit(s.kinds[keysOption], &s.src)
	}
	for _, p := range s.selectors[since.selectors:] {
		s.rec = record{}
		s.rec.Point.Probability = p
		emit(s.kinds[selectorOption], &s.src)
	}
}

// eachOption gives the option records that do not depend on target or domain.
func (s *schema) eachOption(emit func(*Template, *source)) {
	s.rec = record{}
	s.src = source{rec: &s.rec, opt: &s.opt}
	for _, e := range s.private { // first: others have such elements
		s.opt.describe(e, s.pen)
		emit(s.kinds[typeOption], &s.src)
	}
	if tpl := s.kinds[interfaceOption]; tpl != nil {
		for _, p := range s.loadPorts() {
			s.rec.InPort = p.Index
			emit(tpl, &s.src)
		}
	}
	if tpl := s.kinds[reasonOption]; tpl != nil {
		for i := range s.listed {
			s.rec.Point.Verdict.Status, s.rec.Point.Verdict.Drop = cache.StatusDropped, s.listed[i].ID
			emit(tpl, &s.src)
		}
	}
}

const ofReverse = ", of the reverse direction"

// describe sets what there is to say of an element.
func (o *options) describe(e E, own uint32) {
	el := e.element()
	o.id, o.enterprise = e.id(), e.enterprise(own)
	o.dataType, o.semantics, o.units = types[el.Type].number, el.Semantics, el.Units
	o.name, o.about = e.name(), el.About
	if e&reversed != 0 {
		o.about += ofReverse
	}
}
