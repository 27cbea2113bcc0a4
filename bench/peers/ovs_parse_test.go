package peers

import (
	"os"
	"strings"
	"testing"
	"time"
)

// golden is what a tool has said, of Open vSwitch 3.1.0 with DPDK 22.11.
func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParsePorts(t *testing.T) {
	text := golden(t, "dump-ports.txt")
	ports, err := parsePorts(text)
	if err != nil || len(ports) != 3 || ports["1"] != (portCounts{rx: 37260896}) || ports["2"] != (portCounts{}) {
		t.Errorf("%v, %v", ports, err)
	}
	// The last "tx pkts" is port 2's.
	i := strings.LastIndex(text, "tx pkts=0")
	ports, err = parsePorts(text[:i] + "tx pkts=7" + text[i+len("tx pkts=0"):])
	if err != nil || ports["2"].tx != 7 || ports["1"].tx != 0 {
		t.Errorf("%v, %v", ports, err)
	}
	if _, err := parsePorts("OFPT_ERROR (OF1.3)"); err == nil {
		t.Error("an error was read as ports")
	}
}

func TestParsePMD(t *testing.T) {
	text := golden(t, "pmd-stats-show.txt")
	c, err := parsePMD(text, 1)
	want := pmdCounts{received: 36961728, missed: 2, failed: 690, hits: Hits{Simple: 36960960, Megaflow: 44}}
	if err != nil || c != want {
		t.Errorf("%+v, %v: want %+v", c, err, want)
	}
	for _, bad := range []string{
		"",
		strings.Replace(text, "core_id 1:", "core_id 10:", 1),
		strings.Replace(text, "emc hits: 0", "emc hits: many", 1),
		// That of the main thread must not stand in for it.
		strings.Replace(text, "  miss with failed upcall: 690\n", "", 1),
	} {
		if c, err := parsePMD(bad, 1); err == nil {
			t.Errorf("%+v of %q", c, bad)
		}
	}
}

func TestParseUpcalls(t *testing.T) {
	text := golden(t, "pmd-perf-show.txt")
	n, each, err := parseUpcalls(text, 1)
	if err != nil || n != 2 || each != 43100*time.Nanosecond {
		t.Errorf("%d of %v, %v", n, each, err)
	}
	if _, _, err := parseUpcalls(strings.Replace(text, "- Upcalls:", "- Other:", 1), 1); err == nil {
		t.Error("a text without upcalls was read")
	}
	if _, _, err := parseUpcalls(text, 0); err == nil {
		t.Error("the thread of another core was read")
	}
}

func TestParseVersion(t *testing.T) {
	v, err := parseVersion(golden(t, "version.txt"))
	if err != nil || v != "Open vSwitch 3.1.0 with DPDK 22.11.11" {
		t.Errorf("%q, %v", v, err)
	}
	if v, err := parseVersion("ovs-vswitchd (Open vSwitch) 3.1.0\n"); err == nil {
		t.Errorf("a build without DPDK: %q", v)
	}
}
