package wire

import (
	"fmt"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// actionChecker checks a list against what is known of the packet: the flow's match, as
// actions have changed it so far.
type actionChecker struct {
	v         Version
	match     flow.Match
	packetOut bool
	inSet     bool // the list is written to the action set
}

// CheckActions checks that the actions fit packets of match m: that the fields they read
// and write exist (ActionInconsistent), that this switch has what they write, and that
// they may stand together. packetOut says that they are a packet out's, which alone may
// output to the tables; m then is what the packet is. In 1.0 the specification's own actions
// do nothing to packets they don't fit, and are not refused.
func CheckActions(v Version, m *flow.Match, list []pipeline.Action, packetOut bool) error {
	c := actionChecker{v: v, match: *m, packetOut: packetOut}
	return c.list(list)
}

func (c *actionChecker) list(list []pipeline.Action) error {
	for i := range list {
		if err := c.action(&list[i]); err != nil {
			return err
		}
	}
	return checkConjunction(list)
}

// checkConjunction checks that conjunctions have no company but notes.
func checkConjunction(list []pipeline.Action) error {
	conjunctions, others := false, false
	for i := range list {
		switch list[i].Kind {
		case pipeline.ActConjunction:
			conjunctions = true
		case pipeline.ActNote:
		default:
			others = true
		}
	}
	if conjunctions && others {
		return fmt.Errorf("conjunction beside other actions: %w", ofperr.BadConjunction)
	}
	return nil
}

func (c *actionChecker) action(a *pipeline.Action) error {
	switch a.Kind {
	case pipeline.ActOutput:
		if a.Port == flow.PortTable && !c.packetOut {
			return fmt.Errorf("output to the tables in a flow: %w", ofperr.ActionBadOutPort)
		}
	case pipeline.ActOutputReg, pipeline.ActPush:
		return c.source(a.Src)
	case pipeline.ActPop, pipeline.ActCheckPktLarger:
		return c.destination(a.Dst)
	case pipeline.ActMultipath:
		return c.destination(a.List.Multipath.Dst)
	case pipeline.ActBundle:
		if a.List.Bundle.Dst.Bits != 0 {
			return c.destination(a.List.Bundle.Dst)
		}
	case pipeline.ActMove:
		if err := c.source(a.Src); err != nil {
			return err
		}
		return c.destination(a.Dst)
	case pipeline.ActSetField:
		if c.v == V10 && a.Mask == a.Dst.Field.Full() && legacyField(a.Dst.Field) {
			c.tag(a.Dst.Field == flow.VlanVID || a.Dst.Field == flow.DlVlanPCP)
			return nil
		}
		return c.set(a.Dst.Field, a.Value, a.Mask, a.Dst)
	case pipeline.ActLoad:
		mask := flow.Ones(uint(a.Dst.Bits)).Shl(uint(a.Dst.Lo)).And(a.Dst.Field.Full())
		return c.set(a.Dst.Field, a.Value.Shl(uint(a.Dst.Lo)), mask, a.Dst)
	case pipeline.ActModVID, pipeline.ActModPCP, pipeline.ActPushVLAN:
		c.tag(true)
	case pipeline.ActLearn:
		return c.learn(a.List.Learn)
	case pipeline.ActClone:
		inner := *c
		return inner.list(a.List.Actions)
	default:
		return c.headers(a)
	}
	return nil
}

// headers checks actions that need a header, and those that take or bring one.
func (c *actionChecker) headers(a *pipeline.Action) error {
	switch a.Kind {
	case pipeline.ActPopVLAN:
		if err := c.legacy(flow.DlVlanPCP); err != nil {
			return err
		}
		clearWord(&c.match, flow.WVLAN)
	case pipeline.ActModTTL, pipeline.ActDecTTL, pipeline.ActDecTTLIDs:
		return c.legacy(flow.IPTTL)
	case pipeline.ActModMPLSTTL, pipeline.ActDecMPLSTTL, pipeline.ActCopyTTLOut, pipeline.ActCopyTTLIn:
		return c.legacy(flow.MPLSTTL)
	case pipeline.ActPushMPLS, pipeline.ActPopMPLS:
		if a.Kind == pipeline.ActPopMPLS {
			if err := c.legacy(flow.MPLSTTL); err != nil {
				return err
			}
		}
		// Of what is behind the label nothing is known any more.
		for w := flow.WMPLS; w < flow.NumWords; w++ {
			clearWord(&c.match, w)
		}
		c.match.SetMasked(flow.EthType, flow.Value{Lo: uint64(a.EtherType)}, flow.EthType.Full())
	}
	return nil
}

// legacyField says whether 1.0 has an action of its own that sets f; see set10.
func legacyField(f flow.Field) bool {
	switch f {
	case flow.VlanVID, flow.DlVlanPCP, flow.EthSrc, flow.EthDst, flow.IPv4Src, flow.IPv4Dst, flow.IPDSCP,
		flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc, flow.TCPDst, flow.UDPDst, flow.SCTPDst, flow.MPLSLabel, flow.MPLSTC:
		return true
	}
	return false
}

func clearWord(m *flow.Match, w flow.Word) {
	m.Key.W[w], m.Mask.W[w] = 0, 0
	m.Key.Map &^= 1 << w
	m.Mask.Map &^= 1 << w
}

// tag notes that there is a VLAN tag now.
func (c *actionChecker) tag(there bool) {
	if there {
		c.match.SetMasked(flow.VlanTCI, flow.Value{Lo: flow.VlanCFI}, flow.Value{Lo: flow.VlanCFI})
	}
}

// exists checks that the packets have f.
func (c *actionChecker) exists(f flow.Field) error {
	if f == flow.VlanVID {
		f = flow.DlVlanPCP // the same need, which its row of the table does not state
	}
	if err := flow.Prereqs(f, &c.match.Key, &c.match.Mask); err != nil {
		return fmt.Errorf("%v: %w", err, ofperr.ActionInconsistent)
	}
	return nil
}

// legacy is exists for actions that pass over packets without f in 1.0, and in an action set: it
// is executed in an order of its own, behind whatever flows add to it.
func (c *actionChecker) legacy(f flow.Field) error {
	if c.v == V10 || c.inSet {
		return nil
	}
	return c.exists(f)
}

// source checks a field that is read. The tag's VID reads as 0 where there is none.
func (c *actionChecker) source(s pipeline.Subfield) error {
	if s.Field == flow.VlanVID {
		return nil
	}
	return c.exists(s.Field)
}

// destination checks a field that is written.
func (c *actionChecker) destination(s pipeline.Subfield) error {
	if f := s.Field; unwritable(f) {
		return fmt.Errorf("no packet of this switch has %s: %w", f.Name(), ofperr.ActionBadSetType)
	}
	return c.exists(s.Field)
}

// set checks a field that is set to a value, of which the tag's says whether there is one.
func (c *actionChecker) set(f flow.Field, v, mask flow.Value, s pipeline.Subfield) error {
	if err := c.destination(s); err != nil {
		return err
	}
	if f == flow.VlanTCI && mask.Lo&flow.VlanCFI != 0 {
		if v.Lo&flow.VlanCFI == 0 {
			clearWord(&c.match, flow.WVLAN)
		}
		c.tag(v.Lo&flow.VlanCFI != 0)
	}
	return nil
}

// learn checks what is read of this packet, and that what is matched or set of later ones is
// there by the constants that the learned flow matches.
func (c *actionChecker) learn(l *pipeline.Learn) error {
	learned := actionChecker{v: c.v}
	if l.Table >= pipeline.NumTables {
		return fmt.Errorf("learn into table %d: %w", l.Table, ofperr.ActionBadArgument)
	}
	if l.Result.Bits != 0 {
		if err := c.destination(l.Result); err != nil {
			return err
		}
	}
	for i := range l.Specs {
		s := &l.Specs[i]
		if s.Src.Bits != 0 {
			if err := c.source(s.Src); err != nil {
				return err
			}
		}
		switch s.Kind {
		case pipeline.LearnMatch:
			if err := learned.source(s.Dst); err != nil {
				return err
			}
			if s.Src.Bits == 0 {
				lo := uint(s.Dst.Lo)
				learned.match.SetMasked(s.Dst.Field, s.Value.Shl(lo), flow.Ones(uint(s.Dst.Bits)).Shl(lo))
			}
		case pipeline.LearnLoad:
			if err := learned.destination(s.Dst); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSet checks that the actions may be in the action set (OpenFlow 1.3 section 5.10).
func checkSet(list []pipeline.Action) error {
	for i := range list {
		switch a := &list[i]; a.Kind {
		case pipeline.ActResubmit, pipeline.ActNote, pipeline.ActSample, pipeline.ActExit, pipeline.ActOutputReg,
			pipeline.ActEnqueue, pipeline.ActPopQueue, pipeline.ActClone, pipeline.ActLearn, pipeline.ActConjunction,
			pipeline.ActPush, pipeline.ActPop, pipeline.ActMultipath, pipeline.ActBundle, pipeline.ActFinTimeout,
			pipeline.ActCheckPktLarger, pipeline.ActMeter:
			return fmt.Errorf("action that can't be in the action set: %w", ofperr.ActionBadType)
		case pipeline.ActController:
			if c := a.List.Controller; c.ID != 0 || c.Reason != reasonAction || c.UserData != "" || c.Pause || c.Meter != 0 {
				return fmt.Errorf("controller action in the action set: %w", ofperr.ActionBadType)
			}
		}
	}
	return nil
}

// unwritable says whether f is of connection tracking, which there is not.
func unwritable(f flow.Field) bool { return f >= flow.CtState && f <= flow.CtTpDst }

// unmatchable returns a field that the match asks for and no packet has.
func unmatchable(m *flow.Match) flow.Field {
	for f := flow.CtState; f <= flow.CtTpDst; f++ {
		if !f.GetMask(&m.Mask).IsZero() {
			return f
		}
	}
	if !flow.RecircID.GetMask(&m.Mask).IsZero() {
		return flow.RecircID
	}
	return flow.FieldNone
}
