package configs

// IPFIX is the exporters.
type IPFIX struct {
	Bridge Exporter      `json:"bridge,omitzero" jsonschema:"The exporter of all packets of the switch. Without it there is none."`
	Sets   []ExporterSet `json:"sets,omitempty" jsonschema:"Exporters of the packets that sample actions choose, by collector set."`
}

// Exporter is one process of metering and exporting. It is on when it has targets.
// Keys have the names that Open vSwitch gives to the same thing.
type Exporter struct {
	Targets              []string `json:"targets,omitempty" jsonschema:"Collectors, each sent everything: host:port or udp:host:port; tcp:host:port; tls:host:port (TLS over TCP); dtls:host:port (DTLS over UDP); file:PATH (an IPFIX file, of RFC 5655; a relative path starts where pollux was started; the directory must be there)."`
	Sampling             int      `json:"sampling,omitempty" range:"1,4294967295" unit:"1/N of packets" jsonschema:"Account one packet in N; 1 is every packet, exact."`
	ObsDomainID          uint32   `json:"obs_domain_id,omitempty" only:"bridge" range:"0,4294967295" jsonschema:"Observation domain id (in every message)."`
	ObsPointID           uint32   `json:"obs_point_id,omitempty" only:"bridge" range:"0,4294967295" jsonschema:"Observation point id (in every record)."`
	CacheActiveTimeout   Duration `json:"cache_active_timeout,omitempty" unit:"time" jsonschema:"A flow that goes on is reported this often; 0 never before it ends (in Open vSwitch 0 is no caching at all)."`
	CacheIdleTimeout     Duration `json:"cache_idle_timeout,omitempty" unit:"time" jsonschema:"A flow without a packet for this long has ended; 0 never."`
	CacheMaxFlows        int      `json:"cache_max_flows,omitempty" range:"64,16777216" unit:"flows" jsonschema:"Most flows a loop's cache holds; one more pushes out, as a record, the quietest of eight that are looked at. A change makes new caches."`
	FlowKey              FlowKey  `json:"flow_key,omitempty" jsonschema:"What tells flows apart: ovs (the key of Open vSwitch's records), five-tuple (IP protocol, addresses, ports), or a list of element names (docs/elements.md). Direction, egress port, observation domain and point always do. A change makes new caches. Default: ovs."`
	Elements             []string `json:"elements,omitempty" jsonschema:"What records say besides the key: standard, full (all there is), and names of elements (docs/elements.md). Default: [standard]."`
	RuleAttribution      bool     `json:"rule_attribution,omitempty" jsonschema:"Tell the cookie and table of the rule that decided, and whether and why packets were dropped. Packets that different rules decided about are different flows then."`
	TCPQoS               bool     `json:"tcp_qos,omitempty" jsonschema:"Measure of TCP flows the time from SYN to SYN/ACK (told with biflow only, as it takes both directions; 0 where it was not seen, or within one batch), retransmissions and segments out of order. Costs the loops some time. A change makes new caches."`
	Biflow               Biflow   `json:"biflow,omitempty" oneof:"off,initiator,reverse,lower-port" jsonschema:"Whether the two directions of a conversation become one record (RFC 5103), and which is forward: that of who began it (initiator), the other (reverse), or that towards the lower port (lower-port)."`
	BiflowWindow         Duration `json:"biflow_window,omitempty" range:"100ms,60s" unit:"time" jsonschema:"How long a record waits for that of the other direction."`
	TemplateInterval     Duration `json:"template_interval,omitempty" range:"1s," unit:"time" jsonschema:"How often templates are sent again: over UDP by themselves, over DTLS by a new session that begins with them."`
	StatsInterval        Duration `json:"stats_interval,omitempty" range:"1s," unit:"time" jsonschema:"How often the exporter's own counts are sent."`
	EnableInputSampling  bool     `json:"enable_input_sampling,omitempty" only:"bridge" jsonschema:"Account packets as they come in."`
	EnableOutputSampling bool     `json:"enable_output_sampling,omitempty" only:"bridge" jsonschema:"Account packets as they go out of each port."`
	EnableTunnelSampling bool     `json:"enable_tunnel_sampling,omitempty" only:"bridge" jsonschema:"Tell the outer header of packets that come by a tunnel, and tell flows apart by it. There are no tunnel ports yet."`
	VirtualObsID         string   `json:"virtual_obs_id,omitempty" maxlen:"254" jsonschema:"A text in every record (virtualObsID of PEN 6876). Default: none."`
	PEN                  uint32   `json:"private_enterprise_number,omitempty" range:"1,4294967295" jsonschema:"Enterprise number of the elements that are Pollux's own; 32473 is that of examples (RFC 5612)."`
	MTU                  int      `json:"mtu,omitempty" range:"576,65535" unit:"bytes" jsonschema:"Longest IP packet that a message may make."`
	Buffer               int      `json:"buffer,omitempty" range:"65536,1073741824" unit:"bytes" jsonschema:"Messages kept for a collector or file that does not take them now, or for udp: because of message_rate (there 4 MiB at least); more are not sent, and counted."`
	MessageRate          int      `json:"message_rate,omitempty" range:"1,10000000" unit:"messages/s" jsonschema:"Most messages a second to each udp: or dtls: collector, so that its socket does not overflow. While every collector is a udp: one that is behind, flows stay in the caches."`
	TLS                  TLS      `json:"tls,omitzero" jsonschema:"The certificates of tls: and dtls: targets."`
	File                 File     `json:"file,omitzero" jsonschema:"How the files of file: targets rotate."`
}

// TLS is the files of TLS, PEM.
type TLS struct {
	CA         string `json:"ca,omitempty" jsonschema:"File of the authorities that collectors' certificates are checked with. A relative path starts at the folder of this file. Default: the system's."`
	Cert       string `json:"cert,omitempty" jsonschema:"File of the switch's own certificate, for collectors that ask for one; key goes with it."`
	Key        string `json:"key,omitempty" jsonschema:"File of the key of cert."`
	ServerName string `json:"server_name,omitempty" jsonschema:"Name that the collector's certificate must have. Default: the target's host."`
}

// File says how IPFIX files rotate.
type File struct {
	MaxBytes int      `json:"max_bytes,omitempty" range:"65536,1099511627776" unit:"bytes" jsonschema:"The file is closed, gets its time into its name and is followed by another at this size."`
	MaxAge   Duration `json:"max_age,omitempty" range:"1s," unit:"time" jsonschema:"And at this age."`
	Keep     int      `json:"keep,omitempty" range:"1,100000" unit:"files" jsonschema:"Files kept beside the one that is being written; older ones are removed."`
}

// ExporterSet is the exporter of one collector set.
type ExporterSet struct {
	ID       uint32 `json:"id" range:"1,4294967295" jsonschema:"Collector set id, as sample(collector_set_id=…) names it."`
	Exporter        // the exporter's own keys stand beside id
}

// onlyBridges says why a set has no such key.
const onlyBridges = "each sample action says where packets are accounted, and its observation domain and point; remove it"

// MaxExporters is the most exporters of a switch.
const MaxExporters = 64

// Biflow says which direction of a conversation is forward.
type Biflow string

// The rules.
const (
	BiflowOff       Biflow = "off"
	BiflowInitiator Biflow = "initiator"
	BiflowReverse   Biflow = "reverse"
	BiflowLowerPort Biflow = "lower-port"
)

// FlowKey is what tells flows apart: one word, or names of elements.
type FlowKey []string

// The words.
const (
	KeyOVS       = "ovs"
	KeyFiveTuple = "five-tuple"
)

// On reports whether the exporter has a collector to send to.
func (e *Exporter) On() bool { return len(e.Targets) > 0 }

// Uses reports whether one of the targets has this transport: udp, tcp, tls, dtls or file.
func (e *Exporter) Uses(transport string) bool {
	for _, t := range e.Targets {
		if kind, _ := splitTarget(t); kind == transport {
			return true
		}
	}
	return false
}
