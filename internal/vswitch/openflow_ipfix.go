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
	var current uint64
	for _, c := range s.dp.Caches(e.index) {
		current += c.Stats().Flows
	}
	var x ipfix.Stats
	if e.x != nil {
		x = e.x.Stats()
	}
	return ipfixStats(e.set, current, &x)
}

// ipfixStats puts the counts of an exporter, whose caches hold so many flows now, into
// the terms of Open vSwitch. Exchanging caches does not set them back; those of messages
// are of the collectors that there are.
//
//	flows          flows that began in a cache; of two loops, a flow that goes through
//	               both is two, which become one record only later
//	current flows  flows that are in a cache now
//	sampled pkts   packets that sampling selected
//	ipv4 ok        of them, those that came into a flow; Open vSwitch takes those for
//	               errors of which it knows no layer 4, here they have a record as
//	               all others
//	pkts errs      of them, that came into no flow: cache and ring were full
//	tx pkts        IPFIX messages to each collector; one to two collectors is two
//	tx errs        what went wrong in sending them
func ipfixStats(set uint32, current uint64, x *ipfix.Stats) wire.IPFIXStats {
	st := wire.IPFIXStats{
		SetID: set, Flows: x.Flows, CurrentFlows: current,
		Packets:    x.Sums.Seen.Packets,
		IPv4Errors: x.NoRoomBy[cache.IPv4], IPv6Errors: x.NoRoomBy[cache.IPv6],
	}
	for _, n := range x.NoRoomBy {
		st.Errors += n
	}
	// Numbers that are published one after the other may be of two moments.
	st.IPv4 = x.SeenBy[cache.IPv4] - min(x.SeenBy[cache.IPv4], st.IPv4Errors)
	st.IPv6 = x.SeenBy[cache.IPv6] - min(x.SeenBy[cache.IPv6], st.IPv6Errors)
	for i := range x.Collectors {
		st.Tx += x.Collectors[i].Messages
		st.TxErrors += x.Collectors[i].Errors
	}
	return st
}
