package vswitch

import (
	"pollux/actions"
	"pollux/internal/cpu"
	"pollux/ipfix/cache"
	"pollux/pmd"
	"pollux/pmd/datapath"
)

// The types of this file are what the commands show: as JSON as they stand, and as
// text by their Text methods (views*.go).

// Show is the switch as a whole.
type Show struct {
	Name       string   `json:"name"`
	DatapathID string   `json:"datapath_id"` // 16 hexadecimal digits
	Version    string   `json:"version"`
	PID        int      `json:"pid"`
	Config     string   `json:"config"` // path of the file in force
	Uptime     float64  `json:"uptime"` // seconds
	CPU        cpu.Info `json:"cpu"`
	Procs      int      `json:"gomaxprocs"`

	Memory MemoryShow `json:"memory"`
	Loops  []LoopShow `json:"loops"`
	Ports  []PortShow `json:"ports"`

	Generation    uint64 `json:"generation"`     // of tables, ports and exporters
	FDBGeneration uint64 `json:"fdb_generation"` // of learned addresses
	Flows         int    `json:"flows"`
	MACs          int    `json:"macs"`

	Sums        datapath.Sums `json:"sums"`
	Unaccounted int64         `json:"unaccounted"`
}

// MemoryShow is the memory of all frames.
type MemoryShow struct {
	Bytes     int  `json:"bytes"`
	FrameSize int  `json:"frame_size"`
	PerLoop   int  `json:"frames_per_loop"`
	HugePages bool `json:"huge_pages"`
}

// LoopShow is a loop and what it polls.
type LoopShow struct {
	ID         int      `json:"id"`
	Core       int      `json:"core"`
	Queues     []string `json:"queues"` // port:queue
	FreeFrames int      `json:"free_frames"`
	Megaflows  int      `json:"megaflows"`
}

// PortShow is a port with its counts.
type PortShow struct {
	datapath.PortStats
	Type   string `json:"type"`
	Device string `json:"device"`
	VLAN   string `json:"vlan"`          // access 10, trunk 10,20, …
	State  string `json:"state"`         // up, down, away
	Why    string `json:"why,omitempty"` // why a device is away, as far as known
}

// MegaflowShow is one cached decision of one loop.
type MegaflowShow struct {
	Loop    int     `json:"loop"`
	Match   string  `json:"match"`   // as ofproto/trace prints a megaflow
	Actions string  `json:"actions"` // datapath actions
	Packets uint64  `json:"packets"`
	Bytes   uint64  `json:"bytes"`
	Used    float64 `json:"used"`  // seconds since the last packet; -1 never
	FDB     bool    `json:"fdb"`   // depends on learned addresses
	Stale   bool    `json:"stale"` // of an older snapshot: the next packet has it checked
}

// PerfShow is a loop's measurements, as pmd-perf-show of Open vSwitch.
type PerfShow struct {
	Loop int `json:"loop"`
	pmd.LoopStats
	Hz          float64            `json:"ticks_per_second"`
	Seconds     float64            `json:"seconds"`         // that the loop has run
	BusyShare   float64            `json:"busy_share"`      // of its ticks, 0 to 1
	TicksPacket float64            `json:"ticks_a_packet"`  // of busy iterations
	NsPacket    float64            `json:"ns_a_packet"`     // the same
	Stages      map[string]float64 `json:"stages"`          // ns a packet, by stage, of the timed batches
	ExactShare  float64            `json:"exact_share"`     // of packets, 0 to 1
	MegaShare   float64            `json:"megaflow_share"`  //
	UpcallShare float64            `json:"upcall_share"`    //
	UpcallNs    float64            `json:"upcall_ns"`       // of one translation and installation
	BatchMean   float64            `json:"batch_mean"`      // packets
	BatchHist   map[int]uint32     `json:"batch_histogram"` // size → batches; sizes that never came are left out
	MasksHit    float64            `json:"masks_a_hit"`     // subtables visited for a megaflow hit
	MegaHitsAll uint64             `json:"megaflow_lookup_hits"`
}

// DropsShow is where packets went: the closed sum.
type DropsShow struct {
	Sums        datapath.Sums `json:"sums"`
	Unaccounted int64         `json:"unaccounted"`
	Reasons     []DropShow    `json:"reasons"` // those with a count
	Driver      []DriverDrops `json:"driver"`  // ports that lost packets before or after the switch
	Full        []PortFull    `json:"full"`    // where tx_full and handoff_full happened
}

// PortFull is what could not be sent by a port for want of room.
type PortFull struct {
	Port string `json:"port"`
	pmd.QueueStats
}

// DropShow is one reason.
type DropShow struct {
	Reason   string `json:"reason"`
	Sentence string `json:"sentence"`
	actions.Count
}

// DriverDrops is what a port's driver and the kernel lost.
type DriverDrops struct {
	Port string `json:"port"`
	datapath.Counters
}

// IPFIXShow is one exporter with the flow caches that feed it.
type IPFIXShow struct {
	Name     string        `json:"name"` // bridge, or set N
	Sampling uint32        `json:"sampling"`
	Domain   uint32        `json:"obs_domain_id"`
	Caches   []cache.Stats `json:"caches"` // by loop
	Exporter any           `json:"exporter"`
}
