package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pollux/bench/scenarios"
	"pollux/flow"
	"pollux/internal/ofclient"
	"pollux/ofp/pipeline"
	"pollux/ofp/session"
	"pollux/ofp/wire"
)

// StormSpec is a run of a loop beside a controller that changes flows without end.
type StormSpec struct {
	Time    time.Duration // of the storm; before and after it there is a sixth of it without
	Flows   int           // a second that are added, and as many deleted; default 10,000
	Batch   int           // of them before each barrier; default 100
	Traffic int           // flows of the traffic; default 1,000
	Each    func(done, all int)
}

// stormPause is how far ahead of its pace the controller is before it waits.
const stormPause = time.Millisecond

// RunStorm has a loop forward between memory ports while a controller adds and deletes flows
// over an OpenFlow session. All packets meet one flow, which writes a version into them;
// each batch of changes gives it the next one. A packet that comes in after the reply to the
// batch's barrier and leaves with an older version is counted as stale: there must be none
// (design law 1).
func RunStorm(ctx context.Context, spec StormSpec) (res *StormResult, err error) {
	spec.Flows = cmp.Or(spec.Flows, 10_000)
	spec.Batch = cmp.Or(spec.Batch, 100)
	spec.Traffic = cmp.Or(spec.Traffic, 1000)
	sc, err := scenarios.Parse(fmt.Appendf(nil, "title: %d flows\ntraffic: {flows: %d}\n", spec.Traffic, spec.Traffic), "storm.yaml", nil)
	if err != nil {
		return nil, err
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
	s := &storm{spec: spec}
	rs.in, rs.out = s.stamped(rs.in), s.checked
	rs.flows = []pipeline.Flow{stormFlow(0)}
	if s.r, err = newMemoryRig(rs); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.r.close()) }()
	if err := s.connect(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.disconnect()) }()
	if err := s.r.warm(ctx); err != nil {
		return nil, err
	}
	if err := s.r.dp.Start(); err != nil {
		return nil, err
	}
	defer s.r.dp.StopLoops()
	return s.run(ctx)
}

// storm is such a run.
type storm struct {
	spec StormSpec
	r    *memoryRig
	stormVersions

	dir    string
	server *session.Server
	conn   *ofclient.Conn

	mods     uint64
	barriers []time.Duration // what each took, with the changes before it
}

// stormFlow is the flow of all traffic, with a version.
func stormFlow(version uint64) pipeline.Flow {
	return pipeline.Flow{Priority: 1, Do: pipeline.Instructions{Apply: []pipeline.Action{
		{Kind: pipeline.ActSetField, Dst: pipeline.Subfield{Field: flow.EthDst, Bits: 48}, Value: flow.Value{Lo: version}, Mask: flow.EthDst.Full()},
		{Kind: pipeline.ActOutput, Port: 2},
	}}}
}

// connect begins the session, over a Unix socket as ovs-ofctl has it.
func (s *storm) connect() (err error) {
	if s.dir, err = WorkDir("storm"); err != nil {
		return err
	}
	path := filepath.Join(s.dir, "br0.mgmt")
	s.server = session.New(session.Config{Switch: stormSwitch{s.r}, Tables: s.r.state})
	if _, err = s.server.Listen("punix:" + path); err == nil {
		s.conn, err = ofclient.Dial("unix", path, wire.V13, time.Minute)
	}
	if err != nil {
		err = errors.Join(err, s.disconnect())
	}
	return err
}

func (s *storm) disconnect() (err error) {
	if s.conn != nil {
		err = s.conn.Close()
	}
	return errors.Join(err, s.server.Close(), os.RemoveAll(s.dir))
}

// run measures the loop beside nothing, in the storm, and beside nothing.
func (s *storm) run(ctx context.Context) (*StormResult, error) {
	res := &StormResult{Kind: KindStorm, Machine: ThisMachine(), Spec: StormNumbers{s.spec.Flows, s.spec.Batch, s.spec.Traffic}}
	rest := max(s.spec.Time/6, 200*time.Millisecond)
	var calm, stormy memoryTurn
	measure := func(to *memoryTurn, do func() error) error {
		before := s.r.read()
		err := do()
		to.add(s.r.read().since(before))
		return err
	}
	wait := func() error { return sleep(ctx, rest) }
	if err := measure(&calm, wait); err != nil {
		return nil, err
	}
	old, _, _ := s.r.loop().Stats()
	start := time.Now()
	if err := measure(&stormy, func() error { return s.blow(ctx, start) }); err != nil {
		return nil, err
	}
	took := time.Since(start)
	now, _, _ := s.r.loop().Stats()
	if err := measure(&calm, wait); err != nil {
		return nil, err
	}
	s.r.dp.StopLoops()
	sums := s.r.dp.Stats().Sums
	slices.Sort(s.barriers)
	res.Seconds, res.FlowMods, res.Barriers = took.Seconds(), s.mods, len(s.barriers)
	for i, q := range []float64{0.5, 0.99, 1} {
		res.BarrierNs[i] = s.barriers[int(q*float64(len(s.barriers)-1))].Nanoseconds()
	}
	res.Calm, res.Stormy = newStormRate(&calm), newStormRate(&stormy)
	res.Renewed, res.Translated = now.Renewed-old.Renewed, now.Revalidated-old.Revalidated
	res.Checked, res.Stale, res.Unaccounted = s.seen, s.stale, sums.Unaccounted()
	return res, nil
}

// blow is the storm: each batch adds flows, deletes those of the batch before, and changes
// what is done to all packets.
func (s *storm) blow(ctx context.Context, start time.Time) error {
	command := func(c pipeline.FlowCommand, f pipeline.Flow) {
		s.conn.FlowMod(&pipeline.FlowMod{Command: c, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, Flow: f})
		s.mods++
	}
	told := 0
	for round := 0; time.Since(start) < s.spec.Time; round++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range s.spec.Batch {
			command(pipeline.FlowAdd, other(round, i))
			if round > 0 {
				command(pipeline.FlowDeleteStrict, other(round-1, i))
			}
		}
		version := s.next.Load() + 1
		command(pipeline.FlowModifyStrict, stormFlow(version))
		asked := time.Now()
		s.next.Store(version)
		if err := s.conn.Barrier(); err != nil {
			return err
		}
		s.done.Store(version)
		s.barriers = append(s.barriers, time.Since(asked))
		if passed := int(time.Since(start) / time.Second); s.spec.Each != nil && passed != told {
			told = passed
			s.spec.Each(passed, int(s.spec.Time/time.Second))
		}
		due := start.Add(time.Duration(round+1) * time.Second * time.Duration(s.spec.Batch) / time.Duration(s.spec.Flows))
		if ahead := time.Until(due); ahead > stormPause {
			if err := sleep(ctx, ahead); err != nil {
				return err
			}
		}
	}
	return nil
}

// other is a flow that no packet of the traffic meets, of a batch.
func other(round, i int) pipeline.Flow {
	f := pipeline.Flow{Priority: 10, Do: pipeline.Instructions{Apply: []pipeline.Action{{Kind: pipeline.ActOutput, Port: 2}}}}
	f.Match.SetMasked(flow.EthType, flow.Value{Lo: 0x0800}, flow.EthType.Full())
	f.Match.SetMasked(flow.IPProto, flow.Value{Lo: 17}, flow.IPProto.Full())
	f.Match.SetMasked(flow.IPv4Dst, flow.Value{Lo: uint64(203<<24 | 113<<8 | i>>8)}, flow.IPv4Dst.Full())
	f.Match.SetMasked(flow.UDPDst, flow.Value{Lo: uint64(round%2<<8 | i&255)}, flow.UDPDst.Full())
	return f
}
