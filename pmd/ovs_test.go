package pmd_test

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pollux/internal/openvswitch"
)

var (
	ovsCases  = flag.Int("ovs", 20, "compare with a running Open vSwitch in so many random cases (openvswitch-switch is installed, root)")
	ovsSeed   = flag.Uint64("ovs-seed", 1, "the first of them; 0 is any")
	ovsRecord = flag.Bool("ovs-record", false, "write testdata/ovs.gz anew, of those in which they agree")
)

const (
	ovsRecording = "testdata/ovs.gz"
	ovsFound     = "testdata/ovs-found.txt" // cases that have differed once, and others that are not random
)

// ovsMarkType is the Ethernet type of the frame that follows each packet into Open vSwitch, and
// leaves by every port: what left before it is the packet's.
const ovsMarkType = 0x88b5

var ovsMark = []byte{2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 0xff, ovsMarkType >> 8, ovsMarkType & 0xff}

// ovsBridge is an Open vSwitch that cases are put to.
type ovsBridge struct {
	*openvswitch.Switch
	dir   string
	frags string // as set last
}

func startOVS(t *testing.T) *ovsBridge {
	if !openvswitch.Installed() {
		if os.Getenv("CI") == "true" {
			t.Fatal("openvswitch-switch is not installed, or this is not root: make peers installs it")
		}
		t.Skip("openvswitch-switch is not installed, or this is not root")
	}
	var names []string
	for _, n := range ovsPorts[:5] {
		names = append(names, ovsPortName(n))
	}
	s, err := openvswitch.Start(t.TempDir(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.NoFlood("p5"); err != nil {
		t.Fatal(err)
	}
	return &ovsBridge{Switch: s, dir: t.TempDir()}
}

// ask puts a case to Open vSwitch and fills in what left and what was counted. An error is of
// flows that it refuses, and says which.
func (b *ovsBridge) ask(c *ovsCase) error {
	if err := b.load(c); err != nil {
		return err
	}
	if c.frags != b.frags {
		b.frags = c.frags
		if _, err := b.Ofctl("set-frags", b.Bridge(), cmp.Or(c.frags, "normal")); err != nil {
			return err
		}
	}
	if _, err := b.Appctl("fdb/flush"); err != nil {
		return err
	}
	// Decisions of the tables before would be in force for a while.
	if _, err := b.Appctl("revalidator/purge"); err != nil {
		return err
	}
	learns := c.inTurn()
	for i := 0; i < len(c.frames); {
		in, batch := c.frames[i].in, [][]byte(nil)
		first := i
		for ; i < len(c.frames) && c.frames[i].in == in && len(batch) < 90 && (first == i || !learns); i++ {
			batch = append(batch, c.frames[i].data, ovsMark)
		}
		if err := b.Send(ovsPortName(in), batch...); err != nil {
			return err
		}
		if err := b.collect(c.frames[first:i]); err != nil {
			return err
		}
		if learns {
			if _, err := b.Appctl("revalidator/purge"); err != nil {
				return err
			}
		}
	}
	if _, err := b.Appctl("revalidator/purge"); err != nil { // counts
		return err
	}
	out, err := b.Ofctl("dump-flows", b.Bridge())
	if err != nil {
		return err
	}
	c.counts = make([]uint64, len(c.flows))
	for _, m := range dumpedCount.FindAllStringSubmatch(out, -1) {
		cookie, err1 := strconv.ParseUint(m[1], 16, 64)
		n, err2 := strconv.ParseUint(m[2], 10, 64)
		if err1 == nil && err2 == nil && cookie > 0 && cookie <= uint64(len(c.flows)) {
			c.counts[cookie-1] = n
		}
	}
	return nil
}

var dumpedCount = regexp.MustCompile(`cookie=0x([0-9a-f]+),.* n_packets=([0-9]+),`)

// collect reads what left for frames that came in by one port, each followed by the mark.
func (b *ovsBridge) collect(frames []ovsFrame) error {
	for i := range frames {
		frames[i].out = nil
	}
	for _, n := range ovsPorts {
		at := 0
		for end := time.Now().Add(30 * time.Second); at < len(frames); {
			sent, err := b.Sent(ovsPortName(n))
			if err != nil {
				return err
			}
			for _, s := range sent {
				switch {
				case bytes.Equal(s, ovsMark):
					at++
				case at < len(frames):
					frames[at].out = append(frames[at].out, ovsOut{n, s})
				default:
					return fmt.Errorf("port %d: %x left behind the last mark", n, s)
				}
			}
			if at < len(frames) && len(sent) == 0 {
				if time.Now().After(end) {
					return fmt.Errorf("port %d: mark %d of %d did not arrive", n, at+1, len(frames))
				}
				time.Sleep(500 * time.Microsecond)
			}
		}
	}
	for i := range frames {
		sortOuts(frames[i].out)
	}
	return nil
}

// load makes the case's groups and flows, and the one of the mark, the only ones. That one has a
// cookie, as delete_learned is for flows of cookie 0.
func (b *ovsBridge) load(c *ovsCase) error {
	var text strings.Builder
	text.WriteString("flow delete\ngroup delete\n")
	fmt.Fprintf(&text, "flow add cookie=0xffff,table=0,priority=65535,dl_type=%#x actions=all,in_port\n", ovsMarkType)
	for _, g := range c.groups {
		fmt.Fprintf(&text, "group add %s\n", g)
	}
	for i, f := range c.flows {
		fmt.Fprintf(&text, "flow add cookie=%#x,%s\n", i+1, f)
	}
	file := filepath.Join(b.dir, "bundle")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return err
	}
	_, err := b.Ofctl("bundle", b.Bridge(), file)
	return err
}

// refusals makes the case one that both take: what either refuses is left out, and said.
func (b *ovsBridge) refusals(c *ovsCase) (said []string) {
	say := func(who, line string, err error) {
		if _, ok := strings.CutPrefix(line, "group"); !ok || !strings.Contains(err.Error(), "there is no group") { // else it is one that was refused before
			said = append(said, fmt.Sprintf("%s\n  %s: %v", line, who, err))
		}
	}
	keep := func(lines []string, mine func(string) *ovsCase) (kept []string) {
		for _, l := range lines {
			if _, err := newPolluxSwitch(mine(l)); err != nil {
				say("Pollux", l, err)
				continue
			}
			kept = append(kept, l)
		}
		return kept
	}
	var groups []string
	for _, l := range c.groups {
		groups = append(groups, keep([]string{l}, func(string) *ovsCase { return &ovsCase{groups: append(slices.Clone(groups), l)} })...)
	}
	c.groups = groups
	c.flows = keep(c.flows, func(l string) *ovsCase { return &ovsCase{groups: c.groups, flows: []string{l}} })
	for {
		err := b.load(c)
		if err == nil {
			return said
		}
		// ovs-ofctl names the line that it cannot read; Open vSwitch does not.
		if m := bundleLine.FindStringSubmatch(err.Error()); m != nil {
			n, _ := strconv.Atoi(m[1])
			if n -= bundleHead + 1 + len(c.groups); n >= 0 && n < len(c.flows) {
				say("Open vSwitch", c.flows[n], err)
				c.flows = slices.Delete(c.flows, n, n+1)
				continue
			}
		}
		one := slices.IndexFunc(c.flows, func(l string) bool {
			err = b.load(&ovsCase{groups: c.groups, flows: []string{l}})
			return err != nil
		})
		if one < 0 {
			c.groups, c.flows = nil, nil
			return said
		}
		say("Open vSwitch", c.flows[one], err)
		c.flows = slices.Delete(c.flows, one, one+1)
	}
}

// bundleHead is how many lines stand before groups and flows in what load writes.
const bundleHead = 3

var bundleLine = regexp.MustCompile(`bundle:([0-9]+):`)

// TestWhatOpenVSwitchSends: Pollux sends what an Open vSwitch sent, byte by byte, and counts
// what it counted, in all the cases of the recording.
func TestWhatOpenVSwitchSends(t *testing.T) {
	cases, err := recordedCases(ovsRecording)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 50 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		difference, refused := differs(c)
		if refused != nil {
			t.Errorf("case %s: %v", c.name, refused)
		}
		if difference != "" {
			t.Errorf("%s\n%s", difference, c)
		}
	}
}

// TestOpenVSwitchAgrees compares with an Open vSwitch that runs, in random cases: in the same few,
// unless others are asked for, so that what has nothing to do with a change does not fail with it.
func TestOpenVSwitchAgrees(t *testing.T) {
	b := startOVS(t)
	if *ovsSeed == 0 {
		*ovsSeed = rand.Uint64N(1 << 40)
	}
	t.Logf("-ovs-seed %d", *ovsSeed)
	found, err := os.Open(ovsFound)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := readCases(found)
	if err = errors.Join(err, found.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range recorded {
		if err := b.ask(c); err != nil {
			t.Fatalf("case %s: %v", c.name, err)
		}
		if difference, err := differs(c); difference != "" || err != nil {
			t.Errorf("%s%v\n%s", difference, err, c)
		}
	}
	refused, bad := map[string]bool{}, 0
	for seed := *ovsSeed; seed < *ovsSeed+uint64(*ovsCases); seed++ {
		if end, ok := t.Deadline(); ok && time.Until(end) < 20*time.Second {
			break // with what there was time for
		}
		c := makeCase(seed)
		_, ours := newPolluxSwitch(c)
		if theirs := b.load(c); ours != nil || theirs != nil {
			for _, s := range b.refusals(c) {
				refused[s] = true
			}
		}
		if err := b.ask(c); err != nil {
			t.Fatalf("case %d: %v\n%s", seed, err, c)
		}
		difference, err := differs(c)
		if err != nil {
			t.Errorf("case %d: %v", seed, err)
			continue
		}
		if difference != "" {
			bad++
			c = b.smaller(t, c)
			difference, _ = differs(c)
			t.Errorf("%s\n%s", difference, c)
			if bad == 20 {
				break
			}
			continue
		}
		recorded = append(recorded, c)
	}
	for s := range refused {
		t.Logf("one of them refuses:\n%s", s)
	}
	t.Logf("%d cases", len(recorded))
	if *ovsRecord {
		if err := recordCases(ovsRecording, recorded); err != nil {
			t.Fatal(err)
		}
	}
}

// smaller leaves out of a case whatever is not needed for a difference.
func (b *ovsBridge) smaller(t *testing.T, c *ovsCase) *ovsCase {
	try := func(d *ovsCase) bool {
		if _, err := newPolluxSwitch(d); err != nil {
			return false
		}
		if err := b.ask(d); err != nil {
			return false
		}
		diff, err := differs(d)
		if diff == "" || err != nil {
			return false
		}
		c = d
		return true
	}
	frames := func(f []ovsFrame) *ovsCase {
		return &ovsCase{name: c.name, frags: c.frags, groups: c.groups, flows: c.flows, frames: f}
	}
	for i := range c.frames {
		if try(frames(slices.Clone(c.frames[i : i+1]))) {
			break
		}
	}
	for changed := true; changed; {
		changed = false
		for i := len(c.frames) - 1; i >= 0 && len(c.frames) > 1; i-- {
			changed = try(frames(slices.Delete(slices.Clone(c.frames), i, i+1))) || changed
		}
		for i := len(c.flows) - 1; i >= 0; i-- {
			changed = try(&ovsCase{name: c.name, frags: c.frags, groups: c.groups, flows: slices.Delete(slices.Clone(c.flows), i, i+1), frames: slices.Clone(c.frames)}) || changed
		}
		for i := len(c.groups) - 1; i >= 0; i-- {
			changed = try(&ovsCase{name: c.name, frags: c.frags, groups: slices.Delete(slices.Clone(c.groups), i, i+1), flows: c.flows, frames: slices.Clone(c.frames)}) || changed
		}
		// Actions, one by one.
		for i := len(c.flows) - 1; i >= 0; i-- {
			match, list, _ := strings.Cut(c.flows[i], " actions=")
			acts := splitActions(list)
			for j := len(acts) - 1; j >= 0 && len(acts) > 1; j-- {
				flows := slices.Clone(c.flows)
				shorter := slices.Delete(slices.Clone(acts), j, j+1)
				flows[i] = match + " actions=" + strings.Join(shorter, ",")
				if try(&ovsCase{name: c.name, frags: c.frags, groups: c.groups, flows: flows, frames: slices.Clone(c.frames)}) {
					acts, changed = shorter, true
				}
			}
		}
	}
	if err := b.ask(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// splitActions parts actions at the commas that are in no parentheses.
func splitActions(s string) (list []string) {
	depth, from := 0, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == ',' && depth == 0:
			list = append(list, s[from:i])
			from = i + 1
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		}
	}
	return list
}
