package vswitch

import (
	"encoding/binary"
	"strings"
	"testing"
)

// TestAnswersMeetWhatWasLearned: b's frames pass if they answer one of a's, which the learn
// action sees to. Each answer is sent as soon as the question is there, and passes: what a
// packet has the switch learn is in force when it leaves, save where the switch says that it
// was late. A frame that answers nothing does not pass.
func TestAnswersMeetWhatWasLearned(t *testing.T) {
	const most = 1500
	r := newSwitchRig(t)
	r.write(`flows:
  - "in_port=a,dl_type=0x88b5,actions=learn(table=1,idle_timeout=60,NXM_OF_ETH_TYPE[],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),output:b"
  - "in_port=b,dl_type=0x88b5,actions=resubmit(,1)"
  - "table=1,dl_dst=02:07:ff:ff:ff:ff,actions=output:a"
`)
	r.start()
	a, b := r.rawSocket("a"), r.rawSocket("b")
	send := func(from *rawSocket, dst, src uint32, mark byte) {
		frame := make([]byte, 60)
		frame[0], frame[1], frame[6], frame[7], frame[14] = 2, 7, 2, 7, mark
		binary.BigEndian.PutUint32(frame[2:], dst)
		binary.BigEndian.PutUint32(frame[8:], src)
		binary.BigEndian.PutUint16(frame[12:], markType)
		from.sendFrame(frame)
	}
	const nobody, always = 1 << 31, 0xffffffff
	const stray, question, answer, last = 1, 2, 3, 4
	lost, rounds, enough := 0, 0, atLeast(200)
	for i := uint32(0); i < most && !enough(rounds); i++ {
		rounds++
		send(b, nobody+i, 0, stray)
		send(a, 0, i, question)
		b.receive()
		send(b, i, 0, answer)
		send(b, always, 0, last)
		answered := false
		for mark := byte(0); mark != last; {
			dst, _ := a.receive()
			switch mark = a.buf[14]; {
			case mark == answer && uint32(dst) == i:
				answered = true
			case mark != last:
				t.Fatalf("round %d: a receives a frame to %012x, of kind %d", i, dst, mark)
			}
		}
		if !answered {
			lost++
		}
	}
	n := 0
	for _, f := range r.flowsOf() {
		if f.Table == 1 && strings.Contains(f.Match, "dl_dst=02:07:") && f.Packets == 1 {
			n++
		}
	}
	var show Show
	r.ask(&show, "show")
	if n+lost != rounds || uint64(lost) > show.LearnedLate {
		t.Errorf("of %d answers %d met what was learned and %d did not, while the switch was late %d times", rounds, n, lost, show.LearnedLate)
	}
	t.Logf("%d of %d answers came before what they were to meet; the switch was late %d times", lost, rounds, show.LearnedLate)
}
