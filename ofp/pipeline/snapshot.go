package pipeline

import (
	"sync/atomic"

	"pollux/actions"
	"pollux/classifier"
	"pollux/internal/ring"
	"pollux/pmd"
)

// table is one flow table of a snapshot that has rules, or had some.
type table struct {
	id     uint8
	rules  *classifier.Table
	counts *tableCounters // shared by all snapshots

	limited []cookieCount // that limits of learn actions ask for, by cookie
	max     int           // how many rules there can be
}

// with returns t with other rules.
func (t *table) with(rules *classifier.Table, limited []cookieCount) *table {
	return &table{id: t.id, rules: rules, counts: t.counts, limited: limited, max: t.max}
}

// full says whether there is no room for another rule.
func (t *table) full() bool { return t.rules.Len() >= t.max }

// Snapshot is one immutable picture of a State. Any number of threads may use it.
type Snapshot struct {
	gen      uint64
	fdbGen   uint64
	name     string
	ports    *portSet
	tables   [NumTables]*table
	sampling Sampling
	// firstEgress divides the tables: those from it on are for packets that leave; 0: none are.
	firstEgress uint8
	off         tableSet // tables that are disabled
	punting     Punting
	frags       Fragments
	groups      *groupSet              // nil: there are none
	meters      map[uint32]*meterEntry // not written once it is here
	fdb         *fdb
	changes     *classifier.Changes // the last that led here
	loops       *loops
}

// loops is what belongs to the poll loops and outlives snapshots. Each element is
// touched by its loop's thread alone, except that Tick drains the rings.
type loops struct {
	notes   []*ring.SPSC[note]
	scratch []*xlate
	flows   *flowNotes
	lost    atomic.Uint64 // notes for which a ring had no room
}

// note is what a loop learned.
type note struct {
	key  fdbKey
	port uint32
	now  int64
}

// noteRing is how many notes a loop may leave between two Ticks.
const noteRing = 4096

func newLoops(threads int) *loops {
	l := &loops{flows: newFlowNotes(threads)}
	for range threads {
		l.notes = append(l.notes, ring.New[note](noteRing))
		l.scratch = append(l.scratch, newScratch())
	}
	return l
}

// newScratch returns a translation to use again and again, with lists of a kilobyte and
// more: smaller ones would lie on cache lines of other loops' lists.
func newScratch() *xlate {
	return &xlate{
		ops: make([]actions.Op, 0, 64), samples: make([]actions.Sample, 0, 64), tell: make([]bool, 0, 1024),
		meters: make([]*actions.Meter, 0, 128), punts: make([]actions.Punt, 0, 16), queues: make([]*actions.Queue, 0, 128),
		counted: counted{rules: make([]*Rule, 0, 128), missed: make([]*tableCounters, 0, 128)},
		set:     make([]Action, 0, 32),
	}
}

var _ pmd.Tables = (*Snapshot)(nil)

// Generation numbers tables, ports and configuration.
func (s *Snapshot) Generation() uint64 { return s.gen }

// FDBGeneration numbers the learned addresses.
func (s *Snapshot) FDBGeneration() uint64 { return s.fdbGen }

// Changes are the last changes, for those who have decisions of earlier snapshots.
func (s *Snapshot) Changes() *classifier.Changes { return s.changes }

// generations are those of decisions made by s, by classifier.Megaflow.FDB.
func (s *Snapshot) generations() [2]uint64 { return [2]uint64{s.gen, s.gen + s.fdbGen} }

// Name is the bridge's name.
func (s *Snapshot) Name() string { return s.name }

// Ports returns the ports in the order of their numbers; not to be written.
func (s *Snapshot) Ports() []Port { return s.ports.all }

// HasPort says whether there is a port n.
func (s *Snapshot) HasPort(n uint32) bool { return s.ports.get(n) != nil }

// PortNames returns the names of the ports, for parsing and printing.
func (s *Snapshot) PortNames() *PortTable { return &PortTable{s.ports} }

// PortTable is the names of a set of ports: a flow.PortNames.
type PortTable struct{ s *portSet }

// Number returns the port of that name.
func (t *PortTable) Number(name string) (uint32, bool) { return t.s.Number(name) }

// Name returns the name of port n.
func (t *PortTable) Name(n uint32) (string, bool) { return t.s.Name(n) }

// Translate decides what happens to a packet with key u.Key. See pmd.Tables. With
// Commit set, only the thread that u.Thread names may call it.
func (s *Snapshot) Translate(u *pmd.Upcall) { s.scratch(u.Thread).run(s, u, nil) }

// scratch is a loop's memory for its translations, which nobody else may use; the control plane
// gets some of its own.
func (s *Snapshot) scratch(thread int) *xlate {
	if thread >= 0 && thread < len(s.loops.scratch) {
		return s.loops.scratch[thread]
	}
	return new(xlate)
}
