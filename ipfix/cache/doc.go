// Package cache is the flow cache of one poll loop: it accounts packets into flow
// records and lets the records of ended flows go through a bounded ring.
//
// # Terms
//
// A flow is the packets of one observation point that have equal flow keys. The flow key
// is the part of flow.Key that KeyMask selects; by default it is that of Open vSwitch's
// records. Points and tunnels are in it by small numbers, which a pool gives out and takes
// back (intern.go). An entry holds one flow: hot, one cache line, is what every packet
// changes, cold the rest. The index finds entries by hash: open addressing over words of 32
// bits of hash and 32 bits of entry number, never more than half full.
//
// A slot is a place of the loop's exact-match cache: whoever found a packet there has
// compared its whole key. A bond remembers which entry a slot's packets count in, by
// direction, so that most packets need neither hash nor index nor key (slots.go, fast.go). It
// holds for one generation of the entry, which ends when the flow leaves and when a record of
// it leaves, and until Forget. What a slot's packets have in common, which is all but their
// lengths, is counted in limits when the bond is made; TCP flags and multicasts, which records
// count by the packet, come from the bond's kind.
//
// A record is what is said of a flow when it ends, or when it has been active for long. A flow
// that goes on after EndActive keeps its entry: counters begin again, totals go on. If nothing
// comes after that record, the flow leaves in silence: all of it has been told.
//
// A TCP flow that showed FIN or RST ends when it has been quiet for EndLinger. A connection
// that begins anew with the same key before that counts in the same flow: the flow key says
// what is one flow, and a SYN is not in it.
//
// A packet is offered when Observe is given it, and seen when sampling selects it; with
// sampling 1 every offered packet is seen.
//
// # Invariants
//
//   - Seen packets, octets and layer-2 octets = those of records pushed to the ring + those
//     held in entries since their last records + those unrecorded for a named reason, always.
//   - The way by slots counts what the way by keys would (tested packet by packet).
//   - A flow is in the index exactly once, and an entry is either in the index or on the
//     free list.
//   - An entry goes only when its record is in the ring, when there is nothing to record, or
//     when Abandon counts it as unrecorded. A full ring therefore never loses what is cached.
//   - A flow has no more packets dropped than packets.
//
// # Threads
//
// One thread, the owner, calls all methods but Stats, Sampling and Records, which any thread
// may. The exporter alone pops Records. Stats are published by Sweep once in a millisecond,
// by Publish, and whenever a record has left, so that who reads one finds its packets seen.
//
// # Cost
//
// No call allocates, locks or waits. Observe works on chunks of 32 packets in stages, so that
// the memory accesses of many packets are under way at once. Best times a packet at 1:1,
// measured in November 2026 on two busy shared cores of 3.4 GHz, batches of 32, by slots and
// by keys: 1,000 flows 4 and 16 ns, 100,000 flows 5 and 28, 1,000,000 flows 9 and 66; of each
// call about 17 ns are the call's own. The way by slots is written in assembly for amd64
// (tally_amd64.s): what the compiler makes of the same (tallyPlain) costs a quarter more. At 1:100 below 1 ns. Measuring TCP (QoS) adds 9 ns a TCP
// segment of a flow whose line is near; off it costs nothing. A packet that begins a flow in a
// full cache, with the record that it pushes out: 170 to 200 ns. The hand: 2 ns an entry.
//
// Memory is 384 bytes a flow, 16 to 32 bytes of index and 4 of free list, 64 more with QoS, and
// 16 bytes a slot, outside the garbage collector's heap and on huge pages where the kernel has
// them; a record in the ring takes 480 bytes of heap. Close gives it back.
package cache
