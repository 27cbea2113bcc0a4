package pmd

import (
	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
)

// Tables is an immutable snapshot of everything that decides what happens to a
// packet: OpenFlow tables, ports, learned addresses, exporters. ofp/pipeline
// implements it. Loops call it from their own threads, several at once.
type Tables interface {
	// Generation grows with every change of flow tables, ports or exporters.
	Generation() uint64
	// FDBGeneration grows with every change of the learned addresses. Only decisions
	// with Upcall.FDB set depend on it.
	FDBGeneration() uint64
	// Changes are the last changes that led to this snapshot; nil: nobody knows, and every
	// decision of before is translated again.
	Changes() *classifier.Changes
	// Translate decides what happens to a packet with key u.Key and fills the results
	// in u. It takes no lock and does not block. Side effects (learning) are posted
	// only when u.Commit is set.
	Translate(u *Upcall)
	// Settle has what translations want changed in the tables done, as far as others wait
	// for it (Upcall.Unsettled). Loops call it once a batch, before a packet of it leaves:
	// what comes in answer to that meets the tables as they are then. While
	// somebody else changes tables it waits a fraction of a millisecond at most, and leaves it to them.
	Settle()
}

// Upcall is one translation: a question and its answer. The caller owns it and
// uses it again; Translate resets the answers.
type Upcall struct {
	Key *flow.Key
	// Asked is what earlier translations of the packet have asked (Program.Asks), the first
	// first, and Answers the answers, in a key in which nothing else is; nil for none.
	Asked   []actions.Question
	Answers *flow.Key
	Thread  int   // number of the calling loop, for its learning ring; -1 for the control plane
	Now     int64 // ns, monotonic
	Commit  bool  // let side effects happen

	// Answers.
	Mask    flow.Mask        // every bit of Key and Answers that the outcome depended on (no more is better, fewer is wrong)
	Program *actions.Program // or what is to be asked first
	Credit  classifier.Creditor
	Path    *classifier.Path // by which Program was found; nil: any change of tables may touch it
	FDB     bool             // the outcome depended on learned addresses

	Unsettled bool // the tables are to change before a packet of this decision leaves
}
