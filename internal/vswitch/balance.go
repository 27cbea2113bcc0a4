package vswitch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pollux/configs"
	"pollux/pmd/datapath"
)

// balanced is what was last found when the loops' loads were looked at by themselves.
type balanced struct {
	at   time.Time // zero: not yet
	what string
	n    int // times that queues were moved
}

// balance takes samples of the loops' usage until ctx is done and, where the configuration
// has it so, rebalances queues: the rules are those of pmd-auto-lb of Open vSwitch.
func (s *Switch) balance(ctx context.Context) {
	s.mu.Lock()
	c := s.cfg.Datapath.Rebalance // a change needs a restart
	s.mu.Unlock()
	every := datapath.UsageWindow / datapath.UsageSamples
	if c.Auto {
		every = min(every, c.Interval.Std()/datapath.UsageSamples)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for next := time.Now().Add(c.Interval.Std()); ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.dp.SampleUsage()
		if c.Auto && !time.Now().Before(next) {
			next = time.Now().Add(c.Interval.Std())
			s.balanceOnce(&c)
		}
	}
}

// balanceOnce rebalances queues if that is worth it.
func (s *Switch) balanceOnce(c *configs.Balance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	window := min(c.Interval.Std(), datapath.UsageWindow)
	b := &s.balanced
	b.at = time.Now()
	if b.what = idleReason(s.dp.Usage(window), c); b.what != "" {
		return
	}
	plan, done := s.dp.Rebalance(s.policy(), window, func(p *datapath.Plan) bool {
		return p.Improvement >= float64(c.ImprovementThreshold)
	})
	b.what = fmt.Sprintf("%s would change loops for a variance improved by %.0f %%, not %d %%", plural(len(plan.Moves), "queue"), plan.Improvement, c.ImprovementThreshold)
	if done {
		b.n++
		b.what = fmt.Sprintf("%s changed loops for a variance improved by %.0f %%", plural(len(plan.Moves), "queue"), plan.Improvement)
		s.log.Info("rebalanced", "queues", len(plan.Moves), "improvement", fmt.Sprintf("%.0f%%", plan.Improvement))
	}
}

// idleReason says why there is nothing to rebalance, "" if there may be.
func idleReason(u datapath.Usage, c *configs.Balance) string {
	most, several := 0.0, false
	for _, l := range u.Loops {
		most = max(most, 100*l.Busy)
		several = several || len(l.Queues) > 1
	}
	switch {
	case len(u.Loops) < 2:
		return "there is one loop"
	case !several:
		return "no loop polls two queues"
	case most < float64(c.LoadThreshold):
		return fmt.Sprintf("the busiest loop is so for %.0f %% of the time, not %d %%", most, c.LoadThreshold)
	}
	return ""
}

func (s *Switch) policy() datapath.Policy { return datapath.Policy(s.cfg.Datapath.RxqAssign) }

// rebalanceCommand spreads the queues over the loops anew, or says how it would.
func (s *Switch) rebalanceCommand(args []string) (string, error) {
	js, args := takeJSON(args)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errors.New("the switch is stopping")
	}
	v := RebalanceShow{}
	policy := s.policy()
	for len(args) > 0 {
		switch {
		case args[0] == "--dry-run":
			args = args[1:]
			v.DryRun = true
		case args[0] == "--policy" && len(args) > 1:
			policy, args = datapath.Policy(args[1]), args[2:]
		default:
			return "", fmt.Errorf("%q: want --dry-run, --policy cycles|group|roundrobin, or --json", args[0])
		}
	}
	if !slices.Contains([]datapath.Policy{datapath.Cycles, datapath.Group, datapath.RoundRobin}, policy) {
		return "", fmt.Errorf("policy %q is none of cycles, group, roundrobin", policy)
	}
	v.Plan, v.Done = s.dp.Rebalance(policy, datapath.UsageWindow, func(p *datapath.Plan) bool {
		return !v.DryRun && (policy == datapath.RoundRobin || p.Improvement > 0)
	})
	for _, l := range s.cfg.Datapath.Loops {
		v.Cores = append(v.Cores, l.Core)
	}
	if v.Done {
		s.log.Info("rebalanced", "queues", len(v.Moves), "improvement", fmt.Sprintf("%.0f%%", v.Improvement))
	}
	var w strings.Builder
	err := render(&w, js, &v, v.Text)
	return w.String(), err
}
