package pipeline

import (
	"pollux/flow"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// sourced stands for the input port of packets that a controller made itself: NORMAL lets
// them into every VLAN, and learns no address.
var sourced = &Port{OFPort: flow.PortController}

// TranslateOut decides what happens to a packet of a packet-out by its list of actions: in
// u.Key are its headers, the port and the metadata that the controller gave it. Output to
// flow.PortTable goes through the tables. It is like Translate in all else, but for Mask and
// Path: the answer is for this packet alone.
func (s *Snapshot) TranslateOut(u *pmd.Upcall, list []Action) {
	x := &xlate{}
	if u.Thread >= 0 && u.Thread < len(s.loops.scratch) {
		x = s.loops.scratch[u.Thread]
	}
	x.begin(s, u, nil)
	x.out = true
	if b := s.sampling.Bridge; b != nil && b.Input {
		x.sample(b.Exporter, cache.Point{Dir: cache.Ingress, Domain: b.Domain, ID: b.Point}, b.Attribute)
		x.prefix = len(x.ops)
	}
	x.actions(list)
	x.finish()
	x.end()
}

// CheckOut refuses a packet-out's list that has what the switch cannot do, or that refers to
// what is not there, with the error that a flow with it would have.
func (s *Snapshot) CheckOut(list []Action) error {
	return (&flowTx{next: s}).checkDo(&Flow{Do: Instructions{Apply: list}})
}

// PacketOut returns what pmd.PacketOut asks of the tables in force, for a list of actions.
func PacketOut(list []Action) func(pmd.Tables, *pmd.Upcall) {
	return func(t pmd.Tables, u *pmd.Upcall) { t.(*Snapshot).TranslateOut(u, list) }
}

// actionSetLast executes the action set when the pipeline has ended.
func (x *xlate) actionSetLast() {
	x.inSet = true
	x.actionSet()
}
