package ipfix

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

// Stats are an exporter's counts since it was made. For each collector
//
//	Popped = Pending + Dropped + Sent + NotSent
//
// in packets and octets; in records, Merged is to be added on the right.
type Stats struct {
	Popped     Totals           `json:"popped"`  // taken from the caches' rings
	Merged     uint64           `json:"merged"`  // records that became part of another
	Pending    Totals           `json:"pending"` // in the merge or in a message that is not full
	Dropped    Totals           `json:"dropped"` // of more observation domains than are kept, or with no collector configured
	Collectors []CollectorStats `json:"collectors"`
}

// CollectorStats are the counts of one collector.
type CollectorStats struct {
	Address   string `json:"address"`
	Sent      Totals `json:"sent"`
	NotSent   Totals `json:"not_sent"` // there was no socket (yet), it did not take them, or sending took too long at stop
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"` // of messages
	Templates uint64 `json:"templates"`
	Options   uint64 `json:"options"` // option records
	Errors    uint64 `json:"errors"`  // of the socket and of opening it; a refusal is told by the message after the lost one
	LastError string `json:"last_error,omitempty"`
}
