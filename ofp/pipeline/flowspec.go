package pipeline

import "pollux/flow"

// DefaultPriority is the priority of a flow that gives none.
const DefaultPriority = 32768

// Flow is one flow entry as people write it.
type Flow struct {
	Table       uint8
	Priority    uint16
	Cookie      uint64
	IdleTimeout uint16 // seconds, 0 never
	HardTimeout uint16 // seconds, 0 never
	Flags       FlowFlags
	Importance  uint16 // of 1.4 and up, for eviction
	Match       flow.Match
	Do          Instructions

	// Where it was written, for messages; 0 when unknown.
	Line, Column int
}

// FlowFlags are flags of a flow (enum ofp_flow_mod_flags).
type FlowFlags uint16

// The flags that a flow keeps, with their numbers in OpenFlow 1.3; those of a request alone
// are FlowMod's.
const (
	SendFlowRem    FlowFlags = 1 << 0
	NoPacketCounts FlowFlags = 1 << 3
	NoByteCounts   FlowFlags = 1 << 4
)

// Instructions is what a flow does to a packet, in the order of OpenFlow 1.3
// section 5.9.
type Instructions struct {
	Meter        uint32 // 0: none; before everything else
	Clear        bool   // of the action set, after Apply
	Goto         uint8  // next table, at last; 0 for none, as a flow can only go forward
	Apply        []Action
	Write        []Action
	Metadata     uint64 // written under MetadataMask
	MetadataMask uint64
	Trigger      *StatTrigger // nil: none; it does nothing to packets
}

// empty says whether the flow drops.
func (i *Instructions) empty() bool {
	return i.Meter == 0 && len(i.Apply) == 0 && !i.Clear && len(i.Write) == 0 && i.MetadataMask == 0 && i.Goto == 0
}

// equal says whether both do the same.
func (i *Instructions) equal(o *Instructions) bool {
	return i.Clear == o.Clear && i.Metadata == o.Metadata && i.MetadataMask == o.MetadataMask &&
		i.Goto == o.Goto && i.Meter == o.Meter && i.sameTrigger(o) && equalActions(i.Apply, o.Apply) && equalActions(i.Write, o.Write)
}

func (i *Instructions) sameTrigger(o *Instructions) bool {
	return i.Trigger == o.Trigger || i.Trigger != nil && o.Trigger != nil && *i.Trigger == *o.Trigger
}

// ruleID is what makes a rule of a table the same rule.
type ruleID struct {
	table    uint8
	priority uint16
	match    flow.Match
}

func (f *Flow) id() ruleID { return ruleID{f.Table, f.Priority, f.Match} }

// same says whether a rule made of o may stay for f, with its counters.
func (f *Flow) same(o *Flow) bool {
	return f.id() == o.id() && f.Cookie == o.Cookie && f.IdleTimeout == o.IdleTimeout &&
		f.HardTimeout == o.HardTimeout && f.Flags == o.Flags && f.Importance == o.Importance && f.Do.equal(&o.Do)
}
