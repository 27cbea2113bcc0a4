package wire

// Nicira is the vendor of Open vSwitch's extensions.
const Nicira uint32 = 0x00002320

// Subtypes of Nicira's multipart messages.
const (
	NXFlowMonitor uint32 = 2 // NXST_FLOW_MONITOR, 1.0
	NXIPFIXBridge uint32 = 3 // NXST_IPFIX_BRIDGE
	NXIPFIXFlow   uint32 = 4 // NXST_IPFIX_FLOW

	NXGroup         uint32 = 7 // NXST_GROUP, 1.0
	NXGroupDesc     uint32 = 8 // NXST_GROUP_DESC, 1.0
	NXGroupFeatures uint32 = 9 // NXST_GROUP_FEATURES, 1.0
)

// niciraPartHead is the length of what follows the vendor in the head of one of
// Nicira's multipart messages: the subtype, and in 1.0 padding.
func niciraPartHead(v Version) int {
	if v == V10 {
		return 8
	}
	return 4
}
