package configs

// Config is one deployment: everything a switch needs to start.
type Config struct {
	Bridge    Bridge   `json:"bridge,omitzero" jsonschema:"The switch itself."`
	Datapath  Datapath `json:"datapath,omitzero" reload:"restart" jsonschema:"Poll loops, memory and caches."`
	Ports     []Port   `json:"ports,omitempty" jsonschema:"The ports. Those without ofport are numbered in this order."`
	Flows     FlowText `json:"flows,omitempty" jsonschema:"OpenFlow flows as ovs-ofctl add-flow reads them: one a line of a block, or a list of strings. Blank lines and comments from # on are skipped. Without any flow the switch starts with one, actions=NORMAL, unless it has control.controllers; a reload does not bring that one back."`
	FlowsFile string   `json:"flows_file,omitempty" jsonschema:"A file of more flows, one a line, read after flows. A relative path starts at the folder of this file."`
	IPFIX     IPFIX    `json:"ipfix,omitzero" jsonschema:"Flow records to collectors."`
	Control   Control  `json:"control,omitzero" jsonschema:"How commands and controllers reach the running switch."`
	Log       Log      `json:"log,omitzero" reload:"restart" jsonschema:"What the switch says on standard error."`

	FlowsAuto bool `json:"-"` // Flows is what a switch starts with that was given none
}

// Bridge is the switch as OpenFlow and a learning bridge know it.
type Bridge struct {
	Name         string     `json:"name,omitempty" jsonschema:"Name of the switch in every display."`
	DatapathID   DatapathID `json:"datapath_id,omitempty" jsonschema:"OpenFlow datapath id: 16 hexadecimal digits, in quotes. Left out, it is made from the address of the first port that has one."`
	MACAgeing    Duration   `json:"mac_ageing,omitempty" range:"1s," unit:"time" jsonschema:"How long a learned address is kept without traffic from it."`
	MACTableSize int        `json:"mac_table_size,omitempty" range:"10,1000000" unit:"addresses" jsonschema:"Most addresses that NORMAL learns."`
}

// Datapath is what the poll loops run on.
type Datapath struct {
	Loops         []Loop   `json:"loops,omitempty" jsonschema:"One poll loop per entry. Default: one loop on the machine's last core."`
	SleepMax      Duration `json:"sleep_max,omitempty" range:",1s" unit:"time" jsonschema:"Longest nap of a loop that finds no packets; 0 never sleeps."`
	Burst         int      `json:"burst,omitempty" range:"1,256" unit:"packets" jsonschema:"Most packets taken from a receive queue at once."`
	Memory        Memory   `json:"memory,omitzero" jsonschema:"The memory that all frames lie in."`
	ExactCache    int      `json:"exact_cache,omitempty" range:"0,16777216" pow2:"yes" unit:"entries" jsonschema:"Size of a loop's exact-match cache, a power of two; 0 takes it from the size of the processor's cache."`
	Megaflows     int      `json:"megaflows,omitempty" range:"64,16777216" unit:"megaflows" jsonschema:"Most megaflows that a loop keeps."`
	MegaflowMasks int      `json:"megaflow_masks,omitempty" range:"8,65536" unit:"masks" jsonschema:"Most masks that a loop's megaflows have. A decision that would bring one more is kept for its packet's very headers, so that nobody makes look-ups slow by sending what needs ever new masks."`
	MegaflowIdle  Duration `json:"megaflow_idle,omitempty" range:"100ms," unit:"time" jsonschema:"A megaflow without a packet for this long is removed."`
	Verify        int      `json:"verify,omitempty" range:"0,1000000000" unit:"1/N of hits" jsonschema:"Translate one cache hit in N again and count differences; 0 never."`
	RxqAssign     Assign   `json:"pmd_rxq_assign,omitempty" oneof:"cycles,roundrobin,group" jsonschema:"How queues that no port pins are spread over the loops when they are rebalanced (pmd-rxq-assign of Open vSwitch): cycles goes up and down the loops with the busiest queues first, group gives each in that order to the loop with the least, roundrobin goes round by port and queue."`
	RxqIsolate    bool     `json:"pmd_rxq_isolate,omitempty" jsonschema:"Whether a loop that a port has pinned queues to polls only such queues (pmd-rxq-isolate of Open vSwitch). Where every loop is one of those, the other queues are spread over all."`
	Rebalance     Balance  `json:"rebalance,omitzero" jsonschema:"Whether queues change loops by themselves when some loops are busy and others are not (pmd-auto-lb of Open vSwitch)."`
}

// Loop is one poll loop.
type Loop struct {
	Core int `json:"core" range:"0,8191" jsonschema:"The core (as in /proc/cpuinfo) that the loop's thread is pinned to. No two loops share one."`
}

// Balance says when queues change loops without being asked to.
type Balance struct {
	Auto                 bool     `json:"auto,omitempty" jsonschema:"Rebalance by itself (pmd-auto-lb). pollux rebalance does it at any time."`
	LoadThreshold        int      `json:"load_threshold,omitempty" range:"0,100" unit:"percent" jsonschema:"Only when a loop is busy for at least this share of the time (pmd-auto-lb-load-threshold)."`
	ImprovementThreshold int      `json:"improvement_threshold,omitempty" range:"0,100" unit:"percent" jsonschema:"Only when the variance of the loops' loads is expected to fall by at least this much (pmd-auto-lb-improvement-threshold)."`
	Interval             Duration `json:"interval,omitempty" range:"1s," unit:"time" jsonschema:"How often that is looked at (pmd-auto-lb-rebal-interval). Loads are those of the last interval, or of the last minute where that is shorter."`
}

// Memory sizes the frame memory.
type Memory struct {
	FramesPerLoop int       `json:"frames_per_loop,omitempty" range:"0,4194304" unit:"frames" jsonschema:"Frames that belong to each loop; 0 takes what the rings of the ports can hold, and some more."`
	FrameSize     int       `json:"frame_size,omitempty" range:"2048,4096" pow2:"yes" unit:"bytes" jsonschema:"Size of a frame's chunk of memory, 2048 or 4096."`
	FramesAuto    bool      `json:"-"` // FramesPerLoop was worked out, not given
	HugePages     HugePages `json:"huge_pages,omitempty" oneof:"auto,always,never" jsonschema:"Huge pages: auto takes them where there are some, always fails where there are none."`
}

// Port is one port of the switch.
type Port struct {
	Name     string     `json:"name" jsonschema:"Name of the port, used in flows and displays. At most 31 letters, digits and . _ - @ :"`
	Type     PortType   `json:"type" oneof:"afxdp,memory,pcap,tap" jsonschema:"What the port is: afxdp takes over a network device, memory is a source and sink in the process, pcap reads and writes files, tap makes a device of the host."`
	Device   string     `json:"device,omitempty" jsonschema:"Network device: of afxdp the one to take over, of tap the one to make. Default: the port's name."`
	Queues   int        `json:"queues,omitempty" range:"1,64" unit:"queues" jsonschema:"Receive and transmit queues. Only afxdp and memory have more than one."`
	OFPort   OFPort     `json:"ofport,omitempty" jsonschema:"OpenFlow number, 1 to 65279, or LOCAL for the switch's own port. Default: the lowest number from 1 that no port of the file names and no port before this one has."`
	Mode     Mode       `json:"mode,omitempty" oneof:"auto,zero-copy,copy,generic" jsonschema:"How afxdp binds: auto takes the best that the device allows; the others fail where that one does not work."`
	RxRing   int        `json:"rx_ring,omitempty" range:"64,32768" pow2:"yes" unit:"frames" jsonschema:"Size of each receive (and fill) ring of afxdp, a power of two."`
	TxRing   int        `json:"tx_ring,omitempty" range:"64,32768" pow2:"yes" unit:"frames" jsonschema:"Size of each transmit (and completion) ring of afxdp, a power of two."`
	TxBudget int        `json:"tx_budget,omitempty" range:"1,32768" unit:"frames" jsonschema:"Most frames that the kernel sends for one system call of afxdp in copy mode (XDP_MAX_TX_SKB_BUDGET), at most tx_ring. Default: 256, or tx_ring where that is less."`
	BusyPoll Duration   `json:"busy_poll,omitempty" range:"1us,1s" zero:"off" unit:"time" jsonschema:"Preferred busy polling of afxdp for this long a call; 0 off."`
	Loops    []int      `json:"loops,omitempty" range:"0,1023" jsonschema:"Which loop polls each queue: one index into datapath.loops per queue. They stay there when queues are rebalanced. Default: all queues of the switch that no key pins spread over the loops in turn."`
	Affinity Affinity   `json:"pmd_rxq_affinity,omitempty" jsonschema:"Which core's loop polls some queues, as QUEUE:CORE separated by commas (pmd-rxq-affinity of Open vSwitch); they stay there when queues are rebalanced. The other way to say it is loops."`
	Pinned   []bool     `json:"-"` // by queue: loops or pmd_rxq_affinity says who polls it
	MAC      MAC        `json:"mac,omitempty" jsonschema:"Ethernet address to give to a tap. Default: the kernel's choice."`
	Address  []Prefix   `json:"address,omitempty" jsonschema:"IP addresses with prefix length to give to a tap. A change keeps the tap."`
	VLAN     VLAN       `json:"vlan,omitzero" jsonschema:"How NORMAL treats VLANs on this port. Default: a trunk of all VLANs."`
	Flood    bool       `json:"flood,omitempty" jsonschema:"Whether FLOOD and NORMAL flood out of this port."`
	QoS      QoS        `json:"qos,omitzero" jsonschema:"What of the packets that the port is to send is sent (qos of Open vSwitch's ports)."`
	Memory   MemoryPort `json:"memory,omitzero" jsonschema:"What the source of a memory port makes."`
	PCAP     PCAPPort   `json:"pcap,omitzero" jsonschema:"The files of a pcap port."`
}

// VLAN says how NORMAL treats a port.
type VLAN struct {
	Mode   VLANMode `json:"mode,omitempty" oneof:"access,trunk,native-tagged,native-untagged" jsonschema:"As vlan_mode of Open vSwitch. Default: access with a tag, trunk without."`
	Tag    int      `json:"tag,omitempty" range:"0,4095" unit:"VLAN" jsonschema:"VLAN of an access port, or native VLAN."`
	Trunks []int    `json:"trunks,omitempty" range:"0,4095" unit:"VLANs" jsonschema:"VLANs that a trunk or native port carries. Default: all."`
}

// QoS limits what a port sends.
type QoS struct {
	Queues []EgressQueue `json:"queues,omitempty" jsonschema:"Queues that flows choose by set_queue and enqueue; 0 is for what chooses none, or one that is not here. Without it that has no limit. They are policers, as those of Open vSwitch with DPDK: no packet waits, what is beyond the rate is dropped and counted as queue. A change keeps their counters."`
}

// EgressQueue is one queue of a port.
type EgressQueue struct {
	ID      uint32 `json:"id" range:"0,4294967294" jsonschema:"Number of the queue in flows and in OpenFlow."`
	MaxRate Bits   `json:"max_rate,omitempty" unit:"bits/s" jsonschema:"Most that is sent by the queue, counted from the Ethernet header on without FCS: a number, with k, M or G behind it for a thousand, a million or a thousand millions, as in 10M. Default: no limit."`
	Burst   Bits   `json:"burst,omitempty" unit:"bits" jsonschema:"Most that is sent at once after a pause, written as max_rate. A single packet always may be longer. Default: what 50 ms of max_rate bring."`
}

// MemoryPort is the source of a port of type memory.
type MemoryPort struct {
	Flows int         `json:"flows,omitempty" range:"0,16777216" unit:"flows" jsonschema:"Distinct flows of the source; 0 makes a port that only receives from the switch."`
	Masks int         `json:"masks,omitempty" range:"1,64" unit:"shapes" jsonschema:"Header shapes that the flows are spread over."`
	Size  int         `json:"size,omitempty" range:"60,1514" unit:"bytes" jsonschema:"Length of each frame without FCS."`
	Order MemoryOrder `json:"order,omitempty" oneof:"seq,random" jsonschema:"Order of flows: seq goes round, random draws from a fixed seed."`
	Count int         `json:"count,omitempty" range:"0,9223372036854775807" unit:"packets" jsonschema:"Packets to make on each queue; 0 never stops."`
}

// PCAPPort is the files of a port of type pcap.
type PCAPPort struct {
	Read   string `json:"read,omitempty" jsonschema:"File (pcap or pcapng) to receive packets from. A port or disk slower than this source loses packets, counted as tx_full; rate prevents it. A relative path starts where pollux was started."`
	Write  string `json:"write,omitempty" jsonschema:"File to send packets to. It is overwritten. What comes faster than its disk writes is lost and counted as tx_full. A relative path starts where pollux was started."`
	Repeat int    `json:"repeat,omitempty" range:"0,2147483647" unit:"times" jsonschema:"How often the file is read; 0 for ever."`
	Rate   int    `json:"rate,omitempty" range:"0,2147483647" unit:"packets/s" jsonschema:"Packets a second that are read; 0 as fast as possible. A rate that the slowest port or disk behind it keeps up with paces the source so that nothing is lost."`
}

// Control is where commands and controllers reach the switch.
type Control struct {
	Socket      string       `json:"socket,omitempty" reload:"restart" jsonschema:"Path of the Unix socket, at most 107 bytes; the folder that it is in is made if need be, none above it. ovs-appctl -t PATH speaks to it too."`
	OpenFlow    []string     `json:"openflow,omitempty" jsonschema:"Where OpenFlow (1.0, 1.3, 1.4, 1.5) is listened for: punix:PATH (folders as for socket); ptcp:PORT or ptcp:PORT:HOST (at every IPv4 address without HOST; anybody who can connect is answered); pssl:PORT or pssl:PORT:HOST (TLS, which needs tls; who has no certificate of its ca is refused), as ovs-vsctl set-controller takes them. [] is nowhere. Default: punix: with the file BRIDGE.mgmt beside the control socket (it moves with the name), which ovs-ofctl finds by its path."`
	Controllers []Controller `json:"controllers,omitempty" jsonschema:"Controllers that the switch connects to, as ovs-vsctl set-controller names them: all of them at once, each for ever again. With any, a switch without flows has none: what to do is the controllers' business."`
	FailMode    FailMode     `json:"fail_mode,omitempty" oneof:"standalone,secure" jsonschema:"What happens while none of controllers can be talked to (fail_mode of Open vSwitch): standalone forwards as a learning switch when three times the longest inactivity_probe (15s where all are 0) have passed; secure keeps to the flows that there are."`
	TLS         ControlTLS   `json:"tls,omitzero" jsonschema:"The files of ssl: and pssl:. Each new connection reads them again."`

	OpenFlowAuto bool `json:"-"` // OpenFlow was worked out, not given
}

// Controller is one controller that the switch connects to. Keys have the names that Open
// vSwitch gives to the same thing.
type Controller struct {
	Target     string   `json:"target" jsonschema:"Where it is: tcp:HOST or tcp:HOST:PORT; ssl:HOST or ssl:HOST:PORT (TLS, which needs tls); unix:PATH. HOST is a name or an address, one of IPv6 in brackets. PORT is 6653 when left out."`
	Probe      Duration `json:"inactivity_probe,omitempty" range:"1s," zero:"off" unit:"time" jsonschema:"After so long without a message the controller is asked whether it is there, after as long again without answer the connection ends; 0 never asks."`
	MaxBackoff Duration `json:"max_backoff,omitempty" range:"1s," unit:"time" jsonschema:"Longest wait between attempts to connect: the first is 1s, each twice the one before."`
	RateLimit  int      `json:"controller_rate_limit,omitempty" range:"0,100000000" unit:"packets/s" jsonschema:"Most packets that it is sent a second, those that no flow matched and others counted apart; 0 is no limit. More are lost, and counted."`
	BurstLimit int      `json:"controller_burst_limit,omitempty" range:"0,100000000" unit:"packets" jsonschema:"Packets beyond the rate that may come at once after a quiet time; 0 is a quarter of controller_rate_limit."`
	QueueSize  int      `json:"controller_queue_size,omitempty" range:"1,512" unit:"packets" jsonschema:"Packets that wait for a controller that does not read them. More are lost, and counted; nothing else is."`
}

// FailMode says what happens while no controller can be talked to.
type FailMode string

// The ways.
const (
	Standalone FailMode = "standalone"
	Secure     FailMode = "secure"
)

// ControlTLS is the files of TLS to controllers, PEM.
type ControlTLS struct {
	Key         string `json:"key,omitempty" jsonschema:"File of the switch's private key. A relative path starts at the folder of this file."`
	Certificate string `json:"certificate,omitempty" jsonschema:"File of its certificate, with those of intermediate authorities behind it if there are any."`
	CA          string `json:"ca,omitempty" jsonschema:"File of the authorities that must have signed the other side's certificate. As in Open vSwitch, its name is not compared with the host's."`
}

// Log is what the switch says while it runs.
type Log struct {
	Level  LogLevel  `json:"level,omitempty" oneof:"debug,info,warn,error" jsonschema:"Least grave message that is written."`
	Format LogFormat `json:"format,omitempty" oneof:"text,json" jsonschema:"Form of the lines."`
}
