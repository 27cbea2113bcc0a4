package flow

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// ParseValue reads the text of f's value, with "/mask" where f may be masked,
// as ovs-ofctl writes it in matches and in set_field. Without a mask every bit
// counts; "*" is the value whose mask is zero. Bits of the value outside the mask
// come back as zero. Errors are *ParseError with offsets into s.
//
// Of nw_tos the upper six bits are read, as OVS does; dl_vlan is the plain VID,
// vlan_vid has VlanCFI as OpenFlow's OFPVID_PRESENT.
func ParseValue(f Field, s string, ports PortNames) (v, mask Value, err error) {
	i := &Fields[f]
	if s == "*" {
		return Value{}, Value{}, nil
	}
	if s == "" {
		return v, mask, parseErr(s, 0, 0, "no value for %s", i.Name)
	}
	if fl := i.Format.flags(); fl != nil {
		v.Lo, mask.Lo, err = fl.parse(s)
		return v, mask, err
	}
	switch i.Format {
	case OFPort:
		v.Lo, err = parsePort(s, ports)
		return v, f.Full(), err
	case Frag:
		return parseFrag(s)
	case PacketTypeF:
		v.Lo, err = parsePacketType(s)
		return v, f.Full(), err
	}
	text, maskText, hasMask := strings.Cut(s, "/")
	if v, err = parsePlain(i, s, text, 0); err != nil {
		return v, mask, err
	}
	mask = f.Full()
	if hasMask {
		if mask, err = parseMask(i, s, maskText, len(text)+1); err != nil {
			return v, mask, err
		}
		if !i.Maskable && mask != f.Full() {
			return v, mask, parseErr(s, len(text), len(maskText)+1, "%s takes no mask; it is compared whole or not at all", i.Name)
		}
	}
	if f == IPTOS {
		mask.Lo &= 0xfc
	}
	return v.And(mask), mask, nil
}

// parsePlain reads a value without mask; text lies at off of the whole s.
func parsePlain(i *Info, s, text string, off int) (v Value, err error) {
	switch i.Format {
	case MAC:
		v.Lo, err = parseMAC(s, text, off)
	case IPv4:
		a, e := netip.ParseAddr(text)
		if e != nil || !a.Is4() {
			return v, parseErr(s, off, len(text), "not an IPv4 address; it would be like 10.0.0.1")
		}
		b := a.As4()
		v.Lo = uint64(binary.BigEndian.Uint32(b[:]))
	case IPv6:
		a, e := netip.ParseAddr(text)
		if e != nil || a.Is4() || a.Zone() != "" {
			return v, parseErr(s, off, len(text), "not an IPv6 address; it would be like 2001:db8::1")
		}
		b := a.As16()
		v = Value{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
	default:
		return parseNumber(s, text, off, uint(i.Bits))
	}
	return v, err
}

// parseMask is parsePlain for the part behind the slash: addresses also take
// the length of a prefix.
func parseMask(i *Info, s, text string, off int) (Value, error) {
	if i.Format == IPv4 || i.Format == IPv6 {
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			if n > uint64(i.Bits) {
				return Value{}, parseErr(s, off, len(text), "a prefix of %d bits; %d is the most", n, i.Bits)
			}
			return Ones(uint(i.Bits)).AndNot(Ones(uint(i.Bits) - uint(n))), nil
		}
	}
	return parsePlain(i, s, text, off)
}

// parseNumber reads a decimal, hexadecimal (0x) or octal (0) number of at most n bits.
func parseNumber(s, text string, off int, n uint) (Value, error) {
	if n <= 64 {
		lo, err := parseUint(s, text, off, n)
		return Value{0, lo}, err
	}
	d := strings.ToLower(text)
	if hex, ok := strings.CutPrefix(d, "0x"); ok && len(strings.TrimLeft(hex, "0")) > 16 {
		hex = strings.TrimLeft(hex, "0")
		if len(hex) > 32 {
			return Value{}, parseErr(s, off, len(text), "too large for %d bits", n)
		}
		hi, err1 := strconv.ParseUint(hex[:len(hex)-16], 16, 64)
		lo, err2 := strconv.ParseUint(hex[len(hex)-16:], 16, 64)
		if err1 != nil || err2 != nil {
			return Value{}, parseErr(s, off, len(text), "not a number; it would be like 10 or 0xa")
		}
		return Value{hi, lo}, nil
	}
	lo, err := parseUint(s, text, off, 64)
	return Value{0, lo}, err
}

func parseUint(s, text string, off int, n uint) (uint64, error) {
	v, err := strconv.ParseUint(text, 0, 64)
	if err != nil && strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) || err == nil && bits.Len64(v) > int(n) {
		return 0, parseErr(s, off, len(text), "too large for %d bits; the most is %d", n, Ones(n).Lo)
	}
	if err != nil || strings.ContainsAny(text, "_bBoO") && !strings.HasPrefix(strings.ToLower(text), "0x") || strings.Contains(text, "_") {
		return 0, parseErr(s, off, len(text), "not a number; it would be like 10 or 0xa")
	}
	return v, nil
}

func parseMAC(s, text string, off int) (v uint64, err error) {
	groups := strings.Split(text, ":")
	for _, g := range groups {
		b, e := strconv.ParseUint(g, 16, 8)
		if e != nil || len(groups) != 6 || len(g) > 2 {
			return 0, parseErr(s, off, len(text), "not an Ethernet address; it would be like 00:11:22:aa:bb:cc")
		}
		v = v<<8 | b
	}
	return v, nil
}

var fragWords = []struct {
	word string
	v, m uint64
}{
	{"no", 0, FragAny | FragLater},
	{"first", FragAny, FragAny | FragLater},
	{"later", FragAny | FragLater, FragAny | FragLater},
	{"yes", FragAny, FragAny},
	{"not_later", 0, FragLater},
}

func parseFrag(s string) (v, m Value, err error) {
	for _, w := range fragWords {
		if w.word == s {
			return Value{0, w.v}, Value{0, w.m}, nil
		}
	}
	return v, m, parseErr(s, 0, len(s), "unknown kind of fragment; it may be no, yes, first, later, not_later")
}

func parsePacketType(s string) (uint64, error) {
	ns, typ, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(s, "("), ")"), ",")
	if !ok || s[0] != '(' || s[len(s)-1] != ')' {
		return 0, parseErr(s, 0, len(s), "not a packet type; it would be like (1,0x800)")
	}
	n, err := parseUint(s, ns, 1, 16)
	if err != nil {
		return 0, err
	}
	t, err := parseUint(s, typ, len(ns)+2, 16)
	return n<<16 | t, err
}
