// Package ruleset makes rule sets and the packets that they are about, from a seed: the
// same kind, size and seed give the same lines and packets on every machine.
//
// Terms. A Set is OpenFlow rules, a line each as ovs-ofctl writes them, for a switch whose
// port 1 is where packets come from and port 2 where they go. A Packet is what the headers
// of a frame say; Set.Draw makes one that some rule is about, as traffic is: some rules
// have far more of it than others.
//
// Kinds. acl, fw and ipc are lists of rules on five-tuples like those of ClassBench
// (Taylor, Turner 2007): prefixes that nest, port ranges (a rule of OpenFlow for each
// prefix of a range), in the proportions of access lists of a backbone, of firewalls and
// of chains of IP tables. pipeline is 40 tables as large virtual networks have them, on
// more than 30 fields. whitelist is the few rules that a tuple-space explosion takes
// (Csikor et al. 2019), and Set.Attack its packets.
package ruleset
