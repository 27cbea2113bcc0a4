package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pollux/bench/ruleset"
	"pollux/bench/scenarios"
	"pollux/internal/cpu"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
)

// RunScenario measures one scenario. It moves the other threads of the process off the
// loops' cores, for good. each is called after every turn; nil is fine.
func RunScenario(ctx context.Context, s *scenarios.Scenario, each func(done, all int)) (res *RunResult, err error) {
	cores, err := lastCores(s.Switch.Loops)
	if err != nil {
		return nil, err
	}
	if _, _, err := cpu.SetProcs(len(cores)); err != nil {
		return nil, err
	}
	if err := cpu.Reserve(cores); err != nil {
		return nil, err
	}
	spec, load, err := specOf(s, cores)
	if err != nil {
		return nil, err
	}
	r, err := newMemoryRig(spec)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.warm(ctx); err != nil {
		return nil, err
	}
	load.Seconds, load.Bytes = r.loaded.took.Seconds(), r.loaded.bytes
	for _, l := range r.dp.Loops() {
		l.WatchLong(0)
	}
	before, sums := readGo(), r.dp.Stats().Sums
	var turns []memoryTurn
	for k := range s.Run.Repeats {
		t, err := r.turn(ctx, s.Run.Settle.Std(), s.Run.Time.Std())
		if err != nil {
			return nil, err
		}
		turns = append(turns, t)
		if each != nil {
			each(k+1, s.Run.Repeats)
		}
	}
	res = newRunResult(s, turns)
	res.Go = readGo().since(before)
	res.counts(r, sums)
	if load.Rules > manyRules {
		res.Load = &load
	}
	if r.x != nil && s.Traffic.Flows >= fewRecords && s.IPFIX.Sampling == 1 {
		if res.Record, err = r.records(ctx); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// manyRules is from how many rules on it is told what loading them took.
const manyRules = 1000

// allowedCores are the cores that this process may use, as it was before loops had some to
// themselves.
var allowedCores = cpu.Allowed()

// lastCores returns the last n cores of those that this process may use.
func lastCores(n int) ([]int, error) {
	all := allowedCores
	if n > len(all) {
		return nil, fmt.Errorf("%d loops want a core each, and there are %d", n, len(all))
	}
	return all[len(all)-n:], nil
}

// specOf is the rig of a scenario.
func specOf(s *scenarios.Scenario, cores []int) (spec rigSpec, load TableLoad, err error) {
	tr := traffic{&s.Traffic, len(cores), nil}
	start := time.Now()
	if spec.flows, tr.set, err = rulesOf(s); err != nil {
		return spec, load, err
	}
	load.ParseSeconds = time.Since(start).Seconds()
	load.Rules = len(spec.flows)
	load.Tables, load.Fields = shapeOf(spec.flows)
	w := &s.Switch
	spec.in, spec.cores, spec.drops = tr.open, cores, true
	spec.burst, spec.exact, spec.mega, spec.masks = w.Burst, w.ExactCache, w.Megaflows, w.MegaflowMasks
	spec.warm = warmPackets(s)
	if x := &s.IPFIX; x.Sampling > 0 {
		size := x.MaxFlows
		if size == 0 {
			size = roomFor(s.Traffic.Flows, x.Output)
		}
		spec.cache = &cache.Config{MaxFlows: size, Sampling: uint32(x.Sampling), KeyMask: x.FlowKey.Mask(), ActiveTimeout: int64(x.Active)}
		spec.samples = pipeline.BridgeSampling{Input: true, Output: x.Output}
		spec.export = ipfix.ExporterConfig{FlowKey: x.FlowKey.Mask(), Elements: x.Elements}
	}
	return spec, load, nil
}

// rulesOf returns the tables of a scenario, and the set that they are of if one was made.
func rulesOf(s *scenarios.Scenario) (flows []pipeline.Flow, set *ruleset.Set, err error) {
	if g := &s.Rules.Generate; g.Kind != "none" {
		if set, err = ruleset.Make(g.Kind, g.Rules, uint64(g.Seed)); err != nil {
			return nil, nil, err
		}
		flows, err = pipeline.ParseFlowLines(set.Lines, nil)
		return flows, set, err
	}
	if len(s.Rules.Flows) == 0 {
		flows, err = pipeline.ParseFlows(MemoryScenario{Masks: s.Traffic.Masks}.rules(), nil)
		return flows, nil, err
	}
	flows, err = s.Rules.Parse()
	return flows, nil, err
}

// warmMost bounds the packets before measuring: by then caches are as full as they get.
const warmMost = 4_000_000

// warmRare is after how many packets all that come rarely have come. Tests that look at no
// speed make it less.
var warmRare uint64 = 1_000_000

// warmPackets is how many packets pass before measuring begins: each flow is seen three
// times, but with a rate it takes no longer than a second.
func warmPackets(s *scenarios.Scenario) uint64 {
	n := min(3*uint64(s.Traffic.Flows), warmMost)
	if s.Traffic.Order != "turn" || s.Traffic.Attack > 0 {
		n = max(n, warmRare)
	}
	if rate := uint64(s.Traffic.Rate); rate > 0 {
		n = min(n, rate)
		if s.Traffic.NewFlows > 0 {
			n = 3 * rate // until those that began have filled the caches
		}
	}
	return n
}
