package configs

import "time"

// Everything the file may leave out has its default here, and nowhere else. A
// value is set before the file is read over it, so that a 0 in the file is a 0.
// What depends on other keys is in complete.go.

// DefaultSocket is where a switch listens, and commands look for it.
const DefaultSocket = "/run/pollux/pollux.sock"

// defaulter is implemented by the types that have defaults.
type defaulter interface{ defaults() }

func (c *Config) defaults() {
	c.Bridge = Bridge{
		Name:         "br0",
		MACAgeing:    Duration(300 * time.Second),
		MACTableSize: 8192,
	}
	c.Datapath = Datapath{
		Burst:         256, // costs memory ports nothing and brings AF_XDP in copy mode a tenth more than 64
		Memory:        Memory{FrameSize: 2048, HugePages: "auto"},
		Megaflows:     65536,
		MegaflowMasks: 256,
		MegaflowIdle:  Duration(10 * time.Second),
		RxqAssign:     "cycles",
		RxqIsolate:    true,
		Rebalance:     Balance{LoadThreshold: 95, ImprovementThreshold: 25, Interval: Duration(time.Minute)},
	}
	c.IPFIX.Bridge.defaults()
	c.Control = Control{Socket: DefaultSocket, FailMode: Standalone}
	c.Log = Log{Level: "info", Format: "text"}
}

func (p *Port) defaults() {
	*p = Port{
		Queues:   1,
		Mode:     ModeAuto,
		RxRing:   2048,
		TxRing:   2048,
		TxBudget: 256,
		Flood:    true,
		Memory:   MemoryPort{Flows: 1000, Masks: 1, Size: 60, Order: "seq"},
		PCAP:     PCAPPort{Repeat: 1},
	}
}

func (c *Controller) defaults() {
	*c = Controller{
		Probe:      Duration(5 * time.Second),
		MaxBackoff: Duration(8 * time.Second),
		QueueSize:  100,
	}
}

func (e *Exporter) defaults() {
	*e = Exporter{
		Sampling:             1,
		ObsDomainID:          1,
		ObsPointID:           1,
		CacheActiveTimeout:   Duration(60 * time.Second),
		CacheIdleTimeout:     Duration(15 * time.Second),
		CacheMaxFlows:        65536,
		FlowKey:              FlowKey{KeyOVS},
		Elements:             []string{"standard"},
		Biflow:               BiflowOff,
		BiflowWindow:         Duration(2500 * time.Millisecond),
		TemplateInterval:     Duration(600 * time.Second),
		StatsInterval:        Duration(600 * time.Second),
		EnableInputSampling:  true,
		EnableOutputSampling: true,
		EnableTunnelSampling: true,
		PEN:                  32473, // of examples: RFC 5612
		MTU:                  1500,
		Buffer:               4 << 20,
		MessageRate:          10_000,
		File:                 File{MaxBytes: 64 << 20, MaxAge: Duration(time.Hour), Keep: 24},
	}
}

func (s *ExporterSet) defaults() { s.Exporter.defaults() }
