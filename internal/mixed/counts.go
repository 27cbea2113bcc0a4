package mixed

// Counts are what frames of a flow add up to.
type Counts struct {
	Packets  uint64
	Octets   uint64 // lengths of IP packets, headers included, padding not; 0 of what is no IP
	L2Octets uint64 // lengths of frames without FCS
	SumSq    uint64 // of the IP lengths squared
	MinLen   uint16 // of the IP packets
	MaxLen   uint16
	MinTTL   uint8 // or hop limit
	MaxTTL   uint8
	TCPFlags uint16 // of all packets, ORed
}

// Add adds what other frames add up to.
func (c *Counts) Add(o Counts) {
	switch {
	case o.Packets == 0:
		return
	case c.Packets == 0:
		*c = o
		return
	}
	c.Packets += o.Packets
	c.Octets += o.Octets
	c.L2Octets += o.L2Octets
	c.SumSq += o.SumSq
	c.MinLen, c.MaxLen = min(c.MinLen, o.MinLen), max(c.MaxLen, o.MaxLen)
	c.MinTTL, c.MaxTTL = min(c.MinTTL, o.MinTTL), max(c.MaxTTL, o.MaxTTL)
	c.TCPFlags |= o.TCPFlags
}
