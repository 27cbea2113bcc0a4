package collector

import (
	"encoding/binary"
	"math"
)

// spec is a field of a template: its element and length.
type spec struct {
	pen    uint32
	id     uint16
	length uint16
}

// defs makes the body of a set of one template; scope 0 is a data template.
func defs(id uint16, scope int, fields ...spec) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
	if scope > 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(scope))
	}
	for _, f := range fields {
		n := f.id
		if f.pen != 0 {
			n |= 0x8000
		}
		b = binary.BigEndian.AppendUint16(b, n)
		b = binary.BigEndian.AppendUint16(b, f.length)
		if f.pen != 0 {
			b = binary.BigEndian.AppendUint32(b, f.pen)
		}
	}
	return b
}

// template makes a set that defines one template; scope 0 is a data template.
func template(id uint16, scope int, fields ...spec) []byte {
	if scope > 0 {
		return setOf(3, defs(id, scope, fields...)...)
	}
	return setOf(2, defs(id, 0, fields...)...)
}

// withdrawal makes a set that withdraws a template.
func withdrawal(set, id uint16) []byte { return setOf(set, byte(id>>8), byte(id), 0, 0) }

// values encodes values by their own sizes: uint8 to uint64, float64, bytes as they
// are, strings behind their lengths.
func values(vs ...any) []byte {
	var b []byte
	for _, v := range vs {
		switch v := v.(type) {
		case uint8:
			b = append(b, v)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, v)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, v)
		case float64:
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(v))
		case []byte:
			b = append(b, v...)
		case string:
			if len(v) < 255 {
				b = append(b, byte(len(v)))
			} else {
				b = append(b, 255, byte(len(v)>>8), byte(len(v)))
			}
			b = append(b, v...)
		default:
			panic("a value of no known type")
		}
	}
	return b
}
