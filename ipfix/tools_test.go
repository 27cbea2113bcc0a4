package ipfix

import (
	"testing"

	"pollux/internal/mixed"
	"pollux/internal/mixed/peers"
)

// need returns the path of a program that a test is about; without it the test is
// skipped, or fails where tests must be whole.
func need(t testing.TB, program, debian string) string {
	t.Helper()
	return peers.Need(t, program, debian)
}

// pcapOf wraps messages into a capture file of UDP to port 4739.
func pcapOf(messages [][]byte) []byte { return peers.Pcap(messages) }

// capture returns the messages that come to a socket until stop is called.
func capture(t testing.TB) (addr string, stop func() [][]byte) {
	t.Helper()
	c := peers.StartCapture(t)
	return c.Addr(), c.Stop
}

// truth returns what a collector with that view is to say of what the lab sent.
func (l *lab) truth(view peers.View) peers.Report {
	r := peers.Report{}
	for k, c := range l.want {
		key := mixed.Key{
			EthSrc: k.EthSrc, EthDst: k.EthDst, EthType: k.EthType, TCI: k.VLAN &^ (1 << 12), Proto: k.Proto, TOS: k.TOS, Label: k.Label,
			SrcPort: k.SrcPort, DstPort: k.DstPort,
		}
		key.Src, key.Dst = k.Addrs()
		if k.VLAN != 0 {
			key.Tags = 1
		}
		if k.InnerTag {
			key.Tags = 2
		}
		key, counts, ok := view(key, mixed.Counts{
			Packets: c.Packets, Octets: c.Octets, L2Octets: c.L2Octets, MinLen: c.MinLen, MaxLen: c.MaxLen, MinTTL: c.MinTTL, MaxTTL: c.MaxTTL,
			TCPFlags: c.TCPFlags,
		})
		if ok {
			r.Add(key, counts)
		}
	}
	return r
}
