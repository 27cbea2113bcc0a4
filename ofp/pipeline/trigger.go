package pipeline

import "time"

// StatTrigger is the instruction that has controllers told when a flow's statistics pass
// thresholds (OFPIT_STAT_TRIGGER, OpenFlow 1.5.1 section 7.2.5.6). A threshold of 0 is none.
type StatTrigger struct {
	Duration, Idle time.Duration // since the flow was added, and since its last packet
	Packets, Bytes uint64

	Periodic  bool // every multiple of a threshold, too (OFPSTF_PERIODIC)
	OnlyFirst bool // only the first threshold that is passed; with Periodic all count anew then (OFPSTF_ONLY_FIRST)
}

// StatsTriggered is the news that a flow's statistics have passed a threshold.
type StatsTriggered struct{ FlowEntry }

// triggerEvery is how often thresholds are looked at, in ns. What is passed in between is told
// once.
const triggerEvery = int64(100 * time.Millisecond)

// The statistics that have thresholds.
const (
	statDuration = iota
	statIdle
	statPackets
	statBytes
	numStats
)

// thresholds returns them in the order of the statistics.
func (t *StatTrigger) thresholds() [numStats]uint64 {
	return [numStats]uint64{uint64(max(t.Duration, 0)), uint64(max(t.Idle, 0)), t.Packets, t.Bytes}
}

// watch is what is remembered of a rule with a trigger. It is guarded by State.mu.
type watch struct {
	rule  *Rule
	base  [numStats]uint64 // where thresholds count from
	times [numStats]uint64 // how often a threshold had been passed, at the last look
	over  bool             // nothing more will be told
}

// statisticsOf are the statistics of a rule at now.
func statisticsOf(r *Rule, now int64) [numStats]uint64 {
	packets, bytes := r.counters()
	return [numStats]uint64{uint64(max(now-r.Created, 0)), uint64(max(now-r.n.used.Load(), 0)), packets, bytes}
}

// newWatch begins with what r has counted already: thresholds are passed from now on.
func newWatch(r *Rule, now int64) *watch {
	w := &watch{rule: r}
	w.passed(now)
	w.over = false
	return w
}

// passed says whether a threshold was passed since the last look.
func (w *watch) passed(now int64) (some bool) {
	t, have := w.rule.Flow.Do.Trigger, statisticsOf(w.rule, now)
	for i, least := range t.thresholds() {
		if least == 0 {
			continue
		}
		n := (have[i] - w.base[i]) / least
		if !t.Periodic {
			n = min(n, 1)
		}
		some = some || n > w.times[i]
		w.times[i] = n
	}
	switch {
	case !some || !t.OnlyFirst:
	case t.Periodic:
		w.base, w.times = have, [numStats]uint64{}
		w.base[statIdle] = 0
		w.times[statIdle] = idleTimes(t, have[statIdle])
	default:
		w.over = true
	}
	return some
}

// idleTimes is how often a flow has been idle for long enough. The time of idleness cannot
// count anew: the next packet has it do so.
func idleTimes(t *StatTrigger, idle uint64) uint64 {
	if t.Idle <= 0 {
		return 0
	}
	return idle / uint64(t.Idle)
}

// OnStatTrigger has fn called when the statistics of a flow with a StatTrigger pass a
// threshold, some 100 ms later. fn may read State and must not change it.
func (s *State) OnStatTrigger(fn func(StatsTriggered)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onTrigger = append(s.onTrigger, fn)
}

// watchRule follows a step of a transaction: rules with triggers that come and go.
func (s *State) watchRule(st *step, now int64) {
	if st.old != nil && st.old.Flow.Do.Trigger != nil {
		delete(s.watches, st.old)
	}
	if st.new != nil && st.new.Flow.Do.Trigger != nil {
		if s.watches == nil {
			s.watches = map[*Rule]*watch{}
		}
		s.watches[st.new] = newWatch(st.new, now)
	}
}

// lookAtTriggers tells of thresholds that were passed. Where no flow has any it costs a look.
func (s *State) lookAtTriggers(now int64) {
	s.mu.Lock()
	due := len(s.watches) > 0 && len(s.onTrigger) > 0 && now >= s.nextTriggerAt
	settle, fns := s.settle, s.onTrigger
	if due {
		s.nextTriggerAt = now + triggerEvery
	}
	s.mu.Unlock()
	if !due {
		return
	}
	if settle != nil {
		settle()
	}
	s.mu.Lock()
	var list []StatsTriggered
	for r, w := range s.watches {
		if !w.over && w.passed(now) {
			list = append(list, StatsTriggered{r.entry(now)})
		}
	}
	s.mu.Unlock()
	for _, e := range list {
		for _, fn := range fns {
			fn(e)
		}
	}
}
