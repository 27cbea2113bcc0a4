package vswitch

import (
	"fmt"
	"os"
	"strings"
	"time"

	"pollux/actions"
	"pollux/classifier"
	"pollux/configs"
	"pollux/flow"
	"pollux/internal/clock"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/datapath"
)

// Show describes the switch as a whole.
func (s *Switch) Show() *Show {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.dp.Stats()
	snap := s.state.Snapshot()
	v := &Show{
		Name: s.cfg.Bridge.Name, DatapathID: s.datapathID(), Version: Version, PID: os.Getpid(),
		Config: s.path, Uptime: time.Since(s.began).Seconds(), CPU: s.cpu, Procs: s.procs,
		Memory: MemoryShow{
			Bytes: len(s.mem.Buf), FrameSize: int(s.mem.ChunkSize),
			PerLoop: int(s.mem.PerHome), HugePages: s.mem.HugePages,
		},
		Ports:      s.portShows(&st),
		FailMode:   string(s.cfg.Control.FailMode),
		Generation: snap.Generation(), FDBGeneration: snap.FDBGeneration(),
		Flows: len(snap.DumpFlows(clock.Now())), MACs: s.state.FDBStats().Current, LearnedLate: s.state.LearnedLate(),
		Sums: st.Sums, Unaccounted: st.Sums.Unaccounted(),
	}
	if s.openflow != nil {
		v.Controllers, v.Standalone = s.openflow.Peers(), s.openflow.Alone()
	}
	for i := range st.Loops {
		l := &st.Loops[i]
		v.Loops = append(v.Loops, LoopShow{ID: i, Core: l.Core, FreeFrames: l.FreeFrame, Megaflows: l.Megaflows})
	}
	for i := range st.Ports {
		p := &st.Ports[i]
		for _, q := range p.RxQ {
			v.Loops[q.Loop].Queues = append(v.Loops[q.Loop].Queues, fmt.Sprintf("%s:%d", p.Name, q.Queue))
		}
	}
	return v
}

// datapathID is the configured one, or the address of the first port that has one.
func (s *Switch) datapathID() string {
	if id := uint64(s.cfg.Bridge.DatapathID); id != 0 {
		return fmt.Sprintf("%016x", id)
	}
	for _, v := range s.ports {
		if p := s.pipelinePort(v); p.MAC != 0 {
			return fmt.Sprintf("%016x", p.MAC)
		}
	}
	return fmt.Sprintf("%016x", 0)
}

// Ports describes the ports.
func (s *Switch) Ports() []PortShow {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.dp.Stats()
	return s.portShows(&st)
}

func (s *Switch) portShows(st *datapath.Stats) []PortShow {
	bySlot := map[int]*vport{}
	for _, v := range s.ports {
		bySlot[v.slot] = v
	}
	var out []PortShow
	for _, p := range st.Ports {
		v := bySlot[p.Slot]
		if v == nil {
			continue
		}
		ps := PortShow{PortStats: p, Type: string(v.cfg.Type), Device: v.cfg.Device, VLAN: vlanText(&v.cfg.VLAN), State: "down"}
		switch {
		case p.Info == nil:
			ps.State, ps.Why = "away", v.why
		case v.up:
			ps.State = "up"
		}
		out = append(out, ps)
	}
	return out
}

// vlanText is a port's VLAN settings in a few words.
func vlanText(v *configs.VLAN) string {
	var trunks []string
	for _, t := range v.Trunks {
		trunks = append(trunks, fmt.Sprint(t))
	}
	switch list := strings.Join(trunks, ","); {
	case v.Mode == configs.Access:
		return fmt.Sprintf("access %d", v.Tag)
	case v.Mode != configs.Trunk:
		return strings.TrimSpace(fmt.Sprintf("%s %d %s", v.Mode, v.Tag, list))
	case list != "":
		return "trunk " + list
	}
	return "trunk"
}

// Megaflows lists the cached decisions of all loops.
func (s *Switch) Megaflows() []MegaflowShow {
	snap := s.state.Snapshot()
	gen := [2]uint64{snap.Generation(), snap.Generation() + snap.FDBGeneration()}
	out := []MegaflowShow{}
	for i, l := range s.dp.Loops() {
		// Copied in the loop's thread a slice at a time, made text here.
		type raw struct {
			m              flow.Match
			asked          []actions.Question
			p              *actions.Program
			packets, bytes uint64
			used           int64
			fdb, stale     bool
		}
		var all []raw
		l.EachMegaflow(func(mf *classifier.Megaflow) {
			want := gen[0]
			if mf.FDB {
				want = gen[1]
			}
			all = append(all, raw{flow.Match{Key: mf.Key, Mask: *mf.Mask}, l.Asked(mf), mf.Program, mf.Packets, mf.Bytes, mf.Used, mf.FDB, mf.Gen&^pmd.Asks != want})
		})
		now := clock.Now()
		for k := range all {
			r := &all[k]
			used := -1.0
			if r.packets > 0 {
				used = max(0, float64(now-r.used)/1e9)
			}
			out = append(out, MegaflowShow{
				Loop: i, Match: pipeline.FormatAsked(&r.m.Key, &r.m.Mask, r.asked), Actions: r.p.String(),
				Packets: r.packets, Bytes: r.bytes, Used: used, FDB: r.fdb, Stale: r.stale,
			})
		}
	}
	return out
}

// FDB lists the learned addresses.
func (s *Switch) FDB() []pipeline.FDBEntry {
	s.dp.PushCounts()
	return s.state.DumpFDB()
}

// Perf describes what each loop measured of itself.
func (s *Switch) Perf() []PerfShow {
	var out []PerfShow
	hz := clock.Hz()
	usage := s.dp.Usage(datapath.UsageWindow)
	for i, l := range s.dp.Loops() {
		st, _, _ := l.Stats()
		mega := l.Subtables()
		v := perfShow(i, st, mega, hz)
		v.Queues = usage.Loops[i].Queues
		out = append(out, v)
	}
	return out
}

// leastSample is how many batches must have been timed for stages to be told: one in
// which the system took the core away would be most of a smaller sample.
const leastSample = 100

func perfShow(id int, st pmd.LoopStats, mega classifier.MegaflowStats, hz float64) PerfShow {
	ns := 1e9 / hz
	v := PerfShow{
		Loop: id, LoopStats: st, Hz: hz,
		Seconds:     float64(st.BusyTicks+st.IdleTicks+st.NapTicks) / hz,
		BusyShare:   share(st.BusyTicks, st.BusyTicks+st.IdleTicks+st.NapTicks),
		TicksPacket: share(st.BusyTicks, st.Packets),
		NsPacket:    share(st.BusyTicks, st.Packets) * ns,
		Stages:      map[string]float64{},
		SimpleShare: share(st.SimpleHits, st.Packets),
		ExactShare:  share(st.ExactHits, st.Packets),
		MegaShare:   share(st.MegaHits, st.Packets),
		UpcallShare: share(st.Upcalls, st.Packets),
		UpcallNs:    share(st.UpcallTicks, st.Upcalls+st.Revalidated) * ns,
		BatchMean:   share(st.Packets, st.Batches),
		BatchHist:   map[int]uint32{},
		MasksHit:    share(mega.Visited, mega.Hits-mega.Guessed),
		MegaHitsAll: mega.Hits,
	}
	if st.TimedBatches() >= leastSample {
		for k, c := range st.Cycles {
			of := st.TimedPackets
			switch pmd.Stage(k) {
			case pmd.StageTransmit:
				of = st.Packets
			case pmd.StageTranslate: // rare and dear: a sample would tell of none, or of too many
				c, of = st.UpcallTicks, st.Packets
			}
			v.Stages[pmd.Stage(k).String()] = share(c, of) * ns
		}
	}
	for n, c := range st.BatchSizes {
		if c > 0 {
			v.BatchHist[n] = c
		}
	}
	return v
}

// share is a/b, and 0 where b is 0.
func share(a, b uint64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Drops describes where packets went.
func (s *Switch) Drops() *DropsShow {
	st := s.dp.Stats()
	v := &DropsShow{Sums: st.Sums, Unaccounted: st.Sums.Unaccounted(), Reasons: []DropShow{}, Driver: []DriverDrops{}, Full: []PortFull{}, Ports: []PortDrops{}}
	for r, c := range st.Sums.Dropped {
		if c.Packets > 0 {
			v.Reasons = append(v.Reasons, DropShow{actions.Reason(r).String(), actions.Reason(r).Sentence(), c})
		}
	}
	none := st.Sums.Dropped
	for _, p := range st.Ports {
		if p.Dropped != (datapath.ByReason{}) {
			v.Ports = append(v.Ports, PortDrops{p.Name, p.Dropped})
			none = none.Minus(&p.Dropped)
		}
		d := p.Driver.Trouble()
		if d != (datapath.Counters{}) {
			v.Driver = append(v.Driver, DriverDrops{p.Name, p.Driver})
		}
		if p.Full.Packets > 0 {
			v.Full = append(v.Full, PortFull{p.Name, p.Full})
		}
	}
	if none != (datapath.ByReason{}) {
		v.Ports = append(v.Ports, PortDrops{"", none})
	}
	return v
}
