package actions

import (
	"fmt"

	"pollux/flow"
	"pollux/internal/packet"
)

// Question is what a decision has yet to know of a packet besides its key. A program that has
// one (Program.Asks) decides nothing: the packet is to be asked, and looked up again with the
// answer beside its key. It is plain data, and small numbers tell lists of questions apart, as
// Open vSwitch's recirculation ids do; but nothing has been done to the packet meanwhile.
type Question struct {
	What Ask
	// Place tells answers of one kind apart: up to MaxNotes of AskLength and AskTTL together,
	// MaxLabels of AskLabels, one of AskHeaders, MaxChoices of AskChoice.
	Place  uint8
	Labels uint8   // that are taken away before the packet is looked at
	Type   uint16  // EtherType of what follows them, of AskHeaders
	Length uint32  // bytes, of AskLength
	Choice *Choice // of AskChoice; immutable
}

// Ask is what is asked.
type Ask uint8

// The kinds.
const (
	// AskNothing is no question.
	AskNothing Ask = iota
	// AskLength: has the packet more than Length bytes, as it came in? What stands behind an IP
	// packet does not count.
	AskLength
	// AskTTL: is IP under so many labels, by the version that its header says, and with what TTL?
	AskTTL
	// AskLabels: the three labels under so many.
	AskLabels
	// AskHeaders: the headers from the network's on, when so many labels are gone and Type
	// stands before what follows.
	AskHeaders
	// AskChoice: which place does the packet's own key have in Choice? So a decision is for all
	// flows that a hash sends the same way.
	AskChoice
)

// How many questions of each kind there may be about one packet.
const (
	MaxNotes   = 8
	MaxLabels  = 3
	MaxChoices = 4
	// MaxQuestions is how many there may be in all.
	MaxQuestions = MaxNotes + MaxLabels + 1 + MaxChoices
)

// Answers are written to words of a key that a received packet leaves empty: registers, for
// AskChoice the word of tunnels' ids, and for AskHeaders the words that labels kept empty. So an
// answer and the packet's own key can be one key to the caches.
const (
	noteBits  = 16
	wordNotes = 64 / noteBits
	// choicesWord is where answers to AskChoice are: MaxChoices of noteBits.
	choicesWord = flow.WTunID
)

// AnswerMap is the words in which answers may be that no header of a packet has.
const AnswerMap = 1<<choicesWord | 1<<flow.WReg0 | 1<<flow.WReg2 | 1<<flow.WReg4 | 1<<flow.WReg6 | 1<<flow.WReg8 | 1<<flow.WReg10 | 1<<flow.WReg12 | 1<<flow.WReg14

// HeadersMap is the words that AskHeaders fills.
const HeadersMap = (1<<flow.NumWords - 1) &^ (1<<flow.WIPv4 - 1)

// Note returns where the answer to AskLength, AskTTL or AskChoice is: bits from shift on in word
// w. That of AskLength is 1 bit. That of AskTTL is the TTL in 8 bits, and above it 1 if there is
// an IP header. That of AskChoice has 16 bits.
func (q *Question) Note() (w flow.Word, shift uint) {
	if q.What == AskChoice {
		return choicesWord, uint(q.Place) * noteBits
	}
	return flow.WReg12 + flow.Word(q.Place/wordNotes), uint(q.Place%wordNotes) * noteBits
}

// Map returns the words of AnswerMap in which the answer may be.
func (q *Question) Map() uint64 {
	if q.OfKey() {
		return 1 << choicesWord
	}
	return AnswerMap &^ (1 << choicesWord)
}

// Label returns where label n of 3 is in the answer to AskLabels: 32 bits from shift on in word w.
func (q *Question) Label(n int) (w flow.Word, shift uint) {
	return flow.WReg0 + flow.Word(2*q.Place) + flow.Word(n/2), uint(32 - 32*(n%2))
}

// Same says whether the answer to p is one to q too.
func (q *Question) Same(p *Question) bool {
	return q.What == p.What && q.Labels == p.Labels && q.Type == p.Type && q.Length == p.Length && q.Choice.Equal(p.Choice)
}

// OfKey says whether the answer follows from the packet's own key.
func (q *Question) OfKey() bool { return q.What == AskChoice }

// Answer adds the answer of a packet to those in into. own is the packet's key, at where its labels
// begin (Batch.L25), l3 where its network header does (Batch.L3), or packet.None. The frame is written
// to, and as it was on return; of a question OfKey it is not looked at.
func (q *Question) Answer(own *flow.Key, frame []byte, at, l3 uint16, into *flow.Key) {
	switch q.What {
	case AskChoice:
		q.Chosen(q.Choice.Of(own), into)
	case AskLength:
		n := len(frame)
		if at == packet.None && l3 != packet.None {
			n -= padding(frame, int(l3))
		}
		if n > int(q.Length) {
			w, shift := q.Note()
			into.Set(w, into.W[w]|1<<shift)
		}
		return
	case AskTTL:
		o := q.under(frame, at)
		if o >= len(frame) {
			return
		}
		ttl := -1
		switch ip := frame[o:]; {
		case ip[0]>>4 == 4 && len(ip) >= 20:
			ttl = int(ip[8])
		case ip[0]>>4 == 6 && len(ip) >= 40:
			ttl = int(ip[7])
		}
		if ttl >= 0 {
			w, shift := q.Note()
			into.Set(w, into.W[w]|uint64(ttl|1<<8)<<shift)
		}
	case AskLabels:
		o := q.under(frame, at)
		for n := 0; n < 3 && o+4 <= len(frame); n++ {
			lse := be.Uint32(frame[o:])
			w, shift := q.Label(n)
			into.Set(w, into.W[w]|uint64(lse)<<shift)
			if o += 4; lse&0x100 != 0 {
				return
			}
		}
	case AskHeaders:
		o := q.under(frame, at)
		if o > len(frame) {
			return
		}
		var k flow.Key
		q.extract(frame, o-4*int(q.Labels), o, &k)
		for w := flow.WIPv4; w < flow.NumWords; w++ {
			if k.Map>>w&1 != 0 {
				into.Set(w, k.W[w])
			}
		}
	}
}

// Chosen adds to the answers in into that a packet has place n: the answer to AskChoice, for who
// knows it.
func (q *Question) Chosen(n int, into *flow.Key) {
	w, shift := q.Note()
	into.Set(w, into.W[w]|uint64(n)<<shift)
}

// padding returns how many bytes of a frame stand behind the IP packet at l3.
func padding(frame []byte, l3 int) int {
	switch p := frame[l3:]; be.Uint16(frame[l3-2:]) {
	case typeIPv4:
		return len(p) - int(be.Uint16(p[2:]))
	case typeIPv6:
		return len(p) - 40 - int(be.Uint16(p[4:]))
	}
	return 0
}

// under returns where what is under the labels begins.
func (q *Question) under(frame []byte, at uint16) int {
	o := int(at)
	if o < 14 || o > len(frame) {
		if len(frame) < 14 {
			return len(frame) + 1
		}
		o = typeOffset(frame) + 2
	}
	return o + 4*int(q.Labels)
}

// extract fills k from the frame as it is when what is between from and to is gone: the bytes
// before from go to the place before to, and come back.
func (q *Question) extract(frame []byte, from, to int, k *flow.Key) {
	var was [64]byte // two tags and SNAP make 30
	if from > len(was) {
		return
	}
	head := frame[to-from : to]
	copy(was[:], head)
	var front [64]byte
	copy(front[:from], frame)
	copy(head, front[:from])
	be.PutUint16(head[from-2:], q.Type)
	flow.ExtractHeaders(frame[to-from:], k)
	copy(head, was[:from])
}

// String writes the question as it stands among a program's steps.
func (q *Question) String() string {
	switch q.What {
	case AskLength:
		return fmt.Sprintf("ask(pkt_len>%d)", q.Length)
	case AskTTL:
		return fmt.Sprintf("ask(ttl,labels=%d)", q.Labels)
	case AskLabels:
		return fmt.Sprintf("ask(mpls,labels=%d)", q.Labels)
	case AskHeaders:
		return fmt.Sprintf("ask(eth_type=%#04x,labels=%d)", q.Type, q.Labels)
	case AskChoice:
		return fmt.Sprintf("ask(hash(%s))", q.Choice)
	}
	return "ask()"
}
