package pipeline

import (
	"errors"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/internal/clock"
	"pollux/internal/ring"
	"pollux/ofp/ofperr"
)

// # Flows that packets make
//
// A translation does not change tables. It leaves a note in its thread's ring. The loop calls
// Settle before a packet of its batch leaves, which makes the flow, so what comes in answer to
// the packet meets it. While somebody else holds the mutex Settle waits a moment and no longer:
// then they do it, when they are done (unlock), and that it was late is counted. Other notes are for Tick, some milliseconds later. What the flow would be follows from bits of the packet that are in the mask, so
// every decision that learns has one flow that it learns. If the tables have that flow
// already the decision keeps it young instead (credit): its hard timeout begins anew
// with every packet, as that of Open vSwitch's learned flows does. The decision depends on the
// flow by its name, and is made again when that comes, goes or changes; then it notes the flow if it is gone.
// Where there was no room for the flow, or may be none, it depends on all flows of the table.

// flowNote is what a translation wants done to the flows.
type flowNote struct {
	by   *Rule // whose action it is; nothing is done when it is gone. nil: no flow's (learner)
	flow *Flow // to be learned; nil: by's timeouts are to be reduced
	// of learned flows
	limit uint32
	full  bool // its table has no room, and the decision is made again when that changes
	// of fin_timeout
	idle, hard uint16
}

// flowNotes is the rings of all threads.
type flowNotes struct {
	rings   []*ring.SPSC[flowNote]
	urgent  atomic.Uint64 // notes so far for which packets wait
	settled atomic.Uint64 // of them those whose flows are published, or were refused
	settle  func()        // State.learnNow; set before there are loops
	late    atomic.Uint64 // times that packets left before their notes were settled
	lost    atomic.Uint64 // notes for which a ring had no room: their decisions must be made again
}

// flowNoteRing is how many notes a loop may leave between two Ticks.
const flowNoteRing = 1024

func newFlowNotes(threads int) *flowNotes {
	n := &flowNotes{}
	for range threads {
		n.rings = append(n.rings, ring.New[flowNote](flowNoteRing))
	}
	return n
}

// noteFlow leaves a note, if side effects are wanted.
func (x *xlate) noteFlow(n flowNote) {
	l := x.snap.loops.flows
	switch {
	case !x.up.Commit || x.up.Thread < 0 || x.up.Thread >= len(l.rings):
	case !l.rings[x.up.Thread].Push(n):
		l.lost.Add(1)
	case n.flow != nil:
		l.urgent.Add(1) // once it is in the ring
		x.up.Unsettled = true
	}
}

// Settle implements pmd.Tables.
func (s *Snapshot) Settle() {
	f := s.loops.flows
	mine := f.urgent.Load()
	for end := clock.Now() + settlePatience; ; {
		f.settle()
		if f.settled.Load() >= mine {
			return
		}
		if clock.Now() > end {
			f.late.Add(1)
			return
		}
		// Who holds the mutex may wait for this very core.
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// settlePatience is how long a loop waits for the mutex, ns: longer than ticks and single flow
// mods hold it, and short for who waits for packets.
const settlePatience = 200_000

// LearnedLate returns how often packets left before the flows that they had the switch learn
// were there, since others were changing tables.
func (s *State) LearnedLate() uint64 { return s.loops.flows.late.Load() }

// learnNow does what is noted unless somebody holds the mutex: they will, in unlock.
func (s *State) learnNow() {
	for f := s.loops.flows; f.settled.Load() < f.urgent.Load() && s.mu.TryLock(); {
		s.takeFlowNotes(s.now())
		s.mu.Unlock()
	}
}

// unlock gives the mutex back, and does what loops would have done meanwhile.
func (s *State) unlock() {
	s.mu.Unlock()
	s.learnNow()
}

// learnFlow is the learn action.
func (x *xlate) learnFlow(l *Learn) {
	f := x.learned(l)
	if x.failed != actions.DropNone {
		return
	}
	t := x.snap.tables[l.Table]
	m := normalized(&f.Match)
	x.path.Uses.Marks |= classifier.Named
	x.names = append(x.names, named{l.Table, m.Name(int32(f.Priority))})
	var old *Rule
	if c := t.rules.Find(&m, int32(f.Priority)); c != nil {
		old = c.Data.(*Rule)
	}
	full := old == nil && t.full()
	if full || old == nil && l.Limit != 0 {
		// Whether there is room for it depends on all flows of that table.
		x.path.Look(l.Table, ^uint64(0))
		x.floors = append(x.floors, floor{l.Table, -1})
	}
	ok := true
	switch {
	case old != nil && old.Flow.Cookie == f.Cookie && old.Flow.Do.equal(&f.Do):
		x.young = append(x.young, old)
	case old == nil && t.reached(f.Cookie, l.Limit):
		ok = false
		if x.tr != nil {
			x.tr.warn("the limit of %d learned flows is reached", l.Limit)
		}
	default:
		if x.tr != nil {
			x.tr.detail("learned: %s", f.String())
		}
		x.noteFlow(flowNote{by: x.learner(), flow: f, limit: l.Limit, full: full})
	}
	if l.Result.Bits != 0 {
		v := flow.Value{}
		if ok {
			v.Lo = 1
		}
		x.setField(l.Result.Field, v.Shl(uint(l.Result.Lo)), l.Result.mask())
	}
}

// learner is the flow whose learn action is being done; nil: a packet-out's own list, or what was
// left to do to a packet that paused. A controller asked for those, and they are done whatever
// becomes of flows.
func (x *xlate) learner() *Rule {
	if x.current == nil || x.current.n == nil { // stands for the flow that let it pause
		return nil
	}
	return x.current
}

// learned makes the flow of a learn action; it looks at all that goes into it.
func (x *xlate) learned(l *Learn) *Flow {
	f := &Flow{
		Table: l.Table, Priority: l.Priority, Cookie: l.Cookie, IdleTimeout: l.Idle, HardTimeout: l.Hard,
	}
	if l.SendFlowRem {
		f.Flags |= SendFlowRem
	}
	if l.FinIdle|l.FinHard != 0 {
		f.Do.Apply = append(f.Do.Apply, Action{Kind: ActFinTimeout, List: &Lists{FinIdle: l.FinIdle, FinHard: l.FinHard}})
	}
	for i := range l.Specs {
		s := &l.Specs[i]
		v := s.Value
		if s.Src.Bits != 0 {
			v = flow.Value{}
			if x.has(s.Src.Field) {
				x.needField(s.Src.Field, s.Src.mask())
				v = x.subfield(s.Src)
			}
		}
		switch s.Kind {
		case LearnMatch:
			if s.Dst.Field == flow.InPort {
				f.Match.SetMasked(flow.InPort, flow.Value{Lo: uint64(widePort(v))}, flow.InPort.Full())
				break
			}
			f.Match.SetMasked(s.Dst.Field, v.Shl(uint(s.Dst.Lo)), s.Dst.mask())
		case LearnLoad:
			f.Do.Apply = append(f.Do.Apply, Action{Kind: ActLoad, Dst: s.Dst, Value: v})
		case LearnOutput:
			f.Do.Apply = append(f.Do.Apply, Action{Kind: ActOutput, Port: widePort(v)})
		}
	}
	return f
}

// finTimeout is the fin_timeout action: a packet that ends a TCP connection reduces the
// timeouts of the flow whose action it is.
func (x *xlate) finTimeout(idle, hard uint16) {
	const finRST = 1<<0 | 1<<2
	if !x.has(flow.TCPFlags) {
		return
	}
	x.needField(flow.TCPFlags, flow.Value{Lo: finRST})
	r := x.current
	if flow.TCPFlags.Get(&x.key).Lo&finRST == 0 || r == nil {
		return
	}
	if reduced(r.Flow.IdleTimeout, idle) != r.Flow.IdleTimeout || reduced(r.Flow.HardTimeout, hard) != r.Flow.HardTimeout {
		x.noteFlow(flowNote{by: r, idle: idle, hard: hard})
	}
}

// reduced is a timeout of no more than most seconds. 0 is infinite in both.
func reduced(timeout, most uint16) uint16 {
	if most != 0 && (timeout == 0 || timeout > most) {
		return most
	}
	return timeout
}

// takeFlowNotes does what translations noted. The mutex is held.
func (s *State) takeFlowNotes(now int64) {
	var tx *flowTx
	urgent := s.loops.flows.urgent.Load() // so many are in the rings, or were
	defer s.loops.flows.settled.Store(urgent)
	for _, r := range s.loops.flows.rings {
		for n, ok := r.Pop(); ok; n, ok = r.Pop() {
			if tx == nil {
				tx = s.begin(s.next(), nil)
				tx.now, tx.learns = now, true
			}
			tx.takeFlowNote(n)
		}
	}
	lost := s.loops.flows.lost.Load()
	again := lost != s.lostFlows || tx != nil && tx.again
	s.lostFlows = lost
	switch {
	case tx != nil && len(tx.steps) > 0:
		tx.build()
		if again {
			s.put(tx.next)
		} else {
			s.putRules(tx.next, nil)
		}
		tx.finish()
	case again:
		s.put(s.next())
	}
}

// takeFlowNote does what one note says, as far as it can be done by now.
func (tx *flowTx) takeFlowNote(n flowNote) {
	if n.by != nil {
		m := n.by.match()
		if now := tx.find(n.by.Flow.Table, &m, n.by.Flow.Priority); now != n.by {
			return // its decision is made again, too
		}
	}
	if n.flow == nil {
		whole := n.by.whole()
		whole.IdleTimeout, whole.HardTimeout = reduced(whole.IdleTimeout, n.idle), reduced(whole.HardTimeout, n.hard)
		if whole.IdleTimeout == n.by.Flow.IdleTimeout && whole.HardTimeout == n.by.Flow.HardTimeout {
			return
		}
		r := tx.newRule(&whole, n.by.origin)
		r.Created, r.modified, r.seq, r.n = n.by.Created, n.by.modified, n.by.seq, n.by.n
		tx.put(r, n.by, FlowModified)
		return
	}
	f := n.flow
	old := tx.find(f.Table, &f.Match, f.Priority)
	if old != nil && old.Flow.Cookie == f.Cookie && old.Flow.Do.equal(&f.Do) {
		return // several packets made it
	}
	if old != nil {
		whole := old.whole()
		whole.Do, whole.Cookie = f.Do, f.Cookie
		if tx.check(&whole) != nil {
			return
		}
		r := tx.newRule(&whole, old.origin)
		r.Created, r.seq, r.n = old.Created, old.seq, old.n
		tx.put(r, old, FlowModified)
		return
	}
	if n.limit != 0 && tx.reached(learnerKey{f.Table, f.Cookie}, n.limit) {
		return
	}
	// A flow that its table cannot have is not learned, and nobody could be told. One for which there is no
	// room is, by who asks again when there is some.
	err := tx.add(f, fromController, false, true)
	tx.again = tx.again || errors.Is(err, ofperr.FlowModTableFull) && !n.full
}

// learnerKey is the flows that go when the last flow goes whose learn action, with
// delete_learned, names them.
type learnerKey struct {
	table  uint8
	cookie uint64
}

// learners calls fn with the flows that go with this one.
func (d *Instructions) learners(fn func(learnerKey)) {
	d.eachLearn(func(l *Learn) {
		if l.DeleteLearned {
			fn(learnerKey{l.Table, l.Cookie})
		}
	})
}

// dropLearned counts the flows that came and went with delete_learned, and removes what the
// last of them leave behind.
func (tx *flowTx) dropLearned() {
	s := tx.s
	for i := 0; i < len(tx.steps); i++ { // removals become steps
		st := &tx.steps[i]
		var last []learnerKey
		if st.new != nil {
			st.new.Flow.Do.learners(func(k learnerKey) { s.learners[k]++ })
		}
		if st.old != nil {
			st.old.Flow.Do.learners(func(k learnerKey) {
				if s.learners[k]--; s.learners[k] == 0 {
					delete(s.learners, k)
					last = append(last, k)
				}
			})
		}
		for _, k := range last {
			for _, r := range tx.selected(&FlowFilter{Table: k.table, Cookie: k.cookie, CookieMask: ^uint64(0), OutPort: AnyPort, OutGroup: AnyGroup}) {
				tx.remove(r, RemovedDelete)
			}
		}
	}
}

// since is when the rule's hard timeout began.
func (r *Rule) since() int64 { return max(r.modified, r.n.renewed.Load()) }
