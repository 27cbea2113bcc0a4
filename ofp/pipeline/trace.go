package pipeline

import (
	"encoding/hex"
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

// TraceText traces a packet that is given as text: a flow as ParseMatch reads it
// (fields not named are 0), or a frame in hexadecimal, optionally after
// "in_port=N ".
func (s *Snapshot) TraceText(text string) (*TraceResult, error) {
	k, err := s.ParsePacket(text)
	if err != nil {
		return nil, err
	}
	_, frame, _ := cutFrame(strings.TrimSpace(text), s.PortNames())
	return s.trace(k, frame), nil
}

// headersAt returns where the labels of a frame and its network header begin, or packet.None.
func headersAt(frame []byte) (l25, l3 uint16) {
	var k flow.Key
	l25, l3, _ = flow.ExtractOne(frame, 0, &k)
	return l25, l3
}

// ParsePacket reads the packet of a trace; see TraceText.
func (s *Snapshot) ParsePacket(text string) (*flow.Key, error) {
	text = strings.TrimSpace(text)
	names := s.PortNames()
	if in, frame, ok := cutFrame(text, names); ok {
		k := new(flow.Key)
		flow.ExtractOne(frame, in, k)
		return k, nil
	}
	m, err := flow.ParseMatch(text, names)
	if err != nil {
		return nil, fmt.Errorf("neither a flow nor a frame in hexadecimal: %w", err)
	}
	k := m.Key
	if t := k.VlanTCI(); t != 0 {
		k.W[flow.WVLAN] |= flow.VlanCFI << 48
		if uint16(k.W[flow.WVLAN]>>32) == 0 {
			k.W[flow.WVLAN] |= etherTypeVLAN << 32
		}
	}
	return &k, nil
}

// cutFrame reads "[in_port=N ]HEX".
func cutFrame(text string, names flow.PortNames) (in uint32, frame []byte, ok bool) {
	if rest, found := strings.CutPrefix(text, "in_port="); found {
		i := strings.IndexAny(rest, ", ")
		if i < 0 {
			return 0, nil, false
		}
		n, err := flow.ParsePort(rest[:i], names)
		if err != nil {
			return 0, nil, false
		}
		in, text = n, strings.TrimLeft(rest[i:], ", ")
	}
	text = strings.Join(strings.Fields(text), "")
	if len(text) < 28 {
		return 0, nil, false
	}
	b, err := hex.DecodeString(text)
	return in, b, err == nil
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
