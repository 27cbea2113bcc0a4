package vswitch

import (
	"pollux/flow"
	"pollux/ofp/pipeline"
)

// standalone has the switch forward by itself while no controller can be talked to: all
// packets are treated as a learning switch does. The flows that there are stay, for when a
// controller is back; in Open vSwitch they go.
type standalone struct{ s *Switch }

// EnterStandalone puts that before all flows.
func (x *standalone) EnterStandalone() {
	x.override(&pipeline.Instructions{Apply: []pipeline.Action{{Kind: pipeline.ActOutput, Port: flow.PortNormal}}})
}

// LeaveStandalone ends it.
func (x *standalone) LeaveStandalone() { x.override(nil) }

func (x *standalone) override(do *pipeline.Instructions) {
	if err := x.s.state.Override(do); err != nil {
		x.s.log.Error("standalone mode", "error", err)
		return
	}
	x.s.dp.Barrier()
}
