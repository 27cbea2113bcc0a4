package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"

	"pollux/bench"
	"pollux/pmd/datapath"
)

// losses asks everybody on the way who may have lost packets since before.
func (d *demo) losses(s *demoSums, before switchState, sink *bench.Port) error {
	genLost, err1 := linkDropped(d.net.gen, "eth0")
	swLost, err2 := linkDropped(d.net.sw, "pxg1")
	if errors.As(err2, &netlink.LinkNotFoundError{}) {
		s.Gone = append(s.Gone, "lost at pxg1, which is gone and has taken its counters with it")
		err2 = nil
	}
	sinkLost, err3 := sink.Dropped()
	sw, err4 := d.state()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	in, out := sw.port("gen0"), sw.port("gen1")
	s.Before = genLost + in.Driver.RxDropped + in.Driver.RxRingFull + in.Driver.RxFillEmpty
	s.After = swLost + sinkLost
	// What came in by gen0 and did not go out of gen1 was dropped, if the switch names
	// a reason for as many since the traffic began.
	reasons, named := droppedSince(before.Sums.Dropped, sw.Sums.Dropped)
	if s.Switch = min(in.Rx.Packets-min(in.Rx.Packets, out.Tx.Packets), named); s.Switch > 0 {
		s.Reasons = reasons
		if named > s.Switch { // hosts send too, and reasons are not counted by port
			s.Reasons += " (of all ports)"
		}
	}
	s.balance(sw.Unaccounted)
	return nil
}

// switchState is what the demo wants to know of the switch.
type switchState struct {
	Ports       []datapath.PortStats `json:"ports"`
	Sums        datapath.Sums        `json:"sums"`
	Unaccounted int64                `json:"unaccounted"`
}

// state asks the switch.
func (d *demo) state() (s switchState, err error) {
	out, err := d.ask("show", "--json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("pollux show --json: %w", err)
	}
	return s, nil
}

// port returns the port of that name.
func (s *switchState) port(name string) datapath.PortStats {
	for _, p := range s.Ports {
		if p.Name == name {
			return p
		}
	}
	return datapath.PortStats{}
}
