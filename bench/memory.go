package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// MemoryScenario is one setting in which the poll loop is measured: its packets come
// from a memory port, that writes the headers of each, and go to another.
type MemoryScenario struct {
	Flows int  `json:"flows"` // distinct UDP flows, sent in turn: the worst order for caches
	Masks int  `json:"masks"` // megaflow masks that the flows are spread over evenly
	IPFIX bool `json:"ipfix"` // every packet accounted on input, in a cache larger than the flows
}

// String is the scenario as the table's first columns.
func (s MemoryScenario) String() string {
	ipfix := "off"
	if s.IPFIX {
		ipfix = "1:1"
	}
	return fmt.Sprintf("%8d %5d %5s", s.Flows, s.Masks, ipfix)
}

// MemoryScenarios are those of the project's own figures. One flow has one mask.
func MemoryScenarios() (list []MemoryScenario) {
	for _, ipfix := range []bool{false, true} {
		for _, masks := range []int{1, 20} {
			for _, flows := range []int{1, 1_000, 100_000, 1_000_000} {
				if masks <= flows {
					list = append(list, MemoryScenario{flows, masks, ipfix})
				}
			}
		}
	}
	return list
}

// MemorySpec is a measurement of scenarios.
type MemorySpec struct {
	Exe       string // the pollux binary
	Scenarios []MemoryScenario
	Repeats   int           // runs of each; default 3
	Time      time.Duration // measured of each run; default 1 s
	Warm      time.Duration // before that, at least; default 300 ms, and until every flow was seen three times
	Core      int           // of the loop
	Echo      io.Writer     // what the switch says, or nil
	Each      func(done, all int, s MemoryScenario, mpps float64)
}

// MemoryResult is what one scenario comes to.
type MemoryResult struct {
	MemoryScenario
	Mpps          Spread  `json:"mpps"`
	NsPacket      Spread  `json:"ns_packet"`      // of the loop's own time, source and sink included
	Disturbed     float64 `json:"disturbed"`      // most of any run: share of the time that others had the core
	ExactShare    float64 `json:"exact_share"`    // of packets, 0 to 1, of the last run
	MegaflowShare float64 `json:"megaflow_share"` // likewise
}

// RunMemory measures the scenarios one after the other, and that as often as asked, so
// that what disturbs the machine for a while disturbs all of them.
func RunMemory(ctx context.Context, s MemorySpec) ([]MemoryResult, error) {
	if s.Repeats == 0 {
		s.Repeats = 3
	}
	if s.Time == 0 {
		s.Time = time.Second
	}
	if s.Warm == 0 {
		s.Warm = 300 * time.Millisecond
	}
	dir, err := WorkDir("bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	// Records go to a socket that exists, so that sending them costs what it costs.
	collector, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer collector.Close()
	go discard(collector)

	results := make([]MemoryResult, len(s.Scenarios))
	mpps, ns := make([][]float64, len(s.Scenarios)), make([][]float64, len(s.Scenarios))
	for rep := range s.Repeats {
		for i, sc := range s.Scenarios {
			p, err := s.run(ctx, sc, dir, collector.LocalAddr().String())
			if err != nil {
				return nil, fmt.Errorf("flows %d, masks %d, ipfix %v: %w", sc.Flows, sc.Masks, sc.IPFIX, err)
			}
			r := &results[i]
			r.MemoryScenario, r.ExactShare, r.MegaflowShare = sc, p.exact, p.mega
			r.Disturbed = max(r.Disturbed, p.disturbed)
			mpps[i], ns[i] = append(mpps[i], p.mpps), append(ns[i], p.ns)
			if s.Each != nil {
				s.Each(rep*len(s.Scenarios)+i+1, s.Repeats*len(s.Scenarios), sc, p.mpps)
			}
		}
	}
	for i := range results {
		results[i].Mpps, results[i].NsPacket = NewSpread(mpps[i]), NewSpread(ns[i])
	}
	return results, nil
}

func discard(c net.PacketConn) {
	buf := make([]byte, 65536)
	for {
		if _, _, err := c.ReadFrom(buf); err != nil {
			return
		}
	}
}

// config is the switch of a scenario. With several masks, each group of the source's
// flows differs in one bit of the Ethernet source address, and has a flow that
// matches that bit alone.
func (s *MemorySpec) config(sc MemoryScenario, socket, collector string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "datapath:\n  loops: [{core: %d}]\n", s.Core)
	fmt.Fprintf(&b, "ports:\n  - {name: in, type: memory, memory: {flows: %d, masks: %d, size: 60}}\n", sc.Flows, sc.Masks)
	fmt.Fprintf(&b, "  - {name: out, type: memory, memory: {flows: 0}}\n")
	fmt.Fprintf(&b, "flows: |\n")
	if sc.Masks == 1 {
		fmt.Fprintf(&b, "  in_port=1,actions=output:2\n")
	} else {
		for g := range sc.Masks {
			bit := uint64(1) << g
			fmt.Fprintf(&b, "  priority=%d,in_port=1,dl_src=%s/%s,actions=output:2\n", 1000-g, macText(bit), macText(bit))
		}
	}
	if sc.IPFIX {
		size := 64
		for size < 4*sc.Flows {
			size *= 2
		}
		fmt.Fprintf(&b, "ipfix:\n  bridge:\n    targets: [%q]\n    sampling: 1\n    enable_output_sampling: false\n    cache_max_flows: %d\n", collector, size)
	}
	fmt.Fprintf(&b, "control: {socket: %s}\n", socket)
	return b.String()
}

func macText(v uint64) string {
	return net.HardwareAddr{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}.String()
}

// perfPoint is what the switch says of its loops, added up, and the scheduler of the
// loop's thread.
type perfPoint struct {
	packets, exact, mega uint64
	seconds              float64
	cpu                  cpuTime
}

type perfRates struct{ mpps, ns, exact, mega, disturbed float64 }

// run starts the switch and measures it between two questions.
func (s *MemorySpec) run(ctx context.Context, sc MemoryScenario, dir, collector string) (r perfRates, err error) {
	file, socket := filepath.Join(dir, "pollux.yaml"), filepath.Join(dir, "pollux.sock")
	if err := os.WriteFile(file, []byte(s.config(sc, socket, collector)), 0o600); err != nil {
		return r, err
	}
	child, err := StartChild(nil, s.Echo, s.Exe, "run", "-c", file)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, child.Stop(10*time.Second)) }()
	if err := child.WaitReady(20 * time.Second); err != nil {
		return r, err
	}
	a, errA := s.warm(ctx, sc, child.Pid(), socket)
	if err := errors.Join(errA, sleep(ctx, s.Time)); err != nil {
		return r, err
	}
	b, err := s.ask(ctx, child.Pid(), socket)
	if err != nil {
		return r, err
	}
	n := float64(b.packets - a.packets)
	if n == 0 || b.seconds <= a.seconds {
		return r, errors.New("no packets were forwarded:\n" + child.Output())
	}
	cpu := b.cpu.since(a.cpu)
	return perfRates{
		mpps: n / (b.seconds - a.seconds) / 1e6, ns: float64(cpu.ran) / n,
		exact: float64(b.exact-a.exact) / n, mega: float64(b.mega-a.mega) / n, disturbed: cpu.disturbed(),
	}, nil
}

// warmLimit bounds the time until every flow was seen. A machine may need a while to
// find memory for a million of them.
const warmLimit = 60 * time.Second

// warm waits until caches hold what they will hold, and returns the counts then.
func (s *MemorySpec) warm(ctx context.Context, sc MemoryScenario, pid int, socket string) (p perfPoint, err error) {
	if err := sleep(ctx, s.Warm); err != nil {
		return p, err
	}
	for end := time.Now().Add(warmLimit); ; {
		p, err := s.ask(ctx, pid, socket)
		if err != nil || p.packets >= 3*uint64(sc.Flows) {
			return p, err
		}
		if time.Now().After(end) {
			return p, fmt.Errorf("only %d packets of %d flows after %v", p.packets, sc.Flows, warmLimit)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return p, err
		}
	}
}

// ask runs `pollux perf` and `pollux show`. A switch that drops is not measured.
func (s *MemorySpec) ask(ctx context.Context, pid int, socket string) (p perfPoint, err error) {
	var perf []struct {
		Packets uint64  `json:"packets"`
		Exact   uint64  `json:"exact_hits"`
		Mega    uint64  `json:"megaflow_hits"`
		Seconds float64 `json:"seconds"`
	}
	if err := s.command(ctx, &perf, "perf", "--json", "--socket", socket); err != nil {
		return p, err
	}
	// Read at once after the answer, as what comes next is slow.
	if p.cpu, err = pinnedTime(pid, s.Core); err != nil {
		return p, err
	}
	for _, l := range perf {
		p.packets += l.Packets
		p.exact += l.Exact
		p.mega += l.Mega
		p.seconds = max(p.seconds, l.Seconds)
	}
	var drops struct {
		Reasons []struct {
			Reason  string `json:"reason"`
			Packets uint64 `json:"packets"`
		} `json:"reasons"`
	}
	if err := s.command(ctx, &drops, "drops", "--json", "--socket", socket); err != nil {
		return p, err
	}
	for _, d := range drops.Reasons {
		if d.Packets > 0 {
			err = errors.Join(err, fmt.Errorf("the switch dropped %d packets: %s", d.Packets, d.Reason))
		}
	}
	return p, err
}

func (s *MemorySpec) command(ctx context.Context, v any, args ...string) error {
	out, err := exec.CommandContext(ctx, s.Exe, args...).Output()
	if err == nil {
		err = json.Unmarshal(out, v)
	}
	if err != nil {
		return fmt.Errorf("pollux %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
