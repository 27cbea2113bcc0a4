package vswitch

import (
	"time"

	"pollux/actions"
	"pollux/internal/cpu"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/session"
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

	Controllers []session.Peer `json:"controllers"` // those of the configuration, then who else has a session
	FailMode    string         `json:"fail_mode"`
	Standalone  bool           `json:"standalone"` // no controller can be talked to, and the switch forwards by itself

	Generation    uint64 `json:"generation"`     // of tables, ports and exporters
	FDBGeneration uint64 `json:"fdb_generation"` // of learned addresses
	Flows         int    `json:"flows"`
	MACs          int    `json:"macs"`
	LearnedLate   uint64 `json:"learned_late"` // times that packets left before the flows that they had the switch learn were there

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
	Stages      map[string]float64 `json:"stages"`          // ns a packet, by stage, of the timed packets (translate and transmit: of all); empty where those are few
	SimpleShare float64            `json:"simple_share"`    // of packets, 0 to 1: by a decision for all of their port
	ExactShare  float64            `json:"exact_share"`     // likewise
	MegaShare   float64            `json:"megaflow_share"`  //
	UpcallShare float64            `json:"upcall_share"`    //
	UpcallNs    float64            `json:"upcall_ns"`       // of one translation and installation
	BatchMean   float64            `json:"batch_mean"`      // packets
	BatchHist   map[int]uint32     `json:"batch_histogram"` // size → batches; sizes that never came are left out
	MasksHit    float64            `json:"masks_a_hit"`     // subtables visited for a megaflow hit
	MegaHitsAll uint64             `json:"megaflow_lookup_hits"`

	Queues []datapath.QueueUsage `json:"queues"` // of the last minute
}

// DropsShow is where packets went: the closed sum.
type DropsShow struct {
	Sums        datapath.Sums `json:"sums"`
	Unaccounted int64         `json:"unaccounted"`
	Reasons     []DropShow    `json:"reasons"` // those with a count
	Driver      []DriverDrops `json:"driver"`  // ports that lost packets before or after the switch
	Full        []PortFull    `json:"full"`    // where tx_full and handoff_full happened
	Ports       []PortDrops   `json:"ports"`   // those with drops; then, without a name, what is of no port that there is
}

// PortDrops is what was dropped of the packets of a port (datapath.Totals.Dropped). Those of no
// port are packets that controllers sent, of ports that are gone, and that waited between two loops
// for a port that went.
type PortDrops struct {
	Port    string            `json:"port"`
	Dropped datapath.ByReason `json:"dropped"`
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
	Domain   *uint32       `json:"obs_domain_id,omitempty"` // nil for a set: each sample action names one
	FlowKey  string        `json:"flow_key"`                // as in the file
	Biflow   string        `json:"biflow"`
	Caches   []cache.Stats `json:"caches"`                 // by loop; those in force
	Renewed  *time.Time    `json:"caches_since,omitempty"` // when a change made these caches; Exporter counts from before
	Exporter ipfix.Stats   `json:"exporter"`
}

// TopFlow is a flow that the caches of an exporter hold now, with what was counted
// since its last record. Parts of it in several loops are one row.
type TopFlow struct {
	Exporter    string `json:"exporter"` // bridge, or set N
	ObsDomainID uint32 `json:"obs_domain_id"`
	ObsPointID  uint32 `json:"obs_point_id"`
	Direction   string `json:"direction"` // ingress, egress
	InPort      string `json:"in_port"`   // name, or number of a port that is gone; "" where it is not in the key
	OutPort     string `json:"out_port,omitempty"`
	EthSrc      string `json:"eth_src,omitempty"`
	EthDst      string `json:"eth_dst,omitempty"`
	EthType     uint16 `json:"eth_type"`
	VLAN        int    `json:"vlan"` // VLAN id, -1 untagged
	IPVersion   int    `json:"ip_version"`
	Protocol    uint8  `json:"protocol"`
	TOS         uint8  `json:"tos"`
	Src         string `json:"src,omitempty"` // IP address
	Dst         string `json:"dst,omitempty"`
	SrcPort     uint16 `json:"src_port"` // or ICMP type
	DstPort     uint16 `json:"dst_port"` // or ICMP code
	Cookie      uint64 `json:"cookie,omitempty"`
	Table       int    `json:"table"` // of the rule that decided; -1 where that is not told
	Flow        string `json:"flow"`  // the flow in a line, as pollux ipfix top shows it

	Packets       uint64  `json:"packets"`       // since the last record, or since the flow began
	Octets        uint64  `json:"octets"`        // IP
	L2Octets      uint64  `json:"l2_octets"`     // frames without FCS
	TotalPackets  uint64  `json:"total_packets"` // since the flow began
	TotalL2Octets uint64  `json:"total_l2_octets"`
	Dropped       uint64  `json:"dropped"`            // of Packets
	Seconds       float64 `json:"seconds"`            // that Packets were counted in: since the last record or the flow's first packet
	Age           float64 `json:"age"`                // seconds since the flow's first packet
	Idle          float64 `json:"idle"`               // seconds since its last
	PacketRate    float64 `json:"packets_per_second"` // Packets / Seconds
	BitRate       float64 `json:"bits_per_second"`    // 8 L2Octets / Seconds
	Loops         []int   `json:"loops"`              // that hold a part of it
}
