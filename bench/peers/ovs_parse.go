package peers

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// portCounts are a port's packets, of `ovs-ofctl dump-ports`.
type portCounts struct{ rx, tx uint64 }

var (
	portHead = regexp.MustCompile(`^\s*port\s+(\S+): rx pkts=(\d+)`)
	portTail = regexp.MustCompile(`^\s*tx pkts=(\d+)`)
)

// parsePorts reads `ovs-ofctl dump-ports`, by port number or name. Counters that a
// device does not have stand there as a question mark; packets always have a number.
func parsePorts(text string) (map[string]portCounts, error) {
	ports := map[string]portCounts{}
	last := ""
	for line := range strings.Lines(text) {
		if m := portHead.FindStringSubmatch(line); m != nil {
			last = m[1]
			ports[last] = portCounts{rx: number(m[2])}
		} else if m := portTail.FindStringSubmatch(line); m != nil && last != "" {
			p := ports[last]
			p.tx = number(m[1])
			ports[last] = p
		}
	}
	if len(ports) == 0 {
		return nil, fmt.Errorf("ovs-ofctl dump-ports: no port in %q", text)
	}
	return ports, nil
}

// pmdCounts are what a polling thread did, of `dpif-netdev/pmd-stats-show`.
type pmdCounts struct {
	received, missed, failed uint64 // missed: and the upcall has set a flow up
	hits                     Hits
}

// pmdSection returns the lines of the polling thread on a core.
func pmdSection(text string, core int) (string, error) {
	_, rest, ok := strings.Cut(text, fmt.Sprintf(" core_id %d:\n", core))
	if !ok {
		return "", fmt.Errorf("no polling thread on core %d in %q", core, text)
	}
	for _, next := range []string{"\npmd thread", "\nmain thread"} {
		rest, _, _ = strings.Cut(rest, next)
	}
	return rest, nil
}

// parsePMD reads `dpif-netdev/pmd-stats-show`.
func parsePMD(text string, core int) (c pmdCounts, err error) {
	section, err := pmdSection(text, core)
	if err != nil {
		return c, fmt.Errorf("pmd-stats-show: %w", err)
	}
	want := map[string]*uint64{
		"packets received":         &c.received,
		"simple match hits":        &c.hits.Simple,
		"emc hits":                 &c.hits.Exact,
		"smc hits":                 &c.hits.Signature,
		"megaflow hits":            &c.hits.Megaflow,
		"miss with success upcall": &c.missed,
		"miss with failed upcall":  &c.failed,
	}
	for line := range strings.Lines(section) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if p := want[key]; p != nil {
			if *p, err = strconv.ParseUint(strings.TrimSpace(value), 10, 64); err != nil {
				return c, fmt.Errorf("pmd-stats-show: %s: %w", key, err)
			}
			delete(want, key)
		}
	}
	for key := range want {
		return c, fmt.Errorf("pmd-stats-show: no line %q in %q", key, section)
	}
	return c, nil
}

var upcallLine = regexp.MustCompile(`- Upcalls:\s+(\d+)\s+\(\s*[\d.]+ %, ([\d.]+) us/upcall\)`)

// parseUpcalls reads from `dpif-netdev/pmd-perf-show` how many upcalls set a flow up,
// and the time of all upcalls by those.
func parseUpcalls(text string, core int) (n uint64, each time.Duration, err error) {
	section, err := pmdSection(text, core)
	if err != nil {
		return 0, 0, fmt.Errorf("pmd-perf-show: %w", err)
	}
	m := upcallLine.FindStringSubmatch(section)
	if m == nil {
		return 0, 0, fmt.Errorf("pmd-perf-show: no line of upcalls with their time in %q: it wants other_config:pmd-perf-metrics=true", section)
	}
	us, err := strconv.ParseFloat(m[2], 64)
	return number(m[1]), time.Duration(us * 1e3), err
}

var versions = regexp.MustCompile(`\(Open vSwitch\) (\S+)\s+DPDK (\S+)`)

// parseVersion reads `ovs-vswitchd --version` of a build with DPDK.
func parseVersion(text string) (string, error) {
	m := versions.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("ovs-vswitchd --version: neither Open vSwitch's nor DPDK's in %q", text)
	}
	return "Open vSwitch " + m[1] + " with DPDK " + m[2], nil
}

// number reads digits that a pattern has found.
func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}
