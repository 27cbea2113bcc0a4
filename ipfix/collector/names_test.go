package collector_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"pollux/ipfix"
	"pollux/ipfix/collector"
)

// TestNamesOfTheExporter: what the collector calls an element, and takes for its type,
// is what the exporter means by it, for each of IANA's and of Open vSwitch's.
func TestNamesOfTheExporter(t *testing.T) {
	for _, e := range ipfix.Elements {
		if e.Enterprise == ipfix.Own {
			continue // these it learns
		}
		c := collector.New()
		var got collector.Field
		c.OnRecord(func(r *collector.Record) { got = r.Fields[0] })
		id := e.ID
		var pen []byte
		if e.Enterprise != 0 {
			id |= 0x8000
			pen = binary.BigEndian.AppendUint32(nil, e.Enterprise)
		}
		b := []byte{0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0, byte(14 + len(pen)), 1, 0, 0, 1, 0, 1, byte(id >> 8), byte(id), 255, 255}
		b = append(append(b, pen...), 1, 0, 0, 5, 0)
		b[3] = byte(len(b))
		c.Handle(netip.MustParseAddrPort("127.0.0.1:1"), b)
		if s := c.Totals(); s.Options != 1 || s.Errors != 0 {
			t.Fatalf("%s: totals %+v", e.Name, s)
		}
		if got.Name != e.Name {
			t.Errorf("element %d is %q, want %q", e.ID, got.Name, e.Name)
		}
		want := e.Type.String()
		if strings.HasPrefix(want, "unsigned") { // reduced sizes: any
			if !strings.HasPrefix(got.Type.String(), "unsigned") {
				t.Errorf("%s is %v, want %s", e.Name, got.Type, want)
			}
		} else if got.Type.String() != want {
			t.Errorf("%s is %v, want %s", e.Name, got.Type, want)
		}
	}
}
