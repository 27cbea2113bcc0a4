package configs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// complete fills in what has no fixed default because it depends on other keys.
func (c *checker) complete() {
	if c.opt.CPUs == nil {
		c.opt.CPUs = func() []int { return cpusAtStart }
	}
	cfg := c.c
	if _, given := c.places["datapath.loops"]; !given {
		if cpus := c.opt.CPUs(); len(cpus) > 0 {
			cfg.Datapath.Loops = []Loop{{Core: cpus[len(cpus)-1]}}
		}
	}
	c.completePorts()
	c.completeVLANs()
	c.completeControl()
	c.completeTLS()
	if len(cfg.Flows) == 0 && len(cfg.Control.Controllers) == 0 && !c.bad["flows"] && !c.bad["flows_file"] {
		cfg.Flows = FlowText{{Text: "actions=NORMAL", File: c.file, Line: 1, Column: 1}}
		cfg.FlowsAuto = true
	}
	if cfg.Datapath.Memory.FramesPerLoop == 0 && !c.bad["datapath.memory.frames_per_loop"] {
		cfg.Datapath.Memory.FramesPerLoop, cfg.Datapath.Memory.FramesAuto = framesFor(cfg), true
	}
}

// completePorts gives ports their devices and numbers and queues their loops. A
// port without ofport takes the lowest number that no port names, in file order.
func (c *checker) completePorts() {
	ports := c.c.Ports
	named := map[OFPort]bool{}
	for _, p := range ports {
		named[p.OFPort] = true
	}
	free := OFPort(1)
	for i := range ports {
		p := &ports[i]
		path := fmt.Sprintf("ports[%d]", i)
		if p.Device == "" && (p.Type == AFXDP || p.Type == Tap) {
			p.Device = p.Name
		}
		if !c.given(path + ".tx_budget") {
			p.TxBudget = min(p.TxBudget, p.TxRing)
		}
		if p.OFPort == 0 && !c.bad[path+".ofport"] {
			for named[free] {
				free++
			}
			p.OFPort = free
			free++
		}
	}
	c.completeQueues()
}

// completeVLANs sets the mode where the file leaves it to the tag, as Open
// vSwitch does.
func (c *checker) completeVLANs() {
	for i := range c.c.Ports {
		switch v := &c.c.Ports[i].VLAN; {
		case v.Mode != "":
		case c.given(fmt.Sprintf("ports[%d].vlan.tag", i)):
			v.Mode = Access
		default:
			v.Mode = Trunk
		}
	}
}

// framesFor is the default of frames_per_loop: what the ports need and some spare, a
// multiple of 1024 (whole huge pages), at least 8192.
func framesFor(c *Config) int {
	return max(8192, (c.FramesNeeded()+spareFrames+1023)/1024*1024)
}

// spareFrames is for one more AF_XDP port of the default rings, which a reload may bring.
const spareFrames = 4 * 2048

// FramesNeeded returns how many frames each loop must own so that no ring starves: its
// queues' receive and fill rings full, a transmit and completion ring of every afxdp
// port full, and some batches on their way. Where queues change loops by themselves, it
// may get as much again.
func (c *Config) FramesNeeded() int {
	most, all := 0, 0
	for loop := range c.Datapath.Loops {
		most = max(most, c.ringFrames(loop))
		all += c.ringFrames(loop)
	}
	if c.Datapath.Rebalance.Auto {
		most = min(2*most, all)
	}
	for _, p := range c.Ports {
		if p.Type == AFXDP {
			most += 2 * p.TxRing
		}
	}
	return most + 4*256
}

// ringFrames returns how many frames the receive and fill rings that loop polls
// can hold.
func (c *Config) ringFrames(loop int) (n int) {
	for _, p := range c.Ports {
		if p.Type != AFXDP {
			continue
		}
		for _, l := range p.Loops {
			if l == loop {
				n += 2 * p.RxRing
			}
		}
	}
	return n
}

// cpusAtStart is read before a running switch keeps its other threads away from the
// loops' cores: a reload may name those cores again.
var cpusAtStart = ownCPUs()

// ownCPUs returns the cores that this process may run on.
func ownCPUs() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cpus []int
	for i := range 8 * len(set) * 8 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus
}
