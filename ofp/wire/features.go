package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

// Capabilities are what a switch can do (OFPC_*).
type Capabilities uint32

// The capabilities.
const (
	CapFlowStats  Capabilities = 1 << 0
	CapTableStats Capabilities = 1 << 1
	CapPortStats  Capabilities = 1 << 2
	CapGroupStats Capabilities = 1 << 3 // 1.3 and up; the bit is another in 1.0 and not sent there
	CapIPReasm    Capabilities = 1 << 5
	CapQueueStats Capabilities = 1 << 6
	CapARPMatchIP Capabilities = 1 << 7 // 1.0 only: addresses in ARP can be matched
	CapBundles    Capabilities = 1 << 9 // 1.4 and up
)

// Features is the body of a FEATURES_REPLY.
type Features struct {
	DatapathID   uint64
	Buffers      uint32 // packets that the switch keeps for packet-ins; 0 none
	Tables       uint8
	Auxiliary    uint8 // number of an auxiliary connection, 0 for the main one; 1.3 and up
	Capabilities Capabilities

	// 1.0 only: later versions have PartPortDesc and table features.
	Actions uint32 // bit n: the switch can do the action with number n of 1.0
	Ports   []Port
}

// mostPorts10 is how many ports a FEATURES_REPLY of 1.0 has room for.
const mostPorts10 = (MaxLen - HeaderLen - 24) / port10Len

// AppendFeatures appends a FEATURES_REPLY. In 1.0 it has the first 1,364 ports at
// most, as many as fit.
func AppendFeatures(b []byte, v Version, xid uint32, f *Features) []byte {
	at := len(b)
	b = begin(b, v, FeaturesReply, xid)
	b = binary.BigEndian.AppendUint64(b, f.DatapathID)
	b = binary.BigEndian.AppendUint32(b, f.Buffers)
	if v == V10 {
		b = zeros(append(b, f.Tables), 3)
		b = binary.BigEndian.AppendUint32(b, uint32(f.Capabilities&^(CapGroupStats|CapBundles)))
		b = binary.BigEndian.AppendUint32(b, f.Actions)
		for i := range f.Ports[:min(len(f.Ports), mostPorts10)] {
			b = f.Ports[i].Append(b, v)
		}
		return end(b, at)
	}
	b = zeros(append(b, f.Tables, f.Auxiliary), 2)
	can := f.Capabilities &^ CapARPMatchIP
	if v < V14 {
		can &^= CapBundles
	}
	b = binary.BigEndian.AppendUint32(b, uint32(can))
	return end(zeros(b, 4), at)
}

// ParseFeatures reads the body of a FEATURES_REPLY.
func ParseFeatures(v Version, body []byte) (*Features, error) {
	if len(body) < 24 || v != V10 && len(body) != 24 {
		return nil, fmt.Errorf("features of %d bytes, want 24: %w", len(body), ofperr.BadLen)
	}
	f := &Features{
		DatapathID: binary.BigEndian.Uint64(body), Buffers: binary.BigEndian.Uint32(body[8:]),
		Tables: body[12], Capabilities: Capabilities(binary.BigEndian.Uint32(body[16:])),
	}
	if v != V10 {
		f.Auxiliary = body[13]
		return f, nil
	}
	f.Actions = binary.BigEndian.Uint32(body[20:])
	for rest := body[24:]; len(rest) > 0; {
		var p Port
		var err error
		if p, rest, err = ParsePort(v, rest); err != nil {
			return nil, err
		}
		f.Ports = append(f.Ports, p)
	}
	return f, nil
}
