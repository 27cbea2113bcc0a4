package pmd

import (
	"pollux/actions"
	"pollux/flow"
)

// places remembers which place some hashes had, of choices among so many that to draw for each
// takes as long as several look-ups: 3 to 7 ns a place, 12 to 30 µs of 4,096. It is for flows that the exact cache
// does not know, be it too small or passed by; one that is in neither pays in full. To have the hashed
// fields in masks instead is no better: a translation draws too, and is needed for each flow
// (measured 2026-11: of 100,000 flows and 256 places 4 times as dear, of 40,000 as dear).
//
// Entries are exact, and what is forgotten is drawn again: nothing else comes of them.
type places struct {
	at   []uint64 // ways by the hash's upper bits, the last first: hash, serial, number of the place. 0: empty
	last uint32   // serial that was given
}

const (
	manyPlaces   = 64 // a choice of no more than these is drawn each time
	rememberBits = 18 // of the number of hashes that are remembered: 2 MB, touched where there are such choices
	ways         = 4  // entries where a hash may be; the oldest goes

	placeBits  = 12 // of a number of a place; larger ones are not remembered
	serialBits = 20
	serials    = 1 << serialBits
)

func newPlaces() places { return places{at: make([]uint64, 1<<rememberBits)} }

// number gives a list that ends with a choice among many places a serial: unlike those of all lists there
// are, and of what is remembered. Those of other lists, and where there are too many, stay 0.
func (s *lists) number(l *list) {
	c := l.last.Choice
	if c == nil || len(c.Places) <= manyPlaces {
		return
	}
	if s.places.last == serials-1 {
		s.renumber()
	}
	if s.places.last < serials-1 {
		s.places.last++
		l.serial = s.places.last
	}
}

// renumber forgets everything and begins again, when serials are used up.
func (s *lists) renumber() {
	clear(s.places.at)
	s.places.last = 0
	for i := range s.all {
		if l := &s.all[i]; l.serial != 0 {
			s.places.last++
			l.serial = s.places.last
		}
	}
}

// answer adds the answer of a packet to q, with which list n ends, to those in into.
func (s *lists) answer(n int32, q *actions.Question, own *flow.Key, frame []byte, at, l3 uint16, into *flow.Key) {
	if serial := s.all[n].serial; serial != 0 {
		q.Chosen(s.places.of(q.Choice, serial, own), into)
		return
	}
	q.Answer(own, frame, at, l3, into)
}

// of returns the place that the packet of k has in c, which has a serial.
func (p *places) of(c *actions.Choice, serial uint32, k *flow.Key) int {
	hash := c.Hash.Sum(k)
	at := (hash ^ serial*0x9e3779b1) >> (32 - rememberBits) &^ (ways - 1)
	e, key := p.at[at:at+ways], uint64(hash)<<serialBits|uint64(serial)
	for _, v := range e {
		if v>>placeBits == key {
			return int(v & (1<<placeBits - 1))
		}
	}
	n := c.By(hash)
	if n < 1<<placeBits {
		copy(e[1:], e)
		e[0] = key<<placeBits | uint64(n)
	}
	return n
}
