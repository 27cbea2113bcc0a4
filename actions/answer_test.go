package actions

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pollux/flow"
	"pollux/internal/packet"
)

// FuzzAnswer asks any frame anything: the frame is as before, the answer is where answers may be, the
// same again, beside those that were there, and what the bytes say, read without shortcuts.
func FuzzAnswer(f *testing.F) {
	labelled := append(append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x47}, 0, 1, 0, 64, 0, 2, 1, 9), udp()[14:]...)
	f.Add(labelled, uint16(14), uint8(AskHeaders), uint8(0), uint8(2), uint16(0x0800), uint32(0))
	f.Add(labelled, uint16(14), uint8(AskLabels), uint8(1), uint8(1), uint16(0), uint32(0))
	f.Add(labelled, uint16(14), uint8(AskTTL), uint8(3), uint8(2), uint16(0), uint32(0))
	f.Add(udp(), uint16(packet.None), uint8(AskTTL), uint8(7), uint8(0), uint16(0), uint32(0))
	f.Add(udp(), uint16(packet.None), uint8(AskLength), uint8(5), uint8(0), uint16(0), uint32(60))
	f.Add(udp(), uint16(packet.None), uint8(AskChoice), uint8(3), uint8(0), uint16(0), uint32(0))
	f.Fuzz(func(t *testing.T, frame []byte, at uint16, what, place, labels uint8, typ uint16, length uint32) {
		places := [...]uint8{AskNothing: 1, AskLength: MaxNotes, AskTTL: MaxNotes, AskLabels: MaxLabels, AskHeaders: 1, AskChoice: MaxChoices}
		q := Question{What: Ask(what % uint8(len(places))), Labels: labels % (MaxLabels + 2), Type: typ, Length: length}
		q.Place = place % places[q.What]
		if q.What == AskChoice {
			q.Choice = &Choice{Hash: Hash{Of: HashFlow}, Places: []Place{{0, 3, 1}, {1, 0xffff, 2}}}
		}
		if len(frame) > 4096 {
			frame = frame[:4096]
		}
		before := bytes.Clone(frame)
		var own, got, again, beside flow.Key
		l25, l3, _ := flow.ExtractHeaders(frame, &own)
		if q.What == AskLength {
			at = l25 // what is padding follows from where the headers are
		}
		q.Answer(&own, frame, at, l3, &got)
		if !bytes.Equal(frame, before) {
			t.Fatalf("%s: the frame was\n%x\nand is\n%x", &q, before, frame)
		}
		q.Answer(&own, frame, at, l3, &again)
		if got != again {
			t.Fatalf("%s: answers\n%v\n%v", &q, got, again)
		}
		may := q.Map()
		if q.What == AskHeaders {
			may = HeadersMap
		}
		if got.Map&^may != 0 {
			t.Fatalf("%s: words %#x have the answer, of %#x", &q, got.Map, may)
		}
		if q.What != AskHeaders { // which has its words alone
			// Others' answers stay.
			var theirs flow.Mask
			for _, w := range noteWords {
				theirs.Or(w, ^uint64(0))
			}
			for _, p := range placed(&q) {
				theirs.Put(p.w, theirs.W[p.w]&^p.bits)
			}
			for w, m := range theirs.W {
				if m != 0 {
					beside.Set(flow.Word(w), m)
				}
			}
			q.Answer(&own, frame, at, l3, &beside)
			for w := range beside.W {
				if beside.W[w] != theirs.W[w]|got.W[w] {
					t.Fatalf("%s: word %d with others' answers is %#x, want %#x and %#x", &q, w, beside.W[w], theirs.W[w], got.W[w])
				}
			}
		}
		if want := slowAnswer(&q, &own, frame, at, l3); got.W != want.W {
			t.Fatalf("%s of %x, labels at %d: answer\n%v\nwant\n%v", &q, frame, at, got.W, want.W)
		}
	})
}

// noteWords are the words of AnswerMap.
var noteWords = [...]flow.Word{
	choicesWord, flow.WReg0, flow.WReg2, flow.WReg4, flow.WReg6, flow.WReg8, flow.WReg10, flow.WReg12, flow.WReg14,
}

// wordBits is some bits of a word.
type wordBits struct {
	w    flow.Word
	bits uint64
}

// placed returns where the answer to q is.
func placed(q *Question) (at []wordBits) {
	switch q.What {
	case AskLength, AskTTL, AskChoice:
		w, shift := q.Note()
		at = append(at, wordBits{w, 0xffff << shift})
	case AskLabels:
		for n := range 3 {
			w, shift := q.Label(n)
			at = append(at, wordBits{w, 0xffffffff << shift})
		}
	}
	return at
}

// slowAnswer is the answer to q by a copy of the frame from which labels are taken one by one.
func slowAnswer(q *Question, own *flow.Key, frame []byte, at, l3 uint16) (k flow.Key) {
	note := func(v uint64) {
		w, shift := q.Note()
		k.Set(w, v<<shift)
	}
	switch q.What {
	case AskLength:
		n := len(frame)
		if l3 != packet.None && at == packet.None {
			n = int(l3)
			if typ := binary.BigEndian.Uint16(frame[l3-2:]); typ == 0x0800 {
				n += int(binary.BigEndian.Uint16(frame[l3+2:]))
			} else if typ == 0x86dd {
				n += 40 + int(binary.BigEndian.Uint16(frame[l3+4:]))
			} else {
				n = len(frame)
			}
		}
		if uint64(n) > uint64(q.Length) {
			note(1)
		}
	case AskChoice:
		note(uint64(q.Choice.Of(own)))
	}
	o := int(at)
	if o < 14 || o > len(frame) {
		if o = typeOffset(frame) + 2; len(frame) < 14 {
			return k
		}
	}
	front, rest := bytes.Clone(frame[:o]), frame[o:]
	for range q.Labels {
		if len(rest) < 4 {
			return k
		}
		rest = rest[4:]
	}
	switch q.What {
	case AskTTL:
		switch {
		case len(rest) >= 20 && rest[0]>>4 == 4:
			note(0x100 | uint64(rest[8]))
		case len(rest) >= 40 && rest[0]>>4 == 6:
			note(0x100 | uint64(rest[7]))
		}
	case AskLabels:
		for n := 0; n < 3 && len(rest) >= 4; n++ {
			lse := binary.BigEndian.Uint32(rest)
			w, shift := q.Label(n)
			k.Set(w, k.W[w]|uint64(lse)<<shift)
			if rest = rest[4:]; lse>>8&1 != 0 {
				break
			}
		}
	case AskHeaders:
		if o > 64 {
			return k
		}
		binary.BigEndian.PutUint16(front[o-2:], q.Type)
		var all flow.Key
		flow.ExtractHeaders(append(front, rest...), &all)
		for w := flow.WIPv4; w < flow.NumWords; w++ {
			k.W[w] = all.W[w]
		}
	}
	return k
}
