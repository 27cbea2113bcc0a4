package datapath

import (
	"fmt"
	"slices"
	"time"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// MaxExporters is the most exporters a switch has.
const MaxExporters = 64

// SetExporter gives every loop a new flow cache for exporter i, or with a nil cfg none,
// while traffic flows: each loop changes over between two batches, so that every
// packet is in exactly one of the two. The loops end the flows of the old caches
// (flowEndReason 4) little by little, as the exporter takes them. It returns the new
// caches, one a loop, nil for none; on error nothing has changed. Seed and Memory of
// cfg are seen to.
func (d *Datapath) SetExporter(i int, cfg *cache.Config) ([]*cache.Cache, error) {
	if i < 0 || i >= MaxExporters {
		return nil, fmt.Errorf("exporter %d: want 0 to %d", i, MaxExporters-1)
	}
	var made []*cache.Cache
	if cfg != nil {
		if err := cfg.Check(); err != nil {
			return nil, fmt.Errorf("flow cache %d: %w", i, err)
		}
		for id := range d.loops {
			c := *cfg
			c.Seed += uint64(id) + uint64(clock.Ticks())
			c.Memory = d.mem
			c.Align = d.aligned(cfg)
			made = append(made, cache.New(c))
		}
	}
	d.setting.Lock()
	defer d.setting.Unlock()
	for id, l := range d.loops {
		var c *cache.Cache
		if made != nil {
			c = made[id]
		}
		l.SetCache(i, c)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.caches) <= i {
		d.caches = append(d.caches, nil)
	}
	d.caches[i] = made
	return slices.Clone(made), nil
}

// TuneExporter changes the timeouts, the sampling and whether reports are aligned of exporter
// i in all loops to those of cfg; they keep their flows.
func (d *Datapath) TuneExporter(i int, cfg *cache.Config) {
	for _, l := range d.loops {
		l.Tune(i, func(c *cache.Cache) {
			c.SetAlign(d.aligned(cfg))
			c.SetTimeouts(cfg.IdleTimeout, cfg.ActiveTimeout, cfg.EndLinger)
			c.SetSampling(cfg.Sampling)
		})
	}
}

// aligned says whether flow caches report at the same times: several may have a part of a flow.
func (d *Datapath) aligned(cfg *cache.Config) bool { return cfg.Align || len(d.loops) > 1 }

// Caches returns the flow caches of an exporter that are in force, one a loop; nil
// while it is off.
func (d *Datapath) Caches(exporter int) []*cache.Cache {
	d.mu.Lock()
	defer d.mu.Unlock()
	if uint(exporter) >= uint(len(d.caches)) {
		return nil
	}
	return slices.Clone(d.caches[exporter])
}

// EachFlow calls fn, in the caller's thread, with a copy of every flow that the caches
// of an exporter hold, loop by loop (pmd.Loop.EachFlow). It may stretch over many
// iterations of the loops, which go on meanwhile.
func (d *Datapath) EachFlow(exporter int, fn func(loop int, r *cache.Record)) {
	for id, l := range d.loops {
		l.EachFlow(exporter, func(r *cache.Record) { fn(id, r) })
	}
}

// FlushFlows ends every flow of all flow caches (flowEndReason 4), those of caches that
// were replaced among them. What the exporters have not taken after patience is given
// up and counted as lost. The loops must have been stopped.
func (d *Datapath) FlushFlows(patience time.Duration) {
	until := time.Now().Add(patience)
	for _, l := range d.loops {
		step := l.FlushCaches()
		some := func(l *pmd.Loop) (done bool) {
			for n := 0; n < 64 && !done; n++ {
				done = step(l)
			}
			return done
		}
		for done := false; !done; {
			l.Do(func(l *pmd.Loop) { done = some(l) })
			if !done && time.Now().After(until) {
				l.Abandon()
				break
			}
			if !done {
				time.Sleep(200 * time.Microsecond) // the rings are full
			}
		}
	}
}
