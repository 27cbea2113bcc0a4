package pipeline

import "pollux/actions"

// Meters by their number: a controller's are 1 to MeterMax; some have a meaning (enum
// ofp_meter). No flow names MeterController: all packets for controllers go through it that go
// through no other. There can be no MeterSlowPath, as there is no slow path.
const (
	MeterMax        uint32 = 0xffff0000
	MeterSlowPath   uint32 = 0xfffffffd
	MeterController        = actions.MeterController
	MeterAll        uint32 = 0xffffffff
)

// MeterFlags are flags of a meter (enum ofp_meter_flags).
type MeterFlags uint16

// The flags, with their numbers on the wire.
const (
	MeterKbps   MeterFlags = 1 << iota // rates are in kbit a second
	MeterPktps                         // rates are in packets a second
	MeterBurst                         // bursts are given
	MeterCounts                        // statistics are collected (OFPMF_STATS)
)

// BandType is what a band does to packets above its rate (enum ofp_meter_band_type).
type BandType uint16

// The types, with their numbers on the wire.
const (
	BandDrop BandType = iota + 1
	BandDSCPRemark
)

// Meter is a meter as controllers describe it (OpenFlow 1.3 section 5.7). Plain data.
type Meter struct {
	ID    uint32
	Flags MeterFlags
	Bands []Band
}

// Band is one band of a meter.
type Band struct {
	Type      BandType
	Rate      uint32 // kbit or packets a second
	Burst     uint32 // kbit or packets
	PrecLevel uint8  // of BandDSCPRemark: by how much drop precedence rises
}

// MeterCommand is what a MeterMod does (enum ofp_meter_mod_command).
type MeterCommand uint16

// The commands, with their numbers on the wire.
const (
	MeterAdd MeterCommand = iota
	MeterModify
	MeterDelete
)

// MeterMod is a request to change meters (OpenFlow 1.3 section 7.3.4.4).
type MeterMod struct {
	Command MeterCommand
	Meter   Meter
}
