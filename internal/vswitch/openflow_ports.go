package vswitch

import (
	"time"

	"pollux/actions"
	"pollux/ofp/wire"
	"pollux/pmd/datapath"
)

// PortStats returns the counters of all ports.
func (c controlled) PortStats() []wire.PortStats {
	st := c.s.dp.Stats()
	out := make([]wire.PortStats, 0, len(st.Ports))
	for i := range st.Ports {
		out = append(out, wirePortStats(&st.Ports[i]))
	}
	return out
}

// wirePortStats is the counters of a port in the words of the wire. What it has received and
// lost before tables saw it is rx_dropped; what it was to send and did not take tx_dropped.
// What tables, groups and meters dropped is neither, as in Open vSwitch: the custom statistics
// have it.
func wirePortStats(p *datapath.PortStats) wire.PortStats {
	return wire.PortStats{
		Port: wire.PortNumber(p.OFPort), Duration: time.Duration(p.Age * float64(time.Second)),
		RxPackets: p.Rx.Packets, RxBytes: p.Rx.Bytes, TxPackets: p.Tx.Packets, TxBytes: p.Tx.Bytes,
		RxDropped: p.Driver.RxDropped + p.Driver.RxRingFull, TxDropped: p.Refused().Packets,
		RxErrors: p.Driver.RxInvalid, TxErrors: p.Driver.TxInvalid,
		RxFrame: wire.NotCounted, RxOver: p.Driver.RxRingFull, RxCRC: wire.NotCounted, Collisions: wire.NotCounted,
		Custom: customStats(p),
	}
}

// customStats has every drop reason, by the name that it has everywhere else, and what else the
// driver counts: those that are 0 too, as Open vSwitch has them, so that who collects them
// finds the same names at all times.
func customStats(p *datapath.PortStats) []wire.Counter {
	list := make([]wire.Counter, 0, actions.NumReasons+1)
	for r := actions.DropNone + 1; r < actions.NumReasons; r++ {
		list = append(list, wire.Counter{Name: r.String(), Value: p.Dropped[r].Packets})
	}
	return append(list,
		wire.Counter{Name: "rx_fill_empty", Value: p.Driver.RxFillEmpty},
		wire.Counter{Name: "tx_errors_retried", Value: p.Driver.TxErrors})
}
