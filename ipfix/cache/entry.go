package cache

// An entry is one flow, in two parts of equal number: what every packet changes is
// in one cache line, the rest lies apart.

// hot is one cache line (tested). The counts are those since the last record.
type hot struct {
	packets uint64 // 0 of a live entry: nothing since its last record
	octets  uint64
	l2      uint64
	sumSq   uint64
	last    int64  // ns
	lanes   lanes  // not yet in cold.counted
	check   uint32 // generation:16 number of the point:16, which is nowhere when the entry is free
	first   uint32 // coarse time from which the active timeout runs: the first packet since the last record, or a boundary (align)
	minLen  uint16
	maxLen  uint16
	flags   uint16 // TCP, of all packets since the last record, ORed; and finished
	minTTL  uint8
	maxTTL  uint8
}

// finished is the bit of hot.flags that says that the flow showed FIN or RST, at any
// time; TCP flags have twelve.
const finished = 1 << 15

const (
	finRst  = 1<<FIN | 1<<RST
	tcpBits = 0xfff
)

// cold is five cache lines.
type cold struct {
	key     ckey
	reason  uint8 // of the last drop since the last record
	first   int64 // ns, first packet since the last record
	began   int64 // ns, first packet of the flow
	counted [numLanes]uint64
	dropped Count
	told    told // what records have said already
	_       [16]byte
}

// told is what the records of a flow have said already.
type told struct {
	Count
	sumSq   uint64
	counted [numLanes]uint64
	dropped Count
}

// coarse turns ns into the unit of hot.first, about a millisecond.
func coarse(ns int64) uint32 { return uint32(ns >> 20) }

func (e *hot) live() bool { return e.check&nowhere != nowhere }

// add counts one packet, its limits and flags apart.
func (e *hot) add(p *sample, now int64) {
	n := uint64(p.ipLen)
	e.packets++
	e.octets += n
	e.l2 += uint64(p.len)
	e.sumSq += n * n
	e.last = now
	e.lanes += laneSteps[uint8(p.kind)]
}

// within says that the packet is within the limits and has no new flag, as most are.
func (e *hot) within(p *sample) bool {
	return p.ipLen-e.minLen <= e.maxLen-e.minLen && p.ttl-e.minTTL <= e.maxTTL-e.minTTL && p.flags&^e.flags == 0
}

// stretch widens the limits to the packet.
func (e *hot) stretch(p *sample) {
	e.minLen = min(e.minLen, p.ipLen)
	e.maxLen = max(e.maxLen, p.ipLen)
	e.minTTL = min(e.minTTL, p.ttl)
	e.maxTTL = max(e.maxTTL, p.ttl)
	e.flags |= p.flags
	if p.flags&finRst != 0 {
		e.flags |= finished
	}
}

// begin counts the first packet since the last record, or of the flow.
func (e *hot) begin(p *sample, now int64) {
	e.minLen, e.maxLen, e.minTTL, e.maxTTL = p.ipLen, p.ipLen, p.ttl, p.ttl
	e.first = coarse(now)
	e.add(p, now)
	e.stretch(p)
}

// count counts packet p of the flow of entry x, whatever its state.
func (c *Cache) count(x uint32, p *sample, now int64) {
	e := &c.hot[x]
	if e.packets == 0 {
		c.cold[x].first = now
		e.begin(p, now)
		if c.align {
			e.first = coarse(c.boundary(&c.cold[x].key, now))
		}
	} else {
		e.add(p, now)
		e.stretch(p)
	}
	if e.lanes&lanesFull != 0 {
		c.empty(x)
	}
}

// empty moves what the lanes hold to the wide counts.
func (c *Cache) empty(x uint32) {
	e, d := &c.hot[x], &c.cold[x]
	if e.lanes == 0 {
		return
	}
	for i := range d.counted {
		d.counted[i] += uint64(e.lanes >> (8 * i) & 0xff)
	}
	e.lanes = 0
}

// again makes entry x, whose record is out, ready to count on from nothing.
func (c *Cache) again(x uint32) {
	c.empty(x)
	e, d := &c.hot[x], &c.cold[x]
	t := &d.told
	t.Packets += e.packets
	t.Octets += e.octets
	t.L2Octets += e.l2
	t.sumSq += e.sumSq
	for i, n := range d.counted {
		t.counted[i] += n
	}
	t.dropped.Packets += d.dropped.Packets
	t.dropped.Octets += d.dropped.Octets
	t.dropped.L2Octets += d.dropped.L2Octets
	d.counted, d.dropped, d.reason = [numLanes]uint64{}, Count{}, 0
	e.packets, e.octets, e.l2, e.sumSq = 0, 0, 0, 0
	e.minLen, e.maxLen, e.minTTL, e.maxTTL = 0, 0, 0, 0
	e.flags &= finished
	if c.qos != nil {
		c.qos[x].told()
	}
	// What a slot tells once (TTL, flags) must be told again for the next record.
	c.unbind(x)
}
