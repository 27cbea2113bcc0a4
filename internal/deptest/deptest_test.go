// Package deptest holds the architecture as a test: imports point down, and what
// runs per packet reaches nothing that talks to people, files or controllers.
package deptest

import (
	"os/exec"
	"strings"
	"testing"
)

// hot is the packages that run per packet.
var hot = []string{
	"pollux/flow",
	"pollux/classifier",
	"pollux/actions",
	"pollux/ipfix/cache",
	"pollux/internal/packet",
	"pollux/internal/ring",
	"pollux/internal/clock",
	"pollux/pmd",
}

// forbidden is what they must not reach, even through others, and why.
var forbidden = map[string]string{
	"pollux/ofp":                       "pmd sees the slow path as the interface pmd.Tables",
	"pollux/configs":                   "a loop is configured by its own small struct",
	"pollux/pmd/datapath":              "the set of loops is control plane",
	"pollux/pmd/port":                  "drivers implement what pmd declares",
	"pollux/ipfix":                     "the exporter reads the cache's ring, never the other way round",
	"pollux/internal/ctl":              "a loop answers its mailbox only",
	"pollux/internal/vswitch":          "assembly is above everything",
	"pollux/bench":                     "measurement is above everything",
	"log":                              "trouble on the hot path is a counter",
	"log/slog":                         "trouble on the hot path is a counter",
	"encoding/json":                    "people and machines are served by the control plane",
	"net":                              "the hot path knows rings, not sockets",
	"net/http":                         "the hot path knows rings, not sockets",
	"os/exec":                          "a loop starts nothing",
	"github.com/vishvananda/netlink":   "devices are opened by the control plane",
	"github.com/cilium/ebpf":           "programs are loaded by the control plane",
	"github.com/goccy/go-yaml":         "configuration is read by the control plane",
	"github.com/spf13/cobra":           "commands are above everything",
	"github.com/gopacket/gopacket":     "the key is parsed by our own extractor",
	"github.com/netsampler/goflow2/v2": "decoding belongs to the collector",
}

// allowed is what the hot set may reach although its own imports would be refused.
var allowed = map[string]string{
	"pollux/internal/cpu": "pins the thread once, before the first packet",
}

func deps(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("go list -deps %s: %v\n%s", pkg, err, out)
	}
	return strings.Fields(string(out))
}

// banned returns the rule that dep breaks in from, or "".
func banned(dep string) string {
	if allowed[dep] != "" {
		return ""
	}
	for bad, why := range forbidden {
		switch {
		case dep == bad:
			return why
		case strings.HasPrefix(dep, bad+"/") && bad != "pollux/ipfix" && strings.Contains(bad, "/"):
			return why
		}
	}
	return ""
}

func TestTheHotSetReachesNothingAbove(t *testing.T) {
	for _, pkg := range hot {
		for _, dep := range deps(t, pkg) {
			if why := banned(dep); why != "" {
				t.Errorf("%s reaches %s: %s", pkg, dep, why)
			}
		}
	}
}

func TestImportsPointDown(t *testing.T) {
	for pkg, above := range map[string][]string{
		"pollux/flow":         {"pollux/classifier", "pollux/actions", "pollux/ipfix", "pollux/pmd"},
		"pollux/classifier":   {"pollux/pmd"},
		"pollux/actions":      {"pollux/classifier", "pollux/pmd"},
		"pollux/ipfix/cache":  {"pollux/classifier", "pollux/actions", "pollux/pmd"},
		"pollux/pmd/port":     {"pollux/ofp", "pollux/configs", "pollux/pmd/datapath", "pollux/internal/vswitch"},
		"pollux/pmd/xsk":      {"pollux/ofp", "pollux/configs", "pollux/ipfix", "pollux/actions", "pollux/internal/vswitch"},
		"pollux/ofp/pipeline": {"pollux/pmd/datapath", "pollux/pmd/port", "pollux/configs", "pollux/internal/vswitch"},
		"pollux/configs":      {"pollux/ofp", "pollux/pmd", "pollux/internal/vswitch"},
	} {
		for _, dep := range deps(t, pkg) {
			for _, a := range above {
				if dep == a || strings.HasPrefix(dep, a+"/") {
					t.Errorf("%s reaches %s, which is above it", pkg, dep)
				}
			}
		}
	}
}

// The check itself must see what it looks for.
func TestTheCheckSees(t *testing.T) {
	for _, dep := range []string{"pollux/ofp/pipeline", "net/http", "github.com/vishvananda/netlink/nl", "pollux/ipfix"} {
		if banned(dep) == "" {
			t.Errorf("%s would go unnoticed", dep)
		}
	}
	for _, dep := range []string{"pollux/ipfix/cache", "net/netip", "pollux/internal/cpu"} {
		if why := banned(dep); why != "" {
			t.Errorf("%s is refused (%s) and should not be", dep, why)
		}
	}
}
