package vswitch

import (
	"pollux/internal/mixed"
	"pollux/internal/mixed/peers"
	"pollux/ipfix/collector"
)

// goflowView is what our collector keeps of a flow: not the number of tags, the
// priority in them and the flow label, and no sum of squares.
func goflowView(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool) {
	if k.Tags > 0 {
		k.Tags, k.TCI = 1, k.TCI&0xfff
	}
	k.Label, c.SumSq = 0, 0
	return k, c, true
}

// goflowReport returns what our collector says.
func goflowReport(c *collector.Collector) peers.Report {
	r := peers.Report{}
	for k, f := range c.Flows() {
		key := mixed.Key{
			EthSrc: k.EthSrc, EthDst: k.EthDst, EthType: k.EthType, Src: k.Src, Dst: k.Dst, Proto: k.Proto, TOS: k.TOS,
			SrcPort: k.SrcPort, DstPort: k.DstPort,
		}
		if k.VLAN >= 0 {
			key.Tags, key.TCI = 1, uint16(k.VLAN)
		}
		r.Add(key, mixed.Counts{
			Packets: f.Packets, Octets: f.Octets, L2Octets: f.L2Octets, MinLen: uint16(f.MinLen), MaxLen: uint16(f.MaxLen),
			MinTTL: f.MinTTL, MaxTTL: f.MaxTTL, TCPFlags: f.TCPFlags,
		})
	}
	return r
}
