package pmd

import (
	"pollux/classifier"
	"pollux/internal/clock"
)

// process takes the n packets of l.batch from bytes to staged frames.
func (l *Loop) process(n int, t laps) {
	l.keys.ShortenBatch(l.mem, &l.batch, &l.secrets, l.seed, &l.hashes)
	t.lap(&l.stats.Cycles[StageExtract])

	miss := l.askExact(n)
	t.lap(&l.stats.Cycles[StageExact])

	if len(miss) > 0 {
		l.keys.Fill(miss)
		upcalls := l.mega.LookupHashed(l.keys.Whole, miss, &l.hashes, &l.flows, l.miss2[:0])
		t.lap(&l.stats.Cycles[StageMegaflow])
		if len(upcalls) > 0 {
			l.hold(n)
			start := clock.Ticks()
			for _, i := range upcalls {
				l.flows[i] = l.upcall(int(i))
			}
			l.stats.UpcallTicks += clock.Ticks() - start
		}
		l.stats.MegaHits += uint64(len(miss) - len(upcalls))
		t.lap(&l.stats.Cycles[StageTranslate])
	}
	l.stats.ExactHits += uint64(n - len(miss))

	l.credit(n)
	l.settleTables()
	l.groups.sort(l.flows[:n])
	l.exec.Timed = t.on
	for g := 0; g < l.groups.n; g++ {
		idx := l.groups.members(g)
		l.exec.Run(l.flows[idx[0]].Program, &l.batch, l.keys, idx)
	}
	t.lap(&l.stats.Cycles[StageActions])
	if t.on {
		l.stats.sampled(l.exec.SampleTicks)
	}
	if len(miss) > 0 && !l.passBy.off {
		l.remember(miss)
		t.lap(&l.stats.Cycles[StageExact])
	}
	if len(l.again) > 0 {
		l.remember(l.again)
		l.again = l.again[:0]
	}
	l.passBy.batch = n
	l.settle()
}

// askExact looks for the n packets in the exact cache, unless they pass it by, and returns
// those that it does not know.
func (l *Loop) askExact(n int) (miss []uint16) {
	if l.passBy.off {
		return identity[:n]
	}
	return l.exact.Lookup(l.keys, n, &l.hashes, &l.flows, &l.slots, l.miss[:0])
}

// remember writes the packets that the exact cache did not know into it. It is done when
// the batch is through, as a slot may be taken from a packet of this very batch: the
// flow caches of the loop know flows by slot.
func (l *Loop) remember(miss []uint16) {
	for _, i := range miss {
		mf := l.flows[i]
		if l.asking.n > 0 && l.asking.first[i] != nil {
			mf = l.asking.first[i] // what serves all packets with this key
		}
		slot, fresh := l.exact.Insert(l.hashes[i], l.keys, int(i), mf)
		if !fresh {
			continue
		}
		for _, c := range l.caches {
			if c != nil {
				c.Forget(slot)
			}
		}
	}
}

// hold marks the decisions that packets of the batch have found as used, so that making
// room for another does not throw one of them out before its packets are through.
func (l *Loop) hold(n int) {
	for _, mf := range l.flows[:n] {
		if mf != nil {
			mf.Used = l.now
		}
	}
}

// credit checks that every decision is of the snapshot in force and counts its packets.
func (l *Loop) credit(n int) {
	held := false
	// Packets of one decision that follow each other are counted together: a count in memory
	// waits for the one before it.
	var last *classifier.Megaflow
	var packets, bytes uint64
	for i, mf := range l.flows[:n] {
		length := uint64(l.batch.Desc[i].Len)
		if mf == last && l.cfg.Verify == 0 {
			packets++
			bytes += length
			continue
		}
		if last != nil {
			last.Packets += packets
			last.Bytes += bytes
		}
		if mf.Gen != l.snap.gen[b2i(mf.FDB)] {
			if !held {
				l.hold(n)
				held = true
			}
			mf = l.decide(mf, i)
			l.flows[i] = mf
		} else if l.cfg.Verify != 0 {
			s := l.subjectOf(mf, i)
			mf = l.check(mf, &s)
		}
		mf.Used = l.now
		last, packets, bytes = mf, 1, length
	}
	last.Packets += packets
	last.Bytes += bytes
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// laps adds the ticks between its calls to counters, or does nothing.
type laps struct {
	on   bool
	last uint64
}

func stopwatch(on bool) laps {
	if !on {
		return laps{}
	}
	return laps{true, clock.Ticks()}
}

func (t *laps) lap(to *uint64) {
	if !t.on {
		return
	}
	c := clock.Ticks()
	*to += c - t.last
	t.last = c
}
