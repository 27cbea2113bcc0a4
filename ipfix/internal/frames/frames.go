// Package frames builds frames for the tests of flow records, together with what
// records are to say of them, written down independently of the code under test.
package frames

import (
	"encoding/binary"

	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
)

// Kind is a protocol stack.
type Kind uint8

// The kinds.
const (
	UDP4 Kind = iota
	TCP4
	ICMP4
	GRE4  // an IP protocol without ports
	Frag4 // a later fragment of UDP
	UDP6
	TCP6
	ICMP6
	SCTP6
	ARP
	LLDP
	NumKinds
)

// Spec describes a frame.
type Spec struct {
	Kind     Kind
	Src, Dst uint8 // number of the host
	TCI      int   // of the VLAN tag, without the presence bit; -1 for none
	Inner    bool  // a second tag
	SrcPort  uint16
	DstPort  uint16
	TOS, TTL uint8
	Label    uint32 // IPv6
	Flags    uint8  // TCP
	Payload  int    // bytes behind the transport header
	Pad      bool   // to the 60 bytes that Ethernet wants
}

// HeaderLen returns the length of the Ethernet header with tags.
func (s Spec) HeaderLen() int {
	n := 14
	if s.TCI >= 0 {
		n += 4
		if s.Inner {
			n += 4
		}
	}
	return n
}

func (s Spec) class() cache.Class {
	switch s.Kind {
	case UDP4, TCP4, ICMP4, GRE4, Frag4:
		return cache.IPv4
	case UDP6, TCP6, ICMP6, SCTP6:
		return cache.IPv6
	}
	return cache.Other
}

var protos = [NumKinds]uint8{UDP4: 17, TCP4: 6, ICMP4: 1, GRE4: 47, Frag4: 17, UDP6: 17, TCP6: 6, ICMP6: 58, SCTP6: 132}

var l4Len = [NumKinds]int{UDP4: 8, TCP4: 20, ICMP4: 8, UDP6: 8, TCP6: 20, ICMP6: 8, SCTP6: 12}

// IPLen returns the length that the IP header tells, 0 for other frames.
func (s Spec) IPLen() int {
	switch s.class() {
	case cache.IPv4:
		return 20 + l4Len[s.Kind] + s.Payload
	case cache.IPv6:
		return 40 + l4Len[s.Kind] + s.Payload
	}
	return 0
}

// Frame returns the bytes on the wire, without FCS.
func (s Spec) Frame() []byte {
	b := []byte{2, 0, 0, 0, 0, s.Dst, 2, 0, 0, 0, 0, s.Src}
	if s.TCI >= 0 {
		if s.Inner {
			b = append(b, 0x88, 0xa8, byte(s.TCI>>8), byte(s.TCI), 0x81, 0x00, 0x00, 0x07)
		} else {
			b = append(b, 0x81, 0x00, byte(s.TCI>>8), byte(s.TCI))
		}
	}
	b = binary.BigEndian.AppendUint16(b, s.ethType())
	switch s.class() {
	case cache.IPv4:
		b = s.ipv4(b)
	case cache.IPv6:
		b = s.ipv6(b)
	default:
		b = append(b, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, s.Src, 10, 0, 0, s.Src, 0, 0, 0, 0, 0, 0, 10, 0, 0, s.Dst)
	}
	for s.Pad && len(b) < 60 {
		b = append(b, 0)
	}
	return b
}

func (s Spec) ethType() uint16 {
	switch s.class() {
	case cache.IPv4:
		return 0x0800
	case cache.IPv6:
		return 0x86dd
	}
	if s.Kind == ARP {
		return 0x0806
	}
	return 0x88cc
}

func (s Spec) ipv4(b []byte) []byte {
	at := len(b)
	frag := uint16(0)
	if s.Kind == Frag4 {
		frag = 100
	}
	b = append(b, 0x45, s.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(s.IPLen()))
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, frag)
	b = append(b, s.TTL, protos[s.Kind], 0, 0, 10, 0, 0, s.Src, 10, 0, 0, s.Dst)
	binary.BigEndian.PutUint16(b[at+10:], ^sum(b[at:]))
	return s.layer4(b)
}

func sum(b []byte) uint16 {
	var n uint32
	for i := 0; i < len(b); i += 2 {
		n += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return uint16(n + n>>16)
}

func (s Spec) ipv6(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(s.TOS)<<20|s.Label)
	b = binary.BigEndian.AppendUint16(b, uint16(s.IPLen()-40))
	b = append(b, protos[s.Kind], s.TTL)
	for _, host := range []uint8{s.Src, s.Dst} {
		b = append(b, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host)
	}
	return s.layer4(b)
}

func (s Spec) layer4(b []byte) []byte {
	h := make([]byte, l4Len[s.Kind]+s.Payload)
	switch s.Kind {
	case UDP4, UDP6, TCP4, TCP6, SCTP6:
		binary.BigEndian.PutUint16(h, s.SrcPort)
		binary.BigEndian.PutUint16(h[2:], s.DstPort)
	case ICMP4, ICMP6:
		h[0], h[1] = byte(s.SrcPort), byte(s.DstPort)
	}
	switch s.Kind {
	case UDP4, UDP6:
		binary.BigEndian.PutUint16(h[4:], uint16(len(h)))
	case TCP4, TCP6:
		h[12], h[13] = 5<<4, s.Flags
	}
	return append(b, h...)
}

// Key returns the flow key that the frame's record is to have.
func (s Spec) Key(pt cache.Point, inPort uint32) cache.Key {
	k := cache.Key{
		Point: pt, InPort: inPort, EthType: s.ethType(), Class: s.class(),
		EthSrc: [6]byte{2, 0, 0, 0, 0, s.Src}, EthDst: [6]byte{2, 0, 0, 0, 0, s.Dst},
	}
	if s.TCI >= 0 {
		k.VLAN = uint16(s.TCI) | flow.VlanCFI
		k.InnerTag = s.Inner
	}
	switch k.Class {
	case cache.Other:
		return k
	case cache.IPv4:
		k.Src, k.Dst = [16]byte{10, 0, 0, s.Src}, [16]byte{10, 0, 0, s.Dst}
	case cache.IPv6:
		k.Src = [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: s.Src}
		k.Dst = [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: s.Dst}
		k.Label = s.Label
	}
	k.Proto, k.TOS = protos[s.Kind], s.TOS
	switch s.Kind {
	case UDP4, TCP4, UDP6, TCP6, SCTP6:
		k.SrcPort, k.DstPort = s.SrcPort, s.DstPort
	case ICMP4, ICMP6:
		k.SrcPort, k.DstPort = s.SrcPort&0xff, s.DstPort&0xff
	}
	return k
}

// Counters returns what one frame counts for.
func (s Spec) Counters(now int64) cache.Counters {
	c := cache.Counters{Packets: 1, L2Octets: uint64(len(s.Frame())), First: now, Last: now}
	if s.class() == cache.Other {
		return c
	}
	n := uint16(s.IPLen())
	c.Octets, c.MinLen, c.MaxLen = uint64(n), n, n
	c.MinTTL, c.MaxTTL = s.TTL, s.TTL
	if s.Kind == TCP4 || s.Kind == TCP6 {
		c.TCPFlags = uint16(s.Flags)
	}
	return c
}

const chunkSize = 2048

// Batch is frames in memory with their keys, as a poll loop has them.
type Batch struct {
	Memory packet.Memory
	packet.Batch
	Keys [packet.MaxBatch]flow.Key
	Idx  [packet.MaxBatch]uint16 // 0, 1, 2, …
}

// NewBatch returns a batch with memory of its own.
func NewBatch() *Batch {
	b := &Batch{Memory: packet.Memory{
		Buf: make([]byte, packet.MaxBatch*chunkSize), FD: -1, ChunkSize: chunkSize, PerHome: packet.MaxBatch,
	}}
	for i := range b.Idx {
		b.Idx[i] = uint16(i)
	}
	return b
}

// Load writes frames into the batch and extracts their keys.
func (b *Batch) Load(inPort uint32, specs []Spec) {
	b.N, b.InPort = len(specs), inPort
	for i, s := range specs {
		at := uint64(i * chunkSize)
		n := copy(b.Memory.Buf[at:at+chunkSize], s.Frame())
		b.Desc[i] = packet.Desc{Addr: at, Len: uint32(n)}
	}
	flow.Extract(&b.Memory, &b.Batch, b.Keys[:])
}
