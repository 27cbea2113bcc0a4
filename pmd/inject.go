package pmd

import (
	"errors"
	"fmt"

	"pollux/actions"
	"pollux/flow"
	"pollux/internal/clock"
	"pollux/internal/packet"
)

// PacketOut is a packet that a controller has the switch treat.
type PacketOut struct {
	Frame  []byte
	InPort uint32    // OpenFlow number: of a port, or flow.PortController
	Fields *flow.Key // the metadata that the packet has, besides the port; nil for none
	// Translate asks the tables in force what to do with the packet of u.Key, as
	// Tables.Translate does for one that was received.
	Translate func(t Tables, u *Upcall)
}

// Errors of Inject.
var (
	ErrTooLong = errors.New("the packet does not fit into a frame")
	ErrNoFrame = errors.New("the loop has no free frame")
	// ErrUndecided is of a packet that tables came to no decision about (Reason.Undecided,
	// which is told with it). It is counted as injected and as dropped.
	ErrUndecided = errors.New("the packet was dropped")
)

// injectSlice is how many injected packets an iteration treats at most, so that received ones
// hardly wait: as many as a batch has.
const injectSlice = 32

// Inject has the loop treat packets, in order, by the tables that are in force then, a slice an
// iteration among what it receives. It returns when all are done, with an error for each that
// could not be: ErrTooLong, ErrNoFrame, ErrUndecided. A packet counts in LoopStats.Injected, and for the
// rules that it matches. It is for the control plane.
func (l *Loop) Inject(all []PacketOut) (errs []error) {
	errs = make([]error, len(all))
	done := 0
	l.Ask(func(l *Loop) bool {
		l.now = clock.Now()
		l.exec.Now = l.now
		for n := 0; n < injectSlice && done < len(all); n++ {
			errs[done] = l.inject(&all[done])
			done++
		}
		l.flushAll()
		return done == len(all)
	})
	return errs
}

// inject treats one packet.
func (l *Loop) inject(p *PacketOut) error {
	if uint64(len(p.Frame)) > uint64(l.mem.ChunkSize-l.mem.Headroom) {
		return ErrTooLong
	}
	chunk, ok := l.free.Get()
	if !ok {
		return ErrNoFrame
	}
	d := packet.Desc{Addr: chunk + uint64(l.mem.Headroom), Len: uint32(len(p.Frame))}
	copy(l.mem.Frame(d), p.Frame)
	b := &l.batch
	b.N, b.InPort, b.Desc[0] = 1, p.InPort, d
	l.loadTables()
	flow.Extract(l.mem, b, l.outKey[:])
	key := &l.outKey[0]
	if p.Fields != nil {
		for _, w := range &actions.PuntWords {
			if v := p.Fields.W[w]; v != 0 {
				key.Set(w, v)
			}
		}
	}
	s := subject{own: key}
	for l.pose(&s, true); ; l.pose(&s, true) {
		p.Translate(l.snap.tables, &l.up)
		q := l.up.Program.Asks
		if q == nil {
			break
		}
		if s.answers == nil {
			l.asking.answers.Clear()
			s.answers = &l.asking.answers
		}
		q.Answer(key, l.mem.Frame(d), b.L25[0], b.L3[0], s.answers)
		s.asked = append(s.asked, *q)
	}
	l.unsettled = l.up.Unsettled
	l.settleTables()
	if l.up.Credit != nil {
		l.up.Credit.Credit(1, uint64(d.Len), l.now)
	}
	// What it says of a tunnel is metadata: no port is one that the packet came by, and exporters
	// must not tell of one.
	for w := flow.WTunID; w <= flow.WTunDstLo; w++ {
		key.W[w], key.Map = 0, key.Map&^(1<<w)
	}
	l.stats.Injected.Packets++
	l.stats.Injected.Bytes += uint64(d.Len)
	// The exact cache does not know the packet.
	was := l.exec.Slots
	l.exec.Slots, l.exec.Timed = nil, false
	l.exec.From = &l.exec.Unplaced // no port has received it
	l.exec.Run(l.up.Program, b, flow.Keys{Whole: l.outKey[:]}, identity[:1])
	l.exec.Slots = was
	if why := l.up.Program.Drop; why.Undecided() {
		return fmt.Errorf("%w: %s", ErrUndecided, why.Sentence())
	}
	return nil
}
