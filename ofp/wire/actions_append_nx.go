package wire

import (
	"encoding/binary"
	"math/bits"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// setField appends the action that sets a field: of the specification where a version has
// it, else those of 1.0, else Nicira's loads, one for each run of bits of the mask.
func (w *actionWriter) setField(a *pipeline.Action) {
	f := a.Dst.Field
	all := a.Mask == f.Full()
	switch {
	case w.v >= V15 || w.v != V10 && all:
		w.oxm(f, a.Value, a.Mask)
	case w.v == V10 && all && w.set10(f, a.Value):
	default:
		w.loads(f, a.Value, a.Mask)
	}
}

// oxm appends OFPAT_SET_FIELD.
func (w *actionWriter) oxm(f flow.Field, v, mask flow.Value) {
	at := len(w.b)
	b := actionBegin(w.b, act13SetField)
	if f == flow.InPort {
		// NXM's, as OpenFlow says that its own can't be set. It has the lower 16 bits.
		if mask.Lo&0xffff == 0xffff {
			mask = f.Full()
		}
		b = tlvOf(f, V10).appendValue(b, v, mask)
	} else {
		b = AppendOXM(b, w.v, OXM{Field: f, Value: v, Mask: mask})
	}
	w.b = actionEnd(b, at)
}

// setTunnel appends Nicira's action of 1.0; later versions set the field.
func (w *actionWriter) setTunnel(a *pipeline.Action) {
	switch {
	case w.v != V10:
		w.oxm(flow.TunID, a.Value, flow.TunID.Full())
	case a.Kind == pipeline.ActSetTunnel:
		w.nx(nxSetTunnel, append([]byte{0, 0}, be32(uint32(a.Value.Lo))...)...)
	default:
		w.nx(nxSetTunnel64, appendBigEndian(make([]byte, 6), a.Value, 8)...)
	}
}

// set10 appends the action of 1.0 that sets all of f, if it has one.
func (w *actionWriter) set10(f flow.Field, v flow.Value) bool {
	mac := func() []byte { return zeros(appendBigEndian(nil, v, 6), 6) }
	port := be16(uint16(v.Lo))
	switch f {
	case flow.VlanVID:
		w.plain(act10SetVID, be16(uint16(v.Lo&0xfff))...)
	case flow.DlVlanPCP:
		w.plain(act10SetPCP, byte(v.Lo))
	case flow.EthSrc:
		w.plain(act10SetEthSrc, mac()...)
	case flow.EthDst:
		w.plain(act10SetEthDst, mac()...)
	case flow.IPv4Src:
		w.plain(act10SetNwSrc, be32(uint32(v.Lo))...)
	case flow.IPv4Dst:
		w.plain(act10SetNwDst, be32(uint32(v.Lo))...)
	case flow.IPDSCP:
		w.plain(act10SetTOS, byte(v.Lo)<<2)
	case flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc:
		w.plain(act10SetTpSrc, port...)
	case flow.TCPDst, flow.UDPDst, flow.SCTPDst:
		w.plain(act10SetTpDst, port...)
	case flow.MPLSLabel:
		w.nx(nxSetMPLSLabel10, append([]byte{0, 0}, be32(uint32(v.Lo))...)...)
	case flow.MPLSTC:
		w.nx(nxSetMPLSTC10, byte(v.Lo))
	default:
		return false
	}
	return true
}

// loads appends a NXAST_REG_LOAD for each run of ones of the mask, of 64 bits at most. A
// field whose name has more than four bytes needs a NXAST_REG_LOAD2.
func (w *actionWriter) loads(f flow.Field, v, mask flow.Value) {
	t := tlvOf(f, V10)
	if t == nil {
		return
	}
	if t.class == classExperimenter {
		at := len(w.b)
		w.b = actionEnd(t.appendValue(nxBegin(w.b, nxRegLoad2), v, mask), at)
		return
	}
	width := uint(flow.Fields[f].Bits)
	if f == flow.ARPOp && mask == f.Full() {
		width, mask = 16, flow.Ones(16) // all that a packet has of it
	}
	for n := uint(0); n < width; {
		left := mask.Shr(n)
		if left.IsZero() {
			return
		}
		n += trailingZeros(left)
		run := min(trailingZeros(flow.Ones(128).AndNot(mask.Shr(n))), 64, width-n)
		w.regLoad(pipeline.Subfield{Field: f, Lo: uint8(n), Bits: uint8(run)}, v.Shr(n).And(flow.Ones(run)))
		n += run
	}
}

// trailingZeros is how many low bits of v are 0.
func trailingZeros(v flow.Value) uint {
	if v.Lo != 0 {
		return uint(bits.TrailingZeros64(v.Lo))
	}
	return 64 + uint(bits.TrailingZeros64(v.Hi))
}

// load appends a load of bits of a field, in 1.5 as the set field it is there.
func (w *actionWriter) load(a *pipeline.Action) {
	if w.v >= V15 {
		mask := flow.Ones(uint(a.Dst.Bits)).Shl(uint(a.Dst.Lo)).And(a.Dst.Field.Full())
		w.oxm(a.Dst.Field, a.Value.Shl(uint(a.Dst.Lo)), mask)
		return
	}
	w.regLoad(a.Dst, a.Value)
}

func (w *actionWriter) regLoad(dst pipeline.Subfield, v flow.Value) {
	at := len(w.b)
	b := binary.BigEndian.AppendUint16(nxBegin(w.b, nxRegLoad), ofsBits(dst))
	w.b = actionEnd(binary.BigEndian.AppendUint64(appendField(b, dst, V10), v.Lo), at)
}

// move appends a copy of bits, in 1.5 as the specification has it.
func (w *actionWriter) move(a *pipeline.Action) {
	at := len(w.b)
	b, names := nxBegin(w.b, nxRegMove), V10
	if w.v >= V15 {
		b, names = actionBegin(w.b, act15CopyField), w.v
	}
	for _, n := range []uint8{a.Src.Bits, a.Src.Lo, a.Dst.Lo} {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	if w.v >= V15 {
		b = zeros(b, 2)
	}
	w.b = actionEnd(appendField(appendField(b, a.Src, names), a.Dst, names), at)
}

// nicira appends an action that only Nicira has.
func (w *actionWriter) nicira(a *pipeline.Action) {
	at := len(w.b)
	switch a.Kind {
	case pipeline.ActOutputReg:
		w.outputReg(a)
	case pipeline.ActOutputTrunc:
		w.nx(nxOutputTrunc, append(be16(port16(a.Port)), be32(uint32(a.MaxLen))...)...)
	case pipeline.ActResubmit:
		w.resubmit(a)
	case pipeline.ActNote:
		w.nx(nxNote, []byte(a.List.Note)...)
	case pipeline.ActSample:
		w.sample(a.List.Sample)
	case pipeline.ActExit:
		w.nx(nxExit)
	case pipeline.ActDecTTLIDs:
		body := append(be16(uint16(len(a.List.IDs))), 0, 0, 0, 0)
		for _, id := range a.List.IDs {
			body = append(body, be16(id)...)
		}
		w.nx(nxDecTTLIDs, body...)
	case pipeline.ActClone:
		w.b = zeros(nxBegin(w.b, nxClone), 6)
		tagged := w.tagged
		w.list(a.List.Actions)
		w.tagged = tagged
		w.b = actionEnd(w.b, at)
	case pipeline.ActLearn:
		w.b = appendLearn(w.b, a.List.Learn)
	case pipeline.ActConjunction:
		c := &a.List.Conjunction
		w.nx(nxConjunction, append([]byte{c.Clause, c.Clauses}, be32(c.ID)...)...)
	case pipeline.ActPush:
		w.stack(nxStackPush, a.Src)
	case pipeline.ActPop:
		w.stack(nxStackPop, a.Dst)
	case pipeline.ActMultipath:
		w.multipath(a.List.Multipath)
	case pipeline.ActBundle:
		w.bundle(a.List.Bundle)
	case pipeline.ActFinTimeout:
		w.nx(nxFinTimeout, append(be16(a.List.FinIdle), be16(a.List.FinHard)...)...)
	case pipeline.ActCheckPktLarger:
		b := append(nxBegin(w.b, nxCheckPktLarger), be16(a.MaxLen)...)
		b = appendField(binary.BigEndian.AppendUint16(b, uint16(a.Dst.Lo)), a.Dst, V10)
		w.b = actionEnd(zeros(b, max(0, 24-(len(b)-at))), at)
	}
}

func (w *actionWriter) resubmit(a *pipeline.Action) {
	port := a.Port
	if port == pipeline.PortKeep {
		port = flow.PortIn
	}
	w.nx(nxResubmitTable, append(be16(port16(port)), a.Table, 0, 0, 0)...)
}

func (w *actionWriter) outputReg(a *pipeline.Action) {
	at := len(w.b)
	maxLen := a.MaxLen
	if maxLen == 0 {
		maxLen = maxLenNoBuffer
	}
	if t := fieldName(a.Src, V10); t != nil && t.class == classExperimenter {
		b := append(nxBegin(w.b, nxOutputReg2), append(be16(ofsBits(a.Src)), be16(maxLen)...)...)
		b = t.appendHead(b, false)
		w.b = actionEnd(zeros(b, 24-(len(b)-at)), at)
		return
	}
	b := appendField(append(nxBegin(w.b, nxOutputReg), be16(ofsBits(a.Src))...), a.Src, V10)
	w.b = actionEnd(zeros(append(b, be16(maxLen)...), 6), at)
}

// sample appends the oldest form that says it all. Ids that are taken from the packet have
// no form: the number stands for them.
func (w *actionWriter) sample(s *pipeline.SampleAction) {
	body := append(be16(s.Probability), be32(s.Set)...)
	body = append(append(body, be32(s.Domain)...), be32(s.Point)...)
	port := port16(s.SamplingPort)
	if s.SamplingPort == 0 {
		port = 0xffff
	}
	switch {
	case s.Direction != pipeline.SampleUnset:
		w.nx(nxSample3, zeros(append(append(body, be16(port)...), byte(s.Direction)), 5)...)
	case s.SamplingPort != 0:
		w.nx(nxSample2, zeros(append(body, be16(port)...), 6)...)
	default:
		w.nx(nxSample, body...)
	}
}

func (w *actionWriter) stack(subtype uint16, s pipeline.Subfield) {
	at := len(w.b)
	b := appendField(append(nxBegin(w.b, subtype), be16(uint16(s.Lo))...), s, V10)
	b = append(b, be16(uint16(s.Bits))...)
	w.b = actionEnd(zeros(b, max(0, 24-(len(b)-at))), at)
}

func (w *actionWriter) multipath(m *pipeline.Multipath) {
	at := len(w.b)
	b := append(nxBegin(w.b, nxMultipath), be16(uint16(m.Fields))...)
	b = append(append(b, be16(m.Basis)...), 0, 0)
	b = append(append(b, be16(m.Algorithm)...), be16(m.MaxLink)...)
	b = append(append(b, be32(m.Arg)...), 0, 0)
	b = append(b, be16(ofsBits(m.Dst))...)
	w.b = actionEnd(appendField(b, m.Dst, V10), at)
}

func (w *actionWriter) bundle(u *pipeline.Bundle) {
	at := len(w.b)
	subtype, algorithm := uint16(nxBundle), uint16(0)
	if u.Dst.Bits != 0 {
		subtype = nxBundleLoad
	}
	if u.HRW {
		algorithm = 1
	}
	b := append(nxBegin(w.b, subtype), be16(algorithm)...)
	b = append(append(b, be16(uint16(u.Fields))...), be16(u.Basis)...)
	b = append(append(b, be32(slavesArePorts)...), be16(uint16(len(u.Slaves)))...)
	if u.Dst.Bits != 0 {
		b = appendField(append(b, be16(ofsBits(u.Dst))...), u.Dst, V10)
	} else {
		b = zeros(b, 6)
	}
	b = zeros(b, 4)
	for _, p := range u.Slaves {
		b = append(b, be16(port16(p))...)
	}
	w.b = actionEnd(b, at)
}
