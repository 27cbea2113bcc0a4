package cache

import "sync/atomic"

// Loss says why packets that were seen are in no record.
type Loss uint8

// The reasons.
const (
	LossNoRoom Loss = iota // the cache was full, and so was the ring that a flow would have left by
	LossStop               // the cache was abandoned with flows in it
	NumLosses
)

var lossNames = [NumLosses]string{"no_room", "stop"}

// String returns the reason's short name.
func (l Loss) String() string {
	if l >= NumLosses {
		return "invalid"
	}
	return lossNames[l]
}

// Count is packets with their layer-2 and IP octets.
type Count struct {
	Packets  uint64 `json:"packets"`
	Octets   uint64 `json:"octets"`    // IP
	L2Octets uint64 `json:"l2_octets"` // frames without FCS
}

// Stats are a cache's counts since it was made. Seen = Recorded + Lost + what the
// entries hold.
type Stats struct {
	Offered   uint64                `json:"offered"` // packets given to Observe
	Seen      Count                 `json:"seen"`    // of them, selected by sampling
	SeenBy    [NumClasses]uint64    `json:"seen_by"` // packets of Seen by Class
	Recorded  Count                 `json:"recorded"`
	Lost      [NumLosses]Count      `json:"lost"`
	LostFlows [NumLosses]uint64     `json:"lost_flows"` // for LossNoRoom: packets that would have begun one
	NoRoomBy  [NumClasses]uint64    `json:"no_room_by"` // packets of Lost[LossNoRoom] by Class
	Flows     uint64                `json:"flows"`      // held now
	MaxFlows  uint64                `json:"max_flows"`
	Inserted  uint64                `json:"inserted"`
	Ended     [NumEndReasons]uint64 `json:"ended"`     // records pushed, by reason; those by EndActive did not end the flow
	Silent    uint64                `json:"silent"`    // flows that ended with nothing to say since their last record
	RingFull  uint64                `json:"ring_full"` // times that a flow had to stay because the ring was full
	Probes    uint64                `json:"probes"`    // index slots looked at
	Lookups   uint64                `json:"lookups"`
	// DropsUntold are packets that Dropped was told of and found no flow for.
	DropsUntold uint64 `json:"drops_untold"`
}

// Held returns the packets and octets that are neither recorded nor lost: those
// in entries.
func (s *Stats) Held() Count {
	c := s.Seen
	for _, o := range append(s.Lost[:], s.Recorded) {
		c.Packets -= o.Packets
		c.Octets -= o.Octets
		c.L2Octets -= o.L2Octets
	}
	return c
}

// The numbers of a cache, as the owner counts them and as other threads read
// them. What was seen comes first and is published first and read last: a reader
// never finds more recorded than seen.
const (
	nSeen      = 0 // packets, octets, layer-2 octets
	nSeenBy    = nSeen + 3
	nOffered   = nSeenBy + int(NumClasses)
	nRecorded  = nOffered + 1
	nLost      = nRecorded + 3
	nLostFlows = nLost + 3*int(NumLosses)
	nFlows     = nLostFlows + int(NumLosses)
	nInserted  = nFlows + 1
	nEnded     = nInserted + 1
	nRingFull  = nEnded + int(NumEndReasons)
	nProbes    = nRingFull + 1
	nLookups   = nProbes + 1
	nSilent    = nLookups + 1

	nDropsUntold = nSilent + 1
	nNoRoomBy    = nDropsUntold + 1
	numNumbers   = nNoRoomBy + int(NumClasses)
)

// numbers has one writer. The padding keeps what other threads read away from
// what only the owner uses.
type numbers struct {
	own [numNumbers]uint64 // only the owner
	_   [128]byte
	pub [numNumbers]atomic.Uint64 // only the owner stores
	_   [128]byte
}

func (n *numbers) count(at int, packets, octets, l2 uint64) {
	n.own[at] += packets
	n.own[at+1] += octets
	n.own[at+2] += l2
}

// publish stores what has changed.
func (n *numbers) publish() {
	for i, v := range n.own {
		if n.pub[i].Load() != v {
			n.pub[i].Store(v)
		}
	}
}

// Stats reads the counts; any thread may call it. They are as Sweep last published them,
// a millisecond ago; while the owner publishes some may be newer than others.
func (c *Cache) Stats() Stats {
	var v [numNumbers]uint64
	for i := numNumbers - 1; i >= 0; i-- {
		v[i] = c.n.pub[i].Load()
	}
	count := func(at int) Count { return Count{v[at], v[at+1], v[at+2]} }
	s := Stats{
		Offered: v[nOffered], Seen: count(nSeen), Recorded: count(nRecorded),
		Flows: v[nFlows], MaxFlows: c.max, Inserted: v[nInserted],
		RingFull: v[nRingFull], Silent: v[nSilent], DropsUntold: v[nDropsUntold], Probes: v[nProbes], Lookups: v[nLookups],
	}
	for l := range s.Lost {
		s.Lost[l] = count(nLost + 3*l)
		s.LostFlows[l] = v[nLostFlows+l]
	}
	copy(s.SeenBy[:], v[nSeenBy:])
	copy(s.NoRoomBy[:], v[nNoRoomBy:])
	copy(s.Ended[:], v[nEnded:])
	return s
}
