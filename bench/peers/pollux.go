package peers

import (
	"context"
	"time"

	"pollux/bench"
	"pollux/pmd/port"
)

// pollux is the switch itself, between a memory source and a memory sink.
type pollux struct {
	core int
	warm time.Duration // of traffic before the first turn, where flows do not repeat
}

func (p pollux) Name() string   { return "Pollux" }
func (p pollux) Does(Case) bool { return true }

// polluxBurst is how many packets the switch takes at a time.
const polluxBurst = 256

func (p pollux) Open(ctx context.Context, c Case) (Device, error) {
	if c.Kind == KindSource {
		s, err := bench.OpenSource(c.Flows, c.Masks, p.core, polluxBurst)
		if err != nil {
			return nil, err
		}
		return sourceDevice{s}, nil
	}
	rules := c.Rules
	var src *port.MemoryConfig
	if c.Scenario != "" {
		s, text, err := bench.ScenarioTraffic(c.Scenario)
		if err != nil {
			return nil, err
		}
		rules, src = text, &s
	}
	r, err := bench.OpenRig(bench.RigConfig{
		Source: src, New: c.New,
		MemoryScenario: bench.MemoryScenario{Flows: c.Flows, Masks: c.Masks, Sampling: c.Sampling},
		Rules:          rules, Output: c.Both, NewFlows: c.Kind == KindNew, Core: p.core, Burst: polluxBurst,
	})
	if err != nil {
		return nil, err
	}
	d := rigDevice{r, c.Kind}
	if c.Kind == KindNew || c.Kind == KindMice {
		_, err = d.Turn(ctx, p.warm, time.Millisecond)
	} else {
		err = r.Warm(ctx)
	}
	if err != nil {
		_ = r.Close() // it is the first error that says what is wrong
		return nil, err
	}
	return d, nil
}

type rigDevice struct {
	*bench.Rig
	kind Kind
}

func (d rigDevice) Turn(ctx context.Context, settle, dur time.Duration) (Turn, error) {
	t, err := d.Rig.Turn(ctx, settle, dur)
	if err != nil {
		return Turn{}, err
	}
	return d.kind.counted(Turn{
		Received: t.Packets, Forwarded: t.Packets - t.Dropped,
		Hits:  Hits{Exact: t.Exact, Megaflow: t.Megaflow},
		SetUp: t.Upcalls - t.NoRoom, Refused: t.NoRoom, Evicted: t.Evicted, Aged: t.Aged,
		Ran: t.Loop, Waited: max(0, t.Wall-t.Loop),
	}), nil
}

// Upcalls implements Upcaller.
func (d rigDevice) Upcalls() (uint64, time.Duration, error) {
	n, each := d.Rig.Upcalls()
	return n, each, nil
}

type sourceDevice struct{ *bench.Source }

func (d sourceDevice) Turn(ctx context.Context, settle, dur time.Duration) (Turn, error) {
	t, err := d.Source.Turn(ctx, settle, dur)
	return Turn{Received: t.Packets, Forwarded: t.Packets, Ran: t.Loop, Waited: max(0, t.Wall-t.Loop)}, err
}
