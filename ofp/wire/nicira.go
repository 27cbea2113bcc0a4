package wire

// Nicira is the vendor of Open vSwitch's extensions.
const Nicira uint32 = 0x00002320

// Subtypes of Nicira's multipart messages.
const (
	NXIPFIXBridge uint32 = 3 // NXST_IPFIX_BRIDGE
	NXIPFIXFlow   uint32 = 4 // NXST_IPFIX_FLOW
)

// niciraPartHead is the length of what follows the vendor in the head of one of
// Nicira's multipart messages: the subtype, and in 1.0 padding.
func niciraPartHead(v Version) int {
	if v == V10 {
		return 8
	}
	return 4
}
