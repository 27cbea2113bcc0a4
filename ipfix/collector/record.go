package collector

import (
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// Record is a decoded data record.
type Record struct {
	Peer     string    // exporter's address, or name of the file
	Domain   uint32    // observationDomainId
	Exported time.Time // of the message, seconds
	Template uint16
	Scope    int // of an option record, how many of Fields are its scope; 0 for flows
	Fields   []Field

	// Of a flow: what its fields say. Reverse is the other direction of a biflow.
	Key            Key
	Flow           Flow
	Details        Details
	Biflow         bool
	Reverse        Flow
	ReverseDetails Details
	DropName       string // of Details.Drop, "" if the exporter has not told
}

// Field is a value of a record.
type Field struct {
	Element
	Bytes []byte
}

// record makes the form that OnRecord gives away.
func (m *msg) record(id uint16, scopes, values []netflow.DataField) *Record {
	r := &Record{Peer: m.s.peer, Domain: m.domain, Exported: m.exported, Template: id, Scope: len(scopes)}
	r.Fields = make([]Field, 0, len(scopes)+len(values))
	for _, fs := range [][]netflow.DataField{scopes, values} {
		for _, v := range fs {
			b, _ := v.Value.([]byte)
			r.Fields = append(r.Fields, Field{m.s.element(elementOf(v)), b})
		}
	}
	return r
}

// Number returns the value as an unsigned number, 0 if it has more than eight bytes.
func (f *Field) Number() uint64 { return num(f.Bytes) }

// Value returns the value for JSON: a uint64, int64, float64, bool or string. Bytes
// that do not fit their type become hexadecimal digits.
func (f *Field) Value() any {
	b := f.Bytes
	switch t := f.Type; {
	case t == String && utf8.Valid(b):
		return string(b)
	case t >= Unsigned8 && t <= Unsigned64 && len(b) > 0 && len(b) <= 8:
		return number(b)
	case t >= Signed8 && t <= Signed64 && len(b) > 0 && len(b) <= 8:
		shift := 64 - 8*len(b)
		return int64(number(b)<<shift) >> shift
	case (t == Float32 || t == Float64) && (len(b) == 4 || len(b) == 8):
		if v := float(b); !math.IsNaN(v) && !math.IsInf(v, 0) { // JSON has no such numbers
			return v
		}
	case t == Boolean && len(b) == 1 && (b[0] == 1 || b[0] == 2): // RFC 7011 section 6.1.5
		return b[0] == 1
	case t == MACAddress && len(b) == 6:
		return mac([6]byte(b))
	case (t == IPv4Address || t == IPv6Address) && (len(b) == 4 || len(b) == 16):
		a, _ := netip.AddrFromSlice(b)
		return a.String()
	case t == Seconds && len(b) == 4:
		return time.Unix(int64(number(b)), 0).UTC().Format(time.RFC3339)
	case t == Milliseconds && len(b) == 8 && number(b) < 1<<48:
		return time.UnixMilli(int64(number(b))).UTC().Format("2006-01-02T15:04:05.000Z07:00")
	case (t == Microseconds || t == Nanoseconds) && len(b) == 8:
		return ntp(number(b)).UTC().Format(time.RFC3339Nano)
	}
	return hex.EncodeToString(b)
}

// String writes the value for people.
func (f *Field) String() string {
	switch v := f.Value().(type) {
	case string:
		if f.Type == String && utf8.Valid(f.Bytes) {
			return strconv.Quote(v)
		}
		return v
	default:
		return fmt.Sprint(v)
	}
}
