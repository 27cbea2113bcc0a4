package pipeline

import "pollux/flow"

// Kind says what an Action does.
type Kind uint8

// The kinds. The members of Action that each uses stand behind it.
const (
	ActOutput    Kind = iota + 1 // Port: a number, or flow.PortIn, PortNormal, PortFlood, PortAll, PortLocal
	ActOutputReg                 // Src
	ActResubmit                  // Port (PortKeep), Table (TableKeep), Paren
	ActSetField                  // Dst.Field, Value, Mask
	ActLoad                      // Dst, Value
	ActMove                      // Src, Dst
	ActModVID                    // Value
	ActModPCP                    // Value
	ActModTTL                    // Value
	ActPushVLAN                  // EtherType
	ActPopVLAN
	ActDecTTL
	ActModMPLSTTL // Value
	ActDecMPLSTTL
	ActNote   // Note
	ActSample // Sample
	ActExit
)

const (
	// PortKeep as the port of a resubmit looks up with the in_port the packet has.
	PortKeep uint32 = 0
	// TableKeep as the table of a resubmit looks up in the current table.
	TableKeep uint8 = 255
	// NumTables is how many tables there are: 0 to 253.
	NumTables = 254
)

// Subfield is bits Lo to Lo+Bits-1 of a field.
type Subfield struct {
	Field flow.Field
	Lo    uint8
	Bits  uint8
}

// mask returns the subfield's bits in their place in the field.
func (s Subfield) mask() flow.Value { return flow.Ones(uint(s.Bits)).Shl(uint(s.Lo)) }

// Action is one action of a flow: plain data that can be compared.
type Action struct {
	Kind      Kind
	Port      uint32
	Table     uint8
	Paren     bool // a resubmit that names its table
	EtherType uint16
	Src, Dst  Subfield
	Value     flow.Value
	Mask      flow.Value // of ActSetField; every bit of the field when none was given
	Note      string     // the bytes
	Sample    SampleAction
}

// SampleAction is the operands of ActSample.
type SampleAction struct {
	Probability  uint16 // of 65535
	Set          uint32 // collector_set_id
	Domain       uint32
	Point        uint32
	DomainOf     Subfield // where the domain id is taken from the packet; Bits 0: it is Domain
	PointOf      Subfield // the same of the point id
	SamplingPort uint32   // 0: none
	Direction    SampleDirection
}

// SampleDirection is what a sample action says of the packet's direction.
type SampleDirection uint8

// The directions; unset is taken as ingress.
const (
	SampleUnset SampleDirection = iota
	SampleIngress
	SampleEgress
)
