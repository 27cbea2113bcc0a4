// Package ring holds the bounded queue by which one thread hands values to one
// other: frames between loops, chunks on their way home, expired flow records,
// learning events, mailboxes.
//
// # Terms
//
// The producer is the one thread that pushes, the consumer the one thread that
// pops. tail counts values ever pushed, head values ever popped; both only grow,
// and a value's slot is its count modulo the capacity, a power of two.
//
// # Invariants
//
//   - head ≤ tail ≤ head + capacity, as either side sees them.
//   - Only the producer stores tail, only the consumer stores head.
//   - A slot is written before tail passes it and read before head passes it, so
//     the atomic store of one index and the atomic load by the other side order
//     every access to a slot.
//
// # Cost
//
// No call allocates, locks or waits. Each side keeps its own copy of the other
// side's index and loads the shared one only when the copy says that the ring is
// full (or empty), so that a batch costs at most one cache line from the other
// core besides the slots. The idea of the cached index is that of MCRingBuffer
// (Lee, Bu, Chandranmenon, "A lock-free, cache-efficient shared ring buffer for
// multi-core architectures", 2009).
package ring
