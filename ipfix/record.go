package ipfix

import "pollux/ipfix/cache"

// record is what is exported as one data record: a flow, or with Biflow both
// directions of a conversation (RFC 5103). Key and counts of the embedded record are
// those of the forward direction.
type record struct {
	cache.Record
	Biflow     bool
	Direction  uint8          // biflowDirection (element 239)
	Rev        cache.Counters // of the reverse direction
	RevVerdict cache.Verdict
	RevEgress  uint32
}
