package classifier

import (
	"pollux/actions"
	"pollux/flow"
)

// Creditor takes what a cached decision counted and gives it to whom it is due:
// the OpenFlow rules and learned addresses that made the decision. The loop that
// owns the megaflow calls it, now and then and when the megaflow goes.
type Creditor interface {
	// Credit adds packets and bytes, last seen at now (ns of the monotonic clock).
	Credit(packets, bytes uint64, now int64)
	// Outranks says whether all look-ups in a table on the way to the decision, of which
	// there was one at least, found rules of a higher priority than this.
	Outranks(table uint8, priority int32) bool
	// Names says whether the decision depends on the rule of a table that has this name
	// (Match.Name), be it there or not; 0 is any. It is asked of decisions with the mark Named.
	Names(table uint8, name uint64) bool
}

// Megaflow is one cached decision of one loop: packets whose key, under the
// subtable's mask, equals Key are treated by Program. Only the owning loop's
// thread touches it; the control plane reads through the loop's mailbox. Its memory is
// used again for other decisions (Megaflows.Recycle).
//
// Size: 512 bytes, which the allocator aligns; what each packet touches is the
// seventh cache line of it alone.
type Megaflow struct {
	Key flow.Key // masked

	// One cache line: what a hit reads and writes.
	Program *actions.Program
	Gen     uint64 // the snapshot generation that Program was last checked against
	Packets uint64
	Bytes   uint64
	Used    int64      // ns, monotonic, of the last batch that hit it
	FDB     bool       // the decision depends on learned addresses too
	Exact   bool       // Mask has more bits than the decision needs (Megaflows.SetMasks)
	Group   int32      // the loop's number for Program; packets of equal programs are run together
	Dead    bool       // removed; an exact-cache entry that still points here is a miss
	serial  uint16     // how often it was removed: an exact-cache entry of before is a miss
	place   int32      // index in Megaflows.all
	Mask    *flow.Mask // the subtable's, shared, immutable
	sub     *subtable

	// The rest.
	Credit        Creditor
	Path          *Path // by which Program was found; nil: nobody knows
	Created       int64
	PushedPackets uint64 // of Packets, already credited
	PushedBytes   uint64
	slot          int32 // of the subtable's slots, cur or old
}

// Ref is a megaflow as it was when somebody noted it. The zero Ref is of none.
type Ref struct {
	mf     *Megaflow
	serial uint16
}

// Ref returns a reference to what mf is now.
func (mf *Megaflow) Ref() Ref { return Ref{mf, mf.serial} }

// Live returns the megaflow, or nil if it has been removed since, whatever its memory
// serves by now.
func (r Ref) Live() *Megaflow {
	if r.mf == nil || r.mf.Dead || r.mf.serial != r.serial {
		return nil
	}
	return r.mf
}
