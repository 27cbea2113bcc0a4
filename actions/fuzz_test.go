package actions

import (
	"encoding/binary"
	"testing"

	"pollux/flow"
)

// readProgram decodes a program from a command stream: a byte for the step, then its
// operands. Any bytes are a program.
func readProgram(in []byte) *Program {
	next := func() byte {
		if len(in) == 0 {
			return 0
		}
		c := in[0]
		in = in[1:]
		return c
	}
	word := func() (w uint64) {
		var b [8]byte
		for i := range b {
			b[i] = next()
		}
		return binary.BigEndian.Uint64(b[:])
	}
	b := NewBuilder()
	for n := 0; len(in) > 0 && n < 64; n++ {
		switch c := next(); c % 8 {
		case 0, 1, 2:
			v, m := flow.Value{Lo: word()}, flow.Ones(128)
			if c&8 != 0 {
				m = flow.Value{Hi: word(), Lo: word()}
			}
			if c&16 != 0 {
				v.Hi = word()
			}
			b.Set(settable[int(next())%len(settable)], v, m)
		case 3:
			slot := int(next() % 5)
			b.Output(slot, uint32(slot+1))
		case 4:
			b.PushVLAN([]uint16{0x8100, 0x88a8}[c>>3&1], uint16(word()))
		case 5:
			b.PopVLAN()
		case 6:
			b.PushMPLS(0x8847, uint32(word()))
		case 7:
			b.PopMPLS(uint16(next())<<8 | uint16(next()))
		}
	}
	return b.Program()
}

// FuzzRun runs any program over any frame and compares with the interpreter.
func FuzzRun(f *testing.F) {
	f.Add(udp(), []byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 63, 25, 3, 1}, uint8(255))
	f.Add(udp(), []byte{4, 0, 0, 0, 0, 0, 0, 0, 5, 3, 0, 5, 3, 1}, uint8(4))
	f.Add(udp(), []byte{6, 0, 0, 0, 0, 0, 1, 1, 64, 3, 0, 7, 8, 0, 3, 1}, uint8(3))
	f.Add([]byte{}, []byte{3, 4}, uint8(0))
	f.Fuzz(func(t *testing.T, frame, program []byte, room uint8) {
		if len(frame) > 1600 {
			return
		}
		r := newRig(6, 5)
		ports := []slowPort{{exists: true}, {exists: true}, {exists: true, down: true}, {}, {exists: true, mtu: 46}}
		r.Out[2].State = Down
		r.Out[3] = nil
		r.Out[4].MTU = 46
		r.receive(frame, int(room))
		slow := []*slowPacket{newSlowPacket(frame, int(room))}
		p := readProgram(program)
		drops, clones := slowRun(p, slow, ports, 5)
		r.run(p)
		r.check(t, p, ports, drops, clones)
	})
}
