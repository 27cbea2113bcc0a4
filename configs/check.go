package configs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checker looks at what a single value can't tell: how values go together, and
// with the machine.
type checker struct {
	*decoder
	c   *Config
	opt Options
}

// given reports whether the file has the key at path.
func (c *checker) given(path string) bool { _, ok := c.places[path]; return ok }

// errorf notes an error at the value of path, or of the nearest block around it
// that the file has. A value that is wrong already is left alone.
func (c *checker) errorf(path, format string, args ...any) {
	if c.bad[path] {
		return
	}
	for at := path; ; {
		if p, ok := c.places[at]; ok {
			c.errAt(path, p.line, p.col, "%s: %s", path, fmt.Sprintf(format, args...))
			return
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			c.errAt(path, 1, 1, "%s: %s", path, fmt.Sprintf(format, args...))
			return
		}
		at = at[:i]
	}
}

// line returns the line of the value at path.
func (c *checker) line(path string) int { return c.places[path].line }

func (c *checker) check() {
	c.checkBridge()
	c.checkLoops()
	c.checkMemory()
	c.checkPorts()
	c.checkIPFIX()
	c.checkControl()
	c.checkFlows()
}

func (c *checker) checkBridge() {
	b := &c.c.Bridge
	if msg := badName(b.Name); msg != "" {
		c.errorf("bridge.name", "%s", msg)
	}
	if b.DatapathID == 0 && c.given("bridge.datapath_id") {
		c.errorf("bridge.datapath_id", "0 is no datapath id; leave the key out to have one made")
	}
}

func (c *checker) checkLoops() {
	cpus := c.opt.CPUs()
	if len(c.c.Datapath.Loops) == 0 && !c.bad["datapath.loops"] {
		c.errorf("datapath.loops", "the list is empty; a switch needs at least one loop, as in [{core: %d}]", last(cpus))
	}
	first := map[int]string{}
	for i, l := range c.c.Datapath.Loops {
		path := fmt.Sprintf("datapath.loops[%d].core", i)
		if c.bad[path] || c.bad[fmt.Sprintf("datapath.loops[%d]", i)] {
			continue
		}
		if !slices.Contains(cpus, l.Core) {
			c.errorf(path, "there is no core %d for this process; it may use %s", l.Core, ranges(cpus))
		}
		if other, dup := first[l.Core]; dup {
			c.errorf(path, "core %d is already that of %s in line %d; a polling thread needs a core of its own", l.Core, other, c.line(other))
			continue
		}
		first[l.Core] = path
	}
	if d := &c.c.Datapath; d.Rebalance.Auto && d.RxqAssign == "roundrobin" {
		c.errorf("datapath.rebalance.auto", "roundrobin does not go by load; use pmd_rxq_assign: group, or cycles")
	}
}

func (c *checker) checkMemory() {
	m := &c.c.Datapath.Memory
	if !c.given("datapath.memory.frames_per_loop") || m.FramesPerLoop == 0 {
		return
	}
	for i := range c.c.Datapath.Loops {
		if need := c.c.ringFrames(i) + 2*256; m.FramesPerLoop < need {
			c.errorf("datapath.memory.frames_per_loop", "%d frames are too few for loop %d, whose receive and fill rings hold %d; at least %d, or 0 to have it worked out",
				m.FramesPerLoop, i, need-2*256, need)
			return
		}
	}
}

// checkFlows hands the flows to the parser and puts its errors where the flows
// stand.
func (c *checker) checkFlows() {
	if c.opt.ParseFlows == nil || c.bad["flows"] {
		return
	}
	flows := c.c.Flows
	for _, err := range c.opt.ParseFlows(c.c, flows) {
		if err == nil {
			continue
		}
		var fe *FlowError
		if !errors.As(err, &fe) || fe.Index < 0 || fe.Index >= len(flows) {
			fe = &FlowError{Err: err}
		}
		if fe.Depends != "" && (c.faulty[fe.Depends] || c.faulty[""]) {
			continue
		}
		if len(flows) == 0 {
			c.errorf("flows", "%v", err)
			continue
		}
		l := flows[fe.Index]
		e := &Error{File: l.File, Line: l.Line, Column: l.Column, Msg: "flow: " + err.Error(), Err: err, Source: l.Text}
		e.Column += utf8.RuneCountInString(l.Text[:max(0, min(fe.Offset, len(l.Text)))])
		if l.File == c.file && l.Line <= len(c.lines) {
			e.Source = c.lines[l.Line-1]
		} else {
			e.Source = strings.Repeat(" ", l.Column-1) + l.Text
		}
		c.errs = append(c.errs, e)
	}
}

func last(cpus []int) int {
	if len(cpus) == 0 {
		return 0
	}
	return cpus[len(cpus)-1]
}

// ranges writes numbers as people do: 0-3,6.
func ranges(v []int) string {
	if len(v) == 0 {
		return "none"
	}
	var parts []string
	for i := 0; i < len(v); {
		j := i
		for j+1 < len(v) && v[j+1] == v[j]+1 {
			j++
		}
		s := strconv.Itoa(v[i])
		if j > i {
			s += "-" + strconv.Itoa(v[j])
		}
		parts = append(parts, s)
		i = j + 1
	}
	return strings.Join(parts, ",")
}
