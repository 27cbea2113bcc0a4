package vswitch

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/pipeline"
	"pollux/pmd/datapath"
)

// Text writes the switch as a whole.
func (v *Show) Text(w io.Writer) {
	fmt.Fprintf(w, "%s: datapath id %s, pollux %s, pid %d, up %s\n", v.Name, v.DatapathID, v.Version, v.PID, seconds(v.Uptime))
	fmt.Fprintf(w, "  config  %s\n", v.Config)
	fmt.Fprintf(w, "  cpu     %s, %s\n", v.CPU.Name, strings.Join(v.CPU.Features, " "))
	fmt.Fprintf(w, "  procs   cores %v, GOMAXPROCS %d\n", v.CPU.Cores, v.Procs)
	huge := "no huge pages"
	if v.Memory.HugePages {
		huge = "huge pages"
	}
	fmt.Fprintf(w, "  memory  %s, frames of %d bytes, %d a loop, %s\n", size(v.Memory.Bytes), v.Memory.FrameSize, v.Memory.PerLoop, huge)
	fmt.Fprintf(w, "  tables  %s, %s; generation %d, of addresses %d\n", plural(v.Flows, "flow"),
		strings.Replace(plural(v.MACs, "learned address"), "addresss", "addresses", 1), v.Generation, v.FDBGeneration)
	if v.LearnedLate > 0 {
		fmt.Fprintf(w, "          packets left %s before the flows that learn actions made of them were there\n", plural(int(v.LearnedLate), "time"))
	}
	fmt.Fprintln(w)
	t := newTable(">loop", ">core", ">free frames", ">megaflows", "queues")
	for i := range v.Loops {
		l := &v.Loops[i]
		t.row(l.ID, l.Core, l.FreeFrames, l.Megaflows, orDash(strings.Join(l.Queues, " ")))
	}
	t.write(w)
	fmt.Fprintln(w)
	t = newTable(">port", "name", "type", "device", "mode", "state", "VLAN", ">rx packets", ">tx packets")
	for i := range v.Ports {
		p := &v.Ports[i]
		t.row(portNumber(p.OFPort), p.Name, p.Type, orDash(p.Device), orDash(mode(p)), p.State, p.VLAN, p.Rx.Packets, p.Tx.Packets)
	}
	t.write(w)
	fmt.Fprintln(w)
	if len(v.Controllers) > 0 {
		controllersText(w, v, time.Now())
		fmt.Fprintln(w)
	}
	sumsText(w, &v.Sums, v.Unaccounted)
}

// portNumber writes an OpenFlow port number.
func portNumber(n uint32) string {
	if n == flow.PortLocal {
		return "LOCAL"
	}
	return fmt.Sprint(n)
}

func mode(p *PortShow) string {
	if p.Info == nil {
		return ""
	}
	return p.Info.Mode
}

// sumsText writes the closed sum of packets in one line.
func sumsText(w io.Writer, s *datapath.Sums, unaccounted int64) {
	injected, consumed := "", ""
	if n := s.Injected.Packets; n > 0 {
		injected = fmt.Sprintf(" + injected %d", n)
	}
	if n := s.Consumed.Packets; n > 0 {
		consumed = fmt.Sprintf(" + consumed %d", n)
	}
	fmt.Fprintf(w, "packets: in %d%s + cloned %d = sent %d%s + dropped %d + held %d; unaccounted %d\n",
		s.In.Packets, injected, s.Cloned.Packets, s.Sent.Packets, consumed, s.DroppedTotal().Packets, s.Held, unaccounted)
}

// portsText writes all that is known of the ports: a table of counts, then a block
// for each.
func portsText(w io.Writer, ports []PortShow) {
	t := newTable(">port", "name", "state", ">rx packets", ">rx bytes", ">tx packets", ">tx bytes", ">tx full", ">lost by driver")
	for i := range ports {
		p := &ports[i]
		t.row(portNumber(p.OFPort), p.Name, p.State, p.Rx.Packets, p.Rx.Bytes, p.Tx.Packets, p.Tx.Bytes, p.Full.Packets, p.Driver.Lost())
	}
	t.write(w)
	for i := range ports {
		ports[i].text(w)
	}
}

func (p *PortShow) text(w io.Writer) {
	fmt.Fprintf(w, "\nport %s (%s): %s", p.Name, portNumber(p.OFPort), p.Type)
	if p.Device != "" {
		fmt.Fprintf(w, " %s", p.Device)
	}
	fmt.Fprintf(w, ", %s, VLAN %s\n", p.State, p.VLAN)
	if i := p.Info; i != nil {
		parts := []string{plural(i.Queues, "queue")}
		if i.Mode != "" {
			parts = append(parts, "mode "+i.Mode)
		}
		if i.MAC != "" {
			parts = append(parts, "addr "+i.MAC)
		}
		if i.MTU != 0 {
			parts = append(parts, fmt.Sprintf("mtu %d", i.MTU))
		}
		for _, k := range sortedKeys(i.Details) {
			parts = append(parts, k+": "+i.Details[k])
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(parts, ", "))
	}
	for _, q := range p.RxQ {
		fmt.Fprintf(w, "  rx queue %d: loop %d, %s\n", q.Queue, q.Loop, plural(q.Packets, "packet"))
	}
	for _, q := range p.TxQ {
		fmt.Fprintf(w, "  tx queue %d: loop %d, %s\n", q.Queue, q.Loop, plural(q.Packets, "packet"))
	}
	if d := dropsText(&p.Dropped); d != "" {
		fmt.Fprintf(w, "  dropped: %s\n", d)
	}
	if d := driverText(&p.Driver); d != "" {
		fmt.Fprintf(w, "  driver: %s\n", d)
	}
}

// dropsText names the reasons with a count.
func dropsText(d *datapath.ByReason) string {
	var parts []string
	for r, c := range d {
		if c.Packets != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", actions.Reason(r), c.Packets))
		}
	}
	return strings.Join(parts, ", ")
}

// driverText names the driver's counts that are not 0.
func driverText(c *datapath.Counters) string {
	var parts []string
	for _, x := range []struct {
		name string
		n    uint64
	}{
		{"rx dropped", c.RxDropped}, {"rx ring full", c.RxRingFull}, {"rx fill ring empty", c.RxFillEmpty},
		{"rx invalid", c.RxInvalid}, {"tx invalid", c.TxInvalid}, {"tx errors", c.TxErrors}, {"kicks", c.Kicks}, {"kicks again", c.KicksAgain}, {"rx kicks", c.RxKicks}, {"completed", c.Completed},
	} {
		if x.n != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", x.name, x.n))
		}
	}
	return strings.Join(parts, ", ")
}

// megaflowsText writes the decisions of each loop, as dpctl/dump-flows does.
func megaflowsText(w io.Writer, flows []MegaflowShow) {
	loop := -1
	for i := range flows {
		f := &flows[i]
		if f.Loop != loop {
			loop = f.Loop
			fmt.Fprintf(w, "flow-dump from loop %d:\n", loop)
		}
		used := "never"
		if f.Used >= 0 {
			used = fmt.Sprintf("%.3fs", f.Used)
		}
		var notes string
		if f.FDB {
			notes += ", fdb"
		}
		if f.Stale {
			notes += ", stale"
		}
		fmt.Fprintf(w, "%s, packets:%d, bytes:%d, used:%s%s, actions:%s\n", f.Match, f.Packets, f.Bytes, used, notes, f.Actions)
	}
	if len(flows) == 0 {
		fmt.Fprintln(w, "no megaflows: no packet came lately")
	}
}

// fdbText writes the learned addresses, as fdb/show does.
func fdbText(w io.Writer, entries []pipeline.FDBEntry) {
	fmt.Fprintln(w, " port  VLAN  MAC                Age")
	for _, e := range entries {
		fmt.Fprintf(w, "%5s  %4d  %s  %3d\n", portNumber(e.Port), e.VLAN, e.MAC, e.Age)
	}
}

// fdbStatsText writes what became of learned addresses, as fdb/stats-show does. Static ones there
// are none; that a loop had no room to tell of some, which are learned later, is said if it was so.
func fdbStatsText(w io.Writer, bridge string, v *pipeline.FDBStats) {
	fmt.Fprintf(w, "Statistics for bridge %q:\n", bridge)
	fmt.Fprintf(w, "  Current/maximum MAC entries in the table: %d/%d\n", v.Current, v.Max)
	for _, c := range []struct {
		name string
		n    uint64
	}{
		{"Current static MAC entries in the table", 0},
		{"Total number of learned MAC entries", v.Learned},
		{"Total number of expired MAC entries", v.Expired},
		{"Total number of evicted MAC entries", v.Evicted},
		{"Total number of port moved MAC entries", v.Moved},
	} {
		fmt.Fprintf(w, "  %-40s: %d\n", c.name, c.n)
	}
	if v.Lost > 0 {
		fmt.Fprintf(w, "  %-40s: %d\n", "Learned late, a loop's ring being full", v.Lost)
	}
}

// Text writes where packets went.
func (v *DropsShow) Text(w io.Writer) {
	s := &v.Sums
	dropped := s.DroppedTotal()
	t := newTable("", ">packets", ">bytes")
	t.row("in", s.In.Packets, s.In.Bytes)
	if s.Injected.Packets > 0 {
		t.row("injected", s.Injected.Packets, s.Injected.Bytes)
	}
	t.row("cloned", s.Cloned.Packets, s.Cloned.Bytes)
	t.row("sent", s.Sent.Packets, s.Sent.Bytes)
	if s.Consumed.Packets > 0 {
		t.row("consumed", s.Consumed.Packets, s.Consumed.Bytes)
	}
	t.row("dropped", dropped.Packets, dropped.Bytes)
	t.row("held", s.Held)
	t.row("unaccounted", v.Unaccounted)
	t.write(w)
	if len(v.Reasons) > 0 {
		fmt.Fprintln(w)
		t = newTable("reason", ">packets", ">bytes", "meaning")
		for _, r := range v.Reasons {
			t.row(r.Reason, r.Packets, r.Bytes, r.Sentence)
		}
		t.write(w)
	}
	if len(v.Ports) > 0 {
		fmt.Fprintln(w, "\nby port, that packets came in by or could not leave by:")
		for i := range v.Ports {
			p := &v.Ports[i]
			name := p.Port
			if name == "" {
				name = "of controllers, or of ports that are gone"
			}
			fmt.Fprintf(w, "  %s: %s\n", name, dropsText(&p.Dropped))
		}
	}
	if len(v.Full) > 0 {
		fmt.Fprintln(w, "\nno room to send, by port:")
		for _, f := range v.Full {
			fmt.Fprintf(w, "  %s: %s\n", f.Port, plural(f.Packets, "packet"))
		}
	}
	if len(v.Driver) > 0 {
		fmt.Fprintln(w, "\noutside of the switch, by the kernel and the devices:")
		for i := range v.Driver {
			d := v.Driver[i].Trouble()
			fmt.Fprintf(w, "  %s: %s\n", v.Driver[i].Port, driverText(&d))
		}
	}
}
