package collector

import (
	"bytes"
	"runtime"
	"testing"
	"time"
)

// TestWorstMessages: no message makes the collector allocate out of proportion, nor
// work for long. The worst are many small values.
func TestWorstMessages(t *testing.T) {
	ones := make([]spec, 4000)
	for i := range ones {
		ones[i] = spec{0, uint16(500 + i), 1}
	}
	empty := make([]spec, 2)
	empty[0] = spec{0, 500, 1}
	body := make([]byte, 65_535-headerLen-setHeaderLen-100)
	tests := map[string][][]byte{
		"records of one byte":            {template(300, 0, spec{0, 500, 1}), setOf(300, body...)},
		"records of one byte, one empty": {template(300, 0, empty...), setOf(300, body...)},
		"records of 4000 bytes":          {template(300, 0, ones...), setOf(300, body...)},
		"records of one empty string":    {template(300, 0, spec{0, 82, 0xffff}), setOf(300, body...)},
		"options of two empty strings":   {template(300, 1, spec{0, 82, 0xffff}, spec{0, 83, 0xffff}), setOf(300, body...)},
		"one long string":                {template(300, 0, spec{0, 82, 0xffff}), setOf(300, values(string(body[3:]))...)},
		"empty sets":                     {template(300, 0, spec{0, 2, 1}), bytes.Repeat([]byte{1, 44, 0, 4}, len(body)/4)},
		"sets of no template":            {bytes.Repeat([]byte{9, 9, 0, 4}, len(body)/4)},
		"template of 16,000 fields":      {setOf(2, append([]byte{1, 44, 0x3e, 0x80}, bytes.Repeat([]byte{2, 0, 0, 1}, 16_000)...)...)},
		"a count of fields that lies":    {setOf(2, 1, 44, 0xff, 0xff)},
		"16,000 templates":               {bytes.Repeat(template(300, 0, spec{0, 2, 1}), 5000)},
		"16,000 withdrawals":             {setOf(2, bytes.Repeat([]byte{1, 44, 0, 0}, 16_000)...)},
	}
	for name, sets := range tests {
		t.Run(name, func(t *testing.T) {
			c := New()
			for _, set := range sets[:len(sets)-1] {
				c.Handle(from, message(1, 0, set))
			}
			m := message(1, 0, sets[len(sets)-1])
			if len(m) > 65_535 {
				t.Fatalf("the test's message has %d bytes", len(m))
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began := time.Now()
			c.Handle(from, m)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("%d MiB are allocated for a message of %d bytes", n>>20, len(m))
			} else {
				t.Logf("%d KiB, %v", n>>10, took)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if after.HeapAlloc > before.HeapAlloc+8<<20 {
				t.Errorf("%d MiB are kept of a message of %d bytes", (after.HeapAlloc-before.HeapAlloc)>>20, len(m))
			}
			check(t, c)
		})
	}
}
