package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pollux/internal/cpu"
)

// CoresSpec is a measurement of what a second, third, … loop brings: each loop has a
// receive queue of a memory source and a transmit queue of a memory sink, as with
// receive-side scaling, and all are loops of one switch.
type CoresSpec struct {
	Mixes  []CoresMix
	Cores  []int         // of the loops; one is measured alone, then all of them
	Turns  int           // of each setting; default 15
	Time   time.Duration // of a turn; default 60 ms
	Settle time.Duration // of a turn before that; default 10 ms
	Burst  int           // default 256
	Each   func(done, all int)
}

// CoresMix is a traffic mix: Flows and Masks are those of each loop.
type CoresMix struct {
	Flows    int `json:"flows"`
	Masks    int `json:"masks"`
	Sampling int `json:"sampling"` // IPFIX 1:N; 0 is off
}

// CoresMixes are those of the project's own figures.
func CoresMixes() []CoresMix {
	return []CoresMix{{1, 1, 0}, {1_000, 1, 0}, {1_000, 20, 1}, {100_000, 1, 0}, {100_000, 20, 1}}
}

// CoresResult is what one mix comes to. A loop's throughput is its packets by the
// processor time of its thread, so that who else uses the machine counts as little as may
// be: what is left is what loops cost each other, by memory and by the caches they share.
type CoresResult struct {
	CoresMix
	Loops     int     `json:"loops"`
	Alone     Spread  `json:"alone_mpps"` // of the first loop with the others at rest
	Together  Spread  `json:"together_mpps"`
	Ratio     Spread  `json:"ratio"`     // Together by Alone of the same round
	Wall      Spread  `json:"wall"`      // the same by the clock on the wall: what the machine gave
	Disturbed float64 `json:"disturbed"` // share of the time that others had the cores, 0 to 1
}

func (s *CoresSpec) defaults() {
	if s.Turns == 0 {
		s.Turns = 15
	}
	if s.Time == 0 {
		s.Time = 60 * time.Millisecond
	}
	if s.Settle == 0 {
		s.Settle = 10 * time.Millisecond
	}
	if s.Burst == 0 {
		s.Burst = 256
	}
	if len(s.Mixes) == 0 {
		s.Mixes = CoresMixes()
	}
}

// RunCores measures each mix, in turn with one loop and with all. It changes how many
// threads the process runs, for good.
func RunCores(ctx context.Context, s CoresSpec) (results []CoresResult, err error) {
	s.defaults()
	allowed := cpu.Allowed()
	for i, c := range s.Cores {
		if !slices.Contains(allowed, c) || slices.Contains(s.Cores[:i], c) {
			return nil, fmt.Errorf("core %d: want different ones of %v", c, allowed)
		}
	}
	if len(s.Cores) < 2 {
		return nil, fmt.Errorf("%d cores: want two or more to compare with one; this process may use %v", len(s.Cores), allowed)
	}
	if _, _, err := cpu.SetProcs(len(s.Cores)); err != nil {
		return nil, err
	}
	for i, mix := range s.Mixes {
		r, err := s.mix(ctx, mix)
		if err != nil {
			return nil, fmt.Errorf("%d flows, %d masks, IPFIX 1:%d: %w", mix.Flows, mix.Masks, mix.Sampling, err)
		}
		results = append(results, r)
		if s.Each != nil {
			s.Each(i+1, len(s.Mixes))
		}
	}
	return results, nil
}

func (s *CoresSpec) mix(ctx context.Context, mix CoresMix) (res CoresResult, err error) {
	r, err := newCoresRig(mix, s.Cores, s.Burst)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.warm(ctx); err != nil {
		return res, err
	}
	var alone, together, ratio, wall []float64
	var used, had float64
	for range s.Turns {
		one, err := r.turn(ctx, 1, s.Settle, s.Time)
		if err != nil {
			return res, err
		}
		all, err := r.turn(ctx, len(s.Cores), s.Settle, s.Time)
		if err != nil {
			return res, err
		}
		alone, together = append(alone, one.own), append(together, all.own)
		ratio, wall = append(ratio, all.own/one.own), append(wall, all.wall/one.wall)
		used += one.used + all.used
		had += one.had + all.had
	}
	return CoresResult{
		CoresMix: mix, Loops: len(s.Cores), Alone: NewSpread(alone), Together: NewSpread(together),
		Ratio: NewSpread(ratio), Wall: NewSpread(wall), Disturbed: max(0, 1-used/had),
	}, nil
}
