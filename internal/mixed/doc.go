// Package mixed makes traffic of many kinds together with what must be said of it:
// how many packets and octets each flow has. Tests send it through a switch and hold
// what collectors say against it.
//
// # What it makes
//
// Flows of very uneven sizes (most have a packet or two, some thousands), in mixed
// order: TCP that begins with SYN and ends with FIN, with RST or not at all, UDP, SCTP,
// ICMP, protocols without ports, over IPv4 and IPv6; fragments; ARP, and frames that
// are no IP at all; without a VLAN tag, with one, with two; to one host, to many and to
// all; padded to the 60 bytes that Ethernet wants, and, as between virtual devices, not.
//
// A [Key] is what the records of Open vSwitch tell flows apart by, but for ports of the
// switch. The first fragments of datagrams have ports and the later ones have none, so
// a fragmented flow is two here, as it is in records.
//
// # What it promises
//
// The same [Config] makes the same frames, byte for byte. The truth is added up while
// frames are written, and not read back from them; a test reads it back by the switch's
// extractor and by gopacket.
//
// 20,000 flows are about 150,000 frames and 16 MB, made in a quarter of a second.
package mixed
