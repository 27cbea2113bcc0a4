package configs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Affinity is queues that cores poll, as pmd-rxq-affinity of Open vSwitch writes them:
// 0:4,1:5.
type Affinity []QueueCore

// QueueCore is a receive queue and the core whose loop polls it.
type QueueCore struct{ Queue, Core int }

func (a Affinity) String() string {
	var parts []string
	for _, q := range a {
		parts = append(parts, fmt.Sprintf("%d:%d", q.Queue, q.Core))
	}
	return strings.Join(parts, ",")
}

// MarshalText writes a as UnmarshalText reads it.
func (a Affinity) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads QUEUE:CORE,QUEUE:CORE,…
func (a *Affinity) UnmarshalText(b []byte) error {
	var list Affinity
	for part := range strings.SplitSeq(string(b), ",") {
		queue, core, _ := strings.Cut(strings.TrimSpace(part), ":")
		q, err1 := strconv.ParseUint(queue, 10, 16)
		c, err2 := strconv.ParseUint(core, 10, 16)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("%q is not QUEUE:CORE as in \"0:4,1:5\", in quotes", part)
		}
		list = append(list, QueueCore{int(q), int(c)})
	}
	*a = list
	return nil
}

// completeQueues gives every queue its loop: the one that the file names, or else those in
// turn that may poll queues which are not pinned.
func (c *checker) completeQueues() {
	loops := c.c.Datapath.Loops
	isolated := make([]bool, len(loops))
	for i := range c.c.Ports {
		p := &c.c.Ports[i]
		named := c.given(fmt.Sprintf("ports[%d].loops", i))
		p.Pinned = make([]bool, max(0, p.Queues))
		for q := range p.Pinned {
			l := p.coresLoop(q, loops)
			if named && q < len(p.Loops) {
				l = p.Loops[q]
			}
			p.Pinned[q] = l >= 0
			if l >= 0 && l < len(loops) {
				isolated[l] = c.c.Datapath.RxqIsolate
			}
		}
	}
	var open []int
	for l := range loops {
		if !isolated[l] || !slices.Contains(isolated, false) {
			open = append(open, l)
		}
	}
	turn := 0
	for i := range c.c.Ports {
		p := &c.c.Ports[i]
		if c.given(fmt.Sprintf("ports[%d].loops", i)) || len(loops) == 0 {
			continue
		}
		p.Loops = make([]int, len(p.Pinned))
		for q := range p.Loops {
			if p.Pinned[q] {
				p.Loops[q] = p.coresLoop(q, loops)
				continue
			}
			p.Loops[q] = open[turn%len(open)]
			turn++
		}
	}
}

// coresLoop returns the loop whose core pmd_rxq_affinity names for queue q, -1 for none.
func (p *Port) coresLoop(q int, loops []Loop) int {
	k := slices.IndexFunc(p.Affinity, func(a QueueCore) bool { return a.Queue == q })
	if k < 0 {
		return -1
	}
	return slices.IndexFunc(loops, func(l Loop) bool { return l.Core == p.Affinity[k].Core })
}

// checkAffinity looks at pmd_rxq_affinity of a port.
func (c *checker) checkAffinity(path string, p *Port) {
	at := path + ".pmd_rxq_affinity"
	if !c.given(at) || c.bad[at] {
		return
	}
	if c.given(path + ".loops") {
		c.errorf(at, "loops says already who polls each queue; keep one of the two")
		return
	}
	var cores []int
	for _, l := range c.c.Datapath.Loops {
		cores = append(cores, l.Core)
	}
	slices.Sort(cores)
	seen := map[int]bool{}
	for _, a := range p.Affinity {
		switch {
		case a.Queue >= p.Queues && !c.bad[path+".queues"]:
			c.errorf(at, "there is no queue %d; the port has queues 0 to %d", a.Queue, p.Queues-1)
		case seen[a.Queue]:
			c.errorf(at, "queue %d is given twice; keep one of them", a.Queue)
		case !slices.Contains(cores, a.Core) && !c.bad["datapath.loops"]:
			c.errorf(at, "there is no loop on core %d; datapath.loops has cores %s", a.Core, ranges(cores))
		}
		seen[a.Queue] = true
	}
}

// withLoopsOf returns b with the loops of a for queues that neither file pins: they stay
// where they are.
func withLoopsOf(a, b *Config) *Config {
	c := *b
	c.Ports = slices.Clone(b.Ports)
	for i := range c.Ports {
		p := &c.Ports[i]
		k := slices.IndexFunc(a.Ports, func(w Port) bool { return w.Name == p.Name })
		if k < 0 || !slices.Equal(a.Ports[k].Pinned, p.Pinned) || len(a.Ports[k].Loops) != len(p.Loops) {
			continue
		}
		p.Loops = slices.Clone(p.Loops)
		for q, pinned := range p.Pinned {
			if !pinned {
				p.Loops[q] = a.Ports[k].Loops[q]
			}
		}
	}
	return &c
}
