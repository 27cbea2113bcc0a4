package collector

import (
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// Details is what else the records of one flow say. Sums add up as those of Flow do;
// members that begin with Total, and those that say so, are of the last record.
type Details struct {
	SumSq           uint64 // sum of octetDeltaSumOfSquares
	Dropped         uint64 // sums: of Flow.Packets, those the exporter dropped
	DroppedOctets   uint64
	DroppedL2Octets uint64
	Retransmit      uint64 // sums, TCP
	OutOfOrder      uint64

	TotalPackets         uint64
	TotalOctets          uint64
	TotalL2Octets        uint64
	TotalSumSq           uint64
	TotalDropped         uint64
	TotalDroppedOctets   uint64
	TotalDroppedL2Octets uint64
	TotalUnicast         uint64
	TotalMulticast       uint64
	TotalBroadcast       uint64
	TotalTCP             [6]uint64 // packets with FIN, SYN, RST, PSH, ACK, URG

	Ends      [6]uint64     // records by flowEndReason; [0]: none, or one that RFC 5102 does not have
	Status    uint8         // forwardingStatus of the last record
	Drop      uint64        // number of the drop reason, of the last record
	Rule      bool          // the last record says which rule decided
	Cookie    uint64        // of that rule
	Table     uint8         // of that rule
	Handshake time.Duration // from SYN to SYN/ACK, of the last record that has it

	Selector     uint64 // selectorId of the last record
	VirtualObsID string // of the last record
	Direction    uint8  // biflowDirection of the last record (RFC 5103 section 6.3)
	Reverse      uint64 // records that tell of this flow as their reverse direction
}

// add joins what one more record says.
func (d *Details) add(o *Details) {
	sum := *o
	sum.SumSq += d.SumSq
	sum.Dropped += d.Dropped
	sum.DroppedOctets += d.DroppedOctets
	sum.DroppedL2Octets += d.DroppedL2Octets
	sum.Retransmit += d.Retransmit
	sum.OutOfOrder += d.OutOfOrder
	for i := range sum.Ends {
		sum.Ends[i] += d.Ends[i]
	}
	if sum.Handshake == 0 {
		sum.Handshake = d.Handshake
	}
	if sum.Drop == 0 {
		sum.Drop = d.Drop
	}
	sum.Reverse += d.Reverse
	*d = sum
}

// end counts an end reason.
func (d *Details) end(reason uint8) {
	if int(reason) >= len(d.Ends) {
		reason = 0
	}
	d.Ends[reason]++
}

// set takes the value of one of IANA's elements.
func (d *Details) set(id uint16, n uint64) {
	switch id {
	case netflow.IPFIX_FIELD_octetDeltaSumOfSquares:
		d.SumSq = n
	case netflow.IPFIX_FIELD_droppedPacketDeltaCount:
		d.Dropped = n
	case netflow.IPFIX_FIELD_droppedOctetDeltaCount:
		d.DroppedOctets = n
	case netflow.IPFIX_FIELD_droppedLayer2OctetDeltaCount:
		d.DroppedL2Octets = n
	case netflow.IPFIX_FIELD_packetTotalCount:
		d.TotalPackets = n
	case netflow.IPFIX_FIELD_octetTotalCount:
		d.TotalOctets = n
	case netflow.IPFIX_FIELD_layer2OctetTotalCount:
		d.TotalL2Octets = n
	case netflow.IPFIX_FIELD_octetTotalSumOfSquares:
		d.TotalSumSq = n
	case netflow.IPFIX_FIELD_droppedPacketTotalCount:
		d.TotalDropped = n
	case netflow.IPFIX_FIELD_droppedOctetTotalCount:
		d.TotalDroppedOctets = n
	case netflow.IPFIX_FIELD_droppedLayer2OctetTotalCount:
		d.TotalDroppedL2Octets = n
	case netflow.IPFIX_FIELD_ingressUnicastPacketTotalCount, netflow.IPFIX_FIELD_egressUnicastPacketTotalCount:
		d.TotalUnicast = n
	case netflow.IPFIX_FIELD_ingressMulticastPacketTotalCount, netflow.IPFIX_FIELD_postMCastPacketTotalCount:
		d.TotalMulticast = n
	case netflow.IPFIX_FIELD_ingressBroadcastPacketTotalCount, netflow.IPFIX_FIELD_egressBroadcastPacketTotalCount:
		d.TotalBroadcast = n
	case netflow.IPFIX_FIELD_tcpFinTotalCount:
		d.TotalTCP[0] = n
	case netflow.IPFIX_FIELD_tcpSynTotalCount:
		d.TotalTCP[1] = n
	case netflow.IPFIX_FIELD_tcpRstTotalCount:
		d.TotalTCP[2] = n
	case netflow.IPFIX_FIELD_tcpPshTotalCount:
		d.TotalTCP[3] = n
	case netflow.IPFIX_FIELD_tcpAckTotalCount:
		d.TotalTCP[4] = n
	case netflow.IPFIX_FIELD_tcpUrgTotalCount:
		d.TotalTCP[5] = n
	case netflow.IPFIX_FIELD_forwardingStatus:
		d.Status = uint8(n)
	case netflow.IPFIX_FIELD_selectorId:
		d.Selector = n
	case netflow.IPFIX_FIELD_biflowDirection:
		d.Direction = uint8(n)
	}
}
