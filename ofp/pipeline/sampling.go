package pipeline

// Sampling is IPFIX as the translation knows it. An exporter is named by the
// index of its flow cache in actions.Exec.Caches.
type Sampling struct {
	Bridge *BridgeSampling        // of all packets; nil for none
	Sets   map[uint32]SetSampling // by collector_set_id of sample actions
}

// BridgeSampling is the bridge's own exporter.
type BridgeSampling struct {
	Exporter  int
	Domain    uint32 // observationDomainId
	Point     uint32 // observationPointId
	Input     bool   // every packet is accounted as it comes in
	Output    bool   // and as it goes out of each port
	Attribute bool   // the rule that decided, and how, are told: Point.Verdict
}

// SetSampling is the exporter of a collector set.
type SetSampling struct {
	Exporter  int
	Attribute bool
}
