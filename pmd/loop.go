package pmd

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pollux/actions"
	"pollux/classifier"
	"pollux/flow"
	"pollux/internal/clock"
	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
)

// LoopConfig is what one loop is made of.
type LoopConfig struct {
	ID, Core      int
	Burst         int           // packets asked of a queue at a time, 1 to packet.MaxBatch
	SleepMax      time.Duration // longest nap of an idle loop; 0 = never sleeps
	ExactEntries  int
	Megaflows     int           // limit
	MegaflowMasks int           // limit of their masks, exact ones apart; 0 is none
	MegaflowIdle  time.Duration // a decision not used for this long is forgotten
	Verify        uint32        // re-translate one hit in so many and compare; 0 = never
	Memory        *packet.Memory
	Tables        *Published
	Caches        []*cache.Cache // by exporter, as the loop begins; nil entries are off
	Slots         int            // number of port slots of the switch
	Punts         int            // packets for controllers that wait at most, a power of two; 0: 512
}

// Published is where the control plane puts the snapshot in force. Loops load it
// once per batch.
type Published struct{ p atomic.Pointer[published] }

type published struct {
	tables  Tables
	gen     [2]uint64 // by Megaflow.FDB: the generation a decision must carry
	changes *classifier.Changes
}

// Store publishes t. The caller is the one writer.
func (p *Published) Store(t Tables) {
	g := t.Generation()
	p.p.Store(&published{t, [2]uint64{g, g + t.FDBGeneration()}, t.Changes()})
}

// Load returns the snapshot in force, nil before the first Store.
func (p *Published) Load() Tables {
	if s := p.p.Load(); s != nil {
		return s.tables
	}
	return nil
}

// Loop is one poll loop: a thread pinned to a core, with everything it needs in
// memory of its own. All fields belong to that thread but those said otherwise.
type Loop struct {
	cfg  LoopConfig
	mem  *packet.Memory
	free *packet.FreeList
	snap *published // in force for the batch in hand
	now  int64      // ns, read once per batch

	rx    []rxSlot
	tx    []txSlot             // by port slot
	lost  []*actions.PortDrops // by port slot; nil: no queue of the port is this loop's
	exec  *actions.Exec
	peers *Mesh

	exact      *classifier.Exact
	exactSlots int // of exact; it does not change
	passBy     passBy
	mega       *classifier.Megaflows
	progs      programs
	seed       uint64 // of hashes of whole keys
	secrets    flow.Secrets
	hand       int // where the sweep of the megaflows stands
	victim     int // where eviction looks next
	nextS      int64

	caches   []*cache.Cache // by exporter; nil entries are off
	retiring []*cache.Cache // replaced, and not yet empty
	nextC    int64

	up        Upcall
	asking    inquiry
	lists     lists
	oneShot   []*classifier.Megaflow // decisions of this batch that found no room
	unsettled bool                   // a decision of this batch wants the tables changed before its packets leave
	verify    uint32                 // hits left until the next is re-translated

	batch  packet.Batch
	keys   flow.Keys
	hashes [packet.MaxBatch]uint64
	flows  [packet.MaxBatch]*classifier.Megaflow
	slots  [packet.MaxBatch]int32 // of the exact cache, where the packet's key is; -1 nowhere
	miss   [packet.MaxBatch]uint16
	miss2  [packet.MaxBatch]uint16
	groups groups
	chunks [packet.MaxBatch]uint64
	homing [packet.MaxBatch]uint64
	handed [packet.MaxBatch]Handoff
	outKey [1]flow.Key // of an injected packet

	stats LoopStats
	times Times // of iterations
	idle  int   // iterations in a row that found nothing

	mail    mailbox
	running bool        // guarded by mail.mu
	stop    atomic.Bool // set by the control plane
	exited  chan struct{}

	again []uint16 // packets of the batch that the exact cache is to know anew
}

// rxSlot is a receive queue this loop polls.
type rxSlot struct {
	slot, queue int
	ofport      uint32
	q           RxQueue
	n           QueueStats
	ticks       uint64             // from its batches' arrival until they were staged
	lost        *actions.PortDrops // of the port, in the loop that polls
	wide        portWide           // what all its packets are treated by, if there is such a decision
}

// signatures is how many flows the megaflow cache remembers the mask of, where hits
// visit many masks: enough for a million. Their 12 MB are touched where there are such
// masks only. Measured with 20 masks: 100,000 flows cost a third of what they did without,
// 1,000,000 flows 50 ns a packet, and 82 with 1 << 18.
const signatures = 1 << 21

// NewLoop returns a loop that does not run yet.
func NewLoop(cfg LoopConfig) (*Loop, error) {
	switch {
	case cfg.Burst < 1 || cfg.Burst > packet.MaxBatch:
		return nil, fmt.Errorf("loop %d: burst %d is not between 1 and %d", cfg.ID, cfg.Burst, packet.MaxBatch)
	case cfg.Memory == nil || cfg.Tables == nil:
		return nil, fmt.Errorf("loop %d: memory and tables are needed", cfg.ID)
	}
	l := &Loop{
		cfg:  cfg,
		mem:  cfg.Memory,
		free: packet.NewFreeList(cfg.Memory, cfg.ID),
		tx:   make([]txSlot, cfg.Slots),
		lost: make([]*actions.PortDrops, cfg.Slots),
		keys: flow.Keys{Whole: make([]flow.Key, packet.MaxBatch), Shorts: new(flow.Shorts)},
		mail: newMailbox(),
		seed: uint64(cfg.ID)*0x9e3779b97f4a7c15 + uint64(clock.Ticks()),

		exact:  classifier.NewExact(cfg.ExactEntries),
		mega:   classifier.NewMegaflows(cfg.Megaflows),
		progs:  newPrograms(),
		lists:  newLists(),
		verify: cfg.Verify,

		rx:      make([]rxSlot, 0, roomy/4),
		oneShot: make([]*classifier.Megaflow, 0, 2*roomy),
	}
	l.again = make([]uint16, 0, packet.MaxBatch)
	l.groups.of = make([]int16, 0, 8*roomy)
	l.stats.out = make([]int, 0, 2*roomy)
	l.secrets = flow.NewSecrets(l.seed)
	l.exactSlots = l.exact.Stats().Entries
	l.mega.UseSignatures(signatures)
	l.mega.SetMasks(cfg.MegaflowMasks)
	l.exec = actions.NewExec(l.mem, l.free)
	l.exec.Out = make([]*actions.Staging, cfg.Slots)
	if cfg.Punts == 0 {
		cfg.Punts = 512
	}
	l.exec.Punts = actions.NewPuntRing(cfg.Punts, int(l.mem.ChunkSize))
	for i, c := range cfg.Caches {
		l.SetCache(i, c)
	}
	l.begin()
	l.exec.Flush, l.exec.Release = l.flush, l.release
	l.stats.Core = cfg.Core
	return l, nil
}

// Start runs the loop in a thread of its own, pinned to its core.
func (l *Loop) Start() error {
	l.exited = make(chan struct{})
	l.stop.Store(false)
	l.mail.mu.Lock()
	l.running = true
	l.mail.mu.Unlock()
	pinned := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, pinned as it is, ends with the goroutine.
		runtime.LockOSThread()
		defer close(l.exited)
		err := cpu.Pin(l.cfg.Core)
		pinned <- err
		if err == nil {
			l.run()
		}
		l.mail.leave(l)
	}()
	return <-pinned
}

// End has the loop end soon.
func (l *Loop) End() { l.stop.Store(true) }

// Stop ends the loop and waits for it.
func (l *Loop) Stop() {
	l.End()
	if l.exited != nil {
		<-l.exited
	}
}

// run is the poll loop.
func (l *Loop) run() {
	start := clock.Ticks()
	for !l.stop.Load() {
		work := l.iterate(start)
		end := clock.Ticks()
		l.stats.iteration(work, end-start)
		l.times.add(end - start)
		start = l.backOff(work, end)
	}
}

// iterate goes once round the queues and returns how much there was to do. at is the
// tick it begins at: from there on each queue with packets is charged the ticks since the
// last one, which is one reading a batch.
func (l *Loop) iterate(at uint64) int {
	work := 0
	for i := range l.rx {
		r := &l.rx[i]
		if n := l.poll(r); n > 0 {
			work += n
			now := clock.Ticks()
			r.ticks += now - at
			l.spent(now - at)
			at = now
		}
	}
	if work == 0 {
		l.now = clock.Now()
		l.exec.Now = l.now
	}
	work += l.takeHandoffs()
	return work + l.finish(at)
}

// poll receives one batch from a queue and sends it on its way.
func (l *Loop) poll(r *rxSlot) int {
	b := &l.batch
	t := stopwatch(l.stats.timed())
	n := r.q.Rx(b, l.cfg.Burst, l.free)
	if n == 0 {
		return 0
	}
	b.N, b.InPort = n, r.ofport
	l.exec.From = r.lost
	l.now = clock.Now()
	l.exec.Now = l.now
	bytes := r.n.count(b)
	l.stats.batch(n, t.on)
	t.lap(&l.stats.Cycles[StageReceive])
	l.loadTables()
	if mf := l.decided(r); mf != nil {
		l.processWide(mf, n, bytes, t)
		return n
	}
	l.process(n, t)
	r.note(l.flows[0])
	return n
}

// finish is what every iteration ends with: send what is staged, bring chunks home,
// age the caches, open the mail. Sending is charged from tick at on.
func (l *Loop) finish(at uint64) int {
	t := laps{true, at}
	work := l.flushAll()
	work += l.reclaim()
	l.bringHome()
	if work > 0 {
		t.lap(&l.stats.Cycles[StageTransmit])
	}
	l.sweep()
	if l.mail.serve(l) {
		work++
	}
	return work
}

// backOff lets an idle loop sleep, longer and longer up to SleepMax. It spins for the
// first thousand empty iterations, since traffic that comes in bursts comes soon. It
// returns the tick at which the next iteration begins: now, so that nothing between two
// is left out of their times, or that after the nap.
func (l *Loop) backOff(work int, now uint64) uint64 {
	if work != 0 {
		l.idle = 0
		return now
	}
	l.idle++
	if l.cfg.SleepMax == 0 || l.idle < 1000 {
		return now
	}
	nap := min(time.Duration(l.idle-999)*time.Microsecond, l.cfg.SleepMax)
	l.stats.Sleeps++
	for ; nap > 0 && !l.stop.Load(); nap -= longestNap {
		ts := unix.NsecToTimespec(int64(min(nap, longestNap)))
		// A signal ends the nap early, which is no harm.
		_ = unix.Nanosleep(&ts, nil)
	}
	woke := clock.Ticks()
	l.stats.NapTicks += woke - now
	return woke
}

// longestNap is how long a loop sleeps without looking whether it is to stop.
const longestNap = 10 * time.Millisecond

// Tables may be exchanged between batches only.
func (l *Loop) loadTables() { l.snap = l.cfg.Tables.p.Load() }
