package cache

// Direction is flowDirection (IPFIX element 61).
type Direction uint8

// The directions.
const (
	Ingress Direction = 0
	Egress  Direction = 1
)

// Point is where in the switch a packet is observed. It is part of a flow's key.
type Point struct {
	Dir    Direction
	Egress uint32 // OpenFlow number of the output port; 0 for Ingress
	Domain uint32 // observationDomainId
	ID     uint32 // observationPointId
}
