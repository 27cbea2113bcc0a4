package peers

// notes are what differs between the sides.
var notes = []string{
	"Sources: OVS-DPDK's is DPDK's null device, whose frames a plug-in fills; Pollux's is its memory port. Both write the same 60 bytes, and a test compares them. \"less source\" is the ratio with each side's source and sink subtracted: testpmd's, and those of a call that does nothing else.",
	"Bursts: 32 packets in Open vSwitch, 256 in Pollux; each is what the switch comes with.",
	"Caches: each switch's own sizes. Open vSwitch's exact-match cache has 8,192 entries, and one packet in 100 is written to it; its signature cache has a million. Pollux's exact-match cache is sized by the processor's caches.",
	"1 flow, one rule on the port: Open vSwitch forwards by the port alone, with no look at a cache (\"simple match\"), and so does Pollux, where a decision depends on the port alone.",
	"SMC: Open vSwitch with smc-enable=true and no exact-match cache; Pollux as in the row above.",
	"IPFIX: one exporter each, to a socket on loopback that nobody reads; caches larger than the flows, active timeout 60 s. At 1:100 packets are sampled as they come in and as they go out, which is what Open vSwitch comes with; at 1:1 as they come in only (enable-output-sampling=false). Open vSwitch sends one record a message, Pollux as many as fit.",
	"New flows: Open vSwitch makes exact megaflows by a hash of addresses and ports (multipath), Pollux by copying them to registers (move). Open vSwitch has flow-limit=2000000, which it lowers by itself as its revalidator, on the control core, falls behind; what it does not set up it still forwards. Pollux holds 262,144 megaflows, and gives up one for each beyond. A set-up is the polling thread's time by flows set up; where none is refused, that of the upcalls alone.",
	"Attack: a tuple-space explosion on a list of four rules, from the same files or tables on both sides; packets of the attack are dropped by rule, so that normal ones are all that is forwarded. Pollux has its limit of 256 masks, Open vSwitch knows none.",
	"Flows that begin: by the clock, at the end of a burst and at most half of it; what counts is packets of the established flows, those that a cache knew.",
	"The polling thread's time is read from the scheduler for the others, to a tick or 4 ms, and from its own clock for Pollux.",
}
