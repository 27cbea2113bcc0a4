package actions

import (
	"fmt"
	"slices"
	"strings"

	"pollux/flow"
	"pollux/internal/packet"
)

// PuntReason says why a packet is sent to a controller.
type PuntReason uint8

// The reasons, with their numbers in OpenFlow 1.4 and up (OFPR_*). The last two are our own:
// versions differ in what they call them, and in whether they want such packets at all.
const (
	PuntNoMatch PuntReason = iota
	PuntAction
	PuntInvalidTTL   // a TTL could not be decremented
	PuntActionSet    // output in the action set
	PuntGroup        // output in a bucket
	PuntPacketOut    // output in a packet-out's own list
	PuntExplicitMiss // output in the table-miss flow: priority 0, and matches all
	PuntImplicitMiss // no flow matched, and the bridge sends such packets
)

const (
	// WholePacket as Punt.MaxLen sends all bytes (OFPCML_NO_BUFFER).
	WholePacket = 0xffff
	// MeterController is the number of the meter of all packets for controllers (OFPM_CONTROLLER).
	MeterController uint32 = 0xfffffffe
	// NoCookie is the cookie of a packet that no rule sent.
	NoCookie = ^uint64(0)
)

// PuntWords are the words of the key that a controller is told, besides the port.
var PuntWords = [...]flow.Word{
	flow.WMeta, flow.WMark, flow.WTunID, flow.WTunIPv4, flow.WTunMisc, flow.WTunSrcHi, flow.WTunSrcLo, flow.WTunDstHi, flow.WTunDstLo,
	flow.WReg0, flow.WReg2, flow.WReg4, flow.WReg6, flow.WReg8, flow.WReg10, flow.WReg12, flow.WReg14,
}

// Punt is the operand of OpController. What it tells of the packet was known when the program
// was made: the decision is for packets of which it is true.
type Punt struct {
	Reason   PuntReason
	Table    uint8
	Pause    bool
	MaxLen   uint16 // bytes that are sent at most
	ID       uint16 // which controllers
	InPort   uint32 // the field, which actions may have written; OpenFlow number
	MeterID  uint32 // 0: none
	Meter    *Meter // nil: none. Only bands that drop matter
	Cookie   uint64 // of the rule; NoCookie: none
	UserData string // the bytes
	Fields   [len(PuntWords)]uint64
	Frozen   Frozen // how the packet goes on when a controller says so, if it pauses here
}

// Frozen is the rest of what is to be done to a packet that pauses: the translation's affair.
// Immutable.
type Frozen interface{ Equal(Frozen) bool }

// Equal says whether both send the same.
func (p *Punt) Equal(o *Punt) bool {
	if p.Frozen == nil || o.Frozen == nil {
		return *p == *o
	}
	c := *p
	c.Frozen = o.Frozen
	return c == *o && p.Frozen.Equal(o.Frozen)
}

func equalPunts(a, b Punt) bool { return a.Equal(&b) }

// EqualPunts says whether both lists send the same.
func EqualPunts(a, b []Punt) bool { return slices.EqualFunc(a, b, equalPunts) }

// Key writes the port and the fields into k.
func (p *Punt) Key(k *flow.Key) {
	k.Clear()
	k.Set(flow.WPort, uint64(p.InPort))
	for i, w := range &PuntWords {
		if p.Fields[i] != 0 {
			k.Set(w, p.Fields[i])
		}
	}
}

// Hash is the same for equal punts.
func (p *Punt) Hash() uint64 {
	h := p.Cookie ^ uint64(p.Table)<<56 ^ uint64(p.Reason)<<48 ^ uint64(p.ID)<<32 ^ uint64(p.MaxLen)<<16 ^ uint64(p.InPort)
	for _, v := range &p.Fields {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h
}

// write writes controller(reason=1,table=0,rule_cookie=0x5,controller_id=0,max_len=65535).
func (p *Punt) write(w *strings.Builder) {
	fmt.Fprintf(w, "controller(reason=%d,table=%d", p.Reason, p.Table)
	if p.Cookie != NoCookie {
		fmt.Fprintf(w, ",rule_cookie=%#x", p.Cookie)
	}
	fmt.Fprintf(w, ",controller_id=%d,max_len=%d", p.ID, p.MaxLen)
	if p.UserData != "" {
		fmt.Fprintf(w, ",userdata=%x", p.UserData)
	}
	switch p.MeterID {
	case 0:
	case MeterController:
		w.WriteString(",meter_id=controller")
	default:
		fmt.Fprintf(w, ",meter_id=%d", p.MeterID)
	}
	if p.Pause {
		w.WriteString(",pause")
	}
	w.WriteByte(')')
}

// lastPunt returns the index of the last OpController that is not in an OpClone, or -1.
func lastPunt(ops []Op) int {
	last := -1
	for n := 0; n < len(ops); n++ {
		switch ops[n].Code {
		case OpController:
			last = n
		case OpClone:
			n += int(ops[n].A)
		}
	}
	return last
}

// punt leaves copies of the packets idx, as they are now, for the control plane. They count
// as copies; with own they are the packets themselves, of which fate keeps what became of
// each until consume.
func (e *Exec) punt(p *Punt, b *packet.Batch, idx []uint16, own bool) {
	var over bitmap
	if p.Meter != nil {
		e.beyond(p.Meter, b, idx, &over)
	}
	var laid, wanted Count
	for j, i := range idx {
		d := b.Desc[i]
		why := DropNone
		switch {
		case over.has(j):
			why = DropMeter
		case e.Punts == nil || !e.Punts.push(p, b.InPort, e.Now, e.Mem.Frame(d)):
			why = DropPuntFull
		default:
			laid.add(1, uint64(d.Len))
			e.witness.left.set(int(i))
			e.witness.some = true
		}
		if own {
			e.fate[i] = why
			continue
		}
		wanted.add(1, uint64(d.Len))
		if why != DropNone {
			e.dropped(why, 1, uint64(d.Len))
			e.witness.failed[i] = why
		}
	}
	e.PuntsLaid.add(int(laid.Packets), laid.Bytes)
	if !own {
		e.Clones.add(int(wanted.Packets), wanted.Bytes)
		e.Consumed.add(int(laid.Packets), laid.Bytes)
	}
}

// consume ends the way of packets whose last step was to be sent to the control plane.
func (e *Exec) consume(b *packet.Batch, idx []uint16) {
	n := 0
	var bytes uint64
	for _, i := range idx {
		if e.fate[i] == DropNone {
			bytes += uint64(b.Desc[i].Len)
			n++
			e.kill(b.Desc[i].Addr)
		}
	}
	e.Consumed.add(n, bytes)
	if n == len(idx) {
		return
	}
	for _, r := range [...]Reason{DropPuntFull, DropMeter} {
		n := 0
		for _, i := range idx {
			if e.fate[i] == r {
				e.unsent[n] = i
				n++
			}
		}
		e.drop(r, b, e.unsent[:n])
	}
}

// beyond asks m about the packets idx and marks those, by position, that it drops.
func (e *Exec) beyond(m *Meter, b *packet.Batch, idx []uint16, over *bitmap) {
	var bytes uint64
	for j, i := range idx {
		bytes += uint64(b.Desc[i].Len)
		e.metered.hit[j] = -1
	}
	m.In.add(len(idx), bytes)
	for k := range m.bands {
		m.bands[k].take(m.packets, e.Now, b, idx, wholeFrame, &e.metered.hit, int8(k))
	}
	for j, i := range idx {
		k := e.metered.hit[j]
		if k < 0 {
			continue
		}
		m.Hits[m.order[k]].add(1, uint64(b.Desc[i].Len))
		if m.bands[k].remark == 0 {
			over.set(j)
		}
	}
}
