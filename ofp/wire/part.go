package wire

// More parts. Numbers are the same in all versions that have them.
const (
	PartTable            Part = 3
	PartPort             Part = 4
	PartQueue            Part = 5
	PartGroup            Part = 6
	PartGroupDesc        Part = 7
	PartGroupFeatures    Part = 8
	PartMeter            Part = 9
	PartMeterConfig      Part = 10
	PartMeterFeatures    Part = 11
	PartTableFeatures    Part = 12
	PartTableDesc        Part = 14 // 1.4 and up
	PartQueueDesc        Part = 15 // 1.4 and up
	PartFlowMonitor      Part = 16 // 1.4 and up
	PartControllerStatus Part = 18 // 1.5
)

// ONFFlowMonitor is the subtype of the Open Networking Foundation's PartExperimenter that is
// PartFlowMonitor for 1.3.
const ONFFlowMonitor uint32 = 1870
