// Package flow says what a packet is to the switch: the key, the one table of its
// fields, how frames become keys, how keys hash, and how matches read in text.
//
// # Terms
//
// A [Key] is everything a decision may depend on, as 64-bit words of host-order
// integers in the order of staged lookup: metadata, L2, L3, L4. Its Map names the
// words that were filled; every other word is zero, always. A [Mask] says which
// bits matter; its Map names the words that are not zero. A [Match] is a masked
// key with its mask. A [Field] names bits of a key; [Fields] is the one table that
// parser, printer, OXM, set-field, prerequisites and templates go by. A [Prereq]
// is what a packet must be for a field to exist in it.
//
// # What is in a key
//
// [ExtractOne] fills of a frame, and all that makes keys of frames fills alike:
//
//	WPort                 always
//	WEthDst, WEthSrc      frames of 14 bytes and more
//	WVLAN                 one or two tags (0x8100, 0x88a8), each with VlanCFI set
//	WMPLS, WMPLS2         one label or more; three or more
//	WIPv4, WIP            a whole IPv4 header, or ARP and RARP of IPv4 over Ethernet
//	WSHA, WTHA            the same ARP, or a neighbour discovery with a target
//	WIPv6…, WIP           a whole IPv6 header
//	WL4                   a whole TCP, UDP, SCTP, ICMP, IGMP or ICMPv6 header, or
//	                      an IPv6 extension header
//	WND                   a neighbour solicitation or advertisement with code 0
//	WNDHi, WNDLo          its target, when its options do not contradict each other
//
// All other words are written by the tables (registers, metadata) or stay zero.
//
// Frames that are cut short or wrong give a part of that, as they do in Open
// vSwitch: an IPv4 header that is shorter than it says, whose length is beyond the
// frame or leaves more than 255 bytes after it gives none of L3; so does an IPv6
// header by its payload length. The IPv4 version nibble is not looked at. An IPv6
// packet whose chain of extension headers is cut short has addresses and label
// only. A third VLAN tag, and whatever is behind MPLS labels, is payload: the type
// stays that of the tag or of MPLS. A later fragment has no L4. 802.3 frames
// without SNAP have type [FrameTypeNone]. ARP operations above 255 read as 0.
//
// # Offsets
//
// L25 is where the first MPLS label is or would be, when the type is MPLS's. L3 is
// where the payload of Ethernet, VLAN tags and MPLS begins, but [packet.None] when
// an IPv4, IPv6 or ARP header that the type announces is not whole: who finds
// L3 set in a packet of such a type may read and write the header. L4 is set
// exactly when a transport header that WL4 was read from is whole.
//
// # Text
//
// [ParseMatch] and [Match.String] speak as ovs-ofctl does; testdata/matches.golden
// is its own output and a test asks it again where it is installed. Three things
// differ: a field without its prerequisite is refused, with what is missing, where
// ovs-ofctl drops the field; two values for one field are refused, where the last
// one wins; masks are printed whole where ovs-ofctl leaves them out or OXM cannot
// carry them (tun_gbp_flags, a part of the VLAN priority).
//
// # Threads and cost
//
// Everything here is a function of its arguments; keys and batches belong to the
// caller's thread. [Extract], [ExtractOne], [Keys.ShortenBatch], [HashMasked], [Key.Hash],
// [Mask] methods and [Prereq.Met] allocate nothing. Texts are for the control plane.
//
// On the 3.45 GHz machine that design.md speaks of, warm, the best of 25 short
// runs, a packet:
//
//	ShortenBatch, UDP or TCP over IPv4          3.3 ns, the hash with it
//	making a key of its Short                   2 ns
//	the general parser: ARP, two tags, IPv6     15 to 27 ns
//	HashMasked, four words                      5.4 ns
package flow
