package session

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"pollux/ofp/wire"
)

// FuzzAsync has a session take any bytes as roles, as what it wants of asynchronous messages
// and as other settings, while it is told of everything: what comes is whole messages of its
// version, and nothing panics or hangs.
func FuzzAsync(f *testing.F) {
	for _, v := range spoken {
		c := wire.DefaultAsync(v)
		all := wire.AppendSetControllerID(nil, v, 1, 0)
		all = wire.AppendSetPacketInFormat(all, v, 2, wire.PacketInNXT2)
		all = wire.AppendRoleNXT(all, v, 3, wire.NXTRoleRequest, &wire.RoleMsg{Role: wire.RoleSlave})
		all = wire.AppendAsyncNXT(all, v, 4, wire.NXTSetAsync, &c)
		all = wire.AppendAsyncNXT(all, v, 5, wire.NXTSetAsync2, &c)
		all = wire.AppendConfig(all, v, wire.SetConfig, 6, wire.SwitchConfig{MissSendLen: 1})
		if v != wire.V10 {
			all = wire.AppendRole(all, v, wire.RoleRequest, 7, &wire.RoleMsg{Role: wire.RoleMaster, Generation: 1, HasGeneration: true})
			all = wire.AppendAsync(all, v, wire.SetAsync, 8, &c)
			all = wire.AppendMessage(all, v, wire.GetAsyncRequest, 9, nil)
		}
		f.Add(uint8(v), all)
	}
	f.Fuzz(func(t *testing.T, v uint8, sent []byte) {
		version := spoken[int(v)%len(spoken)]
		near, far := net.Pipe()
		srv := New(Config{Switch: box(), Log: slog.New(noPanics{slog.DiscardHandler, t})})
		srv.begin(near, "pipe", false, func() {})
		defer srv.Close()
		p := newPeer(t, far)
		p.greet(version)
		told, stop := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(told)
			for i := uint32(0); ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Microsecond):
				}
				srv.PacketIn(packet(wire.Reason(i%8), i, 20), uint16(i%2))
				srv.PortStatus(&wire.PortStatusMsg{Reason: wire.PortReason(i % 3), Port: wire.Port{Number: wire.PortNumber(i)}}, nil)
				srv.TableStatus(&wire.TableStatusMsg{Reason: wire.TableVacancyUp})
				srv.Peers()
			}
		}()
		go func() {
			_, _ = far.Write(sent) // fails when the session ends before it has read all
			_, _ = far.Write(wire.AppendMessage(nil, version, wire.EchoReply, 0, make([]byte, wire.MaxLen-wire.HeaderLen)))
			far.Close()
		}()
		for {
			msg, err := readWhole(p)
			if err != nil {
				break
			}
			if k := wire.KindOf(version, msg[1]); wire.Version(msg[0]) != version || k == wire.Unknown {
				t.Errorf("told %x in a session of %s", msg, version)
			}
		}
		close(stop)
		<-told
	})
}
