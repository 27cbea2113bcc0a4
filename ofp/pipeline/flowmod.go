package pipeline

import "pollux/flow"

// FlowCommand is what a FlowMod does (enum ofp_flow_mod_command).
type FlowCommand uint8

// The commands, with their numbers on the wire.
const (
	FlowAdd FlowCommand = iota
	FlowModify
	FlowModifyStrict
	FlowDelete
	FlowDeleteStrict
)

// What a FlowMod selects when it selects everything.
const (
	AllTables uint8  = 0xff
	AnyPort   uint32 = 0xffffffff // OFPP_ANY
	AnyGroup  uint32 = 0xffffffff // OFPG_ANY
)

// FlowMod is a request to change flows (OpenFlow 1.3 section 7.3.4.1). Of Flow, deletions
// use the table, the match and, when strict, the priority.
type FlowMod struct {
	Command      FlowCommand
	Flow         Flow
	CookieMask   uint64 // modify, delete: only flows whose cookie is Flow.Cookie under it
	SetsCookie   bool   // modify: Flow.Cookie is the flows' new cookie (1.0 and NXM; never in 1.1 and up)
	NewCookie    uint64 // modify: that cookie instead, with a CookieMask, under which Flow.Cookie is asked for
	OutPort      uint32 // delete: only flows that output there; AnyPort: all
	OutGroup     uint32 // delete: only flows that use that group; AnyGroup: all
	CheckOverlap bool   // add: refuse where a flow of the same priority may match the same packet
	ResetCounts  bool   // modify: counters start anew; add does that where a flow is replaced, in 1.1 and up
	AddsMissing  bool   // modify: where no flow is selected, and no cookie asked for, add (1.0)
}

// cookie is the new cookie of flows that m modifies, if it SetsCookie.
func (m *FlowMod) cookie() uint64 {
	if m.CookieMask != 0 {
		return m.NewCookie
	}
	return m.Flow.Cookie
}

// FlowFilter selects flows for statistics (OpenFlow 1.3 section 7.3.5.2).
type FlowFilter struct {
	Table      uint8 // AllTables: all
	Match      flow.Match
	Strict     bool // exactly Match and Priority (not in the specification's requests)
	Priority   uint16
	Cookie     uint64
	CookieMask uint64
	OutPort    uint32 // AnyPort: all
	OutGroup   uint32 // AnyGroup: all
}
