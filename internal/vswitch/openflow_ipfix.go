package vswitch

import (
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/wire"
)

// IPFIXBridge returns the counts of the bridge's exporter.
func (c controlled) IPFIXBridge() (wire.IPFIXStats, bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, e := range c.s.exporters {
		if e.set == 0 {
			return c.s.exporterStats(e), true
		}
	}
	return wire.IPFIXStats{}, false
}

// IPFIXSets returns the counts of the exporters of collector sets, in the order of the
// configuration.
func (c controlled) IPFIXSets() (out []wire.IPFIXStats) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, e := range c.s.exporters {
		if e.set != 0 {
			out = append(out, c.s.exporterStats(e))
		}
	}
	return out
}

// exporterStats returns an exporter's counts. s.mu is held.
func (s *Switch) exporterStats(e *exporter) wire.IPFIXStats {
	var caches []cache.Stats
	for _, c := range s.dp.Caches(e.index) {
		caches = append(caches, c.Stats())
	}
	var x ipfix.Stats
	if e.x != nil {
		x = e.x.Stats()
	}
	return ipfixStats(e.set, caches, &x)
}

// ipfixStats puts the counts of an exporter into the terms of Open vSwitch. All are
// since the flow caches, and the collectors, were configured.
//
//	flows          flows that were in a cache; of two loops, a flow that goes through
//	               both is two, which become one record only later
//	current flows  flows that are in a cache now
//	sampled pkts   packets that sampling selected
//	ipv4 ok        of them; Open vSwitch takes those for errors of which it knows no
//	               layer 4, here they have a record as all others
//	pkts errs      of them, that came into no flow: cache and ring were full. Which
//	               class they were of is not counted, so it is unknown unless there
//	               are none.
//	tx pkts        IPFIX messages to each collector; one to two collectors is two
//	tx errs        what went wrong in sending them
func ipfixStats(set uint32, caches []cache.Stats, x *ipfix.Stats) wire.IPFIXStats {
	st := wire.IPFIXStats{SetID: set}
	for i := range caches {
		c := &caches[i]
		st.Flows += c.Inserted
		st.CurrentFlows += c.Flows
		st.Packets += c.Seen.Packets
		st.IPv4 += c.SeenBy[cache.IPv4]
		st.IPv6 += c.SeenBy[cache.IPv6]
		st.Errors += c.Lost[cache.LossNoRoom].Packets
	}
	if st.Errors > 0 {
		st.IPv4Errors, st.IPv6Errors = wire.IPFIXUnknown, wire.IPFIXUnknown
	}
	for i := range x.Collectors {
		st.Tx += x.Collectors[i].Messages
		st.TxErrors += x.Collectors[i].Errors
	}
	return st
}
