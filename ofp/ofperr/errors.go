// Package ofperr is the errors of OpenFlow by their meaning: what tables, sessions and the
// codec refuse a request with. Each knows its numbers on the wire in every version.
package ofperr

import "fmt"

// Error is an OpenFlow error. It is a Go error: what refuses something wraps it, with what
// was wrong in the words.
type Error uint8

// The errors. Names begin with what they are about and end with the name of the code in the
// specification, spelled out; those of OFPET_BAD_REQUEST have no beginning: BadType is
// OFPBRC_BAD_TYPE.
const (
	NoError Error = iota

	// OFPET_HELLO_FAILED

	HelloIncompatible
	HelloDenied

	// OFPET_BAD_REQUEST

	BadVersion
	BadType
	BadMultipart
	BadExperimenter
	BadExperimenterType
	PermissionDenied
	BadLen
	BufferEmpty
	BufferUnknown
	BadTable
	IsSlave
	BadPort
	BadPacket
	MultipartOverflow
	NXMInvalid
	NXMBadType
	MustBeZero
	BadReason
	Unencodable
	PipelineFieldsOnly
	MultipartBadSchedule

	// OFPET_BAD_ACTION

	ActionBadType
	ActionBadLen
	ActionBadExperimenter
	ActionBadExperimenterType
	ActionBadOutPort
	ActionBadArgument
	ActionDenied
	ActionTooMany
	ActionBadQueue
	ActionBadOutGroup
	ActionInconsistent
	ActionUnsupportedOrder
	ActionBadTag
	ActionBadSetType
	ActionBadSetLen
	ActionBadSetArgument
	ActionBadSetMask
	ActionMustBeZero
	BadConjunction

	// OFPET_BAD_INSTRUCTION

	InstructionUnknown
	InstructionUnsupported
	InstructionBadTable
	InstructionBadMetadata
	InstructionBadMetadataMask
	InstructionBadExperimenter
	InstructionBadExperimenterType
	InstructionBadLen
	InstructionDenied
	InstructionTwice

	// OFPET_BAD_MATCH

	MatchBadType
	MatchBadLen
	MatchBadTag
	MatchBadLinkMask
	MatchBadNetworkMask
	MatchBadWildcards
	MatchBadField
	MatchBadValue
	MatchBadMask
	MatchBadPrerequisite
	MatchFieldTwice
	MatchDenied

	// OFPET_FLOW_MOD_FAILED

	FlowModFailed
	FlowModTableFull
	FlowModBadTable
	FlowModOverlap
	FlowModDenied
	FlowModBadTimeout
	FlowModBadEmergencyTimeout
	FlowModBadCommand
	FlowModBadFlags
	FlowModUnsupported
	FlowModBadTableID

	// OFPET_GROUP_MOD_FAILED

	GroupModExists
	GroupModInvalid
	GroupModWeightUnsupported
	GroupModTableFull
	GroupModTooManyBuckets
	GroupModChainingUnsupported
	GroupModWatchUnsupported
	GroupModLoop
	GroupModUnknown
	GroupModChained
	GroupModBadType
	GroupModBadCommand
	GroupModBadBucket
	GroupModBadWatch
	GroupModDenied
	GroupModBucketUnknown
	GroupModBucketExists

	// OFPET_PORT_MOD_FAILED

	PortModBadPort
	PortModBadAddress
	PortModBadConfig
	PortModBadAdvertise
	PortModDenied

	// OFPET_TABLE_MOD_FAILED

	TableModBadTable
	TableModBadConfig
	TableModDenied

	// OFPET_QUEUE_OP_FAILED

	QueueBadPort
	QueueUnknown
	QueueDenied

	// OFPET_SWITCH_CONFIG_FAILED

	ConfigBadFlags
	ConfigBadLen
	ConfigDenied

	// OFPET_ROLE_REQUEST_FAILED

	RoleStale
	RoleUnsupported
	RoleBad

	// OFPET_METER_MOD_FAILED

	MeterModFailed
	MeterModExists
	MeterModInvalid
	MeterModUnknown
	MeterModBadCommand
	MeterModBadFlags
	MeterModBadRate
	MeterModBadBurst
	MeterModBadBand
	MeterModBadBandValue
	MeterModTableFull
	MeterModTooManyBands

	// OFPET_TABLE_FEATURES_FAILED

	TableFeaturesBadTable
	TableFeaturesBadMetadata
	TableFeaturesDenied
	TableFeaturesBadCapabilities
	TableFeaturesBadMaxEntries
	TableFeaturesBadFeatures
	TableFeaturesBadCommand
	TableFeaturesTooMany

	// OFPET_BAD_PROPERTY; in 1.3 some are of OFPET_TABLE_FEATURES_FAILED

	PropertyBadType
	PropertyBadLen
	PropertyBadValue
	PropertyTooMany
	PropertyTwice
	PropertyBadExperimenter
	PropertyBadExperimenterType
	PropertyBadExperimenterValue
	PropertyDenied

	// OFPET_ASYNC_CONFIG_FAILED

	AsyncInvalid
	AsyncUnsupported
	AsyncDenied

	// OFPET_FLOW_MONITOR_FAILED

	MonitorFailed
	MonitorExists
	MonitorInvalid
	MonitorUnknown
	MonitorBadCommand
	MonitorBadFlags
	MonitorBadTable
	MonitorBadOut

	// OFPET_BUNDLE_FAILED; in 1.3 the Open Networking Foundation's extension 230

	BundleFailed
	BundleDenied
	BundleUnknown
	BundleExists
	BundleClosed
	BundleTooMany
	BundleBadType
	BundleBadFlags
	BundleBadMessageLen
	BundleBadXID
	BundleUnsupportedMessage
	BundleConflict
	BundleTooManyMessages
	BundleMessageFailed
	BundleTimeout
	BundleInProgress
	BundleBadVersion

	// Nicira

	QueueFailed
	ResumeNotSupported
	ResumeStale
	NotConfigured
	numErrors
)

// Experimenters that errors are of.
const (
	Nicira uint32 = 0x00002320
	ONF    uint32 = 0x4f4e4600
)

// triplet is an error on the wire. With a vendor, a number of 1.3 and up has only a
// code, which stands where the type's code would (struct ofp_error_experimenter_msg).
type triplet struct {
	vendor     uint32
	kind, code uint16
}

// What stands for an error that 1.0, or 1.3, cannot tell (NXBRC_UNENCODABLE_ERROR).
var (
	unencodable   = triplet{Nicira, 1, 521}
	unencodable13 = triplet{Nicira, 0, 10}
)

// errs is the table of errors: name (Open vSwitch's where the versions differ), words, numbers
//
//	in 1.0, in 1.3, in 1.4 and up.
var errs = [numErrors]struct {
	ofp, words         string
	v10, v13, v14, v15 triplet
}{
	NoError:                        {"", "no error", triplet{}, triplet{}, triplet{}, triplet{}},
	HelloIncompatible:              {"OFPHFC_INCOMPATIBLE", "incompatible versions", triplet{0, 0, 0}, triplet{0, 0, 0}, triplet{0, 0, 0}, triplet{0, 0, 0}},
	HelloDenied:                    {"OFPHFC_EPERM", "hello: permission denied", triplet{0, 0, 1}, triplet{0, 0, 1}, triplet{0, 0, 1}, triplet{0, 0, 1}},
	BadVersion:                     {"OFPBRC_BAD_VERSION", "version not supported", triplet{0, 1, 0}, triplet{0, 1, 0}, triplet{0, 1, 0}, triplet{0, 1, 0}},
	BadType:                        {"OFPBRC_BAD_TYPE", "message type not supported", triplet{0, 1, 1}, triplet{0, 1, 1}, triplet{0, 1, 1}, triplet{0, 1, 1}},
	BadMultipart:                   {"OFPBRC_BAD_STAT", "multipart type not supported", triplet{0, 1, 2}, triplet{0, 1, 2}, triplet{0, 1, 2}, triplet{0, 1, 2}},
	BadExperimenter:                {"OFPBRC_BAD_VENDOR", "experimenter not supported", triplet{0, 1, 3}, triplet{0, 1, 3}, triplet{0, 1, 3}, triplet{0, 1, 3}},
	BadExperimenterType:            {"OFPBRC_BAD_SUBTYPE", "experimenter type not supported", triplet{0, 1, 4}, triplet{0, 1, 4}, triplet{0, 1, 4}, triplet{0, 1, 4}},
	PermissionDenied:               {"OFPBRC_EPERM", "permission denied", triplet{0, 1, 5}, triplet{0, 1, 5}, triplet{0, 1, 5}, triplet{0, 1, 5}},
	BadLen:                         {"OFPBRC_BAD_LEN", "wrong length", triplet{0, 1, 6}, triplet{0, 1, 6}, triplet{0, 1, 6}, triplet{0, 1, 6}},
	BufferEmpty:                    {"OFPBRC_BUFFER_EMPTY", "the buffer has been used already", triplet{0, 1, 7}, triplet{0, 1, 7}, triplet{0, 1, 7}, triplet{0, 1, 7}},
	BufferUnknown:                  {"OFPBRC_BUFFER_UNKNOWN", "there is no such buffer", triplet{0, 1, 8}, triplet{0, 1, 8}, triplet{0, 1, 8}, triplet{0, 1, 8}},
	BadTable:                       {"OFPBRC_BAD_TABLE_ID", "invalid table", triplet{Nicira, 1, 512}, triplet{0, 1, 9}, triplet{0, 1, 9}, triplet{0, 1, 9}},
	IsSlave:                        {"OFPBRC_IS_SECONDARY", "the controller is a slave", triplet{0, 1, 5}, triplet{0, 1, 10}, triplet{0, 1, 10}, triplet{0, 1, 10}},
	BadPort:                        {"OFPBRC_BAD_PORT", "invalid port", triplet{Nicira, 1, 514}, triplet{0, 1, 11}, triplet{0, 1, 11}, triplet{0, 1, 11}},
	BadPacket:                      {"OFPBRC_BAD_PACKET", "invalid packet in a packet out", unencodable, triplet{0, 1, 12}, triplet{0, 1, 12}, triplet{0, 1, 12}},
	MultipartOverflow:              {"OFPBRC_MULTIPART_BUFFER_OVERFLOW", "multipart request too long", unencodable, triplet{0, 1, 13}, triplet{0, 1, 13}, triplet{0, 1, 13}},
	NXMInvalid:                     {"NXBRC_NXM_INVALID", "invalid NXM match", triplet{Nicira, 1, 256}, triplet{Nicira, 0, 2}, triplet{Nicira, 0, 2}, triplet{Nicira, 0, 2}},
	NXMBadType:                     {"NXBRC_NXM_BAD_TYPE", "NXM field with this length or mask not supported", triplet{Nicira, 1, 257}, triplet{Nicira, 0, 3}, triplet{Nicira, 0, 3}, triplet{Nicira, 0, 3}},
	MustBeZero:                     {"NXBRC_MUST_BE_ZERO", "a field that must be 0 is not", triplet{Nicira, 1, 515}, triplet{Nicira, 0, 4}, triplet{Nicira, 0, 4}, triplet{Nicira, 0, 4}},
	BadReason:                      {"NXBRC_BAD_REASON", "invalid reason", triplet{Nicira, 1, 516}, triplet{Nicira, 0, 5}, triplet{Nicira, 0, 5}, triplet{Nicira, 0, 5}},
	Unencodable:                    {"NXBRC_UNENCODABLE_ERROR", "an error that this version cannot tell", triplet{Nicira, 1, 521}, triplet{Nicira, 0, 10}, triplet{Nicira, 0, 10}, triplet{Nicira, 0, 10}},
	PipelineFieldsOnly:             {"OFPBRC_PIPELINE_FIELDS_ONLY", "a field of the packet where only fields of the pipeline are allowed", unencodable, unencodable13, unencodable13, triplet{0, 1, 17}},
	MultipartBadSchedule:           {"OFPBRC_MULTIPART_BAD_SCHED", "tolerance of scheduled bundles cannot be set", unencodable, unencodable13, unencodable13, triplet{0, 1, 16}},
	ActionBadType:                  {"OFPBAC_BAD_TYPE", "action type not supported", triplet{0, 2, 0}, triplet{0, 2, 0}, triplet{0, 2, 0}, triplet{0, 2, 0}},
	ActionBadLen:                   {"OFPBAC_BAD_LEN", "wrong length of an action", triplet{0, 2, 1}, triplet{0, 2, 1}, triplet{0, 2, 1}, triplet{0, 2, 1}},
	ActionBadExperimenter:          {"OFPBAC_BAD_VENDOR", "action of an unknown experimenter", triplet{0, 2, 2}, triplet{0, 2, 2}, triplet{0, 2, 2}, triplet{0, 2, 2}},
	ActionBadExperimenterType:      {"OFPBAC_BAD_VENDOR_TYPE", "action type not supported of this experimenter", triplet{0, 2, 3}, triplet{0, 2, 3}, triplet{0, 2, 3}, triplet{0, 2, 3}},
	ActionBadOutPort:               {"OFPBAC_BAD_OUT_PORT", "invalid output port", triplet{0, 2, 4}, triplet{0, 2, 4}, triplet{0, 2, 4}, triplet{0, 2, 4}},
	ActionBadArgument:              {"OFPBAC_BAD_ARGUMENT", "invalid argument of an action", triplet{0, 2, 5}, triplet{0, 2, 5}, triplet{0, 2, 5}, triplet{0, 2, 5}},
	ActionDenied:                   {"OFPBAC_EPERM", "action: permission denied", triplet{0, 2, 6}, triplet{0, 2, 6}, triplet{0, 2, 6}, triplet{0, 2, 6}},
	ActionTooMany:                  {"OFPBAC_TOO_MANY", "too many actions", triplet{0, 2, 7}, triplet{0, 2, 7}, triplet{0, 2, 7}, triplet{0, 2, 7}},
	ActionBadQueue:                 {"OFPBAC_BAD_QUEUE", "invalid output queue", triplet{0, 2, 8}, triplet{0, 2, 8}, triplet{0, 2, 8}, triplet{0, 2, 8}},
	ActionBadOutGroup:              {"OFPBAC_BAD_OUT_GROUP", "invalid group in an action", triplet{Nicira, 2, 9}, triplet{0, 2, 9}, triplet{0, 2, 9}, triplet{0, 2, 9}},
	ActionInconsistent:             {"OFPBAC_MATCH_INCONSISTENT", "the action does not fit the match, or a prerequisite of its field is not met", triplet{Nicira, 1, 522}, triplet{0, 2, 10}, triplet{0, 2, 10}, triplet{0, 2, 10}},
	ActionUnsupportedOrder:         {"OFPBAC_UNSUPPORTED_ORDER", "order of actions not supported", unencodable, triplet{0, 2, 11}, triplet{0, 2, 11}, triplet{0, 2, 11}},
	ActionBadTag:                   {"OFPBAC_BAD_TAG", "tag or encapsulation not supported in an action", unencodable, triplet{0, 2, 12}, triplet{0, 2, 12}, triplet{0, 2, 12}},
	ActionBadSetType:               {"OFPBAC_BAD_SET_TYPE", "field not supported in an action", triplet{Nicira, 1, 523}, triplet{0, 2, 13}, triplet{0, 2, 13}, triplet{0, 2, 13}},
	ActionBadSetLen:                {"OFPBAC_BAD_SET_LEN", "wrong length of a field in an action, or beyond its end", triplet{Nicira, 1, 524}, triplet{0, 2, 14}, triplet{0, 2, 14}, triplet{0, 2, 14}},
	ActionBadSetArgument:           {"OFPBAC_BAD_SET_ARGUMENT", "invalid value of a field in an action, or a field that cannot be written", triplet{Nicira, 1, 525}, triplet{0, 2, 15}, triplet{0, 2, 15}, triplet{0, 2, 15}},
	ActionBadSetMask:               {"OFPBAC_BAD_SET_MASK", "set field with a mask", unencodable, triplet{ONF, 0, 4250}, triplet{ONF, 0, 4250}, triplet{0, 2, 16}},
	ActionMustBeZero:               {"NXBAC_MUST_BE_ZERO", "an argument of an action that must be 0 is not", triplet{Nicira, 2, 256}, triplet{Nicira, 0, 11}, triplet{Nicira, 0, 11}, triplet{Nicira, 0, 11}},
	BadConjunction:                 {"NXBAC_BAD_CONJUNCTION", "conjunction with other actions, or clauses that are not 2 to 64", triplet{Nicira, 2, 526}, triplet{Nicira, 0, 15}, triplet{Nicira, 0, 15}, triplet{Nicira, 0, 15}},
	InstructionUnknown:             {"OFPBIC_UNKNOWN_INST", "unknown instruction", unencodable, triplet{0, 3, 0}, triplet{0, 3, 0}, triplet{0, 3, 0}},
	InstructionUnsupported:         {"OFPBIC_UNSUP_INST", "instruction not supported by the switch or the table", triplet{Nicira, 2, 257}, triplet{0, 3, 1}, triplet{0, 3, 1}, triplet{0, 3, 1}},
	InstructionBadTable:            {"OFPBIC_BAD_TABLE_ID", "invalid table in an instruction", unencodable, triplet{0, 3, 2}, triplet{0, 3, 2}, triplet{0, 3, 2}},
	InstructionBadMetadata:         {"OFPBIC_UNSUP_METADATA", "metadata not supported", unencodable, triplet{0, 3, 3}, triplet{0, 3, 3}, triplet{0, 3, 3}},
	InstructionBadMetadataMask:     {"OFPBIC_UNSUP_METADATA_MASK", "mask of metadata not supported", unencodable, triplet{0, 3, 4}, triplet{0, 3, 4}, triplet{0, 3, 4}},
	InstructionBadExperimenter:     {"OFPBIC_BAD_EXPERIMENTER", "instruction of an unknown experimenter", unencodable, triplet{0, 3, 5}, triplet{0, 3, 5}, triplet{0, 3, 5}},
	InstructionBadExperimenterType: {"OFPBIC_BAD_EXP_TYPE", "instruction type not supported of this experimenter", unencodable, triplet{0, 3, 6}, triplet{0, 3, 6}, triplet{0, 3, 6}},
	InstructionBadLen:              {"OFPBIC_BAD_LEN", "wrong length of an instruction", unencodable, triplet{0, 3, 7}, triplet{0, 3, 7}, triplet{0, 3, 7}},
	InstructionDenied:              {"OFPBIC_EPERM", "instruction: permission denied", unencodable, triplet{0, 3, 8}, triplet{0, 3, 8}, triplet{0, 3, 8}},
	InstructionTwice:               {"OFPBIC_DUP_INST", "two instructions of one type", unencodable, triplet{ONF, 0, 2600}, triplet{0, 3, 9}, triplet{0, 3, 9}},
	MatchBadType:                   {"OFPBMC_BAD_TYPE", "match type not supported", unencodable, triplet{0, 4, 0}, triplet{0, 4, 0}, triplet{0, 4, 0}},
	MatchBadLen:                    {"OFPBMC_BAD_LEN", "wrong length of a match", unencodable, triplet{0, 4, 1}, triplet{0, 4, 1}, triplet{0, 4, 1}},
	MatchBadTag:                    {"OFPBMC_BAD_TAG", "tag or encapsulation not supported in a match", unencodable, triplet{0, 4, 2}, triplet{0, 4, 2}, triplet{0, 4, 2}},
	MatchBadLinkMask:               {"OFPBMC_BAD_DL_ADDR_MASK", "mask of an Ethernet address not supported", unencodable, triplet{0, 4, 3}, triplet{0, 4, 3}, triplet{0, 4, 3}},
	MatchBadNetworkMask:            {"OFPBMC_BAD_NW_ADDR_MASK", "mask of a network address not supported", unencodable, triplet{0, 4, 4}, triplet{0, 4, 4}, triplet{0, 4, 4}},
	MatchBadWildcards:              {"OFPBMC_BAD_WILDCARDS", "combination of wildcards not supported", triplet{Nicira, 1, 262}, triplet{0, 4, 5}, triplet{0, 4, 5}, triplet{0, 4, 5}},
	MatchBadField:                  {"OFPBMC_BAD_FIELD", "field not supported in a match", triplet{Nicira, 0, 263}, triplet{0, 4, 6}, triplet{0, 4, 6}, triplet{0, 4, 6}},
	MatchBadValue:                  {"OFPBMC_BAD_VALUE", "value not supported in a match", triplet{Nicira, 1, 258}, triplet{0, 4, 7}, triplet{0, 4, 7}, triplet{0, 4, 7}},
	MatchBadMask:                   {"OFPBMC_BAD_MASK", "mask not supported in a match", triplet{Nicira, 1, 259}, triplet{0, 4, 8}, triplet{0, 4, 8}, triplet{0, 4, 8}},
	MatchBadPrerequisite:           {"OFPBMC_BAD_PREREQ", "a prerequisite of a field is not met", triplet{Nicira, 1, 260}, triplet{0, 4, 9}, triplet{0, 4, 9}, triplet{0, 4, 9}},
	MatchFieldTwice:                {"OFPBMC_DUP_FIELD", "a field is given twice", triplet{Nicira, 1, 261}, triplet{0, 4, 10}, triplet{0, 4, 10}, triplet{0, 4, 10}},
	MatchDenied:                    {"OFPBMC_EPERM", "match: permission denied", unencodable, triplet{0, 4, 11}, triplet{0, 4, 11}, triplet{0, 4, 11}},
	FlowModFailed:                  {"OFPFMFC_UNKNOWN", "flow mod failed", unencodable, triplet{0, 5, 0}, triplet{0, 5, 0}, triplet{0, 5, 0}},
	FlowModTableFull:               {"OFPFMFC_TABLE_FULL", "the table is full", triplet{0, 3, 0}, triplet{0, 5, 1}, triplet{0, 5, 1}, triplet{0, 5, 1}},
	FlowModBadTable:                {"OFPFMFC_BAD_TABLE_ID", "there is no such table", unencodable, triplet{0, 5, 2}, triplet{0, 5, 2}, triplet{0, 5, 2}},
	FlowModOverlap:                 {"OFPFMFC_OVERLAP", "it overlaps with a flow of the same priority", triplet{0, 3, 1}, triplet{0, 5, 3}, triplet{0, 5, 3}, triplet{0, 5, 3}},
	FlowModDenied:                  {"OFPFMFC_EPERM", "flow mod: permission denied", triplet{0, 3, 2}, triplet{0, 5, 4}, triplet{0, 5, 4}, triplet{0, 5, 4}},
	FlowModBadTimeout:              {"OFPFMFC_BAD_TIMEOUT", "timeout not supported", unencodable, triplet{0, 5, 5}, triplet{0, 5, 5}, triplet{0, 5, 5}},
	FlowModBadEmergencyTimeout:     {"OFPFMFC_BAD_EMERG_TIMEOUT", "emergency flow with a timeout", triplet{0, 3, 3}, unencodable13, unencodable13, unencodable13},
	FlowModBadCommand:              {"OFPFMFC_BAD_COMMAND", "flow mod command not supported", triplet{0, 3, 4}, triplet{0, 5, 6}, triplet{0, 5, 6}, triplet{0, 5, 6}},
	FlowModBadFlags:                {"OFPFMFC_BAD_FLAGS", "flow mod flags not supported", triplet{Nicira, 3, 258}, triplet{0, 5, 7}, triplet{0, 5, 7}, triplet{0, 5, 7}},
	FlowModUnsupported:             {"OFPFMFC_UNSUPPORTED", "list of actions not supported", triplet{0, 3, 5}, unencodable13, unencodable13, unencodable13},
	FlowModBadTableID:              {"NXFMFC_BAD_TABLE_ID", "there is no table of the number in the command", triplet{Nicira, 5, 257}, triplet{Nicira, 0, 13}, triplet{Nicira, 0, 13}, triplet{Nicira, 0, 13}},
	GroupModExists:                 {"OFPGMFC_GROUP_EXISTS", "the group is there already", triplet{Nicira, 6, 0}, triplet{0, 6, 0}, triplet{0, 6, 0}, triplet{0, 6, 0}},
	GroupModInvalid:                {"OFPGMFC_INVALID_GROUP", "invalid group", triplet{Nicira, 6, 1}, triplet{0, 6, 1}, triplet{0, 6, 1}, triplet{0, 6, 1}},
	GroupModWeightUnsupported:      {"OFPGMFC_WEIGHT_UNSUPPORTED", "weights not supported", triplet{Nicira, 6, 2}, triplet{0, 6, 2}, triplet{0, 6, 2}, triplet{0, 6, 2}},
	GroupModTableFull:              {"OFPGMFC_OUT_OF_GROUPS", "too many groups", triplet{Nicira, 6, 3}, triplet{0, 6, 3}, triplet{0, 6, 3}, triplet{0, 6, 3}},
	GroupModTooManyBuckets:         {"OFPGMFC_OUT_OF_BUCKETS", "too many buckets", triplet{Nicira, 6, 4}, triplet{0, 6, 4}, triplet{0, 6, 4}, triplet{0, 6, 4}},
	GroupModChainingUnsupported:    {"OFPGMFC_CHAINING_UNSUPPORTED", "groups of groups not supported", triplet{Nicira, 6, 5}, triplet{0, 6, 5}, triplet{0, 6, 5}, triplet{0, 6, 5}},
	GroupModWatchUnsupported:       {"OFPGMFC_WATCH_UNSUPPORTED", "the group cannot watch this port or group", triplet{Nicira, 6, 6}, triplet{0, 6, 6}, triplet{0, 6, 6}, triplet{0, 6, 6}},
	GroupModLoop:                   {"OFPGMFC_LOOP", "the group would lead to itself", triplet{Nicira, 6, 7}, triplet{0, 6, 7}, triplet{0, 6, 7}, triplet{0, 6, 7}},
	GroupModUnknown:                {"OFPGMFC_UNKNOWN_GROUP", "there is no such group", triplet{Nicira, 6, 8}, triplet{0, 6, 8}, triplet{0, 6, 8}, triplet{0, 6, 8}},
	GroupModChained:                {"OFPGMFC_CHAINED_GROUP", "another group leads to this one", triplet{Nicira, 6, 9}, triplet{0, 6, 9}, triplet{0, 6, 9}, triplet{0, 6, 9}},
	GroupModBadType:                {"OFPGMFC_BAD_TYPE", "group type not supported", triplet{Nicira, 6, 10}, triplet{0, 6, 10}, triplet{0, 6, 10}, triplet{0, 6, 10}},
	GroupModBadCommand:             {"OFPGMFC_BAD_COMMAND", "group mod command not supported", triplet{Nicira, 6, 11}, triplet{0, 6, 11}, triplet{0, 6, 11}, triplet{0, 6, 11}},
	GroupModBadBucket:              {"OFPGMFC_BAD_BUCKET", "invalid bucket", triplet{Nicira, 6, 12}, triplet{0, 6, 12}, triplet{0, 6, 12}, triplet{0, 6, 12}},
	GroupModBadWatch:               {"OFPGMFC_BAD_WATCH", "invalid port or group to watch", triplet{Nicira, 6, 13}, triplet{0, 6, 13}, triplet{0, 6, 13}, triplet{0, 6, 13}},
	GroupModDenied:                 {"OFPGMFC_EPERM", "group mod: permission denied", triplet{Nicira, 6, 14}, triplet{0, 6, 14}, triplet{0, 6, 14}, triplet{0, 6, 14}},
	GroupModBucketUnknown:          {"OFPGMFC_UNKNOWN_BUCKET", "there is no such bucket", triplet{Nicira, 6, 15}, unencodable13, unencodable13, triplet{0, 6, 15}},
	GroupModBucketExists:           {"OFPGMFC_BUCKET_EXISTS", "the bucket is there already", triplet{Nicira, 6, 16}, unencodable13, unencodable13, triplet{0, 6, 16}},
	PortModBadPort:                 {"OFPPMFC_BAD_PORT", "there is no such port", triplet{0, 4, 0}, triplet{0, 7, 0}, triplet{0, 7, 0}, triplet{0, 7, 0}},
	PortModBadAddress:              {"OFPPMFC_BAD_HW_ADDR", "the port has another hardware address", triplet{0, 4, 1}, triplet{0, 7, 1}, triplet{0, 7, 1}, triplet{0, 7, 1}},
	PortModBadConfig:               {"OFPPMFC_BAD_CONFIG", "port configuration not supported", unencodable, triplet{0, 7, 2}, triplet{0, 7, 2}, triplet{0, 7, 2}},
	PortModBadAdvertise:            {"OFPPMFC_BAD_ADVERTISE", "features cannot be advertised", unencodable, triplet{0, 7, 3}, triplet{0, 7, 3}, triplet{0, 7, 3}},
	PortModDenied:                  {"OFPPMFC_EPERM", "port mod: permission denied", unencodable, triplet{0, 7, 4}, triplet{0, 7, 4}, triplet{0, 7, 4}},
	TableModBadTable:               {"OFPTMFC_BAD_TABLE", "there is no such table", unencodable, triplet{0, 8, 0}, triplet{0, 8, 0}, triplet{0, 8, 0}},
	TableModBadConfig:              {"OFPTMFC_BAD_CONFIG", "table configuration not supported", unencodable, triplet{0, 8, 1}, triplet{0, 8, 1}, triplet{0, 8, 1}},
	TableModDenied:                 {"OFPTMFC_EPERM", "table mod: permission denied", unencodable, triplet{0, 8, 2}, triplet{0, 8, 2}, triplet{0, 8, 2}},
	QueueBadPort:                   {"OFPQOFC_BAD_PORT", "there is no such port", triplet{0, 5, 0}, triplet{0, 9, 0}, triplet{0, 9, 0}, triplet{0, 9, 0}},
	QueueUnknown:                   {"OFPQOFC_BAD_QUEUE", "there is no such queue", triplet{0, 5, 1}, triplet{0, 9, 1}, triplet{0, 9, 1}, triplet{0, 9, 1}},
	QueueDenied:                    {"OFPQOFC_EPERM", "queue: permission denied", triplet{0, 5, 2}, triplet{0, 9, 2}, triplet{0, 9, 2}, triplet{0, 9, 2}},
	ConfigBadFlags:                 {"OFPSCFC_BAD_FLAGS", "switch configuration flags not supported", unencodable, triplet{0, 10, 0}, triplet{0, 10, 0}, triplet{0, 10, 0}},
	ConfigBadLen:                   {"OFPSCFC_BAD_LEN", "wrong length of switch configuration", unencodable, triplet{0, 10, 1}, triplet{0, 10, 1}, triplet{0, 10, 1}},
	ConfigDenied:                   {"OFPSCFC_EPERM", "switch configuration: permission denied", unencodable, triplet{0, 10, 2}, triplet{0, 10, 2}, triplet{0, 10, 2}},
	RoleStale:                      {"OFPRRFC_STALE", "the generation id is older than the last", unencodable, triplet{0, 11, 0}, triplet{0, 11, 0}, triplet{0, 11, 0}},
	RoleUnsupported:                {"OFPRRFC_UNSUP", "change of role not supported", unencodable, triplet{0, 11, 1}, triplet{0, 11, 1}, triplet{0, 11, 1}},
	RoleBad:                        {"OFPRRFC_BAD_ROLE", "invalid role", triplet{Nicira, 1, 513}, triplet{0, 11, 2}, triplet{0, 11, 2}, triplet{0, 11, 2}},
	MeterModFailed:                 {"OFPMMFC_UNKNOWN", "meter mod failed", unencodable, triplet{0, 12, 0}, triplet{0, 12, 0}, triplet{0, 12, 0}},
	MeterModExists:                 {"OFPMMFC_METER_EXISTS", "the meter is there already", unencodable, triplet{0, 12, 1}, triplet{0, 12, 1}, triplet{0, 12, 1}},
	MeterModInvalid:                {"OFPMMFC_INVALID_METER", "invalid meter", unencodable, triplet{0, 12, 2}, triplet{0, 12, 2}, triplet{0, 12, 2}},
	MeterModUnknown:                {"OFPMMFC_UNKNOWN_METER", "there is no such meter", unencodable, triplet{0, 12, 3}, triplet{0, 12, 3}, triplet{0, 12, 3}},
	MeterModBadCommand:             {"OFPMMFC_BAD_COMMAND", "meter mod command not supported", unencodable, triplet{0, 12, 4}, triplet{0, 12, 4}, triplet{0, 12, 4}},
	MeterModBadFlags:               {"OFPMMFC_BAD_FLAGS", "meter flags not supported", unencodable, triplet{0, 12, 5}, triplet{0, 12, 5}, triplet{0, 12, 5}},
	MeterModBadRate:                {"OFPMMFC_BAD_RATE", "rate not supported", unencodable, triplet{0, 12, 6}, triplet{0, 12, 6}, triplet{0, 12, 6}},
	MeterModBadBurst:               {"OFPMMFC_BAD_BURST", "burst not supported", unencodable, triplet{0, 12, 7}, triplet{0, 12, 7}, triplet{0, 12, 7}},
	MeterModBadBand:                {"OFPMMFC_BAD_BAND", "meter band not supported", unencodable, triplet{0, 12, 8}, triplet{0, 12, 8}, triplet{0, 12, 8}},
	MeterModBadBandValue:           {"OFPMMFC_BAD_BAND_VALUE", "value of a meter band not supported", unencodable, triplet{0, 12, 9}, triplet{0, 12, 9}, triplet{0, 12, 9}},
	MeterModTableFull:              {"OFPMMFC_OUT_OF_METERS", "too many meters", unencodable, triplet{0, 12, 10}, triplet{0, 12, 10}, triplet{0, 12, 10}},
	MeterModTooManyBands:           {"OFPMMFC_OUT_OF_BANDS", "too many bands", unencodable, triplet{0, 12, 11}, triplet{0, 12, 11}, triplet{0, 12, 11}},
	TableFeaturesBadTable:          {"OFPTFFC_BAD_TABLE", "there is no such table", unencodable, triplet{0, 13, 0}, triplet{0, 13, 0}, triplet{0, 13, 0}},
	TableFeaturesBadMetadata:       {"OFPTFFC_BAD_METADATA", "mask of metadata not supported", unencodable, triplet{0, 13, 1}, triplet{0, 13, 1}, triplet{0, 13, 1}},
	TableFeaturesDenied:            {"OFPTFFC_EPERM", "table features: permission denied", unencodable, triplet{0, 13, 5}, triplet{0, 13, 5}, triplet{0, 13, 5}},
	TableFeaturesBadCapabilities:   {"OFPTFFC_BAD_CAPA", "invalid capabilities of a table", unencodable, unencodable13, unencodable13, triplet{0, 13, 6}},
	TableFeaturesBadMaxEntries:     {"OFPTFFC_BAD_MAX_ENT", "a table cannot have so many flows", unencodable, unencodable13, unencodable13, triplet{0, 13, 7}},
	TableFeaturesBadFeatures:       {"OFPTFFC_BAD_FEATURES", "invalid features of a table", unencodable, unencodable13, unencodable13, triplet{0, 13, 8}},
	TableFeaturesBadCommand:        {"OFPTFFC_BAD_COMMAND", "command on tables not supported", unencodable, unencodable13, unencodable13, triplet{0, 13, 9}},
	TableFeaturesTooMany:           {"OFPTFFC_TOO_MANY", "too many tables", unencodable, unencodable13, unencodable13, triplet{0, 13, 10}},
	PropertyBadType:                {"OFPBPC_BAD_TYPE", "property type not supported", triplet{Nicira, 13, 2}, triplet{0, 13, 2}, triplet{0, 14, 0}, triplet{0, 14, 0}},
	PropertyBadLen:                 {"OFPBPC_BAD_LEN", "wrong length of a property", triplet{Nicira, 13, 3}, triplet{0, 13, 3}, triplet{0, 14, 1}, triplet{0, 14, 1}},
	PropertyBadValue:               {"OFPBPC_BAD_VALUE", "value of a property not supported", triplet{Nicira, 13, 4}, triplet{0, 13, 4}, triplet{0, 14, 2}, triplet{0, 14, 2}},
	PropertyTooMany:                {"OFPBPC_TOO_MANY", "too many properties", triplet{Nicira, 14, 3}, triplet{ONF, 0, 4443}, triplet{0, 14, 3}, triplet{0, 14, 3}},
	PropertyTwice:                  {"OFPBPC_DUP_TYPE", "two properties of one type", triplet{Nicira, 14, 4}, triplet{ONF, 0, 4444}, triplet{0, 14, 4}, triplet{0, 14, 4}},
	PropertyBadExperimenter:        {"OFPBPC_BAD_EXPERIMENTER", "property of an unknown experimenter", triplet{Nicira, 14, 5}, triplet{ONF, 0, 4445}, triplet{0, 14, 5}, triplet{0, 14, 5}},
	PropertyBadExperimenterType:    {"OFPBPC_BAD_EXP_TYPE", "property type not supported of this experimenter", triplet{Nicira, 14, 6}, triplet{ONF, 0, 4446}, triplet{0, 14, 6}, triplet{0, 14, 6}},
	PropertyBadExperimenterValue:   {"OFPBPC_BAD_EXP_VALUE", "value of an experimenter's property not supported", triplet{Nicira, 14, 7}, triplet{ONF, 0, 4447}, triplet{0, 14, 7}, triplet{0, 14, 7}},
	PropertyDenied:                 {"OFPBPC_EPERM", "property: permission denied", triplet{Nicira, 14, 8}, triplet{ONF, 0, 4448}, triplet{0, 14, 8}, triplet{0, 14, 8}},
	AsyncInvalid:                   {"OFPACFC_INVALID", "invalid mask of asynchronous messages", unencodable, triplet{ONF, 0, 2370}, triplet{0, 15, 0}, triplet{0, 15, 0}},
	AsyncUnsupported:               {"OFPACFC_UNSUPPORTED", "configuration of asynchronous messages not supported", unencodable, triplet{ONF, 0, 2371}, triplet{0, 15, 1}, triplet{0, 15, 1}},
	AsyncDenied:                    {"OFPACFC_EPERM", "asynchronous messages: permission denied", unencodable, triplet{ONF, 0, 2372}, triplet{0, 15, 2}, triplet{0, 15, 2}},
	MonitorFailed:                  {"OFPMOFC_UNKNOWN", "flow monitor failed", unencodable, unencodable13, triplet{0, 16, 0}, triplet{0, 16, 0}},
	MonitorExists:                  {"OFPMOFC_MONITOR_EXISTS", "the monitor is there already", triplet{Nicira, 1, 517}, triplet{Nicira, 0, 6}, triplet{0, 16, 1}, triplet{0, 16, 1}},
	MonitorInvalid:                 {"OFPMOFC_INVALID_MONITOR", "invalid monitor", unencodable, unencodable13, triplet{0, 16, 2}, triplet{0, 16, 2}},
	MonitorUnknown:                 {"OFPMOFC_UNKNOWN_MONITOR", "there is no such monitor", triplet{Nicira, 1, 519}, triplet{Nicira, 0, 8}, triplet{0, 16, 3}, triplet{0, 16, 3}},
	MonitorBadCommand:              {"OFPMOFC_BAD_COMMAND", "monitor command not supported", unencodable, unencodable13, triplet{0, 16, 4}, triplet{0, 16, 4}},
	MonitorBadFlags:                {"OFPMOFC_BAD_FLAGS", "monitor flags not supported", triplet{Nicira, 1, 518}, triplet{Nicira, 0, 7}, triplet{0, 16, 5}, triplet{0, 16, 5}},
	MonitorBadTable:                {"OFPMOFC_BAD_TABLE_ID", "there is no such table", unencodable, unencodable13, triplet{0, 16, 6}, triplet{0, 16, 6}},
	MonitorBadOut:                  {"OFPMOFC_BAD_OUT", "invalid port or group to monitor", unencodable, unencodable13, triplet{0, 16, 7}, triplet{0, 16, 7}},
	BundleFailed:                   {"OFPBFC_UNKNOWN", "bundle failed", unencodable, triplet{ONF, 0, 2300}, triplet{0, 17, 0}, triplet{0, 17, 0}},
	BundleDenied:                   {"OFPBFC_EPERM", "bundle: permission denied", unencodable, triplet{ONF, 0, 2301}, triplet{0, 17, 1}, triplet{0, 17, 1}},
	BundleUnknown:                  {"OFPBFC_BAD_ID", "there is no such bundle", unencodable, triplet{ONF, 0, 2302}, triplet{0, 17, 2}, triplet{0, 17, 2}},
	BundleExists:                   {"OFPBFC_BUNDLE_EXIST", "the bundle is there already", unencodable, triplet{ONF, 0, 2303}, triplet{0, 17, 3}, triplet{0, 17, 3}},
	BundleClosed:                   {"OFPBFC_BUNDLE_CLOSED", "the bundle is closed", unencodable, triplet{ONF, 0, 2304}, triplet{0, 17, 4}, triplet{0, 17, 4}},
	BundleTooMany:                  {"OFPBFC_OUT_OF_BUNDLES", "too many bundles", unencodable, triplet{ONF, 0, 2305}, triplet{0, 17, 5}, triplet{0, 17, 5}},
	BundleBadType:                  {"OFPBFC_BAD_TYPE", "bundle control type not supported", unencodable, triplet{ONF, 0, 2306}, triplet{0, 17, 6}, triplet{0, 17, 6}},
	BundleBadFlags:                 {"OFPBFC_BAD_FLAGS", "bundle flags not supported, or others than before", unencodable, triplet{ONF, 0, 2307}, triplet{0, 17, 7}, triplet{0, 17, 7}},
	BundleBadMessageLen:            {"OFPBFC_MSG_BAD_LEN", "wrong length of a message in a bundle", unencodable, triplet{ONF, 0, 2308}, triplet{0, 17, 8}, triplet{0, 17, 8}},
	BundleBadXID:                   {"OFPBFC_MSG_BAD_XID", "transaction id of a message in a bundle is not the bundle message's", unencodable, triplet{ONF, 0, 2309}, triplet{0, 17, 9}, triplet{0, 17, 9}},
	BundleUnsupportedMessage:       {"OFPBFC_MSG_UNSUP", "message not supported in a bundle", unencodable, triplet{ONF, 0, 2310}, triplet{0, 17, 10}, triplet{0, 17, 10}},
	BundleConflict:                 {"OFPBFC_MSG_CONFLICT", "messages that conflict in a bundle", unencodable, triplet{ONF, 0, 2311}, triplet{0, 17, 11}, triplet{0, 17, 11}},
	BundleTooManyMessages:          {"OFPBFC_MSG_TOO_MANY", "too many messages in a bundle", unencodable, triplet{ONF, 0, 2312}, triplet{0, 17, 12}, triplet{0, 17, 12}},
	BundleMessageFailed:            {"OFPBFC_MSG_FAILED", "a message of the bundle failed", unencodable, triplet{ONF, 0, 2313}, triplet{0, 17, 13}, triplet{0, 17, 13}},
	BundleTimeout:                  {"OFPBFC_TIMEOUT", "the bundle takes too long", unencodable, triplet{ONF, 0, 2314}, triplet{0, 17, 14}, triplet{0, 17, 14}},
	BundleInProgress:               {"OFPBFC_BUNDLE_IN_PROGRESS", "a bundle locks the resource", unencodable, triplet{ONF, 0, 2315}, triplet{0, 17, 15}, triplet{0, 17, 15}},
	BundleBadVersion:               {"OFPBFC_BAD_VERSION", "a message in a bundle of another version", unencodable, unencodable13, triplet{Nicira, 0, 22}, triplet{Nicira, 0, 22}},
	QueueFailed:                    {"NXQOFC_QUEUE_ERROR", "details of queues cannot be had", unencodable, unencodable13, triplet{Nicira, 0, 23}, triplet{Nicira, 0, 23}},
	ResumeNotSupported:             {"NXR_NOT_SUPPORTED", "resuming packets not supported", triplet{Nicira, 1, 533}, triplet{Nicira, 0, 34}, triplet{Nicira, 0, 34}, triplet{Nicira, 0, 34}},
	ResumeStale:                    {"NXR_STALE", "the continuation is stale", triplet{Nicira, 1, 534}, triplet{Nicira, 0, 35}, triplet{Nicira, 0, 35}, triplet{Nicira, 0, 35}},
	NotConfigured:                  {"NXST_NOT_CONFIGURED", "not configured", triplet{Nicira, 1, 535}, triplet{Nicira, 0, 36}, triplet{Nicira, 0, 36}, triplet{Nicira, 0, 36}},
}

// Error says what was wrong.
func (e Error) Error() string {
	if e >= numErrors {
		return fmt.Sprintf("Error(%d)", uint8(e))
	}
	return errs[e].words
}

// Name is the error's name in the specification.
func (e Error) Name() string {
	if e >= numErrors {
		return e.Error()
	}
	return errs[e].ofp
}

// All calls f with every error.
func All(f func(Error)) {
	for e := NoError + 1; e < numErrors; e++ {
		f(e)
	}
}

// Numbers returns the error's numbers in a version as on the wire (1, 4, 5, 6): vendor is 0
// for an error of the specification; else kind has a meaning in 1.0 only.
func (e Error) Numbers(version uint8) (vendor uint32, kind, code uint16) {
	t := errs[e].v15
	switch {
	case version == 1:
		t = errs[e].v10
	case version <= 4:
		t = errs[e].v13
	case version == 5:
		t = errs[e].v14
	}
	return t.vendor, t.kind, t.code
}
