package vswitch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"pollux/internal/mixed"
	"pollux/ipfix"
	"pollux/ipfix/cache"
)

// ipfixRig is a switch of two loops, each with a pcap port that plays its part of mixed
// traffic into it; everything goes to a sink in memory. It needs no namespace: its
// collectors are on loopback.
type ipfixRig struct {
	*rig
	traffic *mixed.Traffic
	total   mixed.Counts
	paths   []string
	rate    int // frames a second of each port, 0 as fast as they are taken
	repeat  int // times that the traffic is played
	flows   string
}

// newIPFIXRig makes the traffic and its files. Most flows come in by one loop, some by
// both.
func newIPFIXRig(t *testing.T, cfg mixed.Config) *ipfixRig {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Skip("needs two cores for two loops")
	}
	dir := t.TempDir()
	cfg.Files = 2
	traffic := mixed.Make(cfg)
	paths, err := traffic.WritePcap(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &ipfixRig{
		rig: &rig{
			t: t, loops: "[{core: 0}, {core: 1}]", config: filepath.Join(dir, "switch.yaml"),
			sock: filepath.Join(dir, "s.sock"), out: &syncBuffer{},
		},
		traffic: traffic, total: traffic.Total(), paths: paths, repeat: 1,
		flows: "flows: [\"actions=output:sink\"]\n",
	}
	r.setRate(60_000)
	return r
}

// setRate says how many frames a second each port plays.
func (r *ipfixRig) setRate(rate int) {
	r.rate = rate
	r.ports = fmt.Sprintf(`  - {name: west, type: pcap, loops: [0], pcap: {read: %s, repeat: %d, rate: %d}}
  - {name: east, type: pcap, loops: [1], pcap: {read: %s, repeat: %d, rate: %d}}
  - {name: sink, type: memory, queues: 2, memory: {flows: 0}}
`, r.paths[0], r.repeat, r.rate, r.paths[1], r.repeat, r.rate)
}

// exporter writes the configuration with a bridge exporter to targets; keys are more
// of its keys.
func (r *ipfixRig) exporter(targets []string, keys string) {
	r.t.Helper()
	quoted := make([]string, len(targets))
	for i, a := range targets {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	r.write(fmt.Sprintf(`%sipfix:
  bridge:
    targets: [%s]
    obs_domain_id: 7
    obs_point_id: 8
    enable_output_sampling: false
%s`, r.flows, strings.Join(quoted, ", "), keys))
}

// run starts the switch; traffic flows at once.
func (r *ipfixRig) run() {
	r.t.Helper()
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), runEnv+"="+r.config)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.done = make(chan error, 1)
	go func() { r.done <- r.cmd.Wait() }()
	r.t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			<-r.done
		}
		if r.t.Failed() {
			r.t.Logf("the switch said:\n%s", r.out)
		}
	})
	r.until("ready", func() bool { return strings.Contains(r.out.String(), "\nready") })
}

// until waits for ok.
func (r *ipfixRig) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain for: %s\n%s", what, r.out)
		}
	}
}

// exporterShow is IPFIXShow as a reader of its JSON has it.
type exporterShow struct {
	Name     string        `json:"name"`
	Caches   []cache.Stats `json:"caches"`
	Exporter ipfix.Stats   `json:"exporter"`
}

// bridge returns the counts of the bridge's exporter.
func (r *ipfixRig) bridge() exporterShow {
	r.t.Helper()
	var all []exporterShow
	r.ask(&all, "ipfix")
	for _, x := range all {
		if x.Name == "bridge" {
			return x
		}
	}
	r.t.Fatalf("no exporter of the bridge among %d", len(all))
	return exporterShow{}
}

// received returns the packets that came in.
func (r *ipfixRig) received() uint64 {
	r.t.Helper()
	var show Show
	r.ask(&show, "show")
	return show.Sums.In.Packets
}

// played waits until all frames have come in.
func (r *ipfixRig) played() {
	r.t.Helper()
	want := r.total.Packets * uint64(r.repeat)
	r.until("all frames to be played", func() bool { return r.received() >= want })
}

// idle waits until the caches and the exporter hold nothing any more.
func (r *ipfixRig) idle() {
	r.t.Helper()
	r.until("all records to leave", func() bool {
		x := r.bridge()
		for i := range x.Caches {
			if x.Caches[i].Flows > 0 {
				return false
			}
		}
		return x.Exporter.Pending.Packets == 0
	})
}

// all is what was played.
func (r *ipfixRig) all() cache.Count {
	n := uint64(r.repeat)
	return cache.Count{Packets: n * r.total.Packets, Octets: n * r.total.Octets, L2Octets: n * r.total.L2Octets}
}

// equation checks what the exporter says of itself once everything has come in: of all
// of it and of every collector, seen = exported + held + not sent, in packets, IP octets
// and layer 2 octets, and seen is what was played. It returns the exporter's counts.
func (r *ipfixRig) equation() exporterShow {
	r.t.Helper()
	x := r.balance()
	for _, c := range x.Exporter.Collectors {
		if c.Sums.Seen != r.all() {
			r.t.Errorf("%s: seen %+v, played %+v", c.Address, c.Sums.Seen, r.all())
		}
	}
	return x
}

// balance is equation for collectors that were not there from the start: what they have
// seen is less.
func (r *ipfixRig) balance() exporterShow {
	r.t.Helper()
	var x exporterShow
	r.until("the caches to have seen everything", func() bool {
		x = r.bridge()
		return x.Exporter.Sums.Seen.Packets >= r.all().Packets
	})
	if x.Exporter.Sums.Seen != r.all() {
		r.t.Errorf("seen %+v, played %+v", x.Exporter.Sums.Seen, r.all())
	}
	check := func(who string, s ipfix.Sums) {
		sum := s.Exported
		for _, o := range []cache.Count{s.Held, s.NotSent} {
			sum.Packets += o.Packets
			sum.Octets += o.Octets
			sum.L2Octets += o.L2Octets
		}
		if sum != s.Seen {
			r.t.Errorf("%s: seen %+v, exported + held + not sent %+v: %+v", who, s.Seen, sum, s)
		}
	}
	check("exporter", x.Exporter.Sums)
	for _, c := range x.Exporter.Collectors {
		check(c.Address, c.Sums)
	}
	return x
}
