package vswitch

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"pollux/configs"
	"pollux/flow"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
)

// exporter is one exporting process with the flow caches that feed it.
type exporter struct {
	name    string // bridge, or set N
	set     uint32 // collector set, 0 for the bridge's
	index   int    // of its flow cache in every loop; the same as long as there is the exporter
	cfg     configs.Exporter
	renewed *time.Time      // when a change made its flow caches anew; nil: they are its first
	x       *ipfix.Exporter // nil before start
	stop    context.CancelFunc
	done    chan error // what Run returned
}

// wantedExporters lists the exporters that a configuration has on, the bridge's first,
// with the index they get in a switch that starts.
func wantedExporters(c *configs.IPFIX) (list []*exporter) {
	add := func(name string, set uint32, cfg *configs.Exporter) {
		if cfg.On() {
			list = append(list, &exporter{name: name, set: set, index: len(list), cfg: *cfg})
		}
	}
	add("bridge", 0, &c.Bridge)
	for i := range c.Sets {
		add(fmt.Sprintf("set %d", c.Sets[i].ID), c.Sets[i].ID, &c.Sets[i].Exporter)
	}
	return list
}

// cacheConfig is what a loop's flow cache of an exporter is made of.
func cacheConfig(e *configs.Exporter) cache.Config {
	active := int64(e.CacheActiveTimeout.Std())
	if active == 0 {
		active = -1 // 0 in the file is never
	}
	idle := int64(e.CacheIdleTimeout.Std())
	if idle == 0 {
		idle = int64(10 * 365 * 24 * time.Hour)
	}
	return cache.Config{
		MaxFlows: e.CacheMaxFlows, IdleTimeout: idle, ActiveTimeout: active,
		Sampling: uint32(e.Sampling), KeyMask: keyMask(e), QoS: e.TCPQoS,
		Align: e.Biflow != configs.BiflowOff,
	}
}

// sampling tells the tables where packets are accounted.
func sampling(list []*exporter) pipeline.Sampling {
	s := pipeline.Sampling{Sets: map[uint32]pipeline.SetSampling{}}
	for _, e := range list {
		if e.set != 0 {
			s.Sets[e.set] = pipeline.SetSampling{Exporter: e.index, Attribute: e.cfg.RuleAttribution}
			continue
		}
		s.Bridge = &pipeline.BridgeSampling{
			Exporter: e.index, Domain: e.cfg.ObsDomainID, Point: e.cfg.ObsPointID,
			Input: e.cfg.EnableInputSampling, Output: e.cfg.EnableOutputSampling,
			Attribute: e.cfg.RuleAttribution,
		}
	}
	return s
}

var biflowRules = map[configs.Biflow]ipfix.BiflowRule{
	configs.BiflowOff:       ipfix.BiflowOff,
	configs.BiflowInitiator: ipfix.BiflowInitiator,
	configs.BiflowReverse:   ipfix.BiflowReverse,
	configs.BiflowLowerPort: ipfix.BiflowLowerPort,
}

// exporting is what an exporting process is told: all that needs no other flow caches.
func exporting(c *configs.Exporter) ipfix.ExporterConfig {
	return ipfix.ExporterConfig{
		Targets: c.Targets, MTU: c.MTU,
		TemplateInterval: c.TemplateInterval.Std(), StatsInterval: c.StatsInterval.Std(),
		Domains: []uint32{c.ObsDomainID}, DrainTimeout: drainTimeout, Buffer: c.Buffer, MessageRate: c.MessageRate,
		TLS:     ipfix.TLSConfig{CA: c.TLS.CA, Cert: c.TLS.Cert, Key: c.TLS.Key, ServerName: c.TLS.ServerName},
		File:    ipfix.FileConfig{MaxBytes: int64(c.File.MaxBytes), MaxAge: c.File.MaxAge.Std(), Keep: c.File.Keep},
		FlowKey: keyMask(c), Elements: c.Elements, RuleAttribution: c.RuleAttribution, TCPQoS: c.TCPQoS,
		Biflow: biflowRules[c.Biflow], BiflowWindow: c.BiflowWindow.Std(),
		VirtualObsID: c.VirtualObsID, PEN: c.PEN,
	}
}

// exportingHere is exporting with what the switch knows besides.
func (s *Switch) exportingHere(c *configs.Exporter) ipfix.ExporterConfig {
	x := exporting(c)
	x.Interfaces = s.interfaces
	x.DropReasons = dropReasons()
	return x
}

// sameExporting says whether an exporting process need not be told of a change.
func sameExporting(a, b *configs.Exporter) bool {
	return reflect.DeepEqual(exporting(a), exporting(b))
}

// sameCaches says whether flow caches can stay, if perhaps with other timeouts.
func sameCaches(a, b *configs.Exporter) bool {
	return a.CacheMaxFlows == b.CacheMaxFlows && a.TCPQoS == b.TCPQoS && *keyMask(a) == *keyMask(b)
}

// keyMask returns what of packets' keys tells flows apart: without tunnel sampling not the outer
// header, which records then do not have either.
func keyMask(e *configs.Exporter) *flow.Mask {
	m := e.FlowKey.Mask()
	if !e.EnableTunnelSampling {
		for _, w := range []flow.Word{flow.WTunID, flow.WTunIPv4, flow.WTunMisc, flow.WTunSrcHi, flow.WTunSrcLo, flow.WTunDstHi, flow.WTunDstLo} {
			m.W[w] = 0
			m.Map &^= 1 << w
		}
	}
	return m
}

// sameTuning says whether flow caches work by the same times and sampling.
func sameTuning(a, b *configs.Exporter) bool {
	return a.CacheIdleTimeout == b.CacheIdleTimeout && a.CacheActiveTimeout == b.CacheActiveTimeout && a.Sampling == b.Sampling &&
		(a.Biflow == configs.BiflowOff) == (b.Biflow == configs.BiflowOff)
}

// run lets the exporting process run until e.stop.
func (e *exporter) run() {
	ctx, stop := context.WithCancel(context.Background())
	e.stop, e.done = stop, make(chan error, 1)
	go func() { e.done <- e.x.Run(ctx) }()
}

// startExporters makes the exporting processes and lets them run.
func (s *Switch) startExporters() error {
	for _, e := range s.exporters {
		x, err := ipfix.New(s.exportingHere(&e.cfg), s.dp.Caches(e.index))
		if err != nil {
			return fmt.Errorf("exporter of %s: %w", e.name, err)
		}
		e.x = x
		e.run()
	}
	return nil
}

// flushPatience is how long the end of a switch waits for flow records to leave.
const flushPatience = 500 * time.Millisecond

// drainTimeout is how long exporters go on sending after that: with it a switch ends
// well within two seconds.
const drainTimeout = 700 * time.Millisecond

// stopExporters lets the exporters, those that are leaving too, send what they have
// and ends them.
func (s *Switch) stopExporters() (errs []error) {
	for _, e := range s.exporters {
		if e.stop != nil {
			e.stop()
		}
	}
	for _, l := range s.leaving {
		l.hurry()
	}
	for _, e := range s.exporters {
		if e.done == nil {
			continue
		}
		if err := <-e.done; err != nil {
			errs = append(errs, fmt.Errorf("exporter of %s: %w", e.name, err))
		}
	}
	for _, l := range s.leaving {
		<-l.gone
	}
	return errs
}
