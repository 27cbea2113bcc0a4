package collector

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// TestValues: a value is shown by its type, or as its bytes where it does not fit.
func TestValues(t *testing.T) {
	tests := []struct {
		kind  Type
		bytes []byte
		want  any
		text  string
	}{
		{Unsigned64, []byte{1, 0}, uint64(256), "256"},
		{Unsigned8, []byte{255, 255, 255, 255, 255, 255, 255, 255}, uint64(math.MaxUint64), "18446744073709551615"},
		{Unsigned64, nil, "", ""},
		{Unsigned64, make([]byte, 9), "000000000000000000", "000000000000000000"},
		{Signed32, []byte{0xff, 0xfe}, int64(-2), "-2"},
		{Signed64, []byte{0x7f}, int64(127), "127"},
		{Float64, values(0.25), 0.25, "0.25"},
		{Float32, []byte{0x3f, 0, 0, 0}, 0.5, "0.5"},
		{Float64, values(math.NaN()), "7ff8000000000001", "7ff8000000000001"},
		{Float64, []byte{1}, "01", "01"},
		{Boolean, []byte{1}, true, "true"},
		{Boolean, []byte{2}, false, "false"},
		{Boolean, []byte{3}, "03", "03"},
		{MACAddress, []byte("abcdef"), "61:62:63:64:65:66", "61:62:63:64:65:66"},
		{MACAddress, []byte("abc"), "616263", "616263"},
		{IPv4Address, []byte{10, 0, 0, 1}, "10.0.0.1", "10.0.0.1"},
		{IPv6Address, append([]byte{0xfd}, make([]byte, 15)...), "fd00::", "fd00::"},
		{String, []byte("a \"b\"\n"), "a \"b\"\n", `"a \"b\"\n"`},
		{String, []byte{0xff}, "ff", "ff"}, // no UTF-8
		{Seconds, []byte{0, 0, 0, 1}, "1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"},
		{Milliseconds, values(uint64(1500)), "1970-01-01T00:00:01.500Z", "1970-01-01T00:00:01.500Z"},
		{Milliseconds, values(uint64(math.MaxUint64)), "ffffffffffffffff", "ffffffffffffffff"},
		{Nanoseconds, values(uint64(2_208_988_800)<<32 | 1<<31), "1970-01-01T00:00:00.5Z", "1970-01-01T00:00:00.5Z"},
		{OctetArray, []byte{1, 2}, "0102", "0102"},
		{200, []byte{1, 2}, "0102", "0102"}, // a type that RFC 5610 does not have
	}
	for _, tt := range tests {
		f := Field{Element{Type: tt.kind}, tt.bytes}
		if got := f.Value(); got != tt.want {
			t.Errorf("%v of %x: %v (%T), want %v", tt.kind, tt.bytes, got, got, tt.want)
		}
		if f.String() != tt.text {
			t.Errorf("%v of %x: %s, want %s", tt.kind, tt.bytes, f.String(), tt.text)
		}
	}
}

// TestJSON: one object a line, elements in their order, one that is there more than
// once as an array, names as they were told.
func TestJSON(t *testing.T) {
	c := New()
	var lines []string
	c.OnRecord(func(r *Record) {
		b, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	})
	c.Handle(from, message(1, 0, typeTemplate, typeInfo(99, 7, Unsigned16, `odd "name"`),
		template(300, 0, spec{0, 2, 2}, spec{99, 7, 2}, spec{0, 2, 1}, spec{99, 8, 2}, spec{reversePEN, 2, 1}, spec{0, 490, 1}),
		setOf(300, 0, 5, 1, 0, 6, 0xab, 0xcd, 7, 8)))
	want := `{"type":"flow","peer":"127.0.0.1:4739","domain":1,"exported":"1970-01-01T00:00:01Z","template":300,"elements":{"packetDeltaCount":[5,6],"odd \"name\"":256,"element99_8":"abcd","reversePacketDeltaCount":7,"element490":8}}`
	if len(lines) != 2 || lines[1] != want {
		t.Errorf("got\n%s\nwant\n%s", lines[len(lines)-1], want)
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) || strings.Contains(l, "\n") {
			t.Errorf("no JSON of one line: %s", l)
		}
	}
	if !strings.HasPrefix(lines[0], `{"type":"option",`) || !strings.Contains(lines[0], `"scope":2`) {
		t.Errorf("option: %s", lines[0])
	}
}

// TestTimes: the four kinds of time mean the same.
func TestTimes(t *testing.T) {
	at := time.Unix(1_700_000_000, 500_000_000)
	ntp := (uint64(at.Unix())+2_208_988_800)<<32 | 1<<31
	for _, tt := range []struct {
		start, end uint16
		value      any
		want       time.Time
	}{
		{150, 151, uint32(at.Unix()), at.Truncate(time.Second)},
		{152, 153, uint64(at.UnixMilli()), at},
		{154, 155, ntp, at},
		{156, 157, ntp, at},
	} {
		b := values(tt.value, tt.value)
		c := New()
		c.Handle(from, message(1, 0, template(300, 0, spec{0, tt.start, uint16(len(b) / 2)}, spec{0, tt.end, uint16(len(b) / 2)}), setOf(300, b...)))
		for _, f := range c.Flows() {
			if !f.First.Equal(tt.want) || !f.Last.Equal(tt.want) {
				t.Errorf("elements %d, %d: %v to %v, want %v", tt.start, tt.end, f.First, f.Last, tt.want)
			}
		}
	}
}
