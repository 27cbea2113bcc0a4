package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pollux/classifier"
	"pollux/flow"
	"pollux/internal/clock"
)

// Defaults of Config.
const (
	DefaultMACAgeing    = 300 * time.Second
	DefaultMACTableSize = 8192
)

// Config is what a State starts with.
type Config struct {
	Name         string        // of the bridge
	Ports        []Port        //
	Flows        []Flow        // none: every packet misses and is dropped
	Threads      int           // poll loops; Upcall.Thread is less
	MACAgeing    time.Duration // 0: DefaultMACAgeing
	MACTableSize int           // 0: DefaultMACTableSize
	Sampling     Sampling
	Now          func() int64 // ns, monotonic, the loops' clock; nil: clock.Now
}

// State is a bridge that can be changed: tables, ports, learned addresses,
// configuration. Its methods may be called from any thread. Every change makes a
// new Snapshot, which is handed to OnPublish.
type State struct {
	now   func() int64
	loops *loops
	snap  atomic.Pointer[Snapshot]

	mu            sync.Mutex // guards what follows, and publishing
	publish       []func(*Snapshot)
	settle        func() // brings counters up to date before anything is taken for idle
	ageing        int64  // ns
	fdbSize       int
	fdbStats      FDBStats
	lost          uint64 // of loops.lost, already answered for
	nextAgeAt     int64
	nextTriggerAt int64
	seq           uint64
	expired       ExpiryStats

	tx        flowTx // the one in hand
	learners  map[learnerKey]int
	cookies   cookieBook
	users     userBook
	lostFlows uint64 // of loops.flows.lost, already answered for
	tables    [NumTables]tableState
	due       dueHeap // rules with timeouts
	dos       sharedDos
	onChange  []func(*FlowChange)
	onRemoved []func(FlowRemoved)
	onTable   []func(TableStatus)
	onTrigger []func(StatsTriggered)
	watches   map[*Rule]*watch // of rules with triggers
	gone      []gone           // of which onRemoved is to be told, in order
	sending   sending          // what it waits for
	change    FlowChange       // the one that is told
	learned   learnedChanges   // of which onChange and onTable are to be told

	telling sync.Mutex // one tells at a time; taken before mu
	onPort  []func(PortChange)
}

// ExpiryStats counts rules that timed out.
type ExpiryStats struct {
	Idle uint64 `json:"idle"`
	Hard uint64 `json:"hard"`
}

// New returns the bridge that c describes.
func New(c Config) (*State, error) {
	s := &State{now: c.Now, loops: newLoops(c.Threads), learners: map[learnerKey]int{}}
	if s.now == nil {
		s.now = clock.Now
	}
	s.loops.flows.settle = s.learnNow
	snap := &Snapshot{gen: 1, fdbGen: 1, name: c.Name, ports: &portSet{direct: make([]int32, directPorts)}, fdb: &fdb{}, loops: s.loops}
	for i := range snap.tables {
		snap.tables[i] = &table{id: uint8(i), rules: &classifier.Table{}, counts: &tableCounters{table: uint8(i)}, max: DefaultMaxFlows}
	}
	s.snap.Store(snap)
	ageing, size := c.MACAgeing, c.MACTableSize
	if ageing == 0 {
		ageing = DefaultMACAgeing
	}
	if size == 0 {
		size = DefaultMACTableSize
	}
	ports, flows := c.Ports, c.Flows
	if ports == nil {
		ports = []Port{}
	}
	if flows == nil {
		flows = []Flow{}
	}
	if err := s.Apply(Change{Name: &c.Name, Ports: ports, Flows: flows, Sampling: &c.Sampling, MACAgeing: ageing, MACTableSize: size}); err != nil {
		return nil, err
	}
	return s, nil
}

// Change is a transaction: all of it is checked, then all of it is done and
// published once. What is zero stays as it is.
type Change struct {
	Name         *string
	Ports        []Port // all of them; empty but not nil removes every port
	Flows        []Flow // all of the configuration; empty but not nil removes every one
	Sampling     *Sampling
	MACAgeing    time.Duration
	MACTableSize int

	// Put, unless nil, is given the indices into Flows of those that were not there as they
	// are, be it that they are new or that somebody has changed or deleted them.
	Put *[]int

	allFlows bool // Flows are all that are to be left
}

// flowsAlone says whether nothing but flows is to change.
func (c *Change) flowsAlone() bool {
	return c.Name == nil && c.Ports == nil && c.Sampling == nil && c.MACAgeing == 0 && c.MACTableSize == 0
}

// Apply does c, or nothing if it returns an error. Of flows that were there
// already, and do the same, the counters and the age go on. Flows that controllers added
// stay, unless a flow of c has the same table, match and priority: then that takes their
// place; and what controllers changed or deleted of the configuration's own is made good. Errors of flows that say
// where they were written are *ParseError, alone or in a ParseErrors.
func (s *State) Apply(c Change) error {
	s.mu.Lock()
	defer s.unlock()
	next := s.next()
	tx := s.begin(next, nil)
	if c.Name != nil {
		next.name = *c.Name
	}
	all := false // decisions may be touched
	if c.Sampling != nil {
		all = !reflect.DeepEqual(next.sampling, *c.Sampling)
		next.sampling = *c.Sampling
	}
	if c.MACAgeing < 0 || c.MACTableSize < 0 {
		return fmt.Errorf("mac ageing %v, table size %d: both must be positive", c.MACAgeing, c.MACTableSize)
	}
	if c.Ports != nil {
		ports, err := newPortSet(c.Ports)
		if err != nil {
			return err
		}
		ports.keepMods(next.ports)
		ports.keepQueues(next.ports, s.now())
		tx.setPorts(ports)
	}
	if c.Flows != nil {
		if err := tx.replace(c.Flows, c.allFlows, c.Put); err != nil {
			tx.abort()
			return err
		}
	}
	if c.Sampling != nil {
		if err := tx.checkSets(); err != nil {
			tx.abort()
			return err
		}
	}
	// From here on nothing fails.
	if c.flowsAlone() && len(tx.steps) == 0 {
		tx.finish() // all are there: loops have no need of a snapshot that is as theirs is
		return nil
	}
	tx.build()
	if c.MACAgeing != 0 {
		s.ageing = int64(c.MACAgeing)
	}
	if c.MACTableSize != 0 {
		s.fdbSize = c.MACTableSize
	}
	if c.Ports != nil {
		s.forget(next)
	}
	if all {
		s.put(next)
	} else {
		s.putRules(next, tx.others)
	}
	tx.finish()
	return nil
}

// ErrNoPort says that a port does not exist.
var ErrNoPort = errors.New("no such port")

// UpdatePort changes one port by fn; its number must stay.
func (s *State) UpdatePort(ofport uint32, fn func(*Port)) error {
	_, err := s.Mods([]Mod{{Port: &PortUpdate{OFPort: ofport, Do: fn}}}, nil, nil)
	return err
}

// SetPortUp says whether frames can leave by a port.
func (s *State) SetPortUp(ofport uint32, up bool) error {
	return s.UpdatePort(ofport, func(p *Port) { p.Up = up })
}

// SetSampling changes what is accounted.
func (s *State) SetSampling(c Sampling) error { return s.Apply(Change{Sampling: &c}) }

// Replace makes flows the only ones, whoever added those of before.
func (s *State) Replace(flows []Flow) error {
	if flows == nil {
		flows = []Flow{}
	}
	return s.Apply(Change{Flows: flows, allFlows: true})
}

// checkSets refuses a configuration that takes the exporter of a sample action of its own
// away. What controllers added samples for nobody then.
func (tx *flowTx) checkSets() error {
	var all ParseErrors
	for id := range tablesOf(AllTables) {
		for c := range tx.view(id).Rules() {
			r := c.Data.(*Rule)
			if r.origin != fromConfig {
				continue
			}
			f := r.whole()
			err := tx.next.sampling.check(&f)
			if err == nil {
				continue
			}
			var pe *ParseError
			if !errors.As(err, &pe) {
				return err
			}
			all = append(all, pe)
		}
	}
	if all == nil {
		return nil
	}
	slices.SortFunc(all, func(a, b *ParseError) int { return a.Line - b.Line })
	return all
}

// check refuses a sample action to a collector set without exporter.
func (c *Sampling) check(f *Flow) (err error) {
	f.Do.some(func(a *Action) bool {
		if a.Kind == ActSample {
			if _, ok := c.Sets[a.List.Sample.Set]; !ok {
				err = flowErr(f, noExporter(a.List.Sample.Set))
			}
		}
		return err != nil
	})
	return err
}

var _ flow.PortNames = (*PortTable)(nil)
