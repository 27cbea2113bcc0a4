package peers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/cpuid/v2"

	"pollux/internal/cpu"
)

// Spec is a run.
type Spec struct {
	Cases   []Case
	Repeats int           // devices made anew; default 3
	Time    time.Duration // measured of each side and repeat; default 1.5 s
	Settle  time.Duration // of each turn before that, in which the processor's caches fill; default 100 ms
	Warm    time.Duration // of traffic before the first turn of a device of the peer's; default 2 s
	Limit   time.Duration // of all rows together; default 11 min. What is late has fewer repeats; what is later yet has none
	Core    int           // of the polling threads
	Control int           // core of everything else
	Begun   func(*Result) // called when the sources were measured, or nil
	Each    func(Row)     // called after each case, or nil
}

func (s *Spec) defaults() {
	if s.Repeats == 0 {
		s.Repeats = 3
	}
	if s.Time == 0 {
		s.Time = 1500 * time.Millisecond
	}
	if s.Settle == 0 {
		s.Settle = 100 * time.Millisecond
	}
	if s.Warm == 0 {
		s.Warm = 2 * time.Second
	}
	if s.Limit == 0 {
		s.Limit = 11 * time.Minute
	}
}

// turns is how many turns a device has in a repeat.
const turns = 3

// Run measures Pollux beside OVS-DPDK. It moves the threads of the process off the core
// that is measured on, for good. A row that fails says why and
// does not end the others; on error the rows there are are returned too.
func Run(ctx context.Context, s Spec) (res *Result, err error) {
	s.defaults()
	if err := Ready(s.Core, s.Control); err != nil {
		return nil, err
	}
	if _, _, err := cpu.SetProcs(1); err != nil {
		return nil, err
	}
	if err := cpu.Reserve([]int{s.Core}); err != nil {
		return nil, err
	}
	pages, err := takeHugePages(hugeFile, hugeNote, hugeMB)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pages.restore()) }()
	at, err := newPlace(ctx, s.Core, s.Control)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, at.close()) }()

	peer := ovsDPDK{at, s.Warm}
	res = &Result{Processor: cpuid.CPU.BrandName, Core: s.Core, Control: s.Control, Repeats: s.Repeats, Seconds: s.Time.Seconds(), Notes: notes}
	if res.Peer, err = peer.version(ctx); err != nil {
		return nil, err
	}
	return res, s.rows(ctx, res, []Contender{pollux{s.Core, s.Warm}, testpmd{at}, peer})
}

// rows measures the sources, then the cases. The first of all is Pollux.
func (s *Spec) rows(ctx context.Context, res *Result, all []Contender) error {
	start := time.Now()
	// due is when so many cases of all, sources included, are to be done.
	due := func(done int) time.Time {
		return start.Add(s.Limit * time.Duration(done) / time.Duration(len(s.Cases)+1))
	}
	source, err := s.measure(ctx, sourceCase, all, due(1))
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		res.SourceError = err.Error()
		source = nil
	}
	var own []float64 // ns a packet of Pollux's source, of the peers' source
	for _, side := range source {
		res.Source = append(res.Source, newSide(side.name, side.repeats))
		own = append(own, res.Source[len(res.Source)-1].NsPacket.Median)
	}
	if s.Begun != nil {
		s.Begun(res)
	}
	failed := 0
	for i, c := range s.Cases {
		if time.Since(start) > s.Limit {
			failed++
			s.add(res, Row{Case: c, Error: fmt.Sprintf("the time of the run, %v, was over before its turn", s.Limit)})
			continue
		}
		sides, err := s.measure(ctx, c, all, due(i+2))
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed++
			s.add(res, Row{Case: c, Error: err.Error()})
			continue
		}
		row := Row{Case: c, Late: s.Repeats - len(sides[0].repeats), Pollux: newSide(sides[0].name, sides[0].repeats)}
		for _, p := range sides[1:] {
			side := newSide(p.name, p.repeats)
			side.compare(p.repeats, sides[0].repeats)
			// Scenarios and flows that begin come from another source.
			if own != nil && c.Scenario == "" && c.Kind != KindMice {
				side.lessSource(&row.Pollux, own[1], own[0])
			}
			row.Peers = append(row.Peers, side)
		}
		row.left(res.Rows)
		s.add(res, row)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d rows have no figures; each says why", failed, len(s.Cases))
	}
	return nil
}

// add adds a row that is done.
func (s *Spec) add(res *Result, row Row) {
	res.Rows = append(res.Rows, row)
	if s.Each != nil {
		s.Each(row)
	}
}

// repeatTime bounds a repeat, which takes about ten seconds.
const repeatTime = 90 * time.Second

// measured is what a contender did, repeat by repeat.
type measured struct {
	name    string
	repeats []repeat
}

// measure has every contender that takes part in a case do its repeats, one beside the
// other. After due none begins but the first.
func (s *Spec) measure(ctx context.Context, c Case, all []Contender, due time.Time) (sides []measured, err error) {
	var who []Contender
	for _, w := range all {
		if w.Does(c) {
			who = append(who, w)
			sides = append(sides, measured{name: w.Name()})
		}
	}
	for k := range s.Repeats {
		if k > 0 && time.Now().After(due) {
			break
		}
		ctx, stop := context.WithTimeout(ctx, repeatTime)
		list, err := s.repeat(ctx, c, who)
		stop()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Traffic, err)
		}
		for i := range sides {
			sides[i].repeats = append(sides[i].repeats, list[i])
		}
	}
	return sides, nil
}

// repeat makes a device of each contender and lets them take turns.
func (s *Spec) repeat(ctx context.Context, c Case, who []Contender) (list []repeat, err error) {
	list = make([]repeat, len(who))
	devices := make([]Device, len(who))
	defer func() {
		for _, d := range devices {
			if d != nil {
				err = errors.Join(err, d.Close())
			}
		}
	}()
	for i, w := range who {
		if devices[i], err = w.Open(ctx, c); err != nil {
			devices[i] = nil
			return nil, fmt.Errorf("%s: %w", w.Name(), err)
		}
		if u, ok := devices[i].(Upcaller); ok && c.Kind == KindInstall {
			if list[i].each, err = s.setUp(ctx, c, devices[i], u); err != nil {
				return nil, fmt.Errorf("%s: %w", w.Name(), err)
			}
		}
	}
	for range turns {
		for i, d := range devices {
			t, err := s.turn(ctx, d)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", who[i].Name(), err)
			}
			list[i].turn = list[i].turn.plus(t)
		}
	}
	return list, nil
}

// setUp lets a device run until it has set all flows up, and returns what each took. A
// switch that refuses flows for a while, as its limit was lowered, takes them later.
func (s *Spec) setUp(ctx context.Context, c Case, d Device, u Upcaller) (each time.Duration, err error) {
	n := uint64(0)
	for range idleTurns {
		if n, each, err = u.Upcalls(); err != nil || n >= uint64(c.Flows) {
			return each, err
		}
		if _, err = d.Turn(ctx, s.Settle, s.Time/turns); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%d of %d flows were set up after %d turns of %v", n, c.Flows, idleTurns, s.Time/turns)
}

// idleTurns is the most turns that are taken for one, where others have the core nearly all
// the time. To have done nothing in them is an error.
const idleTurns = 10

// turn has a device take a turn, and further ones until it had a tenth of its time: what a
// thread did in a few milliseconds is less exact than the scheduler's account of them.
func (s *Spec) turn(ctx context.Context, d Device) (sum Turn, err error) {
	for range idleTurns {
		t, err := d.Turn(ctx, s.Settle, s.Time/turns)
		if err != nil {
			return sum, err
		}
		sum = sum.plus(t)
		if sum.Forwarded > 0 && sum.Ran >= s.Time/turns/10 {
			return sum, nil
		}
	}
	if sum.Forwarded == 0 || sum.Ran == 0 {
		return sum, fmt.Errorf("no packets were forwarded in %d turns of %v", idleTurns, s.Time/turns)
	}
	return sum, nil
}
