package vswitch

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pollux/flow"
	"pollux/internal/ofclient"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// markType is the Ethernet type of the frames of these tests.
const markType = 0x88b5

// rawSocket sends and receives frames of markType on a host's device.
type rawSocket struct {
	t      *testing.T
	fd     int
	device int
	buf    [256]byte
}

func (r *rig) rawSocket(host string) *rawSocket {
	r.t.Helper()
	s := &rawSocket{t: r.t, fd: -1}
	err := r.host[host].Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		s.device = link.Attrs().Index
		proto := binary.NativeEndian.Uint16([]byte{markType >> 8, markType & 0xff})
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(proto)); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)}),
			unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: s.device}))
	})
	r.t.Cleanup(func() { unix.Close(s.fd) })
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// send puts a frame on the wire whose source address ends in mark.
func (s *rawSocket) send(mark byte) {
	s.t.Helper()
	frame := make([]byte, 60)
	frame[6], frame[11] = 2, mark
	binary.BigEndian.PutUint16(frame[12:], markType)
	s.sendFrame(frame)
}

// sendFrame puts a frame on the wire.
func (s *rawSocket) sendFrame(frame []byte) {
	s.t.Helper()
	if err := unix.Sendto(s.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: s.device}); err != nil {
		s.t.Fatal(err)
	}
}

// receive returns the next frame's destination as a number, and its mark.
func (s *rawSocket) receive() (dst uint64, mark byte) {
	s.t.Helper()
	for {
		n, from, err := unix.Recvfrom(s.fd, s.buf[:], 0)
		switch ll, ok := from.(*unix.SockaddrLinklayer); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			s.t.Fatalf("waiting for a frame: %v", err)
		case n >= 14 && ok && ll.Pkttype != unix.PACKET_OUTGOING:
			return binary.BigEndian.Uint64(append([]byte{0, 0}, s.buf[:6]...)), s.buf[11]
		}
	}
}

// dialOpenFlow begins a session of version v on the switch's own socket.
func (r *rig) dialOpenFlow(v wire.Version) *ofclient.Conn {
	r.t.Helper()
	c, err := ofclient.Dial("unix", filepath.Join(filepath.Dir(r.sock), "br0.mgmt"), v, patience)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// atLeast says when rounds are enough: those, and as many more as ten seconds hold.
func atLeast(rounds int) (enough func(done int) bool) {
	end := time.Now().Add(10 * time.Second)
	return func(done int) bool { return done >= rounds && time.Now().After(end) }
}

// setDst is the actions that write version v into a frame's destination.
func setDst(v uint64) pipeline.Action {
	return pipeline.Action{Kind: pipeline.ActSetField, Dst: pipeline.Subfield{Field: flow.EthDst, Bits: 48}, Value: flow.Value{Lo: v}, Mask: flow.EthDst.Full()}
}

// TestBarrierOnTheWire is design law 1 from outside: a controller changes what is done to
// packets, asks for a barrier, and has a frame put on a real wire as soon as the reply is
// there, thousands of times, beside frames that keep the caches warm. Each change writes its
// own number into frames, so each frame tells the tables that it met: of after the reply, none
// tells of tables before. Flow mods of all kinds, groups and bundles.
func TestBarrierOnTheWire(t *testing.T) {
	const most, early = 2500, 3
	r := newSwitchRig(t)
	r.write("flows: ['in_port=a,actions=resubmit(,1)']\n")
	r.start()
	a, b := r.rawSocket("a"), r.rawSocket("b")
	c := r.dialOpenFlow(wire.V14)

	out := pipeline.Action{Kind: pipeline.ActOutput, Port: 2}
	mod := func(command pipeline.FlowCommand, do ...pipeline.Action) {
		c.FlowMod(&pipeline.FlowMod{Command: command, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, Flow: pipeline.Flow{
			Table: 1, Priority: 5, Do: pipeline.Instructions{Apply: do},
		}})
	}
	group := func(command pipeline.GroupCommand, v uint64) {
		c.GroupMod(&pipeline.GroupMod{Command: command, Group: pipeline.Group{ID: 1, Type: pipeline.GroupIndirect, Buckets: []pipeline.Bucket{
			{WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup, Actions: []pipeline.Action{setDst(v), out}},
		}}})
	}
	changes := []func(v uint64){
		func(v uint64) { mod(pipeline.FlowModifyStrict, setDst(v), out) },
		func(v uint64) { mod(pipeline.FlowAdd, setDst(v), out) },
		func(v uint64) { mod(pipeline.FlowDelete); mod(pipeline.FlowAdd, setDst(v), out) },
		func(v uint64) { // among others
			for i := range 50 {
				c.FlowMod(&pipeline.FlowMod{Command: pipeline.FlowAdd, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup, Flow: pipeline.Flow{Table: 7, Priority: uint16(i)}})
			}
			mod(pipeline.FlowModify, setDst(v), out)
		},
		func(v uint64) {
			mod(pipeline.FlowDelete)
			mod(pipeline.FlowAdd, setDst(v), out)
			c.Bundle()
		},
		func(v uint64) {
			group(pipeline.GroupModify, v)
			mod(pipeline.FlowModify, pipeline.Action{Kind: pipeline.ActGroup, Group: 1})
		},
		func(v uint64) { group(pipeline.GroupModify, v) },
		func(v uint64) { group(pipeline.GroupModify, v); c.Bundle() },
	}
	group(pipeline.GroupAdd, 0)
	mod(pipeline.FlowAdd, setDst(0), out)
	barrier := func() {
		t.Helper()
		if err := c.Barrier(); err != nil {
			t.Fatal(err)
		}
	}
	barrier()
	enough := atLeast(300)
	var before, after int // frames of before the reply, by the tables that they met
	rounds := 0
	for v := uint64(1); v <= most && !enough(rounds); v++ {
		rounds++
		changes[v%uint64(len(changes))](v)
		for range early {
			a.send(1)
		}
		barrier()
		a.send(2)
		for mark := byte(1); mark != 2; {
			var dst uint64
			switch dst, mark = b.receive(); {
			case mark == 2 && dst != v:
				t.Fatalf("change %d: a frame of after the barrier's reply met the tables of change %d", v, dst)
			case dst == v:
				after++
			case dst == v-1:
				before++
			default:
				t.Fatalf("change %d: a frame met the tables of change %d", v, dst)
			}
		}
	}
	t.Logf("%d changes; of %d frames sent before their barriers' replies %d met the tables of before", rounds, rounds*early, before)
	if after < rounds {
		t.Errorf("%d frames met the tables of after, want %d or more", after, rounds)
	}
}
