package scenarios

import (
	"time"

	"pollux/configs"
)

// Scenario is one measurement.
type Scenario struct {
	Name    string  `json:"-"` // of its file, without the folder and .yaml
	Title   string  `json:"title" jsonschema:"What it shows, in a line."`
	Traffic Traffic `json:"traffic,omitzero" jsonschema:"The packets."`
	Rules   Rules   `json:"rules,omitzero" jsonschema:"The flow tables. Packets come in by port 1 (in) and are to go out by port 2 (out). Default: one for each of traffic.masks, on its bit."`
	IPFIX   IPFIX   `json:"ipfix,omitzero" jsonschema:"Accounting of packets, with an exporter that sends to a socket on loopback."`
	Switch  Switch  `json:"switch,omitzero" jsonschema:"Poll loops and caches."`
	Run     Run     `json:"run,omitzero" jsonschema:"How it is measured."`
}

// Traffic is the packets of a scenario.
type Traffic struct {
	Flows    int    `json:"flows,omitempty" range:"1,4294967296" unit:"flows" jsonschema:"Distinct flows. Those of UDP over IPv4 with no tag are made as they are sent, all others kept in a table of up to 4,194,304."`
	Masks    int    `json:"masks,omitempty" range:"1,64" unit:"masks" jsonschema:"Groups that the flows are dealt to in turn, each with one bit of an Ethernet address of its own."`
	From     string `json:"from,omitempty" oneof:"flows,rules" jsonschema:"flows makes flows as below; rules draws each flow from the rule set of rules.generate, some rules far more often than others."`
	Protocol string `json:"protocol,omitempty" oneof:"udp,tcp,icmp" jsonschema:"Protocol of the flows."`
	IP       string `json:"ip,omitempty" oneof:"ipv4,ipv6" jsonschema:"Version of IP."`
	VLAN     int    `json:"vlan,omitempty" range:"0,4094" unit:"VLAN" jsonschema:"802.1Q tag of every packet; 0 is none."`
	Size     Mix    `json:"size,omitempty" jsonschema:"Lengths of frames without FCS: imix, a length (60), or lengths with weights (60:7,590:4,1514:1). Flows of a table have one length each, dealt out by weight."`
	Order    string `json:"order,omitempty" oneof:"turn,random,zipf" jsonschema:"Whose packet is next: each flow in turn, the worst order for a cache; any; or some far more often than others, by skew."`
	Skew     Number `json:"skew,omitempty" jsonschema:"With order zipf: flow i has packets in proportion to 1/i^skew, 0.1 to 4."`
	Rate     Rate   `json:"rate,omitempty" unit:"packets/s" jsonschema:"Packets a second of each loop, as in 200k or 1.5m; 0 is as fast as the loop takes them. With a rate, times a packet are those of iterations that had packets, by the wall clock."`
	Burst    int    `json:"burst,omitempty" range:"0,65536" unit:"packets" jsonschema:"With a rate: packets that come at once, followed by a pause; 0 is evenly."`
	NewFlows Rate   `json:"new_flows,omitempty" unit:"flows/s" jsonschema:"Flows a second that begin, and send one packet each, beside the others. They are of UDP over IPv4."`
	Attack   int    `json:"attack,omitempty" range:"0,100" unit:"%" jsonschema:"Packets in a hundred that are of the tuple-space explosion attack on rules.generate, which must be whitelist."`
	Port     string `json:"port,omitempty" oneof:"memory,pcap" jsonschema:"memory writes the headers of each packet into a frame; pcap plays the traffic from a capture file, again and again."`
	File     string `json:"file,omitempty" jsonschema:"With port pcap: the capture to play (pcap or pcapng). A relative path starts at the folder of this file. Default: a round of the traffic above, written for the purpose."`
	Seed     int    `json:"seed,omitempty" range:"0,2147483647" jsonschema:"Of everything that is drawn."`
}

// Rules is the flow tables of a scenario.
type Rules struct {
	Flows     configs.FlowText `json:"flows,omitempty" jsonschema:"Flows as ovs-ofctl add-flow reads them: one a line of a block, or a list of strings."`
	FlowsFile string           `json:"flows_file,omitempty" jsonschema:"A file of more flows, one a line. A relative path starts at the folder of this file."`
	Generate  Generate         `json:"generate,omitzero" jsonschema:"Rules that are made."`
}

// Generate is a rule set that is made.
type Generate struct {
	Kind  string `json:"kind,omitempty" oneof:"none,acl,fw,ipc,pipeline,whitelist" jsonschema:"acl, fw and ipc are lists of rules on five-tuples like those of ClassBench; pipeline is 40 tables as large virtual networks have them, on more than 30 fields; whitelist is three rules that let pass, for an attack."`
	Rules int    `json:"rules,omitempty" range:"1,1000000" unit:"rules" jsonschema:"How many."`
	Seed  int    `json:"seed,omitempty" range:"0,2147483647" jsonschema:"Of everything that is drawn."`
}

// IPFIX is the accounting of a scenario.
type IPFIX struct {
	Sampling int             `json:"sampling,omitempty" range:"0,4294967295" unit:"1/N of packets" jsonschema:"One packet in so many is accounted; 0 is none."`
	Output   bool            `json:"output,omitempty" jsonschema:"Packets are accounted as they go out, too."`
	FlowKey  configs.FlowKey `json:"flow_key,omitempty" jsonschema:"What tells flows apart, as in the switch's configuration: ovs, five-tuple, or a list of elements."`
	Elements []string        `json:"elements,omitempty" jsonschema:"What records tell besides, as in the switch's configuration: standard, full, or names."`
	MaxFlows int             `json:"max_flows,omitempty" range:"0,67108864" unit:"flows" jsonschema:"Size of the flow cache of a loop; 0 is room for all flows."`
	Active   Duration        `json:"active_timeout,omitempty" unit:"time" jsonschema:"A flow that goes on is reported after it."`
}

// Switch is the switch of a scenario.
type Switch struct {
	Loops         int `json:"loops,omitempty" range:"1,64" unit:"loops" jsonschema:"Poll loops, each on a core of its own, the last ones of the machine."`
	Burst         int `json:"burst,omitempty" range:"1,256" unit:"packets" jsonschema:"Packets taken from a queue at once."`
	ExactCache    int `json:"exact_cache,omitempty" range:"0,16777216" pow2:"yes" unit:"entries" jsonschema:"Size of the exact-match cache; 0 is what the switch takes by itself."`
	Megaflows     int `json:"megaflows,omitempty" range:"64,16777216" unit:"megaflows" jsonschema:"Most megaflows of a loop."`
	MegaflowMasks int `json:"megaflow_masks,omitempty" range:"8,65536" unit:"masks" jsonschema:"Most masks of them."`
}

// Run is how a scenario is measured.
type Run struct {
	Repeats int      `json:"repeats,omitempty" range:"1,1000" unit:"turns" jsonschema:"Turns that are measured; figures are medians over them."`
	Time    Duration `json:"time,omitempty" unit:"time" jsonschema:"Length of each."`
	Settle  Duration `json:"settle,omitempty" unit:"time" jsonschema:"Time before each that is not measured."`
}

// Duration is a time span, as configurations write them.
type Duration = configs.Duration

// defaults is what a file may leave out.
func (s *Scenario) defaults() {
	s.Traffic = Traffic{
		Flows: 1000, Masks: 1, From: "flows", Protocol: "udp", IP: "ipv4", Size: Mix{Text: "60"},
		Order: "turn", Skew: 1, Port: "memory", Seed: 1,
	}
	s.Rules.Generate = Generate{Kind: "none", Rules: 1000, Seed: 1}
	s.IPFIX = IPFIX{FlowKey: configs.FlowKey{configs.KeyOVS}, Elements: []string{"standard"}, Active: Duration(60 * time.Second)}
	// Megaflows are those of bench memory, masks those of the switch.
	s.Switch = Switch{Loops: 1, Burst: 256, Megaflows: 1 << 18, MegaflowMasks: 256}
	s.Run = Run{Repeats: 7, Time: Duration(100 * time.Millisecond), Settle: Duration(20 * time.Millisecond)}
}
