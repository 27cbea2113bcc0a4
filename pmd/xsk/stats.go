package xsk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Statistics are the kernel's counts of one socket (XDP_STATISTICS).
type Statistics struct {
	RxDropped     uint64 // lost for other reasons than those below, e.g. larger than a chunk
	RxInvalid     uint64 // bad addresses on the fill ring
	RxRingFull    uint64 // the reader was too slow
	RxFillEmpty   uint64 // no chunk was there for a frame
	TxInvalid     uint64 // bad descriptors on the tx ring
	TxRingEmpties uint64 // times the kernel looked and found nothing to send
}

// Statistics reads the kernel's counts. Any thread may call it while the socket
// is open.
func (s *Socket) Statistics() (Statistics, error) {
	var k unix.XDPStatistics
	if err := getStruct(s.fd, unix.XDP_STATISTICS, &k); err != nil {
		return Statistics{}, fmt.Errorf("xsk: statistics: %w", err)
	}
	return Statistics{
		RxDropped:     k.Rx_dropped,
		RxInvalid:     k.Rx_invalid_descs,
		RxRingFull:    k.Rx_ring_full,
		RxFillEmpty:   k.Rx_fill_ring_empty_descs,
		TxInvalid:     k.Tx_invalid_descs,
		TxRingEmpties: k.Tx_ring_empty_descs,
	}, nil
}
