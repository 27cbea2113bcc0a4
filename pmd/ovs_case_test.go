package pmd_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// ovsCase is a switch and packets that Open vSwitch and Pollux are both given. What leaves
// is of Open vSwitch.
type ovsCase struct {
	name   string
	groups []string // as ovs-ofctl add-group reads them
	flows  []string // as ovs-ofctl add-flow reads them; the cookie of flow i is i+1
	frames []ovsFrame
	counts []uint64 // packets of each flow
	frags  string   // how tables see fragments, as ovs-ofctl set-frags has it; "" is normal
}

// ovsFrame is a packet that comes in, and what leaves for it, by port as sent.
type ovsFrame struct {
	in   uint32
	data []byte
	out  []ovsOut
}

type ovsOut struct {
	port uint32
	data []byte
}

// inTurn says that a packet changes what happens to the next: tables or addresses are learned.
func (c *ovsCase) inTurn() bool {
	text := strings.Join(append(c.flows, c.groups...), "\n")
	return strings.Contains(text, "learn(") || strings.Contains(text, "normal")
}

// sortOuts orders what left by port: by one port in the order in which it was sent.
func sortOuts(out []ovsOut) {
	slices.SortStableFunc(out, func(a, b ovsOut) int { return int(int64(a.port) - int64(b.port)) })
}

func sameOuts(a, b []ovsOut) bool {
	return slices.EqualFunc(a, b, func(x, y ovsOut) bool { return x.port == y.port && bytes.Equal(x.data, y.data) })
}

func showOuts(out []ovsOut) string {
	var b strings.Builder
	for _, o := range out {
		fmt.Fprintf(&b, "out %d %x\n", o.port, o.data)
	}
	return b.String()
}

// write writes the case: a line for each group, flow and frame, lines of what leaves behind
// the frame for which it does.
func (c *ovsCase) write(w io.Writer) {
	fmt.Fprintf(w, "case %s\n", c.name)
	if c.frags != "" {
		fmt.Fprintf(w, "frags %s\n", c.frags)
	}
	for _, g := range c.groups {
		fmt.Fprintf(w, "group %s\n", g)
	}
	for i, f := range c.flows {
		n := uint64(0)
		if i < len(c.counts) {
			n = c.counts[i]
		}
		fmt.Fprintf(w, "flow %d %s\n", n, f)
	}
	for _, f := range c.frames {
		fmt.Fprintf(w, "in %d %x\n%s", f.in, f.data, showOuts(f.out))
	}
}

func (c *ovsCase) String() string {
	var b strings.Builder
	c.write(&b)
	return b.String()
}

// readCases reads what write wrote.
func readCases(r io.Reader) (cases []*ovsCase, err error) {
	var c *ovsCase
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		word, rest, _ := strings.Cut(sc.Text(), " ")
		num, more, _ := strings.Cut(rest, " ")
		number, errNum := strconv.ParseUint(num, 10, 64)
		data, errHex := hex.DecodeString(more)
		switch {
		case word == "case":
			c = &ovsCase{name: rest}
			cases = append(cases, c)
		case c == nil:
			return nil, fmt.Errorf("line %d: not in a case", n)
		case word == "frags":
			c.frags = rest
		case word == "group":
			c.groups = append(c.groups, rest)
		case word == "flow" && errNum == nil:
			c.flows, c.counts = append(c.flows, more), append(c.counts, number)
		case word == "in" && errNum == nil && errHex == nil:
			c.frames = append(c.frames, ovsFrame{in: uint32(number), data: data})
		case word == "out" && errNum == nil && errHex == nil && len(c.frames) > 0:
			f := &c.frames[len(c.frames)-1]
			f.out = append(f.out, ovsOut{uint32(number), data})
		default:
			return nil, fmt.Errorf("line %d: %q is no part of a case", n, sc.Text())
		}
	}
	return cases, sc.Err()
}

// recordedCases reads a recording.
func recordedCases(name string) (cases []*ovsCase, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return readCases(z)
}

// recordCases writes a recording.
func recordCases(name string, cases []*ovsCase) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, c := range cases {
		c.write(z)
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

// parseOVSGroup reads what the generator writes of group_id=N,type=T,bucket=K:V,...,actions=....
func parseOVSGroup(s string) (g pipeline.Group, err error) {
	head, rest, _ := strings.Cut(s, ",bucket=")
	if short, ok := strings.CutSuffix(head, ",selection_method=hash,fields(eth_src)"); ok {
		head, g.Selection = short, "hash"
		g.Fields = []pipeline.GroupField{{Field: flow.EthSrc, Mask: flow.EthSrc.Full()}}
	}
	for _, kv := range strings.Split(head, ",") {
		k, v, _ := strings.Cut(kv, "=")
		switch k {
		case "group_id":
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				return g, err
			}
			g.ID = uint32(n)
		case "type":
			i := slices.Index([]string{"all", "select", "indirect", "ff"}, v)
			if i < 0 {
				return g, fmt.Errorf("%s: unknown type", s)
			}
			g.Type = []pipeline.GroupType{pipeline.GroupAll, pipeline.GroupSelect, pipeline.GroupIndirect, pipeline.GroupFastFailover}[i]
		default:
			return g, fmt.Errorf("%s: unknown %s", s, k)
		}
	}
	if rest == "" {
		return g, nil
	}
	for i, text := range strings.Split(rest, ",bucket=") {
		b := pipeline.Bucket{ID: uint32(i), WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup}
		props, list, ok := strings.Cut(text, "actions=")
		if !ok {
			return g, fmt.Errorf("%s: bucket without actions", s)
		}
		for _, kv := range strings.Split(strings.TrimSuffix(props, ","), ",") {
			k, v, ok := strings.Cut(kv, ":")
			if !ok {
				continue
			}
			n, err := strconv.ParseUint(v, 10, 16)
			if err != nil {
				return g, err
			}
			switch k {
			case "weight":
				b.Weight = uint16(n)
			case "watch_port":
				b.WatchPort = uint32(n)
			case "watch_group":
				b.WatchGroup = uint32(n)
			}
		}
		if g.Type == pipeline.GroupSelect && b.Weight == 0 {
			b.Weight = 1
		}
		for _, action := range splitActions(list) {
			// A group's actions are for packets of any kind: what finds no header does nothing. Those
			// of flows are read with a match that promises one.
			var f pipeline.Flow
			for _, match := range []string{"", "ip,", "tcp,", "ipv6,", "mpls,", "arp,", "vlan_tci=0x1000/0x1000,"} {
				if f, err = pipeline.ParseFlow(match+"actions="+action, nil); err == nil {
					break
				}
			}
			if err != nil {
				return g, err
			}
			b.Actions = append(b.Actions, f.Do.Apply...)
		}
		g.Buckets = append(g.Buckets, b)
	}
	return g, nil
}
