package vswitch

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// monitor is an ovs-ofctl that prints what the switch tells.
type monitor struct {
	t    *testing.T
	ctl  string
	out  *syncBuffer
	seen int // how much of what it has printed was looked at
}

// startMonitor runs ovs-ofctl as command says, with BR the bridge at sock.
func startMonitor(t *testing.T, sock, command string) *monitor {
	t.Helper()
	m := &monitor{t: t, ctl: filepath.Join(t.TempDir(), "ctl"), out: &syncBuffer{}}
	args := strings.Fields(strings.ReplaceAll(command, "BR", "unix:"+sock))
	cmd := exec.Command("ovs-ofctl", append([]string{"--unixctl=" + m.ctl}, args...)...)
	cmd.Stdout, cmd.Stderr = m.out, m.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(patience); !m.barrier(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("ovs-ofctl %s is not ready:\n%s", command, m.out)
		}
	}
	return m
}

// barrier has it ask the switch for a barrier, and says whether it could.
func (m *monitor) barrier() bool {
	return exec.Command("ovs-appctl", "-t", m.ctl, "ofctl/barrier").Run() == nil
}

// The monitor's barriers are no part of what it is told, and how long flows lasted differs; what
// of one message comes in no order is sorted.
var (
	itsBarriers = regexp.MustCompile(`(?m)^.*OFPT_BARRIER_REPLY.*\n`)
	lasted      = regexp.MustCompile(`duration[0-9.]+s idle[0-9]+`)
	events      = regexp.MustCompile(`(?m)(^ event=.*\n)+`)
)

// more returns what it has printed since it was asked last, without what differs by nature.
func (m *monitor) more() string {
	text := m.out.String()[m.seen:]
	text = lasted.ReplaceAllString(itsBarriers.ReplaceAllString(text, ""), "durationTs idleI")
	text = events.ReplaceAllStringFunc(text, func(s string) string {
		lines := strings.SplitAfter(strings.TrimSuffix(s, "\n"), "\n")
		lines[len(lines)-1] += "\n"
		slices.Sort(lines)
		return strings.Join(lines, "")
	})
	for _, s := range byNature {
		text = s.re.ReplaceAllString(text, s.by)
	}
	return text
}

// TestOVSMonitors: what ovs-ofctl monitor is told of packets, flows, ports and groups while they
// are changed is what Open vSwitch told it: by testdata/told, whose first command is that of the
// monitor, and in which commands are followed by what the monitor printed.
func TestOVSMonitors(t *testing.T) {
	if _, err := exec.LookPath("ovs-appctl"); err != nil {
		t.Skip("ovs-appctl is not installed")
	}
	eachTranscript(t, "told", func(t *testing.T, tr *transcript, sock, dir string) {
		var m *monitor
		for i := range tr.steps {
			st := &tr.steps[i]
			if m == nil {
				m = startMonitor(t, sock, st.command)
			} else if got := askOfctl(t, sock, dir, st.command); got != "" {
				t.Fatalf("ovs-ofctl %s:\n%s", st.command, got)
			}
			m.barrier()
			st.judge(t, m.settled(st.want()))
		}
	})
}

// settled returns what the monitor has printed since, when that is what is wanted, or nothing
// more comes.
func (m *monitor) settled(want string) string {
	quiet := patience
	if *record || *differ {
		quiet = 1500 * time.Millisecond
	}
	got := m.more()
	for since := time.Now(); time.Since(since) < quiet && (got != want || *record); time.Sleep(10 * time.Millisecond) {
		if now := m.more(); now != got {
			got, since = now, time.Now()
		}
	}
	m.seen = len(m.out.String())
	return got
}
