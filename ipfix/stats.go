package ipfix

import "pollux/ipfix/cache"

// Totals are records with the packets and octets in them.
type Totals struct {
	Records  uint64 `json:"records"`
	Packets  uint64 `json:"packets"`
	Octets   uint64 `json:"octets"`    // IP
	L2Octets uint64 `json:"l2_octets"` // frames without FCS
}

func (t *Totals) add(o Totals) {
	t.Records += o.Records
	t.Packets += o.Packets
	t.Octets += o.Octets
	t.L2Octets += o.L2Octets
}

func (t *Totals) sub(o Totals) {
	t.Records -= o.Records
	t.Packets -= o.Packets
	t.Octets -= o.Octets
	t.L2Octets -= o.L2Octets
}

func (t Totals) count() cache.Count {
	return cache.Count{Packets: t.Packets, Octets: t.Octets, L2Octets: t.L2Octets}
}

// totals returns what a record of the caches holds.
func totals(r *cache.Record) Totals { return Totals{1, r.Packets, r.Octets, r.L2Octets} }

// totals returns what the record holds, both directions together.
func (r *record) totals() Totals {
	t := totals(&r.Record)
	if r.Biflow {
		t.Packets += r.Rev.Packets
		t.Octets += r.Rev.Octets
		t.L2Octets += r.Rev.L2Octets
	}
	return t
}

// Stats are an exporter's counts since it was made. For each collector that was one
// from the start
//
//	Popped = Pending + Dropped + Queued + Sent + NotSent
//
// in packets and octets; in records, Merged is to be added on the right.
type Stats struct {
	Popped     Totals           `json:"popped"`  // taken from the caches' rings
	Merged     uint64           `json:"merged"`  // records that became part of another
	Pending    Totals           `json:"pending"` // in the merge or in a message that is not full
	Dropped    Totals           `json:"dropped"` // of more observation domains than are kept, or with no collector configured
	Flows      uint64           `json:"flows"`   // that began in a cache; of two loops, one that goes through both is two
	Stages     Stages           `json:"stages"`
	Sums       Sums             `json:"sums"` // Exported: given to the collectors' sides
	Collectors []CollectorStats `json:"collectors"`

	SeenBy   [cache.NumClasses]uint64 `json:"seen_by"`    // packets of Sums.Seen by class: other, IPv4, IPv6
	NoRoomBy [cache.NumClasses]uint64 `json:"no_room_by"` // of them, those that came into no flow
}

// CollectorStats are the counts of one collector since it is one.
type CollectorStats struct {
	Address    string `json:"address"` // as configured
	Transport  string `json:"transport"`
	State      string `json:"state"` // connecting, waiting (for the next attempt), connected; refused: UDP, nobody listens there; writing: a file
	Sums       Sums   `json:"sums"`
	Sent       Totals `json:"sent"`     // given to the kernel in whole messages
	NotSent    Totals `json:"not_sent"` // there was no socket (yet), it did not take them, the buffer was full, or sending took too long at stop
	Unsent     Unsent `json:"unsent"`   // packets of NotSent by reason
	Queued     Totals `json:"queued"`   // in the buffer
	QueuedSize uint64 `json:"queued_bytes"`
	Reconnects uint64 `json:"reconnects"` // sessions after one that broke; of a file: files after the first
	Renewals   uint64 `json:"renewals"`   // sessions of DTLS that were to follow another: see secured
	Messages   uint64 `json:"messages"`
	Bytes      uint64 `json:"bytes"` // of messages
	Templates  uint64 `json:"templates"`
	Withdrawn  uint64 `json:"withdrawn"` // templates withdrawn (RFC 7011 section 8.1)
	Options    uint64 `json:"options"`   // option records
	Errors     uint64 `json:"errors"`    // of the socket and of opening it; over UDP a refusal is told by the message after the lost one
	LastError  string `json:"last_error,omitempty"`
}

// Unsent are packets that were not sent to a collector, by reason.
type Unsent struct {
	NoSocket   uint64 `json:"no_socket"`   // UDP: there was none (yet)
	Refused    uint64 `json:"refused"`     // UDP: the socket did not take the message
	BufferFull uint64 `json:"buffer_full"` // a stream's collector or disk was too slow or away, or UDP had more than its pace
	Stop       uint64 `json:"stop"`        // sending took too long at the end
}

// why is a reason of Unsent.
type why uint8

const (
	noSocket why = iota
	refused
	bufferFull
	atStop
)

// lose counts flow records that are not sent.
func (c *CollectorStats) lose(n Totals, w why) {
	c.NotSent.add(n)
	*[...]*uint64{&c.Unsent.NoSocket, &c.Unsent.Refused, &c.Unsent.BufferFull, &c.Unsent.Stop}[w] += n.Packets
}

// The states of a collector.
const (
	stateConnecting = "connecting"
	stateWaiting    = "waiting"
	stateConnected  = "connected"
	stateWriting    = "writing"
	stateRefused    = "refused"
)

// Reach says whether a collector can be reached, as far as is known.
type Reach uint8

// What there is to know.
const (
	Reaching Reach = iota // it is being tried
	Reached               // of UDP: nothing speaks against it
	NotReached
)

// Reached tells of the state whether the collector can be reached.
func (c *CollectorStats) Reached() Reach {
	switch c.State {
	case stateConnected, stateWriting:
		return Reached
	case stateWaiting, stateRefused:
		return NotReached
	}
	return Reaching
}
