// Package datapath is the set of a switch's loops and ports: it opens the one
// memory, spreads queues over loops, publishes snapshots of the tables, and adds up
// what the loops count. It is control plane: nothing here runs per packet.
package datapath

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"pollux/actions"
	"pollux/internal/clock"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/pmd"
)

// MaxSlots is the most ports a switch has.
const MaxSlots = 1024

// Config is what a datapath is made of. Sizes are those of pmd.LoopConfig.
type Config struct {
	Cores         []int // one loop each
	Burst         int
	SleepMax      time.Duration
	ExactEntries  int
	Megaflows     int
	MegaflowMasks int
	MegaflowIdle  time.Duration
	Verify        uint32
	Isolate       bool           // loops that have pinned queues get no others when queues are rebalanced
	Exporters     []cache.Config // a flow cache in each loop for each
}

// Datapath is the running whole. Its methods may be called from any thread but a
// loop's.
type Datapath struct {
	mem     *packet.Memory
	tables  pmd.Published
	loops   []*pmd.Loop
	cores   []int // of the loops
	isolate bool
	mesh    *pmd.Mesh

	setting  sync.Mutex // held while an exporter's caches are exchanged
	draining sync.Mutex // held while packets for controllers are taken out

	mu     sync.Mutex       // guards what follows
	caches [][]*cache.Cache // by exporter, by loop; no row: off
	ports  map[int]*Port
	gone   Sums            // of ports that were removed
	began  uint64          // tick of Start
	usage  usage           // of loops and queues, lately
	past   map[int]*Totals // by slot: counts of devices that were there before
}

// Port is a port in its slot. Its device may come and go.
type Port struct {
	Slot   int
	OFPort uint32
	Name   string
	Loops  []int    // that poll queue i, as it stands; those beyond are spread
	Pinned []bool   // queue i stays with its loop when queues are rebalanced
	Dev    pmd.Port // nil while the device is away

	Frames   int // of its loop's memory that a receive queue takes
	TxFrames int // of each loop's memory that the transmit queues take at most

	added time.Time
}

// New makes the loops; they do not run yet.
func New(cfg Config, mem *packet.Memory) (*Datapath, error) {
	d := &Datapath{
		mem: mem, cores: cfg.Cores, isolate: cfg.Isolate,
		ports: map[int]*Port{}, past: map[int]*Totals{},
	}
	if len(cfg.Cores) == 0 {
		return nil, errors.New("datapath: no core to run a loop on")
	}
	if len(cfg.Cores) > 1 {
		d.mesh = pmd.NewMesh(len(cfg.Cores), mem)
	}
	for id, core := range cfg.Cores {
		l, err := pmd.NewLoop(pmd.LoopConfig{
			ID: id, Core: core, Burst: cfg.Burst, SleepMax: cfg.SleepMax,
			ExactEntries: cfg.ExactEntries, Megaflows: cfg.Megaflows, MegaflowMasks: cfg.MegaflowMasks,
			MegaflowIdle: cfg.MegaflowIdle, Verify: cfg.Verify,
			Memory: mem, Tables: &d.tables, Slots: MaxSlots,
		})
		if err != nil {
			return nil, err
		}
		if d.mesh != nil {
			l.Join(d.mesh)
		}
		d.loops = append(d.loops, l)
	}
	for i := range cfg.Exporters {
		if _, err := d.SetExporter(i, &cfg.Exporters[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Loops returns the loops.
func (d *Datapath) Loops() []*pmd.Loop { return d.loops }

// Publish puts a snapshot in force for every batch that begins from now on.
func (d *Datapath) Publish(t pmd.Tables) { d.tables.Store(t) }

// Barrier returns when no packet is any more treated by a snapshot older than the
// last one published (design law 1).
func (d *Datapath) Barrier() {
	for _, l := range d.loops {
		l.Do(func(*pmd.Loop) {})
	}
}

// Start runs the loops. A snapshot must have been published.
func (d *Datapath) Start() error {
	if d.tables.Load() == nil {
		return errors.New("datapath: no tables published before start")
	}
	d.mu.Lock()
	d.began = clock.Ticks()
	d.mu.Unlock()
	for i, l := range d.loops {
		if err := l.Start(); err != nil {
			for _, up := range d.loops[:i] {
				up.Stop()
			}
			return fmt.Errorf("loop %d: %w", i, err)
		}
	}
	return nil
}

// StopLoops ends the loops and hands over all counts. What is asked of loops from
// then on is done in the caller's thread.
func (d *Datapath) StopLoops() {
	for _, l := range d.loops {
		l.End()
	}
	for _, l := range d.loops {
		l.Stop()
	}
	d.PushCounts()
}

// Close closes the ports of stopped loops.
func (d *Datapath) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, p := range d.ports {
		errs = append(errs, d.detach(p))
	}
	return errors.Join(errs...)
}

// PushCounts brings the counters of all rules up to date with what caches counted.
func (d *Datapath) PushCounts() {
	for _, l := range d.loops {
		l.Ask(l.PushAll())
	}
}

// Add puts a port into its slot and, where its device is there, into the loops.
func (d *Datapath) Add(p *Port) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.Slot < 0 || p.Slot >= MaxSlots {
		return fmt.Errorf("port %s: slot %d is not below %d", p.Name, p.Slot, MaxSlots)
	}
	if old := d.ports[p.Slot]; old != nil {
		return fmt.Errorf("port %s: slot %d is taken by port %s", p.Name, p.Slot, old.Name)
	}
	p.added = time.Now()
	d.ports[p.Slot] = p
	if p.Dev != nil {
		d.attach(p)
	}
	return nil
}

// Attach gives the port in slot a device that has come (back).
func (d *Datapath) Attach(slot int, dev pmd.Port) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.ports[slot]
	if p == nil || p.Dev != nil {
		return fmt.Errorf("slot %d: no port without a device there", slot)
	}
	p.Dev = dev
	d.attach(p)
	return nil
}

// Detach takes the device away from the port in slot and closes it; the port stays.
func (d *Datapath) Detach(slot int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.ports[slot]; p != nil {
		return d.detach(p)
	}
	return nil
}

// Remove takes a port out of the switch.
func (d *Datapath) Remove(slot int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.ports[slot]
	if p == nil {
		return nil
	}
	err := d.detach(p)
	if t := d.past[slot]; t != nil {
		d.gone.add(t)
		delete(d.past, slot)
	}
	delete(d.ports, slot)
	return err
}

// attach spreads the queues: receive queue i goes to the loop the configuration names,
// or to loops in turn; loop i sends by transmit queue i, and where there are fewer
// queues than loops, through the loop that has queue i mod queues.
func (d *Datapath) attach(p *Port) {
	rx, tx := p.Dev.Queues()
	info := p.Dev.Info()
	for i, l := range d.loops {
		if len(tx) == 0 {
			continue
		}
		s := &actions.Staging{MTU: info.MTU}
		owner := i % len(tx)
		if owner == i {
			l.AddTx(p.Slot, i, p.OFPort, tx[i], i, s)
		} else {
			l.AddTx(p.Slot, -1, p.OFPort, nil, owner, s)
		}
	}
	for q := range rx {
		d.loops[d.pollsQueue(p, q)].AddRx(p.Slot, q, p.OFPort, rx[q])
	}
}

func (d *Datapath) detach(p *Port) error {
	if p.Dev == nil {
		return nil
	}
	t := d.past[p.Slot]
	if t == nil {
		t = &Totals{}
		d.past[p.Slot] = t
	}
	// First the loops that send by another's queue; then that other has time to take
	// what they left for it, which one iteration does by the batch; then it.
	_, tx := p.Dev.Queues()
	for i := len(d.loops) - 1; i >= 0; i-- {
		if i == len(tx)-1 {
			for range pmd.HandoffRounds {
				for _, owner := range d.loops[:i+1] {
					owner.Do(func(*pmd.Loop) {})
				}
			}
		}
		rx, tx, lost := d.loops[i].RemovePort(p.Slot)
		t.addQueues(rx, tx)
		t.addDrops(lost)
	}
	t.Driver = t.Driver.plus(p.Dev.Counters())
	chunks, err := p.Dev.Close()
	p.Dev = nil
	home := make([][]uint64, len(d.loops))
	for _, c := range chunks {
		h := d.mem.Home(c)
		home[h] = append(home[h], c)
	}
	for h, c := range home {
		if len(c) > 0 {
			d.loops[h].GiveBack(c)
		}
	}
	if err != nil {
		return fmt.Errorf("port %s: close: %w", p.Name, err)
	}
	return nil
}

// SetUp says whether the device in slot can send; outputs to one that can't are
// dropped and counted.
func (d *Datapath) SetUp(slot int, up bool) {
	state := actions.Down
	if up {
		state = actions.Up
	}
	for _, l := range d.loops {
		l.SetTx(slot, func(s *actions.Staging) { s.State = state })
	}
}

// Info describes the device in slot, nil while there is none.
func (d *Datapath) Info(slot int) *pmd.PortInfo {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.ports[slot]
	if p == nil || p.Dev == nil {
		return nil
	}
	info := p.Dev.Info()
	return &info
}
