package configs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxPorts is the most ports that a switch can have.
const MaxPorts = 512

// reserved are words that flows use for ports that OpenFlow defines.
var reserved = []string{"in_port", "table", "normal", "flood", "all", "controller", "local", "any", "none", "unset", "drop"}

// badName says what is wrong with the name of a port or switch, or "".
func badName(s string) string {
	_, notNumber := strconv.ParseUint(s, 0, 64)
	switch {
	case s == "" || len(s) > 31:
		return fmt.Sprintf("%q has %d characters; a name has 1 to 31", s, len(s))
	case strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@:", r))
	}):
		return fmt.Sprintf("%q has other characters than letters, digits and . _ - @ :", s)
	case notNumber == nil:
		return fmt.Sprintf("%q is a number, which flows would take for an OpenFlow port number; use a letter", s)
	case slices.Contains(reserved, strings.ToLower(s)):
		return fmt.Sprintf("%q is a word of its own in flows; choose another name", s)
	}
	return ""
}

// owners says which port types a key belongs to, where it is not all.
var owners = []struct {
	key   string
	types []PortType
}{
	{"device", []PortType{AFXDP, Tap}},
	{"mode", []PortType{AFXDP}},
	{"rx_ring", []PortType{AFXDP}},
	{"tx_ring", []PortType{AFXDP}},
	{"tx_budget", []PortType{AFXDP}},
	{"busy_poll", []PortType{AFXDP}},
	{"mac", []PortType{Tap}},
	{"address", []PortType{Tap}},
	{"memory", []PortType{MemoryType}},
	{"pcap", []PortType{PCAP}},
}

func (c *checker) checkPorts() {
	names, devices, numbers, written := map[string]string{}, map[string]string{}, map[OFPort]string{}, map[string]string{}
	if n := len(c.c.Ports); n > MaxPorts {
		c.errorf("ports", "%d ports are more than the %d that a switch can have", n, MaxPorts)
	}
	for i := range c.c.Ports {
		p := &c.c.Ports[i]
		path := fmt.Sprintf("ports[%d]", i)
		if c.bad[path] {
			continue
		}
		if msg := badName(p.Name); msg != "" {
			c.errorf(path+".name", "%s", msg)
		} else if other, dup := names[p.Name]; dup {
			c.errorf(path+".name", "%q is already the port of line %d; names are unique", p.Name, c.line(other))
		} else {
			names[p.Name] = path + ".name"
		}
		if other, dup := numbers[p.OFPort]; dup && p.OFPort != 0 {
			c.errorf(path+".ofport", "%v is already the number of the port in line %d; leave the key out to have a free one", p.OFPort, c.line(other))
		} else {
			numbers[p.OFPort] = path
		}
		if p.OFPort == Local && p.Type != Tap {
			c.errorf(path+".ofport", "LOCAL is the switch's own port, a device of the host; only a tap can be it")
		}
		if p.Device != "" {
			if other, dup := devices[p.Device]; dup {
				c.errorf(path+".device", "%s already belongs to the port in line %d", p.Device, c.line(other))
			} else {
				devices[p.Device] = path
			}
		}
		if w := p.PCAP.Write; w != "" {
			if other, dup := written[w]; dup {
				c.errorf(path+".pcap.write", "%s is already written by the port in line %d", w, c.line(other))
			}
			written[w] = path
			if w == p.PCAP.Read {
				c.errorf(path+".pcap.write", "%s is the file that the port reads; it would be overwritten", w)
			}
		}
		c.checkPortType(path, p)
		c.checkPortLoops(path, p)
		c.checkAffinity(path, p)
		c.checkVLAN(path+".vlan", &p.VLAN)
		c.checkQoS(path+".qos", &p.QoS)
	}
}

func (c *checker) checkPortType(path string, p *Port) {
	if c.bad[path+".type"] {
		return
	}
	for _, o := range owners {
		if c.given(path+"."+o.key) && !slices.Contains(o.types, p.Type) {
			c.errorf(path+"."+o.key, "a port of type %s has no %s (only %s has); remove it", p.Type, o.key, o.types[0])
		}
	}
	switch p.Type {
	case AFXDP, Tap:
		if d := p.Device; len(d) > 15 || strings.ContainsAny(d, "/ \t") || d == "." || d == ".." {
			at := path + ".device"
			if !c.given(at) {
				at = path + ".name"
			}
			c.errorf(at, "%q can't be the name of a network device, which has at most 15 characters and no / or space; give the device", d)
		}
	case PCAP:
		if p.PCAP.Read == "" && p.PCAP.Write == "" {
			c.errorf(path+".pcap", "a pcap port needs a file to read, to write, or both: pcap: {read: in.pcap, write: out.pcap}")
		}
	case MemoryType:
		if m := p.Memory; m.Flows > 0 && m.Masks > m.Flows {
			c.errorf(path+".memory.masks", "%d shapes are more than the %d flows", m.Masks, m.Flows)
		}
	}
	if p.Queues > 1 && (p.Type == PCAP || p.Type == Tap) {
		c.errorf(path+".queues", "a port of type %s has one queue, not %d", p.Type, p.Queues)
	}
	if p.TxBudget > p.TxRing && !c.bad[path+".tx_ring"] {
		c.errorf(path+".tx_budget", "%d is more than the %d frames of tx_ring", p.TxBudget, p.TxRing)
	}
}

func (c *checker) checkPortLoops(path string, p *Port) {
	if !c.given(path + ".loops") {
		return
	}
	have := len(c.c.Datapath.Loops)
	if len(p.Loops) != p.Queues && !c.bad[path+".queues"] {
		c.errorf(path+".loops", "%d entries for %d queues; name one loop per queue, or leave the key out", len(p.Loops), p.Queues)
	}
	for q, l := range p.Loops {
		if l >= have && have > 0 {
			c.errorf(fmt.Sprintf("%s.loops[%d]", path, q), "there is no loop %d for queue %d; datapath.loops has loops 0 to %d", l, q, have-1)
		}
	}
}

func (c *checker) checkVLAN(path string, v *VLAN) {
	if !c.given(path) || c.bad[path] || c.bad[path+".mode"] {
		return
	}
	tag := c.given(path + ".tag")
	switch {
	case v.Mode == Access && !tag:
		c.errorf(path, "an access port needs the tag of its VLAN, as in {mode: access, tag: 10}")
	case v.Mode == Access && len(v.Trunks) > 0:
		c.errorf(path+".trunks", "an access port carries one VLAN; remove trunks, or use mode native-untagged")
	case v.Mode == Trunk && tag:
		c.errorf(path+".tag", "a trunk has no VLAN of its own; remove tag, or use mode native-tagged or native-untagged")
	case (v.Mode == NativeTagged || v.Mode == NativeUntagged) && !tag:
		c.errorf(path, "mode %s needs the tag of the native VLAN", v.Mode)
	}
	first := map[int]bool{}
	for i, t := range v.Trunks {
		at := fmt.Sprintf("%s.trunks[%d]", path, i)
		if first[t] && !c.bad[at] {
			c.errorf(at, "VLAN %d is already in the list", t)
		}
		first[t] = true
	}
}
