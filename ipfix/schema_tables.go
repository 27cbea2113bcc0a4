package ipfix

import (
	"slices"

	"pollux/internal/clock"
)

// Limits of strings in records, bytes. Those of ports are Open vSwitch's.
const (
	maxVirtualObsID = 254
	maxPortName     = 64
	maxDescription  = 128
	maxReasonName   = 64
	maxSentence     = 254
)

// describe takes what options tell and templates do not depend on.
func (s *schema) describe(c *ExporterConfig) {
	s.virtualObsID = c.VirtualObsID
	s.interfaces, s.ports = c.Interfaces, nil
	s.listed = slices.Clone(c.DropReasons)
	clear(s.reasons[:])
	for i := range s.listed {
		r := &s.listed[i]
		r.Name, r.Sentence = cut(r.Name, maxReasonName), cut(r.Sentence, maxSentence)
		s.reasons[r.ID] = *r
	}
}

// port returns a port of the switch; without a name when it is not known.
func (s *schema) port(number uint32) *Interface {
	if p := s.ports[number]; p != nil {
		return p
	}
	if s.interfaces == nil || s.ports != nil && clock.Now()-s.portsAt < portsAge {
		return &noPort
	}
	s.loadPorts()
	if p := s.ports[number]; p != nil {
		return p
	}
	return &noPort
}

// portsAge is how long a port that the table does not have is taken not to be, ns.
const portsAge = int64(1e9)

var noPort Interface

// loadPorts reads the interface table.
func (s *schema) loadPorts() []Interface {
	if s.interfaces == nil {
		return nil
	}
	list := slices.Clone(s.interfaces())
	s.ports, s.portsAt = make(map[uint32]*Interface, len(list)), clock.Now()
	for i := range list {
		p := &list[i]
		p.Name, p.Description = cut(p.Name, maxPortName), cut(p.Description, maxDescription)
		s.ports[p.Index] = p
	}
	return list
}

// reason returns a drop reason; without a name when it is not known.
func (s *schema) reason(id uint8) *DropReason { return &s.reasons[id] }

// cut returns a string without what is behind its first n bytes, in whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}

// longest returns the most bytes that a value of variable length may have.
func (s *schema) longest(e *Element) int {
	switch e {
	case &Elements[virtualObsID]:
		return len(s.virtualObsID)
	case &Elements[tunnelKey]:
		return 8
	case &Elements[interfaceName], &Elements[dropReasonName], &Elements[informationElementName]:
		return maxPortName
	case &Elements[interfaceDescription]:
		return maxDescription
	}
	return maxSentence
}
