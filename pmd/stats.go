package pmd

import (
	"pollux/actions"
	"pollux/internal/packet"
)

// Stage is a part of a batch's way whose cost is measured.
type Stage uint8

// The stages.
const (
	StageReceive Stage = iota
	StageExtract
	StageExact
	StageMegaflow
	StageTranslate
	StageActions
	StageSample   // accounting in the flow caches, which actions do
	StageTransmit // sending and taking back, of all packets: it goes by iterations, not by batches
	NumStages
)

var stageNames = [NumStages]string{"receive", "extract", "exact", "megaflow", "translate", "actions", "sample", "transmit"}

// String names the stage as `perf` shows it.
func (s Stage) String() string { return stageNames[s] }

// timedEvery is how many batches there are to one that has its stages timed: reading
// the counter six times a batch costs as much as two packets do.
const timedEvery = 16

// TimedBatches returns how many batches had their stages timed.
func (s *LoopStats) TimedBatches() uint64 { return s.Batches / timedEvery }

// LoopStats are a loop's own counts. They only grow; who wants them since a moment
// subtracts. The loop copies them on request (Loop.Stats), so nothing is shared.
type LoopStats struct {
	Core       int    `json:"core"`
	Iterations uint64 `json:"iterations"`
	Busy       uint64 `json:"busy_iterations"`
	BusyTicks  uint64 `json:"busy_ticks"`
	IdleTicks  uint64 `json:"idle_ticks"`
	Sleeps     uint64 `json:"sleeps"`
	NapTicks   uint64 `json:"nap_ticks"` // of them

	Batches     uint64                      `json:"batches"`
	BatchSizes  [packet.MaxBatch + 1]uint32 `json:"-"` // histogram
	Packets     uint64                      `json:"packets"`
	SimpleHits  uint64                      `json:"simple_match_hits"` // treated by a decision for all of their port
	ExactHits   uint64                      `json:"exact_hits"`
	MegaHits    uint64                      `json:"megaflow_hits"`
	Upcalls     uint64                      `json:"upcalls"`
	UpcallTicks uint64                      `json:"upcall_ticks"`
	Renewed     uint64                      `json:"renewed"`     // hits of decisions that changes since had not touched
	Revalidated uint64                      `json:"revalidated"` // those that were translated again
	Changed     uint64                      `json:"changed"`     // of those, with another outcome
	Asked       uint64                      `json:"asked"`       // packets that were looked up again with an answer
	AskedAnew   uint64                      `json:"asked_anew"`  // of those, with one that no decision was for
	Verified    uint64                      `json:"verified"`
	Differed    uint64                      `json:"differed"` // of those, against law 1
	NoRoom      uint64                      `json:"no_room"`  // decisions used once because the cache was full
	Narrowed    uint64                      `json:"narrowed"` // decisions kept for exact headers because there were too many masks
	Evicted     uint64                      `json:"evicted"`
	Aged        uint64                      `json:"aged"`
	HandedOff   uint64                      `json:"handed_off"` // frames given to another loop to send
	TookOver    uint64                      `json:"took_over"`

	TimedPackets uint64            `json:"timed_packets"`
	Cycles       [NumStages]uint64 `json:"cycles"` // ticks by stage, of the timed packets; StageTransmit of all

	// Drops are told by port in Lost; what is of none (packets that controllers sent, ports
	// that are gone, handed over frames for a port that went) is in Unplaced. They add up.
	Drops    actions.Drops `json:"-"`
	Lost     []SlotDrop    `json:"-"`
	Unplaced actions.Drops `json:"-"`

	Clones actions.Count `json:"clones"`

	Injected actions.Count `json:"injected"` // packet-outs, which Packets and Batches leave out
	Consumed actions.Count `json:"consumed"` // packets and copies whose way ended with a controller
	Punts    actions.Count `json:"punts"`    // packets left for controllers

	Megaflows int `json:"megaflows"`
	Subtables int `json:"subtables"`
	FreeFrame int `json:"free_frames"`

	sampleTicks uint64 // of actions.Exec, that Cycles have

	out []int // slots that have a way out, for the loop
}

// timed says whether the next batch is one whose stages are timed.
func (s *LoopStats) timed() bool { return (s.Batches+1)%timedEvery == 0 }

// batch counts a batch of n packets.
func (s *LoopStats) batch(n int, timed bool) {
	s.Batches++
	s.BatchSizes[n]++
	s.Packets += uint64(n)
	if timed {
		s.TimedPackets += uint64(n)
	}
}

// sampled moves what accounting took, of all ticks it took so far, from the actions to a
// stage of its own.
func (s *LoopStats) sampled(all uint64) {
	d := all - s.sampleTicks
	s.sampleTicks = all
	s.Cycles[StageSample] += d
	s.Cycles[StageActions] -= d
}

// QueueStats count frames and bytes of one queue, or of one loop's way out of a port.
type QueueStats struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func (s *QueueStats) count(b *packet.Batch) (bytes uint64) { return s.add(b.Desc[:b.N]) }

func (s *QueueStats) add(d []packet.Desc) (bytes uint64) {
	for i := range d {
		bytes += uint64(d[i].Len) // in a register: a sum in memory waits for itself
	}
	s.Packets += uint64(len(d))
	s.Bytes += bytes
	return bytes
}

func (s *LoopStats) iteration(work int, ticks uint64) {
	s.Iterations++
	if work != 0 {
		s.Busy++
		s.BusyTicks += ticks
	} else {
		s.IdleTicks += ticks
	}
}

// RxStats and TxStats are one queue's counts with its place.
type RxStats struct {
	Slot  int `json:"-"`
	Queue int `json:"queue"`
	Loop  int `json:"loop"`
	QueueStats
	Ticks uint64 `json:"ticks"` // that its batches took the loops, until they were staged
}

func (r *rxSlot) stats(loop int) RxStats { return RxStats{r.slot, r.queue, loop, r.n, r.ticks} }

// TxStats is RxStats for sending; Queue is -1 where another loop owns the queue.
type TxStats struct {
	Slot  int `json:"-"`
	Queue int `json:"queue"`
	Loop  int `json:"loop"`
	QueueStats
	Full QueueStats `json:"full"` // dropped as tx_full or handoff_full here
}

// Punts returns the ring of packets for controllers, which one thread at a time may drain.
func (l *Loop) Punts() *actions.PuntRing { return l.exec.Punts }

// Counts returns what the loop has counted by now, but for what Stats gathers elsewhere.
// Only in the loop's thread: for what is called by Do and wants to read them together
// with something else.
func (l *Loop) Counts() LoopStats { return l.stats }

// Stats returns a copy of everything the loop counts, taken between two batches, and
// makes the numbers of its flow caches current.
func (l *Loop) Stats() (s LoopStats, rx []RxStats, tx []TxStats) {
	// With room for most switches, so that the loop need not allocate it.
	rx, tx = make([]RxStats, 0, 64), make([]TxStats, 0, 64)
	lost := make([]SlotDrop, 0, 256)
	l.Do(func(l *Loop) {
		s = l.stats
		s.out = nil
		for slot, x := range l.lost {
			if x != nil {
				lost = told(x, slot, lost)
			}
		}
		s.Lost, s.Unplaced = lost, l.exec.Unplaced.Drops
		l.publishCaches()
		s.Drops, s.Clones = l.exec.Stats.Drops, l.exec.Stats.Clones
		s.Consumed, s.Punts = l.exec.Stats.Consumed, l.exec.Stats.PuntsLaid
		s.Megaflows, s.FreeFrame = l.mega.Len(), l.free.Len()
		m := l.mega.Stats()
		s.Subtables, s.Narrowed = m.Subtables, m.Narrowed
		for i := range l.rx {
			rx = append(rx, l.rx[i].stats(l.cfg.ID))
		}
		for _, slot := range l.stats.out {
			t := &l.tx[slot]
			tx = append(tx, TxStats{slot, t.queue, l.cfg.ID, t.n, t.full})
		}
	})
	return s, rx, tx
}
