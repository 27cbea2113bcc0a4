// Package pmd is the poll loop: a thread pinned to a core that receives batches,
// decides about them and sends them on.
//
// # One iteration
//
//	poll          for each receive queue of this loop: Rx a batch
//	  processWide where one decision serves all that comes in by the port, no header is read
//	  process     shorten → exact cache → keys → megaflows → upcall for what neither knew
//	  credit      is the decision of the snapshot in force? count the packet on it
//	              does it ask? look the packet up again with the answer (asking.go)
//	  groups      packets whose programs are equal, run together
//	  Exec.Run    actions; frames end in staging areas, or dropped for a named reason
//	  remember    the keys that the exact cache did not know go into it, at the end: the
//	              slots where the others were found stand for their keys until then
//	takeHandoffs  frames other loops left for transmit queues of this loop
//	finish        flush staging areas, reclaim sent frames, sweep caches, open the mail
//	backOff       sleep a little, where nothing has come for long and that is allowed
//
// # Terms
//
//   - Port: a device (driver), opened and closed by the control plane. It has queues.
//   - Slot: the place of a port in the switch, a small number; programs name slots.
//   - Tables: an immutable snapshot of all that decides; ofp/pipeline makes them.
//   - Upcall: one call of Tables.Translate, in the loop's own thread.
//   - Home: the loop that a chunk of memory belongs to.
//   - Flow cache: where samples of one exporter are accounted. It may be exchanged for
//     another between two batches; the old one is retired: emptied a slice at a time.
//
// # Controllers
//
// A packet for a controller is copied into the loop's PuntRing, which the control plane
// drains; what finds it full is dropped as punt_full. Packets from controllers come by the
// mail (Inject), some each iteration.
//
// # Threads
//
// A Loop's fields belong to its thread. The control plane asks by mailbox (Do, Ask):
// the loop looks at it once an iteration, and long work is done in slices. The
// snapshot of the tables is read through one atomic pointer, once a batch. Frames and
// chunks cross between loops through single-producer rings only (Mesh).
//
// A receive queue changes loops by HandOver, which all loops go through together, an
// iteration at a time: what the old loop received has left the switch when the new one
// begins. What a loop writes lies on cache lines that no other loop's memory is on; a
// test in pmd/datapath walks it all.
//
// # Design law 1 here
//
// Every megaflow carries the generation it was last checked against. A packet that
// hits one of an older generation has it judged by the changes since (classifier.Changes)
// and, where one of them may touch it, translated again first, whatever the number of
// packets it served. So a decision that a change has touched is never used after the change.
// Datapath.Barrier returns when every loop has begun a batch under the new snapshot.
//
// # Design law 2 here
//
// received + injected + copied = sent + consumed (by controllers) + dropped, by reason +
// waiting between loops. What is dropped is told of a port as well (LoopStats.Lost): who drops
// it writes a second count, others pay a pointer a batch. Frames
// handed to a driver count as sent; what the driver could not send it counts itself
// (PortCounters).
package pmd
