package pmd

import (
	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
)

// portWide is a decision that looked at nothing but the port: it serves every packet that
// comes in there, so that no header of them need be read. Open vSwitch calls its like a
// simple match.
type portWide struct {
	ref  classifier.Ref
	prog *actions.Program // what it was when it was found to read no header either
}

// note remembers the decision about a packet of queue r if it is one for all of them.
func (r *rxSlot) note(mf *classifier.Megaflow) {
	if mf.Mask.Map&^(1<<flow.WPort) == 0 && askedOf(&mf.Key) == 0 && mf.Program.Headerless() {
		r.wide = portWide{mf.Ref(), mf.Program}
	}
}

// decided returns the decision that serves all packets of queue r, if there is one and it
// is of the snapshot in force; nil otherwise.
func (l *Loop) decided(r *rxSlot) *classifier.Megaflow {
	mf := r.wide.ref.Live()
	if mf == nil || mf.Gen != l.snap.gen[b2i(mf.FDB)] || mf.Program != r.wide.prog {
		return nil
	}
	return mf
}

// processWide sends the n packets of l.batch, which have these bytes, on their way by mf.
func (l *Loop) processWide(mf *classifier.Megaflow, n int, bytes uint64, t laps) {
	if l.cfg.Verify != 0 {
		l.keys.ShortenBatch(l.mem, &l.batch, &l.secrets, l.seed, &l.hashes)
		for i := range n {
			s := l.subject(i)
			l.check(mf, &s)
		}
	}
	l.stats.SimpleHits += uint64(n)
	mf.Packets += uint64(n)
	mf.Bytes += bytes
	mf.Used = l.now
	l.exec.Timed = t.on
	l.exec.Run(mf.Program, &l.batch, l.keys, identity[:n])
	t.lap(&l.stats.Cycles[StageActions])
}
