package session

import (
	"math/rand/v2"
	"time"

	"pollux/flow"
	"pollux/ofp/wire"
)

// knockEvery is how often a controller that is connected, but has not taken the switch, is
// sent a packet that nobody needs. While the switch is on its own no other comes, and a
// controller may do nothing before one does.
const knockEvery = 2 * time.Second

// knock sends such packets. It is false when there is no such controller.
func (s *Server) knock() (any bool) {
	for _, ses := range *s.sessions.Load() {
		c := ses.controller
		if c == nil {
			continue
		}
		c.mu.Lock()
		admitted := c.admitted
		c.mu.Unlock()
		ses.mu.Lock()
		st := ses.state
		ses.mu.Unlock()
		if admitted || st.version == 0 {
			continue
		}
		if any = true; time.Since(ses.since) < knockEvery {
			continue // it has just come
		}
		p := &wire.PacketInMsg{Reason: wire.ReasonNoMatch, Cookie: wire.NoCookie, Data: harmless()}
		p.FullLen = uint32(len(p.Data))
		p.Metadata.SetMasked(flow.InPort, flow.Value{Lo: uint64(flow.PortLocal)}, flow.InPort.Full())
		if st.wantsPacket(p.Reason, false) {
			ses.out.offer(wire.AppendPacketIn(nil, st.version, 0, st.packetIns, p), 1)
		}
	}
	return any
}

// harmless makes a frame that no host answers or learns anything by, wherever it is
// flooded: a reverse ARP request (RFC 903) of an address that nobody has.
func harmless() []byte {
	mac := make([]byte, 6)
	for i := range mac {
		mac[i] = byte(rand.Uint32())
	}
	mac[0] = mac[0]&^1 | 2 // of one station, locally administered
	f := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac...)
	f = append(f, 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3)
	f = append(append(f, mac...), 0, 0, 0, 0)
	f = append(append(f, mac...), 0, 0, 0, 0)
	return append(f, make([]byte, 60-len(f))...)
}
