package configs

import (
	"fmt"
	"strings"
	"testing"
)

// TestBits: what is read, and how it is written.
func TestBits(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "999": "999", "1000": "1k", "1500": "1500", "10M": "10M", "1.5G": "1500M", "0.07M": "70k", "100000G": "100000G",
		"2.5k": "2500", "0010": "10", "1001k": "1001k",
	} {
		var b Bits
		if err := b.UnmarshalText([]byte(text)); err != nil || b.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, b, err, want)
		}
		var again Bits
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%q: %v read again is %v, %v", text, b, again, err)
		}
	}
	for _, text := range []string{"", "k", "M", ".5k", "5.", "0", "0.1", "-1", "+1", "1e3", "0x10", "10 M", "10K", "10m", "1.0001k", "100001G", "inf", "NaN", "1_000", "1.2.3"} {
		var b Bits
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, b)
		}
	}
}

// TestQueuesAreRead: all keys of a port's queues, and too many.
func TestQueuesAreRead(t *testing.T) {
	c, err := Parse([]byte("ports:\n- name: a\n  type: memory\n  qos: {queues: [{id: 7, max_rate: 1.5M, burst: 12000}, {id: 0}]}\n"), "x.yaml", Options{CPUs: cores(2)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(c.Ports[0].QoS.Queues), "[{7 1500k 12k} {0 0 0}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var many strings.Builder
	many.WriteString("ports:\n- name: a\n  type: memory\n  qos:\n    queues:\n")
	for i := range MaxQueues + 1 {
		fmt.Fprintf(&many, "    - {id: %d}\n", i)
	}
	if _, err := Parse([]byte(many.String()), "x.yaml", Options{CPUs: cores(2)}); err == nil || !strings.Contains(err.Error(), "257 queues are more than the 256") {
		t.Errorf("too many: %v", err)
	}
}
