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
// itself, with a witness; nothing is learned or counted.
func (s *Snapshot) Trace(key *flow.Key) *TraceResult {
	u := pmd.Upcall{Key: key, Thread: -1}
	t := newTracer(s)
	x := new(xlate)
	x.begin(s, &u, t)
	x.packet()
	final := x.key
	x.end()
	names := s.PortNames()
	r := &TraceResult{
		Flow:     formatKey(key, names),
		Steps:    &t.root,
		Final:    "unchanged",
		Megaflow: formatMegaflow(key, &u.Mask, names),
		Actions:  u.Program.String(),
		FDB:      u.FDB,
		Mask:     u.Mask,
		Program:  u.Program,
	}
	if final.W != key.W {
		r.Final = formatKey(&final, names)
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
	fmt.Fprintf(&b, "\nFinal flow: %s\nMegaflow: %s\nDatapath actions: %s\n", r.Final, r.Megaflow, r.Actions)
	if r.Drop != "" {
		fmt.Fprintf(&b, "Dropped: %s\n", r.Drop)
	}
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
	return s.Trace(k), nil
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

// formatKey writes a key as a flow: every field that is not zero, and the
// Ethernet header in any case.
func formatKey(k *flow.Key, names flow.PortNames) string {
	m := flow.Match{Key: *k}
	for w, v := range k.W {
		if v != 0 {
			m.Mask.Or(flow.Word(w), ^uint64(0))
		}
	}
	for _, f := range []flow.Field{flow.EthSrc, flow.EthDst, flow.EthType, flow.VlanTCI} {
		f.OrMask(&m.Mask, f.Full())
	}
	if k.VlanTCI() == 0 {
		m.Mask.W[flow.WVLAN] = 0xffff << 48
	} else {
		m.Mask.W[flow.WVLAN] = 0xffff << 48
		if k.W[flow.WVLAN]>>16&flow.VlanCFI != 0 {
			m.Mask.W[flow.WVLAN] |= 0xffff << 16
		}
	}
	trimMask(k, &m.Mask)
	return m.Format(names)
}

// trimMask takes away bits of the mask that no field of the packet owns, so that
// only what the packet has is shown.
func trimMask(k *flow.Key, m *flow.Mask) {
	var keep flow.Mask
	for f := flow.RecircID; f < flow.NumFields; f++ {
		if flow.Fields[f].Pre.Met(k) {
			f.OrMask(&keep, f.Full())
		}
	}
	for w := range m.W {
		m.W[w] &= keep.W[w]
		if m.W[w] == 0 {
			m.Map &^= 1 << w
		}
	}
	if k.EthType() != 0x0800 && k.EthType() != 0x86dd {
		m.W[flow.WIP] &= keep.W[flow.WIP]
	} else if k.NwFrag() == 0 {
		m.W[flow.WIP] &^= 0xff << 32
	}
}

// formatMegaflow writes a megaflow as ofproto/trace does.
func formatMegaflow(k *flow.Key, mask *flow.Mask, names flow.PortNames) string {
	var m flow.Match
	m.Mask = *mask
	m.Mask.Apply(&m.Key, k)
	return "recirc_id=0,eth," + m.Format(names)
}
