package flow

import (
	"encoding/binary"
	"math/bits"

	"pollux/internal/packet"
)

// Extract fills keys[i] and the offsets L25, L3 and L4 and IPLen of every packet i < b.N, one
// by one: what Keys.ShortenBatch is measured by. What keys held is lost. len(keys) must be
// ≥ b.N.
//
// What a malformed frame gives is said in the package comment.
func Extract(mem *packet.Memory, b *packet.Batch, keys []Key) {
	keys = keys[:b.N]
	for i := range keys {
		extract(mem, b, i, &keys[i])
	}
}

// extract fills k and what the batch holds of packet i.
func extract(mem *packet.Memory, b *packet.Batch, i int, k *Key) {
	frame := mem.Frame(b.Desc[i])
	b.L25[i], b.L3[i], b.L4[i] = ExtractOne(frame, b.InPort, k)
	b.IPLen[i] = ipLen(frame, b.L3[i], k)
}

// ExtractOne fills k from a single frame: for packet-out, traces and frames
// that were rewritten. What k held is lost. It gives what Extract gives.
func ExtractOne(frame []byte, inPort uint32, k *Key) (l25, l3, l4 uint16) {
	k.Clear()
	k.Set(WPort, uint64(inPort))
	return parse(frame, k)
}

// ipLen returns what Batch.IPLen holds of a frame.
func ipLen(frame []byte, l3 uint16, k *Key) uint16 {
	if k.Map&(1<<WIP) == 0 || l3 == packet.None {
		return 0
	}
	ip := frame[l3:]
	switch k.EthType() {
	case etherIPv4:
		return uint16(min(len(ip), int(binary.BigEndian.Uint16(ip[2:]))))
	case etherIPv6:
		// A payload of 0 may be a jumbogram (RFC 2675): not known here.
		if n := int(binary.BigEndian.Uint16(ip[4:])); n != 0 {
			return uint16(min(len(ip), n+40, 0xffff))
		}
	}
	return 0
}

// ExtractHeaders replaces the words of k that packets fill (L2 and up) and
// keeps its metadata words: for packets that go through the tables again.
func ExtractHeaders(frame []byte, k *Key) (l25, l3, l4 uint16) {
	const metadata = 1<<StageL2 - 1
	k.wipe(k.Map &^ metadata)
	k.Map &= metadata
	return parse(frame, k)
}

// wipe zeroes the words of the bitmap and leaves Map to the caller.
func (k *Key) wipe(words uint64) {
	for ; words != 0; words &= words - 1 {
		k.W[bits.TrailingZeros64(words)] = 0
	}
}
