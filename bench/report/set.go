package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"pollux/bench"
)

// Set is results of any kind.
type Set struct {
	Memory *bench.MemoryReport
	Veth   *bench.VethReport
	Runs   []*bench.RunResult
	Stalls []*bench.StallsResult
	Storm  *bench.StormResult
}

// Read reads the files that bench commands have written with --out or --json. Of several
// results of one thing the last counts.
func Read(names ...string) (*Set, error) {
	s := &Set{}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		err = s.add(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// add reads JSON objects, one after the other.
func (s *Set) add(r io.Reader) error {
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("result %d: %w", n, err)
		}
		if err := s.take(raw); err != nil {
			return fmt.Errorf("result %d: %w", n, err)
		}
	}
}

func (s *Set) take(raw json.RawMessage) error {
	var head struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return err
	}
	switch head.Kind {
	case bench.KindMemory:
		s.Memory = new(bench.MemoryReport)
		return json.Unmarshal(raw, s.Memory)
	case bench.KindVeth:
		s.Veth = new(bench.VethReport)
		return json.Unmarshal(raw, s.Veth)
	case bench.KindRun:
		run := new(bench.RunResult)
		if err := json.Unmarshal(raw, run); err != nil {
			return err
		}
		for i, old := range s.Runs {
			if old.Name == run.Name {
				s.Runs[i] = run
				return nil
			}
		}
		s.Runs = append(s.Runs, run)
		return nil
	case bench.KindStalls:
		st := new(bench.StallsResult)
		s.Stalls = append(s.Stalls, st)
		return json.Unmarshal(raw, st)
	case bench.KindStorm:
		s.Storm = new(bench.StormResult)
		return json.Unmarshal(raw, s.Storm)
	}
	return fmt.Errorf("kind %q: want %s, %s, %s, %s or %s", head.Kind, bench.KindMemory, bench.KindVeth, bench.KindRun, bench.KindStalls, bench.KindStorm)
}

// machine is where the results are from: that of the first.
func (s *Set) machine() bench.Machine {
	switch {
	case s.Memory != nil:
		return s.Memory.Machine
	case len(s.Runs) > 0:
		return s.Runs[0].Machine
	case len(s.Stalls) > 0:
		return s.Stalls[0].Machine
	case s.Veth != nil:
		return s.Veth.Machine
	case s.Storm != nil:
		return s.Storm.Machine
	}
	return bench.Machine{}
}

// Empty says whether there is no result.
func (s *Set) Empty() bool {
	return s.Memory == nil && s.Veth == nil && len(s.Runs) == 0 && len(s.Stalls) == 0 && s.Storm == nil
}
