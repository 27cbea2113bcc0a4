package wire

import (
	"encoding/binary"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// actionWriter writes lists of actions. tagged says whether packets are known to have a VLAN
// tag at this point: where 1.0's set_vlan_vid pushes one, the others need an action for it.
type actionWriter struct {
	b      []byte
	v      Version
	tagged bool
}

// AppendActions appends a list of actions as version v has them, with those of Nicira's
// where the specification has none. What has a place in neither is left out: push_vlan in
// 1.0. m, when not nil, is the match of their flow.
func AppendActions(b []byte, v Version, list []pipeline.Action, m *flow.Match) []byte {
	w := actionWriter{b: b, v: v}
	if m != nil {
		w.tagged = flow.Prereqs(flow.DlVlanPCP, &m.Key, &m.Mask) == nil
	}
	w.list(list)
	return w.b
}

func (w *actionWriter) list(list []pipeline.Action) {
	for i := range list {
		w.action(&list[i])
	}
}

// actionBegin appends the head of an action whose length actionEnd fills in.
func actionBegin(b []byte, kind uint16) []byte {
	return append(binary.BigEndian.AppendUint16(b, kind), 0, 0)
}

// actionEnd pads the action that begins at b[at] and writes its length.
func actionEnd(b []byte, at int) []byte {
	b = zeros(b, (8-(len(b)-at)%8)%8)
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	return b
}

// nxBegin appends the head of an action of Nicira's.
func nxBegin(b []byte, subtype uint16) []byte {
	b = binary.BigEndian.AppendUint32(actionBegin(b, actExperimenter), Nicira)
	return binary.BigEndian.AppendUint16(b, subtype)
}

// plain appends an action with a body.
func (w *actionWriter) plain(kind uint16, body ...byte) {
	at := len(w.b)
	w.b = actionEnd(append(actionBegin(w.b, kind), body...), at)
}

// nx appends an action of Nicira's with a body, at least 16 bytes long.
func (w *actionWriter) nx(subtype uint16, body ...byte) {
	at := len(w.b)
	b := append(nxBegin(w.b, subtype), body...)
	w.b = actionEnd(zeros(b, max(0, 16-(len(b)-at))), at)
}

// either appends the specification's action, in 1.0 Nicira's.
func (w *actionWriter) either(kind, subtype uint16, body ...byte) {
	if w.v == V10 {
		w.nx(subtype, body...)
		return
	}
	w.plain(kind, body...)
}

func be16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// port16 is a port as 1.0 and Nicira's actions have it.
func port16(n uint32) uint16 {
	p, _ := PortNumber(n).port10()
	return p
}

func (w *actionWriter) action(a *pipeline.Action) {
	switch a.Kind {
	case pipeline.ActOutput:
		w.output(a.Port, 0)
	case pipeline.ActController:
		w.controller(a.List.Controller)
	case pipeline.ActEnqueue:
		w.enqueue(a)
	case pipeline.ActSetQueue:
		w.queue(a.Queue)
	case pipeline.ActPopQueue:
		w.nx(nxPopQueue)
	case pipeline.ActGroup:
		w.number32(act13Group, nxGroup10, a.Group)
	case pipeline.ActMeter:
		if w.v >= V15 {
			w.plain(act15Meter, be32(a.Meter)...)
		}
	case pipeline.ActSetField:
		w.setField(a)
	case pipeline.ActLoad:
		w.load(a)
	case pipeline.ActMove:
		w.move(a)
	case pipeline.ActModVID:
		w.setTag(act10SetVID, flow.VlanVID, a.Value.Lo|flow.VlanCFI, be16(uint16(a.Value.Lo)))
	case pipeline.ActModPCP:
		w.setTag(act10SetPCP, flow.DlVlanPCP, a.Value.Lo, []byte{byte(a.Value.Lo)})
	case pipeline.ActPushVLAN:
		if w.v != V10 {
			w.plain(act13PushVLAN, be16(a.EtherType)...)
		}
		w.tagged = true
	case pipeline.ActPopVLAN:
		if w.v == V10 {
			w.plain(act10StripVLAN)
		} else {
			w.plain(act13PopVLAN)
		}
		w.tagged = false
	case pipeline.ActModTTL:
		if w.v == V10 {
			w.regLoad(whole(flow.IPTTL), a.Value)
		} else {
			w.plain(act13SetNwTTL, byte(a.Value.Lo))
		}
	case pipeline.ActDecTTL:
		w.either(act13DecNwTTL, nxDecTTL10)
	case pipeline.ActModMPLSTTL:
		w.either(act13SetMPLSTTL, nxSetMPLSTTL10, byte(a.Value.Lo))
	case pipeline.ActDecMPLSTTL:
		w.either(act13DecMPLSTTL, nxDecMPLSTTL10)
	case pipeline.ActPushMPLS:
		w.either(act13PushMPLS, nxPushMPLS10, be16(a.EtherType)...)
	case pipeline.ActPopMPLS:
		w.either(act13PopMPLS, nxPopMPLS10, be16(a.EtherType)...)
	case pipeline.ActCopyTTLOut:
		if w.v != V10 {
			w.plain(act13CopyTTLOut)
		}
	case pipeline.ActCopyTTLIn:
		if w.v != V10 {
			w.plain(act13CopyTTLIn)
		}
	case pipeline.ActSetTunnel, pipeline.ActSetTunnel64:
		w.setTunnel(a)
	default:
		w.nicira(a)
	}
}

func (w *actionWriter) output(port uint32, maxLen uint16) {
	if w.v == V10 {
		w.plain(act10Output, append(be16(port16(port)), be16(maxLen)...)...)
		return
	}
	w.plain(act13Output, append(be32(port), append(be16(maxLen), 0, 0, 0, 0, 0, 0)...)...)
}

func (w *actionWriter) enqueue(a *pipeline.Action) {
	if w.v == V10 {
		w.plain(act10Enqueue, append(append(be16(port16(a.Port)), 0, 0, 0, 0, 0, 0), be32(a.Queue)...)...)
		return
	}
	w.queue(a.Queue)
	w.output(a.Port, maxLenNoBuffer)
	w.nx(nxPopQueue)
}

func (w *actionWriter) queue(n uint32) { w.number32(act13SetQueue, nxSetQueue10, n) }

// number32 appends an action with a number of 32 bits, which in Nicira's is aligned.
func (w *actionWriter) number32(kind, subtype uint16, n uint32) {
	if w.v == V10 {
		w.nx(subtype, append([]byte{0, 0}, be32(n)...)...)
		return
	}
	w.plain(kind, be32(n)...)
}

// setTag appends what sets the VID or the priority of the tag, which is pushed where the
// packets are not known to have one.
func (w *actionWriter) setTag(kind10 uint16, f flow.Field, v uint64, body10 []byte) {
	if w.v == V10 {
		w.plain(kind10, body10...)
	} else {
		if !w.tagged {
			w.plain(act13PushVLAN, 0x81, 0x00)
		}
		w.oxm(f, flow.Value{Lo: v}, f.Full())
	}
	w.tagged = true
}

// controller appends an output to the controller, in the plainest form that says it all.
func (w *actionWriter) controller(c *pipeline.ControllerAction) {
	switch {
	case c.UserData != "" || c.Pause || c.Meter != 0:
		w.controller2(c)
	case c.ID != 0 || c.Reason != reasonAction:
		w.nx(nxController, append(append(be16(c.MaxLen), be16(c.ID)...), c.Reason, 0)...)
	default:
		w.output(flow.PortController, c.MaxLen)
	}
}

func (w *actionWriter) controller2(c *pipeline.ControllerAction) {
	body := make([]byte, 6)
	prop := func(kind uint16, data ...byte) {
		body = append(body, be16(kind)...)
		body = append(append(body, be16(uint16(4+len(data)))...), data...)
		body = zeros(body, (8-(4+len(data))%8)%8)
	}
	if c.MaxLen != maxLenNoBuffer {
		prop(controllerMaxLen, append(be16(c.MaxLen), 0, 0)...)
	}
	if c.ID != 0 {
		prop(controllerID, append(be16(c.ID), 0, 0)...)
	}
	if c.Reason != reasonAction {
		prop(controllerReason, c.Reason)
	}
	if c.UserData != "" {
		prop(controllerUserData, []byte(c.UserData)...)
	}
	if c.Pause {
		prop(controllerPause)
	}
	if c.Meter != 0 {
		prop(controllerMeter, be32(c.Meter)...)
	}
	w.nx(nxController2, body...)
}
