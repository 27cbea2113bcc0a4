package datapath

import (
	"encoding/json"
	"fmt"
	"time"

	"pollux/actions"
	"pollux/pmd"
)

// Counters is the driver's counts, which can be added.
type Counters pmd.PortCounters

func (a Counters) plus(b pmd.PortCounters) Counters {
	a.RxDropped += b.RxDropped
	a.RxRingFull += b.RxRingFull
	a.RxFillEmpty += b.RxFillEmpty
	a.RxInvalid += b.RxInvalid
	a.TxInvalid += b.TxInvalid
	a.TxErrors += b.TxErrors
	a.Kicks += b.Kicks
	a.KicksAgain += b.KicksAgain
	a.RxKicks += b.RxKicks
	a.Completed += b.Completed
	return a
}

// Lost returns how many packets the device received and the loops never saw, and how
// many descriptors it refused to send. RxFillEmpty is why some of the first were lost,
// not more of them. TxErrors is not in it: most are calls that were tried again.
func (a Counters) Lost() uint64 { return a.RxDropped + a.RxRingFull + a.TxInvalid }

// Trouble is the counts without those of work done: what is not 0 is a loss or an error.
func (a Counters) Trouble() Counters {
	a.Kicks, a.KicksAgain, a.RxKicks, a.Completed = 0, 0, 0, 0
	return a
}

// Totals are a port's counts over all its queues, loops, and devices it has had.
type Totals struct {
	Rx     pmd.QueueStats `json:"rx"`
	Tx     pmd.QueueStats `json:"tx"`
	Full   pmd.QueueStats `json:"full"` // that the transmit queue had no room for, of drops tx_full and handoff_full
	Driver Counters       `json:"driver"`

	// Dropped is what the switch dropped of the packets that came in by the port, copies of
	// them too; and of those that were to leave by it, for the reasons that are of the way
	// out (actions.Reason.AtOutput), of which Full is two.
	Dropped ByReason `json:"dropped"`
}

func (t *Totals) addDrops(list []pmd.SlotDrop) {
	for i := range list {
		plus(&t.Dropped[list[i].Reason], list[i].Count)
	}
}

// Refused adds up the drops of the way out: what the port was to send and did not take.
func (t *Totals) Refused() (c actions.Count) {
	for r := range t.Dropped {
		if actions.Reason(r).AtOutput() {
			plus(&c, t.Dropped[r])
		}
	}
	return c
}

func (t *Totals) addQueues(rx []pmd.RxStats, tx []pmd.TxStats) {
	for _, q := range rx {
		t.Rx.Packets += q.Packets
		t.Rx.Bytes += q.Bytes
	}
	for _, q := range tx {
		t.Tx.Packets += q.Packets
		t.Tx.Bytes += q.Bytes
		t.Full.Packets += q.Full.Packets
		t.Full.Bytes += q.Full.Bytes
	}
}

// PortStats is one port as it stands.
type PortStats struct {
	Slot   int     `json:"slot"`
	OFPort uint32  `json:"ofport"`
	Name   string  `json:"name"`
	Age    float64 `json:"age"` // seconds since the port is one of the switch; its device may have come and gone
	Totals
	Info *pmd.PortInfo `json:"info,omitempty"` // nil while the device is away
	RxQ  []pmd.RxStats `json:"rx_queues,omitempty"`
	TxQ  []pmd.TxStats `json:"tx_queues,omitempty"`
}

// Sums is the closed sum of where packets went (design law 2), in packets and bytes:
// In + Injected + Cloned = Sent + Consumed + Σ Dropped + Held.
type Sums struct {
	In       actions.Count `json:"in"`
	Injected actions.Count `json:"injected"` // packet-outs of controllers
	Cloned   actions.Count `json:"cloned"`
	Sent     actions.Count `json:"sent"`
	Consumed actions.Count `json:"consumed"` // by controllers
	Dropped  ByReason      `json:"dropped"`
	Held     uint64        `json:"held"` // frames on their way between two loops
}

// ByReason is drops by actions.Reason. As JSON it is an object of those that are not 0.
type ByReason [actions.NumReasons]actions.Count

// Minus returns the drops that are not among those of o.
func (d ByReason) Minus(o *ByReason) ByReason {
	for r := range d {
		d[r].Packets -= o[r].Packets
		d[r].Bytes -= o[r].Bytes
	}
	return d
}

// MarshalJSON writes the reasons by name.
func (d ByReason) MarshalJSON() ([]byte, error) {
	m := map[string]actions.Count{}
	for r, c := range d {
		if c != (actions.Count{}) {
			m[actions.Reason(r).String()] = c
		}
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON wrote; a reason it does not know is an error.
func (d *ByReason) UnmarshalJSON(b []byte) error {
	var m map[string]actions.Count
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("drops by reason: %w", err)
	}
	*d = ByReason{}
	for name, c := range m {
		r := actions.Reason(0)
		for ; r < actions.NumReasons && r.String() != name; r++ {
		}
		if r == actions.NumReasons {
			return fmt.Errorf("drops by reason: %q is no reason", name)
		}
		d[r] = c
	}
	return nil
}

func (s *Sums) add(t *Totals) {
	s.In.Packets += t.Rx.Packets
	s.In.Bytes += t.Rx.Bytes
	s.Sent.Packets += t.Tx.Packets
	s.Sent.Bytes += t.Tx.Bytes
}

func plus(c *actions.Count, d actions.Count) {
	c.Packets += d.Packets
	c.Bytes += d.Bytes
}

// DroppedTotal adds up the drops of all reasons.
func (s *Sums) DroppedTotal() (c actions.Count) {
	for _, d := range s.Dropped {
		c.Packets += d.Packets
		c.Bytes += d.Bytes
	}
	return c
}

// Unaccounted is what the closed sum leaves over: 0, or there is a bug. While traffic
// flows it may be off by what moved between the readings of two loops.
func (s *Sums) Unaccounted() int64 {
	return int64(s.In.Packets+s.Injected.Packets+s.Cloned.Packets) - int64(s.Sent.Packets+s.Consumed.Packets+s.DroppedTotal().Packets+s.Held)
}

// Stats is everything counted, as read loop by loop.
type Stats struct {
	Sums  Sums            `json:"sums"`
	Loops []pmd.LoopStats `json:"loops"`
	Ports []PortStats     `json:"ports"`
}

// Stats reads all counts.
func (d *Datapath) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	var s Stats
	now := time.Now() // one for all, so that ages differ by what lies between two additions
	bySlot := map[int]*PortStats{}
	s.Ports = make([]PortStats, 0, len(d.ports))
	for slot := 0; slot < MaxSlots && len(s.Ports) < len(d.ports); slot++ {
		p := d.ports[slot]
		if p == nil {
			continue
		}
		ps := PortStats{Slot: slot, OFPort: p.OFPort, Name: p.Name, Age: now.Sub(p.added).Seconds()}
		if past := d.past[slot]; past != nil {
			ps.Totals = *past
		}
		if p.Dev != nil {
			info := p.Dev.Info()
			ps.Info = &info
			ps.Driver = ps.Driver.plus(p.Dev.Counters())
		}
		s.Ports = append(s.Ports, ps)
		bySlot[slot] = &s.Ports[len(s.Ports)-1]
	}
	s.Sums = d.gone
	for _, l := range d.loops {
		ls, rx, tx := l.Stats()
		for _, q := range rx {
			p := bySlot[q.Slot]
			p.RxQ = append(p.RxQ, q)
			p.addQueues([]pmd.RxStats{q}, nil)
		}
		for _, q := range tx {
			p := bySlot[q.Slot]
			if q.Queue >= 0 {
				p.TxQ = append(p.TxQ, q)
			}
			p.addQueues(nil, []pmd.TxStats{q})
		}
		for i := range ls.Lost {
			bySlot[ls.Lost[i].Slot].addDrops(ls.Lost[i : i+1])
		}
		plus(&s.Sums.Cloned, ls.Clones)
		plus(&s.Sums.Injected, ls.Injected)
		plus(&s.Sums.Consumed, ls.Consumed)
		for r, c := range ls.Drops {
			s.Sums.Dropped[r].Packets += c.Packets
			s.Sums.Dropped[r].Bytes += c.Bytes
		}
		s.Loops = append(s.Loops, ls)
	}
	for i := range s.Ports {
		s.Sums.add(&s.Ports[i].Totals)
	}
	if d.mesh != nil {
		s.Sums.Held = uint64(d.mesh.Waiting())
	}
	return s
}
