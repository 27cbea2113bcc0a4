package wire

import (
	"testing"
	"time"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// flowHeads are the heads under which a version tells of flows, by a name.
func flowHeads(v Version) map[string]Multipart {
	heads := map[string]Multipart{"flow-stats": {Part: PartFlow}}
	if v == V10 {
		heads["flow-stats-nx"] = Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXFlow}
	}
	return heads
}

func init() {
	flows := func(m Multipart) reader {
		return recordsOf(m, func(v Version, b []byte) (*FlowStat, []byte, error) {
			s, rest, err := ParseFlowStat(v, m, b)
			return &s, rest, err
		}, func(b []byte, v Version, s *FlowStat) []byte { return s.Append(b, v, m) })
	}
	sum := func(m Multipart) reader {
		return recordsOf(m, func(v Version, b []byte) (*Aggregate, []byte, error) {
			a, err := ParseAggregate(v, b)
			return &a, nil, err
		}, func(b []byte, v Version, a *Aggregate) []byte { return a.Append(b, v) })
	}
	nx := func(subtype uint32) Multipart {
		return Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: subtype}
	}
	partReplies[PartFlow], partReplies[PartAggregate] = flows(Multipart{Part: PartFlow}), sum(Multipart{Part: PartAggregate})
	partReplies[PartFlowStats] = flows(Multipart{Part: PartFlowStats})
	unknownToOVS["OpenFlow15 flow-stats-alone"] = true
	extReplies[[2]uint32{Nicira, NXFlow}], extReplies[[2]uint32{Nicira, NXAggregate}] = flows(nx(NXFlow)), sum(nx(NXAggregate))
	readers[FlowRemoved] = of(ParseFlowRemoved, func(b []byte, v Version, xid uint32, r *FlowRemovedMsg) []byte { return r.Append(b, v, xid, false) })
	extensions[[2]uint32{Nicira, NXTFlowRemoved}] = of(func(_ Version, b []byte) (*FlowRemovedMsg, error) { return ParseNXFlowRemoved(b) },
		func(b []byte, v Version, xid uint32, r *FlowRemovedMsg) []byte { return r.Append(b, v, xid, true) })
	samplesOf = append(samplesOf, flowStatSamples)
}

func flowStatSamples(v Version) map[string][]byte {
	s := FlowStat{
		Flow: pipeline.Flow{
			Table: 3, Priority: 100, Cookie: 0x1234, IdleTimeout: 60, HardTimeout: 600,
			Match: meta(uint64(flow.InPort), 3),
			Do:    pipeline.Instructions{Apply: []pipeline.Action{{Kind: pipeline.ActOutput, Port: 2}}},
		},
		Duration: 5*time.Second + 1000, Packets: 7, Bytes: 700, IdleAge: -time.Second, HardAge: -time.Second,
	}
	drop := s
	drop.Flow.Do.Apply, drop.Packets = nil, 0
	switch v {
	case V10:
	case V15:
		s.IdleAge = 2 * time.Second
		fallthrough
	case V14:
		s.Flow.Importance = 9
		fallthrough
	default:
		s.Flow.Flags = pipeline.SendFlowRem | pipeline.NoByteCounts
	}
	out := map[string][]byte{}
	for n, m := range flowHeads(v) {
		one := s
		if m.nx() {
			one.IdleAge, one.HardAge = 2*time.Second, 3*time.Second
		}
		r := partReplies[PartFlow]
		if m.nx() {
			r = extReplies[[2]uint32{Nicira, NXFlow}]
		}
		out[n] = r.append(v, 2, []*FlowStat{&one, &drop})
	}
	total := []*Aggregate{{Packets: 10, Bytes: 1 << 40, Flows: 3}}
	out["aggregate"] = partReplies[PartAggregate].append(v, 3, total)
	gone := FlowRemovedMsg{FlowStat: s, Reason: RemovedHardTimeout}
	gone.Flow.Do, gone.Flow.Flags, gone.Flow.Importance = pipeline.Instructions{}, 0, 0
	if v == V10 {
		out["aggregate-nx"] = extReplies[[2]uint32{Nicira, NXAggregate}].append(v, 3, total)
		nx, old := gone, gone
		nx.Flow.HardTimeout = 0 // it has no place
		out["flow-removed-nx"] = nx.Append(nil, v, 0, true)
		old.Flow.HardTimeout, old.Flow.Table = 0, 0
		out["flow-removed"] = old.Append(nil, v, 0, false)
		return out
	}
	out["flow-removed"] = gone.Append(nil, v, 0, false)
	if v >= V15 {
		alone := s
		alone.Flow = pipeline.Flow{Table: 3, Priority: 100, Match: s.Flow.Match}
		out["flow-stats-alone"] = partReplies[PartFlowStats].append(v, 4, []*FlowStat{&alone})
	}
	return out
}

// What 1.0 has no number for is told as none.
func TestCountsThatAreNotKnown(t *testing.T) {
	for _, v := range spoken {
		s := FlowStat{Packets: UnknownCount, Bytes: UnknownCount, IdleAge: -1, HardAge: -1}
		got, rest, err := ParseFlowStat(v, Multipart{Part: PartFlow}, s.Append(nil, v, Multipart{Part: PartFlow}))
		want := UnknownCount
		if v == V10 {
			want = 0
		}
		if err != nil || len(rest) != 0 || got.Packets != want || got.Bytes != want {
			t.Errorf("%s: %d packets, %d bytes, %v", v, got.Packets, got.Bytes, err)
		}
	}
}
