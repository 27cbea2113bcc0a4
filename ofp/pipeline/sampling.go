package pipeline

// Sampling is IPFIX as the translation knows it. An exporter is named by the
// index of its flow cache in actions.Exec.Caches.
type Sampling struct {
	Bridge *BridgeSampling // of all packets; nil for none
	Sets   map[uint32]int  // collector_set_id of sample actions → exporter
}

// BridgeSampling is the bridge's own exporter.
type BridgeSampling struct {
	Exporter int
	Domain   uint32 // observationDomainId
	Point    uint32 // observationPointId
	Input    bool   // every packet is accounted as it comes in
	Output   bool   // and as it goes out of each port
}
