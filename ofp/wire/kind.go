package wire

import "fmt"

// Kind is what a message is for, in whatever version.
type Kind uint8

// The kinds of messages.
const (
	Unknown Kind = iota // no kind of this version
	Hello
	ErrorMsg
	EchoRequest
	EchoReply
	Experimenter // vendor in 1.0
	FeaturesRequest
	FeaturesReply
	GetConfigRequest
	GetConfigReply
	SetConfig
	PacketIn
	FlowRemoved
	PortStatus
	PacketOut
	FlowMod
	GroupMod
	PortMod
	TableMod
	MultipartRequest // statistics in 1.0
	MultipartReply
	BarrierRequest
	BarrierReply
	QueueGetConfigRequest
	QueueGetConfigReply
	RoleRequest
	RoleReply
	GetAsyncRequest
	GetAsyncReply
	SetAsync
	MeterMod
	RoleStatus
	TableStatus
	RequestForward
	BundleControl
	BundleAdd
	ControllerStatus
	NumKinds
)

// none is in kinds where a version lacks the message.
const none = -1

// kinds is the table of messages: name, number on the wire in 1.0 and in 1.3 and up,
// and the versions above 1.0 that have it (from first to last).
var kinds = [NumKinds]struct {
	name        string
	v10, v13    int16
	first, last Version
}{
	Unknown:               {"unknown", none, none, V13, V15},
	Hello:                 {"hello", 0, 0, V13, V15},
	ErrorMsg:              {"error", 1, 1, V13, V15},
	EchoRequest:           {"echo request", 2, 2, V13, V15},
	EchoReply:             {"echo reply", 3, 3, V13, V15},
	Experimenter:          {"experimenter", 4, 4, V13, V15},
	FeaturesRequest:       {"features request", 5, 5, V13, V15},
	FeaturesReply:         {"features reply", 6, 6, V13, V15},
	GetConfigRequest:      {"get config request", 7, 7, V13, V15},
	GetConfigReply:        {"get config reply", 8, 8, V13, V15},
	SetConfig:             {"set config", 9, 9, V13, V15},
	PacketIn:              {"packet in", 10, 10, V13, V15},
	FlowRemoved:           {"flow removed", 11, 11, V13, V15},
	PortStatus:            {"port status", 12, 12, V13, V15},
	PacketOut:             {"packet out", 13, 13, V13, V15},
	FlowMod:               {"flow mod", 14, 14, V13, V15},
	GroupMod:              {"group mod", none, 15, V13, V15},
	PortMod:               {"port mod", 15, 16, V13, V15},
	TableMod:              {"table mod", none, 17, V13, V15},
	MultipartRequest:      {"multipart request", 16, 18, V13, V15},
	MultipartReply:        {"multipart reply", 17, 19, V13, V15},
	BarrierRequest:        {"barrier request", 18, 20, V13, V15},
	BarrierReply:          {"barrier reply", 19, 21, V13, V15},
	QueueGetConfigRequest: {"queue get config request", 20, 22, V13, V13},
	QueueGetConfigReply:   {"queue get config reply", 21, 23, V13, V13},
	RoleRequest:           {"role request", none, 24, V13, V15},
	RoleReply:             {"role reply", none, 25, V13, V15},
	GetAsyncRequest:       {"get async request", none, 26, V13, V15},
	GetAsyncReply:         {"get async reply", none, 27, V13, V15},
	SetAsync:              {"set async", none, 28, V13, V15},
	MeterMod:              {"meter mod", none, 29, V13, V15},
	RoleStatus:            {"role status", none, 30, V14, V15},
	TableStatus:           {"table status", none, 31, V14, V15},
	RequestForward:        {"request forward", none, 32, V14, V15},
	BundleControl:         {"bundle control", none, 33, V14, V15},
	BundleAdd:             {"bundle add", none, 34, V14, V15},
	ControllerStatus:      {"controller status", none, 35, V15, V15},
}

// byNumber is kinds by number, of 1.0 and of the versions from 1.3.
var byNumber = func() (t [2][256]Kind) {
	for k := Unknown + 1; k < NumKinds; k++ {
		if n := kinds[k].v10; n != none {
			t[0][n] = k
		}
		if n := kinds[k].v13; n != none {
			t[1][n] = k
		}
	}
	return t
}()

// KindOf returns the kind of the message with number n in version v, Unknown if it has
// none.
func KindOf(v Version, n uint8) Kind {
	if v == V10 {
		return byNumber[0][n]
	}
	k := byNumber[1][n]
	if v < kinds[k].first || v > kinds[k].last {
		return Unknown
	}
	return k
}

// number returns what k is on the wire.
func (k Kind) number(v Version) uint8 {
	n := kinds[k].v13
	if v == V10 {
		n = kinds[k].v10
	}
	if n == none {
		panic(fmt.Sprintf("wire: %s has no %s", v, k)) // a bug of the caller: what is sent is chosen by version
	}
	return uint8(n)
}

// String returns the kind's name in words.
func (k Kind) String() string {
	if k >= NumKinds {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kinds[k].name
}
