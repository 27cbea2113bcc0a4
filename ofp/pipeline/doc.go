// Package pipeline is the switch's OpenFlow side without the wire protocol: flow
// tables with their rules, ports as OpenFlow knows them, learned addresses, and
// the translation of a packet's key into a program and a megaflow mask.
//
// # Terms
//
//   - Flow: one line of ovs-ofctl syntax, parsed; plain data.
//   - Rule: a Flow in a table, with its counters and times. It is immutable: what is modified
//     is another Rule, which counts on with the counts of the one before.
//   - Transaction (flowTx): changes in the making, each on what those before it would do.
//     Nobody sees it until it is published whole; one that is refused leaves nothing.
//   - Origin of a rule: the configuration, or a controller, whose flows a reload leaves alone.
//   - State: the writable whole. Snapshot: one immutable picture of it; it is the
//     pmd.Tables of the poll loops.
//   - Translation: a walk through a Snapshot with a working copy of the key.
//   - Constant: a bit of the working copy that an action wrote. Looking at it says
//     nothing of the packet, so it never reaches the mask.
//   - Base: what the packet's headers are at this point of the program built so
//     far; an output first commits the differences between base and working copy.
//   - Hidden: a bit of the working copy that is the packet's and that its key does not
//     have, as it was under an MPLS label (xlate_mpls.go).
//   - Question: what a packet is to be asked before it can be decided about (xlate_ask.go).
//   - Copy: what actions in a clone work on; all that they do is undone after it
//     (xlate_clone.go).
//   - Frozen: what is left to do to a packet that has paused (freeze.go).
//   - Note: what a translation wants done to addresses (FDB) or flows (learned.go).
//
// # Invariants
//
//   - Two keys that agree on Upcall.Mask have equal programs, credits and FDB
//     flags in the same Snapshot. A bit is in the mask when its value was looked
//     at, and only then; being overwritten is not being looked at.
//   - Nobody looks at hidden bits: who does has the translation end in a question, or fail.
//     Whether somebody does follows from bits of the mask.
//   - A translation that fails (64 resubmits and buckets, 128 copies inside each other, 4096 look-ups, hidden bits) yields a
//     program that drops with that reason; an ingress sample stays in it.
//   - Nothing else goes into a program than the rules that matched, the ports and
//     addresses consulted, and bits of the mask: rewriting a field always emits the
//     write, even where the packet has that value already.
//   - Metadata, registers and marks are 0 in every packet with recirc_id 0, so they
//     never enter a mask.
//   - Generation grows with tables, ports and configuration, FDBGeneration with
//     learned addresses. Upcall.FDB is set exactly when addresses were consulted.
//   - Snapshot.Changes knows every rule by which a snapshot differs from those before it, as
//     far back as it goes, and every port, group and meter; what differs otherwise it takes for a
//     change of everything. So whatever else a translation comes to ask is published by put, not
//     putRules.
//   - Upcall.Path has every table that was looked in, and every word of the key that differed
//     from the packet's then. Who writes the working copy says so in xlate.written. It has every
//     port, group and meter that was asked, there or not, but for the port that the packet came
//     in by: who asks one says so in xlate.path.Uses.
//   - A decision depends on no rule of a lower priority than those that its look-ups gave, or
//     else says so by a floor: look-ups that found a conjunction, and the learn action where it
//     asked whether there is room for its flow.
//   - A decision that learns depends on its flow by name (credit.names), be it there or not. A
//     flow that could not be made for want of room, though the decision had seen some, has all
//     decisions made again.
//   - What a decision learns follows from the mask: one decision learns one flow an action.
//   - Rules count through the Creditor of each decision, by atomic additions, so
//     that counts are exact as soon as the loops have pushed theirs. No decision counts for a
//     rule under a snapshot that lacks it: so what a rule counted is complete when loops have
//     pushed once after its end was published (TellRemoved). Packets of a bundle meet tables
//     of its midst; ends wait for them (sending).
//   - Loops take the snapshot in force after they have received. So no packet that comes in
//     after FlowMods, or Mods, has returned meets the tables of before: that is a barrier.
//
// # Threads
//
// State's methods may be called from any thread; they take its mutex. Who subscribes is called
// with it held (OnPublish, OnFlowChange, OnTableStatus), save that OnFlowRemoved's are not. In a
// loop's thread (Settle) it is OnPublish's alone who are called; the changes that it makes wait in a queue until
// the control plane tells of them, in order with its own. Snapshot is
// read by all threads at once. Translate takes no lock: it learns by putting a
// note into the calling thread's own ring (Upcall.Thread, one caller each), which
// Settle and Tick drain. Counters are added by loops (Credit) and read by anybody.
//
// # Cost
//
// Translation allocates the program and the credit and uses scratch memory of its
// thread for the rest; see BenchmarkTranslate. Publishing a learned address
// copies one shard of 1/1024 of the table; Tick publishes at most once a call,
// however many addresses were learned.
//
// A flow mod of one flow costs the path to it in its table, about 15 µs with 100,000 flows,
// some 5 of them where many are published at once (FlowModEach); a loose one a look at each
// rule whose mask is at least as narrow. Timeouts cost only rules that have one
// (BenchmarkFlowMods). Statistics of groups and meters, and their deletion, cost what uses them
// (BenchmarkUsers), a learned flow what any flow mod does (BenchmarkLearnAction). A rule takes
// some 580 bytes, 50 more where it leads to a group or uses a meter, and 280 more where no other
// does the same: a million of those took 822 MiB (BenchmarkRuleMemory).
package pipeline
