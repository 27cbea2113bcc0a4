package bench

import (
	"pollux/pmd"
)

// stageTicks is where the ticks of loops went.
type stageTicks struct {
	stage [pmd.NumStages]uint64
	timed uint64 // packets of the batches whose stages were timed
	all   uint64 // packets: transmit is timed for each
	busy  uint64 // ticks of iterations that had work
}

func stageTicksOf(s *pmd.LoopStats) stageTicks {
	return stageTicks{s.Cycles, s.TimedPackets, s.Packets, s.BusyTicks}
}

func (t stageTicks) since(o stageTicks) stageTicks {
	for s := range t.stage {
		t.stage[s] -= o.stage[s]
	}
	return stageTicks{t.stage, t.timed - o.timed, t.all - o.all, t.busy - o.busy}
}

func (t *stageTicks) add(o stageTicks) {
	for s := range t.stage {
		t.stage[s] += o.stage[s]
	}
	t.timed += o.timed
	t.all += o.all
	t.busy += o.busy
}

// packet returns the ticks a packet that a stage took, and false where none was timed.
func (t *stageTicks) packet(s pmd.Stage) (float64, bool) {
	of := t.timed
	if s == pmd.StageTransmit {
		of = t.all
	}
	return float64(t.stage[s]) / float64(max(of, 1)), of > 0
}
