package vswitch

import (
	"context"
	"fmt"
	"time"

	"pollux/configs"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
)

// exporter is one exporting process with the flow caches that feed it.
type exporter struct {
	name string // bridge, or set N
	cfg  configs.Exporter
	x    *ipfix.Exporter
	stop context.CancelFunc
	done chan error
}

// exporterConfigs lists the exporters that are on, the bridge's first. The place in
// the list is the index of the flow cache in every loop.
func exporterConfigs(c *configs.IPFIX) (names []string, cfgs []configs.Exporter) {
	if c.Bridge.On() {
		names, cfgs = append(names, "bridge"), append(cfgs, c.Bridge)
	}
	for i := range c.Sets {
		if c.Sets[i].On() {
			names = append(names, fmt.Sprintf("set %d", c.Sets[i].ID))
			cfgs = append(cfgs, c.Sets[i].Exporter)
		}
	}
	return names, cfgs
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
		Sampling: uint32(e.Sampling),
	}
}

// sampling tells the tables where packets are accounted.
func sampling(c *configs.IPFIX) pipeline.Sampling {
	var s pipeline.Sampling
	next := 0
	if c.Bridge.On() {
		b := &c.Bridge
		s.Bridge = &pipeline.BridgeSampling{
			Exporter: next, Domain: b.ObsDomainID, Point: b.ObsPointID,
			Input: b.EnableInputSampling, Output: b.EnableOutputSampling,
		}
		next++
	}
	s.Sets = map[uint32]pipeline.SetSampling{}
	for i := range c.Sets {
		if c.Sets[i].On() {
			s.Sets[c.Sets[i].ID] = pipeline.SetSampling{Exporter: next}
			next++
		}
	}
	return s
}

// startExporters makes the exporters and lets them run.
func (s *Switch) startExporters() error {
	names, cfgs := exporterConfigs(&s.cfg.IPFIX)
	for i := range cfgs {
		c := &cfgs[i]
		x, err := ipfix.New(ipfix.ExporterConfig{
			Targets: c.Targets, MTU: c.MTU,
			TemplateInterval: c.TemplateInterval.Std(), StatsInterval: c.StatsInterval.Std(),
			Domains: []uint32{c.ObsDomainID}, DrainTimeout: drainTimeout,
		}, s.dp.Caches(i))
		if err != nil {
			return fmt.Errorf("exporter of %s: %w", names[i], err)
		}
		ctx, stop := context.WithCancel(context.Background())
		e := &exporter{name: names[i], cfg: *c, x: x, stop: stop, done: make(chan error, 1)}
		go func() { e.done <- x.Run(ctx) }()
		s.exporters = append(s.exporters, e)
	}
	return nil
}

// flushPatience is how long the end of a switch waits for flow records to leave.
const flushPatience = 500 * time.Millisecond

// drainTimeout is how long exporters go on sending after that: with it a switch ends
// well within two seconds.
const drainTimeout = 700 * time.Millisecond

// flushCaches ends all flows of stopped loops (flowEndReason 4). What the exporters
// don't take in time is given up and counted.
func (s *Switch) flushCaches() {
	until := time.Now().Add(flushPatience)
	for i := range s.exporters {
		for _, c := range s.dp.Caches(i) {
			for !c.FlushAll(1024) {
				if time.Now().After(until) {
					c.Abandon()
					break
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// stopExporters lets the exporters send what they have and ends them.
func (s *Switch) stopExporters() (errs []error) {
	for _, e := range s.exporters {
		e.stop()
	}
	for _, e := range s.exporters {
		if err := <-e.done; err != nil {
			errs = append(errs, fmt.Errorf("exporter of %s: %w", e.name, err))
		}
	}
	return errs
}
