package vswitch

import (
	"sync"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// standalone has the switch forward by itself while no controller can be talked to: a
// flow that treats every packet as a learning switch does, before all others.
//
// In Open vSwitch that flow has a priority that no controller can give, is not shown, and
// the flows that there were are gone; here it is an ordinary flow of the highest priority.
type standalone struct {
	s *Switch

	mu sync.Mutex // guards on, and changes of flows while it matters
	on bool
}

// Cookie and priority tell the flow from others.
const (
	standaloneCookie   = 0xf0f0f0f0_f0f0f0f0
	standalonePriority = 65535
)

// EnterStandalone adds the flow.
func (x *standalone) EnterStandalone() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.on = true
	if err := x.s.state.Add(standaloneFlow()); err != nil {
		x.s.log.Error("standalone mode", "error", err)
		return
	}
	x.s.dp.Barrier()
}

// LeaveStandalone removes it.
func (x *standalone) LeaveStandalone() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.on = false
	if err := x.s.state.Delete(0, standalonePriority, flow.Match{}); err != nil {
		x.s.log.Warn("standalone mode: somebody has removed its flow", "error", err)
		return
	}
	x.s.dp.Barrier()
}

// apply is State.Apply; of a change that brings all flows this one is, too, if it was.
func (x *standalone) apply(c pipeline.Change) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.on && c.Flows != nil {
		c.Flows = append(c.Flows, standaloneFlow())
	}
	return x.s.state.Apply(c)
}

func standaloneFlow() pipeline.Flow {
	return pipeline.Flow{
		Cookie: standaloneCookie, Priority: standalonePriority,
		Do: pipeline.Instructions{Apply: []pipeline.Action{{Kind: pipeline.ActOutput, Port: flow.PortNormal}}},
	}
}
