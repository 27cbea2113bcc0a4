package flow

// Reserved port numbers of OpenFlow 1.3 (section 7.2.1), used for every port
// number inside the switch, whatever version a controller speaks.
const (
	PortMax        uint32 = 0xffffff00 // the highest number of a real port
	PortUnset      uint32 = 0xfffffff7 // actset_output before any output action
	PortIn         uint32 = 0xfffffff8 // back to where the packet came from
	PortTable      uint32 = 0xfffffff9 // through the tables, for packet-out
	PortNormal     uint32 = 0xfffffffa
	PortFlood      uint32 = 0xfffffffb
	PortAll        uint32 = 0xfffffffc
	PortController uint32 = 0xfffffffd
	PortLocal      uint32 = 0xfffffffe // the switch's own interface
	PortAny        uint32 = 0xffffffff
)

// PortNames turns names of ports to OpenFlow numbers and back. A nil PortNames
// knows the reserved ports only.
type PortNames interface {
	Number(name string) (uint32, bool)
	Name(n uint32) (string, bool)
}
