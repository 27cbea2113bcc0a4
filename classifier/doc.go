// Package classifier finds what is to be done with a packet, three ways, each slower
// and more general than the one before:
//
//	Exact      whole key → megaflow; one loop's; forgets what it likes
//	Megaflows  key under one of a few masks → megaflow; one loop's; the tuple space,
//	           in front of which signatures guess where masks are many
//	Table      key → OpenFlow rule of the highest priority, and which bits of the key
//	           that depended on; shared, immutable
//
// A loop looks a batch up in Exact, what that missed in Megaflows, and translates
// what both missed by walking Tables. The translation's mask, the union of what all
// its table lookups looked at, makes the megaflow that it installs; that megaflow
// then answers for every key that agrees on the mask.
//
// # Terms
//
//   - key, mask: flow.Key and flow.Mask. To look at a bit is to have it in the mask.
//   - megaflow: one cached decision: masked key, mask and program.
//   - subtable: what is kept under one mask. To look in it is to hash the masked key.
//   - group: four slots that are probed together by their tags, 15 bits of hash each.
//   - wild: the mask that a Table's lookup adds to: all that was looked at and that
//     the answer depended on. Bits outside are wildcards of the megaflow.
//   - stage: the part of a subtable's mask that lies in one layer.
//   - path, changes: how a decision was found, and which rules came and went since: by both
//     it is told whether it still stands (Changes).
//   - rank: of two rules that match, the one of higher priority wins, among equals
//     the one inserted first.
//
// # Invariants
//
//   - A bit too many in a mask makes it slow, a bit too few makes it wrong. For any
//     key that agrees with the key looked up on every bit of wild, the linear search
//     over all rules gives the same rule. The tests turn over all other bits.
//   - Wild is small: a miss adds only what proves it, which is a few upper bits of a
//     prefix, or the stages up to the first that no rule shares; subtables that rank
//     below the rule in hand add nothing, nor do they cost anything.
//   - Megaflows of different masks may overlap only where they decide alike; so the
//     first one found is as good as any. Masks that are sufficient see to that.
//   - Exact never answers for another key: all present words and their bitmap are
//     compared. It never answers with a dead megaflow.
//   - A Table never changes. A Builder shares everything with the table it came
//     from but the paths to what it changed, which it owns by its edit number.
//   - A masked key, a mask and a Rule are not written once they are in a structure.
//
// # Threads
//
// Exact, Megaflows and every Megaflow belong to one loop; only its thread
// calls them. Others ask through the loop's mailbox. A Table may be used by any number
// of threads, a Builder by one. Lookups allocate nothing, lock nothing and take no
// interface; Insert of Megaflows and all of Builder allocate.
//
// # Hashes and hostile traffic
//
// Packets choose the keys, so what they fill is hashed with secrets drawn at random:
// by the caller for Exact, per instance in Megaflows. Rules come from the operator;
// tables hash with constants, so that iteration has the same order in every run.
//
// # Cost
//
// Measured on 2 shared cores of a virtual EPYC (Turin, 1 MB L2), 2026-11-22, the
// thread's own time, best of several runs, batches of 64, with about 2 ns to write a
// key into the batch (go test -bench . -benchtime 40ms):
//
//	Exact, 32,768 entries           1 flow 9 ns, 1,000 flows 10, 10,000 flows 12;
//	                                100,000 flows 24 (32 % hit), 1,000,000 flows 24 (2 %)
//	Megaflows, one a flow, 1 mask   1,000 flows 18 ns, 100,000 flows 31
//	  5 masks, 3 visited            1,000 flows 28, 100,000 flows 52
//	  20 masks, 10 visited          1,000 flows 70, 100,000 flows 112; guessed 44
//	a subtable without the packet   4 to 6 ns
//	Table.Lookup with wild          10 rules 0.16 µs, 1,000 rules 0.7 µs, 100,000 rules 1.9 µs
//	one flow-mod, a new version     10 rules 0.9 µs, 1,000 rules 2.4 µs, 100,000 rules 13 µs
//	building a table                5 µs a rule
//
// A megaflow takes 512 bytes and two to four slots of 10 bytes and its masked words; a rule
// 72 bytes, its masked words, and some 300 in the table's tries.
package classifier
