package pipeline

import (
	"fmt"
	"strings"

	"pollux/actions"
	"pollux/flow"
	"pollux/pmd"
)

// TraceResult is everything that a trace found out.
type TraceResult struct {
	Flow     string           `json:"flow"`
	Steps    *TraceNode       `json:"steps"`
	Final    string           `json:"final_flow"` // "unchanged" where it is
	Megaflow string           `json:"megaflow"`
	Actions  string           `json:"datapath_actions"`
	Drop     string           `json:"drop,omitempty"` // why nothing is sent
	FDB      bool             `json:"fdb"`            // learned addresses took part
	Mask     flow.Mask        `json:"-"`
	Program  *actions.Program `json:"-"`
}

// Trace translates key and records every step. It is the translation of the loops
// itself, with a witness; nothing is learned or counted. What is asked of the packet is
// answered as of one that is short and has nothing but zeros under its labels, and said so.
func (s *Snapshot) Trace(key *flow.Key) *TraceResult { return s.trace(key, nil) }

// trace is Trace of a packet with these bytes, unless they are nil.
func (s *Snapshot) trace(key *flow.Key, frame []byte) *TraceResult {
	u := pmd.Upcall{Key: key, Thread: -1, Answers: new(flow.Key)}
	var t *tracer
	var final flow.Key
	for {
		t = newTracer(s)
		t.bytes = frame != nil
		if n := key.InPort(); n != 0 && n != flow.PortController && n != flow.PortAny && s.ports.get(n) == nil {
			t.fail("received packet on unknown port %s", t.portName(n))
		}
		for i := range u.Asked {
			if frame == nil && !u.Asked[i].OfKey() {
				t.warn("%s: not known without the packet's bytes, taken to be no, or 0", &u.Asked[i])
			}
		}
		x := new(xlate)
		x.begin(s, &u, t)
		x.packet()
		final = x.key
		final.Set(flow.WSet, key.W[flow.WSet]) // of an action set that has been executed nothing is left
		x.end()
		q := u.Program.Asks
		if q == nil {
			break
		}
		if frame != nil || q.OfKey() {
			l25, l3 := headersAt(frame)
			q.Answer(key, frame, l25, l3, u.Answers)
		}
		u.Asked = append(u.Asked, *q)
	}
	r := &TraceResult{
		Flow:     formatKey(key),
		Steps:    &t.root,
		Final:    "unchanged",
		Megaflow: FormatAsked(withAnswers(key, u.Answers), &u.Mask, u.Asked),
		Actions:  u.Program.String(),
		FDB:      u.FDB,
		Mask:     u.Mask,
		Program:  u.Program,
	}
	if final.W != key.W {
		r.Final = formatKey(&final)
	}
	if u.Program.Last < 0 {
		r.Drop = u.Program.Drop.String()
	}
	return r
}

// String writes the trace as ovs-appctl ofproto/trace does.
func (r *TraceResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Flow: %s\n\n", r.Flow)
	r.Steps.write(&b, 0, true)
	fmt.Fprintf(&b, "\nFinal flow: %s\n", r.Final)
	if r.Drop != "" {
		fmt.Fprintf(&b, "Drop reason: %s\n", r.Drop)
	}
	fmt.Fprintf(&b, "Megaflow: %s\nDatapath actions: %s\n", r.Megaflow, r.Actions)
	return b.String()
}

// headersAt returns where the labels of a frame and its network header begin, or packet.None.
func headersAt(frame []byte) (l25, l3 uint16) {
	var k flow.Key
	l25, l3, _ = flow.ExtractOne(frame, 0, &k)
	return l25, l3
}

// formatKey writes a key as a flow: metadata where it is not 0, and every field of
// the headers that the packet has.
func formatKey(k *flow.Key) string {
	var m flow.Match
	for f := flow.RecircID; f < flow.NumFields; f++ {
		i := &flow.Fields[f]
		switch {
		case f >= flow.XReg0 && f <= flow.XXReg3: // the registers say it
		case i.Word < flow.StageL2 && f != flow.InPort && f.Get(k).IsZero():
		case f == flow.IPv6ExtHdr && f.Get(k).IsZero():
		case f == flow.VlanTPID && f.Get(k).Lo == etherTypeVLAN:
		case (f == flow.VlanTCI2 || f == flow.VlanTPID2) && flow.VlanTCI2.Get(k).IsZero():
		case i.Pre.Met(k):
			m.SetMasked(f, f.Get(k), f.Full())
		}
	}
	return m.Format(nil)
}

// FormatMegaflow writes a megaflow, the bits mask of key k, as ofproto/trace does.
func FormatMegaflow(k *flow.Key, mask *flow.Mask) string {
	m := flow.Match{Mask: *mask}
	m.Mask.W[flow.WPort] &= 0xffffffff
	m.Mask.Apply(&m.Key, k)
	head := fmt.Sprintf("recirc_id=%#x,eth", k.W[flow.WPort]>>32)
	if k.W[flow.WPort]>>32 == 0 {
		head = "recirc_id=0,eth"
	}
	return head + "," + m.Format(nil)
}
