package pipeline

import (
	"reflect"
	"slices"

	"pollux/actions"
	"pollux/flow"
)

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
	ActNote   // List.Note
	ActSample // List.Sample
	ActExit
	ActOutputTrunc    // Port, MaxLen
	ActController     // List.Controller
	ActEnqueue        // Port, Queue
	ActSetQueue       // Queue
	ActPopQueue       //
	ActGroup          // Group
	ActMeter          // Meter
	ActPushMPLS       // EtherType
	ActPopMPLS        // EtherType, of what follows
	ActCopyTTLOut     //
	ActCopyTTLIn      //
	ActDecTTLIDs      // List.IDs: controllers that are told of packets whose TTL has expired
	ActClone          // List.Actions
	ActLearn          // List.Learn
	ActConjunction    // List.Conjunction
	ActPush           // Src
	ActPop            // Dst
	ActMultipath      // List.Multipath
	ActBundle         // List.Bundle
	ActFinTimeout     // List.FinIdle, List.FinHard
	ActCheckPktLarger // Dst, MaxLen
	ActSetTunnel      // Value, of 32 bits
	ActSetTunnel64    // Value: the same of 64 bits, which Nicira has apart
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
func (s Subfield) mask() flow.Value {
	if n := flow.Fields[s.Field].Bits; n <= 64 {
		return flow.Value{Lo: ^uint64(0) >> (64 - s.Bits) << s.Lo & (^uint64(0) >> (64 - n))}
	}
	return flow.Ones(uint(s.Bits)).Shl(uint(s.Lo)).And(s.Field.Full())
}

// SubfieldBits is how many bits of f there are to load, move, push and pop, as Open vSwitch
// counts them: those of NXM_OF_IN_PORT, which is of OpenFlow 1.0; of a VLAN's number without the
// bit that says there is a tag; of the whole operation of ARP, though a key has only half of it.
func SubfieldBits(f flow.Field) uint8 {
	switch f {
	case flow.InPort, flow.ARPOp:
		return 16
	case flow.VlanVID:
		return 12
	case flow.IPFrag:
		return 2
	}
	return flow.Fields[f].Bits
}

// Action is one action of a flow: plain data, not changed once it is in a Flow. There are as many
// as flows have, so it is small (72 bytes): what few kinds need is in List.
type Action struct {
	Kind         Kind
	Table        uint8
	Paren        bool // a resubmit that names its table
	Src, Dst     Subfield
	EtherType    uint16
	MaxLen       uint16
	Port         uint32
	Queue        uint32
	Group, Meter uint32
	Value        flow.Value
	Mask         flow.Value // of ActSetField; every bit of the field when none was given
	List         *Lists     // of the kinds that say so, never nil there
}

// Lists is the operands that are lists, or large, or of rare kinds; immutable.
type Lists struct {
	Actions    []Action
	IDs        []uint16
	Note       string // the bytes
	Learn      *Learn
	Multipath  *Multipath
	Bundle     *Bundle
	Sample     *SampleAction
	Controller *ControllerAction

	Conjunction      Conjunction
	FinIdle, FinHard uint16 // seconds, 0: unchanged
}

// equal says whether both do the same.
func (a *Action) equal(b *Action) bool {
	x, y := *a, *b
	x.List, y.List = nil, nil
	return x == y && a.List.equal(b.List)
}

func (l *Lists) equal(o *Lists) bool {
	if l == o || l == nil || o == nil {
		return l == o
	}
	return l.Note == o.Note && l.Conjunction == o.Conjunction && l.FinIdle == o.FinIdle && l.FinHard == o.FinHard &&
		equalAt(l.Sample, o.Sample) && equalAt(l.Controller, o.Controller) && equalAt(l.Multipath, o.Multipath) &&
		slices.Equal(l.IDs, o.IDs) && l.Learn.equal(o.Learn) && l.Bundle.equal(o.Bundle) && equalActions(l.Actions, o.Actions)
}

// equalAt says whether both are nil, or what they point to is equal.
func equalAt[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func (l *Learn) equal(o *Learn) bool {
	return l == o || l != nil && o != nil && reflect.DeepEqual(l, o)
}

func (b *Bundle) equal(o *Bundle) bool {
	return b == o || b != nil && o != nil && reflect.DeepEqual(b, o)
}

// equalActions says whether both lists do the same.
func equalActions(a, b []Action) bool {
	return slices.EqualFunc(a, b, func(x, y Action) bool { return x.equal(&y) })
}

// Conjunction is the operands of ActConjunction: the packet fulfils clause Clause of the
// Clauses that ID has.
type Conjunction struct {
	ID      uint32
	Clause  uint8 // from 0
	Clauses uint8
}

// ControllerAction is the operands of ActController.
type ControllerAction struct {
	MaxLen   uint16 // bytes of the packet that are sent
	ID       uint16 // which controllers
	Reason   uint8  // OFPR_*
	Meter    uint32 // 0: none
	UserData string // the bytes
	Pause    bool
}

// Learn is the operands of ActLearn (NXAST_LEARN, NXAST_LEARN2).
type Learn struct {
	Table         uint8
	Priority      uint16
	Cookie        uint64
	Idle, Hard    uint16
	FinIdle       uint16
	FinHard       uint16
	SendFlowRem   bool
	DeleteLearned bool
	Limit         uint32   // 0: none
	Result        Subfield // with Bits 0: none; 1 is written there when a flow was learned
	Specs         []LearnSpec
}

// LearnSpec makes one part of a learned flow's match or actions.
type LearnSpec struct {
	Kind  LearnKind
	Src   Subfield   // Bits 0: Value is the source
	Value flow.Value // immediate, as wide as the destination
	Dst   Subfield   // not of LearnOutput
}

// LearnKind is what a LearnSpec makes.
type LearnKind uint8

// The kinds.
const (
	LearnMatch LearnKind = iota
	LearnLoad
	LearnOutput
)

// HashFields is which fields a hash covers (enum nx_hash_fields).
type HashFields uint16

// The fields of a hash.
const (
	HashEthSrc           = HashFields(actions.HashEthSrc)
	HashSymmetricL4      = HashFields(actions.HashSymmetricL4)
	HashSymmetricL3L4    = HashFields(actions.HashSymmetricL3L4)
	HashSymmetricL3L4UDP = HashFields(actions.HashSymmetricL3L4UDP)
	HashNwSrc            = HashFields(actions.HashNwSrc)
	HashNwDst            = HashFields(actions.HashNwDst)
	HashSymmetricL3      = HashFields(actions.HashSymmetricL3)
)

// Multipath is the operands of ActMultipath.
type Multipath struct {
	Fields    HashFields
	Basis     uint16
	Algorithm uint16 // enum nx_mp_algorithm
	MaxLink   uint16 // links are 0 to this
	Arg       uint32
	Dst       Subfield
}

// Bundle is the operands of ActBundle: one of the slave ports that is up is chosen and
// output to, or written to Dst.
type Bundle struct {
	Fields HashFields
	Basis  uint16
	HRW    bool // highest random weight, else the first that is up
	Slaves []uint32
	Dst    Subfield // Bits 0: output
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
