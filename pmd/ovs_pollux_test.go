package pmd_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/packet"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/port"
)

// ovsPorts are the ports of the bridges that are compared: numbers 1 to 5, and the bridge's own.
// FLOOD passes port 5 by.
var ovsPorts = []uint32{1, 2, 3, 4, 5, flow.PortLocal}

// ovsFrags are the ways in which tables see fragments.
var ovsFrags = []string{"normal", "drop", "nx-match"}

func ovsPortName(n uint32) string {
	if n == flow.PortLocal {
		return "br0"
	}
	return fmt.Sprintf("p%d", n)
}

// polluxSwitch is a switch with the ports of ovsPorts and a loop that is driven by hand.
type polluxSwitch struct {
	state *pipeline.State
	pub   pmd.Published
	loop  *pmd.Loop
	ports []*port.Memory
}

// newPolluxSwitch makes the switch of a case. Errors are of flows or groups that it refuses.
func newPolluxSwitch(c *ovsCase) (*polluxSwitch, error) {
	const frames = 256
	s := &polluxSwitch{}
	mem := &packet.Memory{Buf: make([]byte, frames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: frames}
	var ports []pipeline.Port
	for i, n := range ovsPorts {
		ports = append(ports, pipeline.Port{OFPort: n, Slot: uint32(i), Name: ovsPortName(n), Up: true, NoFlood: n == 5})
	}
	var err error
	s.state, err = pipeline.New(pipeline.Config{Name: "br0", Ports: ports, Threads: 1, Now: func() int64 { return 1 }})
	if err != nil {
		return nil, err
	}
	for _, line := range c.groups {
		g, err := parseOVSGroup(line)
		if err == nil {
			err = s.state.GroupMod(&pipeline.GroupMod{Command: pipeline.GroupAdd, Group: g}, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", line, err)
		}
	}
	for i, line := range c.flows {
		f, err := pipeline.ParseFlow(fmt.Sprintf("cookie=%#x,%s", i+1, line), nil)
		if err == nil {
			err = s.state.Add(f)
		}
		if err != nil {
			return nil, fmt.Errorf("flow %d %s: %w", i, line, err)
		}
	}
	if i := slices.Index(ovsFrags, c.frags); i >= 0 {
		s.state.SetFragments([]pipeline.Fragments{pipeline.FragNormal, pipeline.FragDrop, pipeline.FragMatch}[i])
	} else if c.frags != "" {
		return nil, fmt.Errorf("frags %s: %q are known", c.frags, ovsFrags)
	}
	s.state.OnPublish(func(snap *pipeline.Snapshot) { s.pub.Store(snap) })
	s.loop, err = pmd.NewLoop(pmd.LoopConfig{
		Burst: 32, ExactEntries: 64, Megaflows: 256, MegaflowMasks: 64, MegaflowIdle: 1e18,
		Memory: mem, Tables: &s.pub, Slots: len(ovsPorts), Verify: 2,
	})
	if err != nil {
		return nil, err
	}
	for i, n := range ovsPorts {
		p, err := port.OpenMemory(port.MemoryConfig{Capture: 512}, mem)
		if err != nil {
			return nil, err
		}
		s.ports = append(s.ports, p)
		rx, tx := p.Queues()
		s.loop.AddRx(i, 0, n, rx[0])
		s.loop.AddTx(i, 0, n, tx[0], 0, &actions.Staging{})
	}
	return s, nil
}

// send has a frame come in, and returns what leaves. blind says that the packet's treatment
// asked for what was under an MPLS label.
func (s *polluxSwitch) send(in uint32, frame []byte) (out []ovsOut, blind bool, err error) {
	before := s.drops(actions.DropHidden)
	for i, n := range ovsPorts {
		if n == in && s.ports[i].Inject(frame) != 1 {
			return nil, false, fmt.Errorf("no room to inject a frame")
		}
	}
	for s.loop.Iterate() > 0 {
	}
	for i, p := range s.ports {
		frames, lost := p.Captured()
		if lost != 0 {
			return nil, false, fmt.Errorf("port %d: %d captured frames lost", ovsPorts[i], lost)
		}
		for _, f := range frames {
			out = append(out, ovsOut{ovsPorts[i], bytes.Clone(f)})
		}
	}
	sortOuts(out)
	s.loop.Punts().Drain(func(*actions.PuntedPacket) {})
	s.state.Tick()
	return out, s.drops(actions.DropHidden) > before, nil
}

// drops returns how many packets were dropped for any of some reasons.
func (s *polluxSwitch) drops(reasons ...actions.Reason) (n uint64) {
	counts, _, _ := s.loop.Stats()
	for _, r := range reasons {
		n += counts.Drops[r].Packets
	}
	return n
}

// counts returns the packets of each of n flows.
func (s *polluxSwitch) counts(n int) []uint64 {
	s.loop.Ask(s.loop.PushAll())
	for s.loop.Iterate() > 0 {
	}
	counts := make([]uint64, n)
	for _, f := range s.state.DumpFlows() {
		if f.Cookie > 0 && f.Cookie <= uint64(n) {
			counts[f.Cookie-1] = f.Packets
		}
	}
	return counts
}

// differs compares what Pollux does in a case with what Open vSwitch did, and says in words
// where they first differ; "" if nowhere. Each frame comes in again at once, and has to
// be treated the same by what the caches have then, unless it can have changed the tables.
// refused is set where Pollux has not this case's flows.
func differs(c *ovsCase) (difference string, refused error) {
	s, err := newPolluxSwitch(c)
	if err != nil {
		return "", err
	}
	times := uint64(2)
	if c.inTurn() {
		times = 1
	}
	blind := false
	for i := range c.frames {
		f := &c.frames[i]
		for n := range times {
			out, hidden, err := s.send(f.in, f.data)
			if err != nil {
				return err.Error(), nil
			}
			blind = blind || hidden
			if !hidden && !sameOuts(out, f.out) {
				return fmt.Sprintf("in %d %x, for the %d. time\nOpen vSwitch\n%sPollux\n%s", f.in, f.data, n+1, showOuts(f.out), showOuts(out)), nil
			}
		}
	}
	if n := s.loop.Counts().Differed; n != 0 {
		return fmt.Sprintf("%d decisions differed from a fresh translation", n), nil
	}
	if strings.Contains(strings.Join(c.flows, "\n"), "check_pkt_larger") {
		return "", nil // Open vSwitch counts what follows for both answers
	}
	if blind || s.drops(actions.DropResubmitDepth, actions.DropResubmitCount, actions.DropTranslate) > 0 {
		return "", nil // what was counted on the way to a limit follows from the limit
	}
	for i, n := range s.counts(len(c.flows)) {
		if n != times*c.counts[i] {
			return fmt.Sprintf("flow %d %s: Open vSwitch counts %d packets, Pollux %d", i, c.flows[i], c.counts[i], n/times), nil
		}
	}
	return "", nil
}
