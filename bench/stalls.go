package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pollux/bench/scenarios"
	"pollux/internal/clock"
	"pollux/internal/cpu"
	"pollux/internal/garbage"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
)

// StallsSpec is a run of a loop beside a busy control plane.
type StallsSpec struct {
	Scenario *scenarios.Scenario // default: 10,000 flows of 20 masks, every packet accounted
	Time     time.Duration       // beside the control plane; then a sixth of it, while allocations are noted
	FlowMods int                 // a second, about; default 1,000
	Long     time.Duration       // iterations of this length or more are told of one by one; default 1 ms
	Each     func(done, all int)
}

// stallsScenario is the switch of the run: every packet accounted, records that end all
// the time, and rules for its masks among others.
const stallsScenario = `title: 10,000 flows of 20 masks, every packet accounted
traffic: {flows: 10000, masks: 20}
ipfix: {sampling: 1, active_timeout: 1s}
`

// RunStalls has a loop forward, while flows are added and deleted, each published by itself,
// statistics asked for, and flow records exported. It counts what the loop allocates, says
// what long iterations come of, and how fast the loop is beside what it was without all that.
func RunStalls(ctx context.Context, spec StallsSpec) (res *StallsResult, err error) {
	if spec.Long == 0 {
		spec.Long = time.Millisecond
	}
	if spec.FlowMods == 0 {
		spec.FlowMods = 1000
	}
	sc := spec.Scenario
	if sc == nil {
		if sc, err = scenarios.Parse([]byte(stallsScenario), "stalls.yaml", nil); err != nil {
			return nil, err
		}
	}
	if sc.Switch.Loops != 1 {
		return nil, fmt.Errorf("scenario %s: %d loops; one is watched", sc.Name, sc.Switch.Loops)
	}
	cores, asBefore, err := oneLoop()
	if err != nil {
		return nil, err
	}
	defer asBefore()
	rs, _, err := specOf(sc, cores)
	if err != nil {
		return nil, err
	}
	r, err := newMemoryRig(rs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.warm(ctx); err != nil {
		return nil, err
	}
	s := &stallsRun{spec: spec, r: r, core: cores[0]}
	quiet, err := s.quiet(ctx)
	if err != nil {
		return nil, err
	}
	if res, err = s.run(ctx); err != nil {
		return nil, err
	}
	res.Title, res.QuietMpps = sc.Title, quiet
	// Noting allocations, which makes each a hundred times as dear, would show in the times:
	// so it is done in a run of its own.
	old := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	defer func() { runtime.MemProfileRate = old }()
	before := loopAllocs()
	again := &stallsRun{spec: spec, r: r, core: cores[0]}
	again.spec.Time = max(spec.Time/6, time.Second)
	again.spec.Each = nil
	noted, err := again.run(ctx)
	if err != nil {
		return nil, err
	}
	res.Allocs, res.NotedSeconds, res.NotedMods = allocsSince(before, loopAllocs()), noted.Seconds, noted.FlowMods
	return res, nil
}

// oneLoop has the process ready for one loop on the core that is returned, until asBefore.
func oneLoop() (cores []int, asBefore func(), err error) {
	if cores, err = lastCores(1); err != nil {
		return nil, nil, err
	}
	if _, _, err := cpu.SetProcs(1); err != nil {
		return nil, nil, err
	}
	if err := errors.Join(cpu.Reserve(cores), cpu.ShortSlices()); err != nil {
		return nil, nil, err
	}
	_, asBefore = garbage.Seldom()
	return cores, asBefore, nil
}

// stallsRun is such a run.
type stallsRun struct {
	spec StallsSpec
	r    *memoryRig
	core int
	tid  int

	mods, asked atomic.Uint64
}

// quiet returns how many million packets a second of its time the loop forwards beside
// nothing.
func (s *stallsRun) quiet(ctx context.Context) (mpps float64, err error) {
	if err := s.r.dp.Start(); err != nil {
		return 0, err
	}
	defer s.r.dp.StopLoops()
	turn := s.r.read()
	err = sleep(ctx, max(s.spec.Time/6, 200*time.Millisecond))
	after := s.r.read()
	return float64(after.packets-turn.packets) / float64(max(after.loop-turn.loop, 1)) * 1e3, err
}

func (s *stallsRun) run(ctx context.Context) (*StallsResult, error) {
	l := s.r.loop()
	if err := s.r.dp.Start(); err != nil {
		return nil, err
	}
	defer s.r.dp.StopLoops()
	l.Do(func(*pmd.Loop) { s.tid = unix.Gettid() })
	before := readGo()
	look, err := newWatch(s.tid, s.core)
	if err != nil {
		return nil, err
	}
	defer look.close()
	watched := make(chan []moment, 1)

	busy, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 2)
	l.WatchLong(uint64(s.spec.Long.Seconds() * clock.Hz()))
	turn := s.r.read()
	old, _, _ := l.Stats()
	var records uint64
	if s.r.x != nil {
		records = s.r.x.Stats().Popped.Records
	}
	start := time.Now()
	go func() { done <- s.change(busy) }()
	go func() { done <- s.ask(busy) }()
	go func() { watched <- look.run(busy, s.spec.Time) }()
	var long longList
	for end := start.Add(s.spec.Time); time.Now().Before(end) && err == nil; {
		err = sleep(ctx, min(200*time.Millisecond, time.Until(end)))
		long.take(l.Times())
		if s.spec.Each != nil {
			s.spec.Each(int(time.Since(start)/time.Second), int(s.spec.Time/time.Second))
		}
	}
	took := time.Since(start)
	after := s.r.read()
	st, _, _ := l.Stats()
	times := l.Times()
	long.take(times)
	res := &StallsResult{
		Kind: KindStalls, Machine: ThisMachine(), Seconds: took.Seconds(), LongNs: int64(s.spec.Long),
		FlowMods: s.mods.Load(), Renewed: st.Renewed - old.Renewed, Translated: st.Revalidated - old.Revalidated, Statistics: s.asked.Load(), Go: readGo().since(before), Iterations: newIterations(&times),
		Ran: float64(after.loop-turn.loop) / 1e9,
	}
	stop()
	err = errors.Join(err, <-done, <-done)
	list := <-watched
	if err != nil {
		return nil, err
	}
	res.Packets = after.packets - turn.packets
	res.LongCount = long.seen
	res.judge(long.list, list)
	s.r.dp.StopLoops()
	sums := s.r.dp.Stats().Sums
	res.Unaccounted = sums.Unaccounted()
	if s.r.x != nil {
		res.Records = s.r.x.Stats().Popped.Records - records
	}
	return res, nil
}

// change adds and deletes flows, again and again: every change is a new snapshot, by
// which all decisions are looked at anew.
func (s *stallsRun) change(ctx context.Context) error {
	f, err := pipeline.ParseFlow("priority=1,in_port=1,udp,nw_dst=203.0.113.7,tp_dst=9,actions=drop", nil)
	if err != nil {
		return err
	}
	start := time.Now()
	for ctx.Err() == nil {
		if err := s.r.state.Add(f); err != nil {
			return err
		}
		s.r.dp.Barrier()
		if err := s.r.state.Delete(f.Table, f.Priority, f.Match); err != nil {
			return err
		}
		s.r.dp.Barrier()
		n := s.mods.Add(2)
		if ahead := time.Duration(n)*time.Second/time.Duration(s.spec.FlowMods) - time.Since(start); ahead > modPause {
			time.Sleep(modPause)
		}
	}
	return nil
}

// modPause is how long changes pause when there have been enough.
const modPause = time.Millisecond

// ask wants all statistics there are, several times a second.
func (s *stallsRun) ask(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; n++ {
		s.r.dp.PushCounts()
		_ = s.r.dp.Stats()
		for _, f := range s.r.state.DumpFlows() {
			_ = f.String()
		}
		if n%10 == 0 && s.r.x != nil {
			flows := 0
			s.r.dp.EachFlow(0, func(int, *cache.Record) { flows++ })
		}
		s.asked.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// longList is the long iterations so far.
type longList struct {
	list []pmd.Long
	seen uint64
}

// take adds those that are new.
func (l *longList) take(t pmd.Times) {
	list, n := t.Long()
	fresh := min(n-l.seen, uint64(len(list)))
	l.list = append(l.list, list[uint64(len(list))-fresh:]...)
	l.seen = n
}
