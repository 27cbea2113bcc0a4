package flow

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
)

// FormatValue writes value v of f under mask m as ovs-ofctl writes it in
// set_field, and so that ParseValue reads it back: "*" when m is zero, no mask
// when m is full.
func FormatValue(f Field, v, m Value, ports PortNames) string {
	i := &Fields[f]
	if m.IsZero() {
		return "*"
	}
	if fl := i.Format.flags(); fl != nil {
		return fl.format(v.Lo, m.Lo)
	}
	switch i.Format {
	case OFPort:
		return FormatPort(uint32(v.Lo), ports)
	case Frag:
		for _, w := range fragWords {
			if w.v == v.Lo&m.Lo && w.m == m.Lo&(FragAny|FragLater) {
				return w.word
			}
		}
	case PacketTypeF:
		return fmt.Sprintf("(%d,%#x)", v.Lo>>16, v.Lo&0xffff)
	}
	full := f.Full()
	if f == IPTOS {
		full.Lo = 0xfc
	}
	if m == full {
		return formatPlain(i.Format, v)
	}
	switch i.Format {
	case IPv4, IPv6:
		return formatPlain(i.Format, v) + "/" + formatNetmask(i, m)
	case MAC:
		return formatPlain(MAC, v) + "/" + formatPlain(MAC, m)
	}
	return formatPlain(i.Format, v) + "/" + formatPlain(Hex, m)
}

// formatPlain writes a value without a mask.
func formatPlain(f Format, v Value) string {
	switch f {
	case MAC:
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte(v.Lo>>40), byte(v.Lo>>32),
			byte(v.Lo>>24), byte(v.Lo>>16), byte(v.Lo>>8), byte(v.Lo))
	case IPv4:
		return netip.AddrFrom4([4]byte{byte(v.Lo >> 24), byte(v.Lo >> 16), byte(v.Lo >> 8), byte(v.Lo)}).String()
	case IPv6:
		if v.Hi == 0 && v.Lo>>32 == 0 && v.Lo>>16 != 0 { // as inet_ntop(3) does
			return "::" + formatPlain(IPv4, v)
		}
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], v.Hi)
		binary.BigEndian.PutUint64(b[8:], v.Lo)
		return netip.AddrFrom16(b).String()
	case Decimal:
		if v.Hi == 0 {
			return strconv.FormatUint(v.Lo, 10)
		}
	}
	return formatHex(v)
}

// formatHex writes C's %#x: zero has no prefix.
func formatHex(v Value) string {
	switch {
	case v.Hi != 0:
		return fmt.Sprintf("0x%x%016x", v.Hi, v.Lo)
	case v.Lo != 0:
		return "0x" + strconv.FormatUint(v.Lo, 16)
	}
	return "0"
}

// formatNetmask writes a prefix length, or an address when m is no prefix.
func formatNetmask(i *Info, m Value) string {
	bits := uint(i.Bits)
	for n := range bits {
		if m == Ones(bits).AndNot(Ones(bits-n)) {
			return strconv.Itoa(int(n))
		}
	}
	return formatPlain(i.Format, m)
}
