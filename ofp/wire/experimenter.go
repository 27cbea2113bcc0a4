package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// ONF is the vendor of the Open Networking Foundation's extensions.
const ONF = ofperr.ONF

// Subtypes of messages: Nicira's, and the Open Networking Foundation's.
const (
	NXTRoleRequest       uint32 = 10
	NXTRoleReply         uint32 = 11
	NXTSetFlowFormat     uint32 = 12
	NXTFlowModTableID    uint32 = 15
	NXTSetPacketInFormat uint32 = 16
	NXTPacketIn          uint32 = 17
	NXTFlowAge           uint32 = 18 // without a body, and without effect
	NXTSetAsync          uint32 = 19
	NXTSetControllerID   uint32 = 20
	NXTMonitorCancel     uint32 = 21 // 1.0, as the next two
	NXTMonitorPaused     uint32 = 22
	NXTMonitorResumed    uint32 = 23
	NXTSetAsync2         uint32 = 27
	NXTResume            uint32 = 28
	NXTPacketIn2         uint32 = 30
	NXTGroupMod          uint32 = 31 // 1.0

	ONFMonitorCancel  uint32 = 1870 // 1.3, as the others of this vendor
	ONFMonitorPaused  uint32 = 1871
	ONFMonitorResumed uint32 = 1872
	ONFRoleStatus     uint32 = 1911 // ROLE_STATUS
	ONFBundleControl  uint32 = 2300 // BUNDLE_CONTROL
	ONFBundleAdd      uint32 = 2301 // BUNDLE_ADD_MESSAGE
)

// Extension is the body of an Experimenter message.
type Extension struct {
	Vendor  uint32
	Subtype uint32 // 0 where the vendor is not one of ours, and there is none
	Body    []byte // what follows; it points into what was parsed
}

// onlyIn returns the one version that a message of an experimenter's is for, as others have one
// of their own; 0: it is for all.
func onlyIn(vendor, subtype uint32) Version {
	switch {
	case vendor == Nicira && (subtype == NXTGroupMod || subtype == NXTFlowRemoved):
		return V10
	case vendor == ONF:
		return V13
	}
	return 0
}

// ParseExtension reads the body of an Experimenter; that of another version is
// BadExperimenterType. 1.0 has a vendor only: of others than
// Nicira and the Open Networking Foundation Body follows it there.
func ParseExtension(v Version, body []byte) (Extension, error) {
	if len(body) < 4 {
		return Extension{}, fmt.Errorf("message of an experimenter without its number: %w", ofperr.BadLen)
	}
	e := Extension{Vendor: be.Uint32(body), Body: body[4:]}
	if v == V10 && e.Vendor != Nicira && e.Vendor != ONF {
		return e, nil
	}
	if len(e.Body) < 4 {
		return Extension{}, fmt.Errorf("message of experimenter %#x without its type: %w", e.Vendor, ofperr.BadLen)
	}
	e.Subtype, e.Body = be.Uint32(e.Body), e.Body[4:]
	if only := onlyIn(e.Vendor, e.Subtype); only != 0 && only != v {
		return Extension{}, fmt.Errorf("message %d of experimenter %#x is of %s, not of %s: %w", e.Subtype, e.Vendor, only, v, ofperr.BadExperimenterType)
	}
	return e, nil
}

// beginExtension appends the head of an Experimenter whose length end fills in.
func beginExtension(b []byte, v Version, xid uint32, vendor, subtype uint32) []byte {
	b = begin(b, v, Experimenter, xid)
	return be.AppendUint32(be.AppendUint32(b, vendor), subtype)
}

// AppendExtension appends an Experimenter with e.Body.
func AppendExtension(b []byte, v Version, xid uint32, e Extension) []byte {
	at := len(b)
	return end(append(beginExtension(b, v, xid, e.Vendor, e.Subtype), e.Body...), at)
}

// ParseSetPacketInFormat reads the body of NXTSetPacketInFormat.
func ParseSetPacketInFormat(body []byte) (PacketInFormat, error) {
	if len(body) != 4 {
		return 0, fmt.Errorf("format of packet-ins of %d bytes, want 4: %w", len(body), ofperr.BadLen)
	}
	f := be.Uint32(body)
	if f > uint32(PacketInNXT2) {
		return 0, fmt.Errorf("format %d of packet-ins: %w", f, ofperr.PermissionDenied)
	}
	return PacketInFormat(f), nil
}

// AppendSetPacketInFormat appends a NXTSetPacketInFormat.
func AppendSetPacketInFormat(b []byte, v Version, xid uint32, f PacketInFormat) []byte {
	at := len(b)
	return end(be.AppendUint32(beginExtension(b, v, xid, Nicira, NXTSetPacketInFormat), uint32(f)), at)
}

// ParseSetControllerID reads the body of NXTSetControllerID: the number that controller
// actions call this controller by.
func ParseSetControllerID(body []byte) (uint16, error) {
	if len(body) != 8 {
		return 0, fmt.Errorf("controller id of %d bytes, want 8: %w", len(body), ofperr.BadLen)
	}
	if be.Uint64(body)>>16 != 0 {
		return 0, fmt.Errorf("padding of a controller id: %w", ofperr.MustBeZero)
	}
	return be.Uint16(body[6:]), nil
}

// AppendSetControllerID appends a NXTSetControllerID.
func AppendSetControllerID(b []byte, v Version, xid uint32, id uint16) []byte {
	at := len(b)
	return end(be.AppendUint64(beginExtension(b, v, xid, Nicira, NXTSetControllerID), uint64(id)), at)
}

// ParseFlowModTableID reads the body of NXTFlowModTableID: whether the upper eight bits of
// a flow mod's command are its table from now on (1.0).
func ParseFlowModTableID(body []byte) (bool, error) {
	if len(body) != 8 {
		return false, fmt.Errorf("switch of the flow mods' table of %d bytes, want 8: %w", len(body), ofperr.BadLen)
	}
	return body[0] != 0, nil
}

// AppendFlowModTableID appends a NXTFlowModTableID.
func AppendFlowModTableID(b []byte, v Version, xid uint32, on bool) []byte {
	at := len(b)
	b = beginExtension(b, v, xid, Nicira, NXTFlowModTableID)
	if on {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return end(zeros(b, 7), at)
}

// FlowFormat is how a switch writes matches to a controller of 1.0 (enum nx_flow_format).
type FlowFormat uint32

// The formats.
const (
	FlowFormat10  FlowFormat = 0
	FlowFormatNXM FlowFormat = 2
)

// ParseSetFlowFormat reads the body of NXTSetFlowFormat.
func ParseSetFlowFormat(body []byte) (FlowFormat, error) {
	if len(body) != 4 {
		return 0, fmt.Errorf("format of flows of %d bytes, want 4: %w", len(body), ofperr.BadLen)
	}
	f := FlowFormat(be.Uint32(body))
	if f != FlowFormat10 && f != FlowFormatNXM {
		return 0, fmt.Errorf("format %d of flows: %w", f, ofperr.PermissionDenied)
	}
	return f, nil
}

// AppendSetFlowFormat appends a NXTSetFlowFormat.
func AppendSetFlowFormat(b []byte, v Version, xid uint32, f FlowFormat) []byte {
	at := len(b)
	return end(be.AppendUint32(beginExtension(b, v, xid, Nicira, NXTSetFlowFormat), uint32(f)), at)
}
