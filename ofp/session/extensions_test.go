package session

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// ask sends a request that has an answer only if it is refused, and returns that, or nil.
func (p *peer) ask(v wire.Version, msg []byte) []byte {
	p.t.Helper()
	p.write(append(bytes.Clone(msg), wire.AppendMessage(nil, v, wire.BarrierRequest, 77, nil)...))
	for refused := []byte(nil); ; {
		m := p.read()
		switch wire.KindOf(v, m[1]) {
		case wire.BarrierReply:
			return refused
		case wire.ErrorMsg:
			refused = m
		default:
			p.t.Fatalf("%x between a request and its barrier", m)
		}
	}
}

// Packets come by the controller id that a session has, in the format that it wants.
func TestControllerIDsAndFormats(t *testing.T) {
	for _, v := range spoken {
		synctest.Test(t, func(t *testing.T) {
			f := newFloor(t, v, v)
			defer f.s.Close()
			second := f.peers[1]
			for _, msg := range [][]byte{
				wire.AppendSetControllerID(nil, v, 1, 5), wire.AppendSetPacketInFormat(nil, v, 2, wire.PacketInNXT2),
				wire.AppendFlowModTableID(nil, v, 3, true), wire.AppendSetFlowFormat(nil, v, 4, wire.FlowFormatNXM),
				wire.AppendExtension(nil, v, 5, wire.Extension{Vendor: wire.Nicira, Subtype: wire.NXTFlowAge}),
			} {
				if e := second.ask(v, msg); e != nil {
					t.Errorf("%s: %x is refused by %x", v, msg, e)
				}
			}
			ses := (*f.s.sessions.Load())[1]
			if st := ses.state; st.id != 5 || st.packetIns != wire.PacketInNXT2 || !st.tableIDs || st.flowFormat != wire.FlowFormatNXM {
				t.Errorf("%s: %+v", v, st)
			}
			f.s.PacketIn(packet(wire.ReasonAction, 1, 60), 0)
			f.s.PacketIn(packet(wire.ReasonAction, 2, 60), 5)
			f.s.PacketIn(packet(wire.ReasonAction, 3, 60), 6)
			first := f.peers[0].read()
			if wire.KindOf(v, first[1]) != wire.PacketIn || first[len(first)-61] != 1 {
				t.Errorf("%s: %x", v, first)
			}
			msg := second.read()
			e, err := wire.ParseExtension(v, msg[wire.HeaderLen:])
			if err != nil || e.Subtype != wire.NXTPacketIn2 {
				t.Fatalf("%s: %x, %v", v, msg, err)
			}
			if p, err := wire.ParsePacketIn2(v, e.Body); err != nil || p.Data[3] != 2 {
				t.Errorf("%s: %+v, %v", v, p, err)
			}
			for _, p := range f.peers {
				p.alive(v) // and nothing else came
			}
			for name, c := range map[string]struct {
				sub  uint32
				body []byte
				want ofperr.Error
			}{
				"a controller id with padding": {wire.NXTSetControllerID, []byte{0, 0, 0, 0, 0, 1, 0, 1}, ofperr.MustBeZero},
				"a format of packets":          {wire.NXTSetPacketInFormat, []byte{0, 0, 0, 3}, ofperr.PermissionDenied},
				"a format of flows":            {wire.NXTSetFlowFormat, []byte{0, 0, 0, 1}, ofperr.PermissionDenied},
				"half a table switch":          {wire.NXTFlowModTableID, []byte{1, 0, 0, 0}, ofperr.BadLen},
				"an age":                       {wire.NXTFlowAge, []byte{1}, ofperr.BadLen},
			} {
				msg := wire.AppendExtension(nil, v, 9, wire.Extension{Vendor: wire.Nicira, Subtype: c.sub, Body: c.body})
				if got, want := second.ask(v, msg), wire.AppendError(nil, v, c.want, msg); !bytes.Equal(got, want) {
					t.Errorf("%s, %s: %x, want %x", v, name, got, want)
				}
			}
			if st := ses.state; st.id != 5 || st.packetIns != wire.PacketInNXT2 || !st.tableIDs || st.flowFormat != wire.FlowFormatNXM {
				t.Errorf("%s: what was refused has changed it: %+v", v, st)
			}
		})
	}
}

// A message of an experimenter that is a write is not for slaves.
func TestExtensionsThatWrite(t *testing.T) {
	id := extensionID{wire.Nicira, wire.NXTResume}
	old, had := extensions[id]
	defer func() {
		if delete(extensions, id); had {
			extensions[id] = old
		}
	}()
	done := 0
	extensions[id] = extension{func(*session, *request, []byte) error { done++; return nil }, true}
	f := newFloor(t, wire.V13)
	msg := wire.AppendExtension(nil, wire.V13, 9, wire.Extension{Vendor: wire.Nicira, Subtype: wire.NXTResume})
	if e := f.peers[0].ask(wire.V13, msg); e != nil || done != 1 {
		t.Errorf("%x, done %d times", e, done)
	}
	if _, err := f.turn(0, wire.RoleSlave, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := f.peers[0].ask(wire.V13, msg), wire.AppendError(nil, wire.V13, ofperr.IsSlave, msg); !bytes.Equal(got, want) || done != 1 {
		t.Errorf("%x, want %x; done %d times", got, want, done)
	}
}

// monitor runs ovs-ofctl monitor, which prints what the switch tells unasked.
func monitor(t *testing.T, path string, v wire.Version, args ...string) *lockedBuffer {
	t.Helper()
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	out := new(lockedBuffer)
	cmd := exec.Command("ovs-ofctl", append([]string{"-O", v.String(), "--unixctl=" + filepath.Join(t.TempDir(), "ctl"), "monitor", "unix:" + path}, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("ovs-ofctl monitor in %s says:\n%s", v, out)
		}
	})
	return out
}

// ovs-ofctl monitor reads packet-ins in every version.
func TestOVSMonitorReadsPackets(t *testing.T) {
	for _, v := range spoken {
		var s *Server
		path := serveUnixAs(t, Config{Switch: box()}, &s)
		out := monitor(t, path, v, "65534")
		until(t, "the session to ask for packets", func() bool {
			for _, ses := range *s.sessions.Load() {
				ses.mu.Lock()
				st := ses.state
				ses.mu.Unlock()
				if st.wantsPacket(wire.ReasonAction, true) && st.packetIns == wire.PacketInNXT2 {
					return true
				}
			}
			return false
		})
		p := packet(wire.ReasonAction, 0x02000000, 60)
		p.TableID, p.Cookie = 7, 0x1234
		p.Metadata.SetMasked(flow.InPort, flow.Value{Lo: 3}, flow.InPort.Full())
		until(t, "ovs-ofctl to print the packet", func() bool {
			s.PacketIn(p, 0) // once more: while ovs-ofctl waits for an answer it drops what else comes
			text := out.String()
			return strings.Contains(text, "NXT_PACKET_IN2") && strings.Contains(text, "table_id=7 cookie=0x1234 total_len=64 in_port=3 (via action) data_len=64 (unbuffered)")
		})
	}
}
