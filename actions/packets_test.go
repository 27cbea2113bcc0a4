package actions

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"pgregory.net/rapid"

	"pollux/flow"
)

// drawFrame makes a frame of any kind that steps may meet, mostly whole and with
// right checksums.
func drawFrame(t *rapid.T) []byte {
	raw := rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "macs")
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 3}).Draw(t, "tags") {
		raw = binary.BigEndian.AppendUint16(raw, rapid.SampledFrom([]uint16{0x8100, 0x88a8}).Draw(t, "tpid"))
		raw = binary.BigEndian.AppendUint16(raw, rapid.Uint16().Draw(t, "tci"))
	}
	switch rapid.SampledFrom([]string{"ipv4", "ipv4", "ipv4", "ipv6", "ipv6", "ipv6", "arp", "mpls", "other"}).Draw(t, "kind") {
	case "ipv4":
		raw = append(raw, 0x08, 0x00)
		raw = append(raw, drawIPv4(t)...)
	case "ipv6":
		raw = append(raw, 0x86, 0xdd)
		raw = append(raw, drawIPv6(t)...)
	case "arp":
		raw = append(raw, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, rapid.Byte().Draw(t, "op"))
		raw = append(raw, rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "arp")...)
	case "mpls":
		raw = append(raw, 0x88, 0x47)
		for n := rapid.IntRange(1, 4).Draw(t, "labels"); n > 0; n-- {
			lse := rapid.Uint32().Draw(t, "lse") &^ 0x100
			if n == 1 {
				lse |= 0x100
			}
			raw = binary.BigEndian.AppendUint32(raw, lse)
		}
		raw = append(raw, drawIPv4(t)...)
	case "other":
		raw = binary.BigEndian.AppendUint16(raw, rapid.Uint16().Draw(t, "type"))
		raw = append(raw, rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "payload")...)
	}
	switch rapid.IntRange(0, 19).Draw(t, "harm") {
	case 0: // cut
		raw = raw[:rapid.IntRange(0, len(raw)).Draw(t, "cut")]
	case 1: // a wrong byte anywhere
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
	case 2, 3, 4: // padding
		raw = append(raw, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "padding")...)
	}
	return raw
}

func drawIPv4(t *rapid.T) []byte {
	proto := rapid.SampledFrom([]byte{6, 17, 1, 132, 6, 17, 1, 132, 47, 2}).Draw(t, "proto")
	h := []byte{0x45, rapid.Byte().Draw(t, "tos"), 0, 0, 1, 2, 0, 0, rapid.Byte().Draw(t, "ttl"), proto, 0, 0}
	h = append(h, rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "addresses")...)
	if n := rapid.SampledFrom([]int{0, 0, 0, 1, 10}).Draw(t, "options"); n > 0 {
		h = append(h, rapid.SliceOfN(rapid.Byte(), 4*n, 4*n).Draw(t, "option")...)
		h[0] += byte(n)
	}
	binary.BigEndian.PutUint16(h[6:], rapid.SampledFrom([]uint16{0, 0, 0, 0x4000, 0x2000, 0x2001, 0x0007}).Draw(t, "fragment"))
	msg := drawL4(t, proto, slices.Concat(h[12:20], []byte{0, proto}))
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(msg)))
	binary.BigEndian.PutUint16(h[10:], ^sum(h))
	return append(h, msg...)
}

func drawIPv6(t *rapid.T) []byte {
	proto := rapid.SampledFrom([]byte{6, 17, 58, 58, 132, 50}).Draw(t, "proto")
	h := rapid.SliceOfN(rapid.Byte(), 40, 40).Draw(t, "ipv6")
	h[0] = 0x60 | h[0]&15
	var ext []byte
	next := &h[6]
	pseudo := slices.Clone(h[8:40])
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "extensions") {
		typ := rapid.SampledFrom([]byte{0, 43, 60, 44, 51}).Draw(t, "extension")
		e := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "body")
		*next = typ
		switch typ {
		case 44:
			e = e[:8]
			binary.BigEndian.PutUint16(e[2:], rapid.SampledFrom([]uint16{0, 1, 8}).Draw(t, "fragment"))
		case 51:
			e[1] = 2
		case 43:
			e[1], e[3] = 1, rapid.ByteRange(0, 1).Draw(t, "segments left")
		default:
			e[1] = 1
		}
		ext = append(ext, e...)
		next = &ext[len(ext)-len(e)]
	}
	*next = proto
	msg := drawL4(t, proto, append(pseudo, 0, proto))
	binary.BigEndian.PutUint16(h[4:], uint16(len(ext)+len(msg)))
	return slices.Concat(h, ext, msg)
}

// drawL4 makes a transport message whose checksum is right under a pseudo-header
// that lacks the length.
func drawL4(t *rapid.T, proto byte, pseudo []byte) []byte {
	payload := rapid.SliceOfN(rapid.Byte(), 0, 33).Draw(t, "payload")
	ports := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ports")
	var m []byte
	at := 0
	switch proto {
	case 6:
		m = append(ports, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x12, 1, 0, 0, 0, 0, 0)
		m, at = append(m, payload...), 16
	case 17:
		m = append(append(ports, 0, byte(8+len(payload)), 0, 0), payload...)
		if at = 6; rapid.IntRange(0, 3).Draw(t, "without checksum") == 0 {
			return m
		}
	case 132:
		m = append(append(ports, 9, 9, 9, 9, 0, 0, 0, 0), payload...)
		binary.LittleEndian.PutUint32(m[8:], crc32.Checksum(m, crc32.MakeTable(crc32.Castagnoli)))
		return m
	case 1:
		m, at, pseudo = append([]byte{ports[0], ports[1], 0, 0, 1, 2, 3, 4}, payload...), 2, nil
	case 58:
		m, at = append([]byte{ports[0], ports[1], 0, 0, 0, 0, 0, 0}, payload...), 2
		if rapid.Bool().Draw(t, "nd") {
			m = append([]byte{135 + ports[0]&1, 0, 0, 0}, ports...)
			m = append(m, rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "target")...)
			for range rapid.IntRange(0, 3).Draw(t, "nd options") {
				o := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "nd option")
				o[0], o[1] = rapid.ByteRange(1, 3).Draw(t, "type"), rapid.SampledFrom([]byte{1, 1, 1, 2, 0}).Draw(t, "length")
				m = append(m, o[:8*max(1, int(o[1]))]...)
			}
		}
	default:
		return payload
	}
	if pseudo != nil {
		pseudo = binary.BigEndian.AppendUint16(slices.Clone(pseudo), uint16(len(m)))
	}
	c := ^sum(slices.Concat(pseudo, m))
	if proto == 17 && c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(m[at:], c)
	return m
}

// settable are the fields that OpSet writes in packets.
var settable = func() (fs []flow.Field) {
	for f := range flow.NumFields {
		if setTexts[f].header != "" {
			fs = append(fs, f)
		}
	}
	return fs
}()

var valueGen = rapid.Custom(func(t *rapid.T) flow.Value {
	return flow.Value{Hi: rapid.Uint64().Draw(t, "hi"), Lo: rapid.Uint64().Draw(t, "lo")}
})

// drawProgram makes a program of up to eight steps by a Builder. Ports are slots 0
// to 4.
func drawProgram(t *rapid.T) *Program {
	b := NewBuilder()
	drawSteps(t, b, 0)
	if rapid.IntRange(0, 4).Draw(t, "drop") == 0 {
		b.Drop(DropTTL)
	}
	return b.Program()
}

func drawSteps(t *rapid.T, b *Builder, clones int) {
	for range rapid.IntRange(0, 8).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"set", "set", "set", "set", "output", "output", "push", "pop", "push_mpls", "pop_mpls", "part", "clone", "copy_ttl_in"}).Draw(t, "step") {
		case "copy_ttl_in":
			b.CopyTTLIn()
		case "part":
			slot := rapid.IntRange(0, 4).Draw(t, "slot")
			b.OutputPart(slot, uint32(slot+1), uint16(rapid.IntRange(14, 100).Draw(t, "max")))
		case "clone":
			if clones < MaxClones {
				b.Clone(func() { drawSteps(t, b, clones+1) })
			}
		case "set":
			m := flow.Ones(128)
			if rapid.Bool().Draw(t, "masked") {
				m = valueGen.Draw(t, "mask")
			}
			b.Set(rapid.SampledFrom(settable).Draw(t, "field"), valueGen.Draw(t, "value"), m)
		case "output":
			slot := rapid.IntRange(0, 4).Draw(t, "slot")
			b.Output(slot, uint32(slot+1))
		case "push":
			b.PushVLAN(rapid.SampledFrom([]uint16{0x8100, 0x88a8}).Draw(t, "tpid"), rapid.Uint16().Draw(t, "tci"))
		case "pop":
			b.PopVLAN()
		case "push_mpls":
			b.PushMPLS(0x8847, rapid.Uint32().Draw(t, "lse"))
		case "pop_mpls":
			b.PopMPLS(rapid.SampledFrom([]uint16{0x0800, 0x8847, 0x86dd, 0x1234}).Draw(t, "type"))
		}
	}
}
