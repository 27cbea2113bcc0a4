package main

import (
	"fmt"
	"time"
)

// demoOptions are what the demo can be asked for.
type demoOptions struct {
	flows   int
	packets uint64
	rate    float64
	socket  string // of the switch; "" leaves that of configs/demo.yaml
	exe     string
}

const (
	demoMaxFlows   = 1_000_000     // the collector keeps 1<<20, those of the hosts among them
	demoMaxPackets = 1_000_000_000 // the sink tells 1<<30 packets of a flow apart
	demoMaxRate    = 1e9
)

// check refuses what can't be sent and counted, before anything is made.
func (o *demoOptions) check() error {
	if o.flows < 1 || o.flows > demoMaxFlows {
		return fmt.Errorf("--flows %d: must be 1 to %d", o.flows, demoMaxFlows)
	}
	if o.packets < 1 || o.packets > demoMaxPackets {
		return fmt.Errorf("--packets %d: must be 1 to %d", o.packets, demoMaxPackets)
	}
	if !(o.rate >= 1 && o.rate <= demoMaxRate) { // so that NaN is refused too
		return fmt.Errorf("--rate %v: must be 1 to %.0f packets a second", o.rate, demoMaxRate)
	}
	return nil
}

const (
	// demoPatience is how long nothing may arrive at the sink before the traffic is
	// given up. A switch that is merely starved of its core is back sooner.
	demoPatience = 10 * time.Second
	// demoPings is how many times, a second each, a host is asked for an answer.
	demoPings = 20
	// demoReady, demoRecords and demoStop bound what takes a second or two on a machine
	// that is not busy: the switch's start, the records of flows that are idle, its end.
	demoReady   = time.Minute
	demoRecords = 20 * time.Second
	demoStop    = 20 * time.Second
	// demoLast is how long the last packets and records may be on their way with nothing
	// arriving, before they count as lost.
	demoLast = 3 * time.Second
	// demoGrace and demoSlowest bound the traffic as a whole: no machine that runs
	// the switch at all needs longer.
	demoGrace   = 2 * time.Minute
	demoSlowest = 20_000 // packets a second
)

// limit is how long the traffic may take.
func (o *demoOptions) limit() time.Duration {
	return demoGrace + time.Duration(float64(o.packets)/min(o.rate, demoSlowest)*float64(time.Second))
}
