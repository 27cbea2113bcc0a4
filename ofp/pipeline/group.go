package pipeline

import "pollux/flow"

// GroupType is how a group treats its buckets (enum ofp_group_type).
type GroupType uint8

// The types, with their numbers on the wire.
const (
	GroupAll GroupType = iota
	GroupSelect
	GroupIndirect
	GroupFastFailover
)

// GroupMax is the highest number of a group (OFPG_MAX); GroupAllGroups stands for all groups
// in deletions (OFPG_ALL).
const (
	GroupMax       uint32 = 0xffffff00
	GroupAllGroups uint32 = 0xfffffffc
)

// Group is a group as controllers describe it (OpenFlow 1.3 section 5.6). Plain data.
type Group struct {
	ID      uint32
	Type    GroupType
	Buckets []Bucket

	// Of select groups (NTR selection method, OpenFlow 1.5 experimenter property).
	Selection      string // "" (the switch chooses), "hash" or "dp_hash"
	SelectionParam uint64 // basis of the hash
	Fields         []GroupField
}

// GroupField is a field that the hash of a select group covers, under a mask.
type GroupField struct {
	Field flow.Field
	Mask  flow.Value
}

// Bucket is a list of actions of a group.
type Bucket struct {
	ID         uint32 // of 1.5; numbered from 0 where the controller does not
	Weight     uint16 // select
	WatchPort  uint32 // AnyPort: none
	WatchGroup uint32 // AnyGroup: none
	Actions    []Action
}

// GroupCommand is what a GroupMod does (enum ofp_group_mod_command).
type GroupCommand uint16

// The commands, with their numbers on the wire; AddOrModify is Open vSwitch's.
const (
	GroupAdd          GroupCommand = 0
	GroupModify       GroupCommand = 1
	GroupDelete       GroupCommand = 2
	GroupInsertBucket GroupCommand = 3
	GroupRemoveBucket GroupCommand = 5
	GroupAddOrModify  GroupCommand = 0x8000
)

// Places of buckets, for GroupInsertBucket and GroupRemoveBucket (enum ofp_group_bucket).
const (
	BucketMax   uint32 = 0xffffff00
	BucketFirst uint32 = 0xfffffffd
	BucketLast  uint32 = 0xfffffffe
	BucketAll   uint32 = 0xffffffff
)

// GroupMod is a request to change groups (OpenFlow 1.5 section 7.3.4.3).
type GroupMod struct {
	Command GroupCommand
	Group   Group
	Bucket  uint32 // after which to insert, or which to remove
}
