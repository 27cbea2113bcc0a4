// Package actions runs programs: flat lists of steps that say what becomes of
// the packets of one decision. It edits headers in place, copies frames where
// more than one port wants them, and lays them in the staging areas of ports.
//
// # Terms
//
// A program is immutable data, finished by Program.Finish. A group is the packets of a
// batch that one program is for, given as indices into the batch. A clone is a
// copy that an output before the last one asks for; the last output moves the
// frame itself. Steps in an OpClone are done to a copy that is given back after them; what
// they output is clones of it. A slot is a port's index in Exec.Out.
//
// # Invariants
//
//   - Every frame of a group leaves Run exactly once: laid in a staging area or
//     sent to a controller alone (consumed), or dropped under a reason. Over the life of an
//     Exec the packets of In + Clones + Late = Staged + Consumed + the sum of Drops. Bytes are counted as a frame
//     is at that moment, so their sum closes where programs do not push or pop, nor truncate. Samples account packets
//     before that: whole.
//   - Checksums that were right stay right, wrong ones stay wrong: they are
//     mended by the difference (RFC 1624), never computed anew. A UDP checksum of
//     0, "none", stays 0.
//   - A header that a step needs and a packet does not have, or has cut short,
//     makes the step do nothing to that packet, as in Open vSwitch. Only a push
//     that finds no room drops.
//   - Batch.L25, L3 and L4 are true after every step.
//   - A flow cache that accounted a packet is told when Run then drops it: see
//     sample_drops.go for which samples are, and how often.
//
// # Threads
//
// An Exec, its staging areas, its free list and its Stats belong to one loop's
// thread. Who else wants the counts asks the loop for a copy.
//
// # Cost
//
// Each step is chosen once a group and then walks its packets. Nothing allocates,
// locks or calls through an interface. Flush and Release are called once for many
// frames. In processor time a packet in a batch of 32 UDP packets costs about 4 ns to
// send or drop, 4 ns more to set its TTL, 6 ns to push a tag, 9 ns to copy to
// another port, about 20 ns to change a copy and send a clone of it, 16 ns to sample as it came (cpu-ns/pkt of BenchmarkRun, 2026-11).
package actions
