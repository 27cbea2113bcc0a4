package pipeline

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// DefaultMaxFlows is how many flows a table has at most, unless it is told otherwise.
const DefaultMaxFlows = 1_000_000

// maxTableName is how long a table's name is at most (OFP_MAX_TABLE_NAME_LEN less its end).
const maxTableName = 31

// Switch is a setting of a request that may leave it as it is.
type Switch uint8

// The settings.
const (
	Unchanged Switch = iota
	On
	Off
)

// TableMiss is what a table does with a packet for which it has no rule.
type TableMiss uint8

// What there is. Up to 1.2 a table mod chooses; from 1.3 on it is a drop, and the flow of
// priority 0 that matches everything chooses.
const (
	MissDefault TableMiss = iota
	MissController
	MissContinue
	MissDrop
)

// TableMod is a request to configure a table (OpenFlow 1.4 section 7.3.4.2).
type TableMod struct {
	Table                  uint8 // AllTables: all
	Miss                   TableMiss
	Eviction               Switch
	Vacancy                Switch  // events of it
	VacancyDown, VacancyUp uint8   // percent of MaxFlows that are free; with Vacancy On
	MaxFlows               int     // 0: unchanged; not in OpenFlow
	Name                   *string // nil: unchanged; of OFPMP_TABLE_FEATURES, 31 bytes at most
}

// TableConfig is what a table is configured to do.
type TableConfig struct {
	Table                  uint8
	Name                   string // "" is none
	Eviction               bool
	Vacancy                bool
	VacancyDown, VacancyUp uint8 // percent
	MaxFlows               int
	Flows                  int  // that it has
	FirstEgress            bool // it and those behind it are for packets that leave
	Egress                 bool // it is one of these
}

// Free returns how many percent of the table are free.
func (c *TableConfig) Free() uint8 {
	return uint8(max(c.MaxFlows-c.Flows, 0) * 100 / c.MaxFlows)
}

// TableReason is why a table's status is told (enum ofp_table_reason).
type TableReason uint8

// The reasons, with their numbers on the wire.
const (
	TableVacancyDown TableReason = 3
	TableVacancyUp   TableReason = 4
)

// TableStatus is the news that a table fills or empties.
type TableStatus struct {
	Reason TableReason
	Config TableConfig
}

// tableState is what a State knows of a table that packets have no use for.
type tableState struct {
	name    string
	max     int // 0: DefaultMaxFlows
	evict   *dueHeap
	vacancy bool
	down    uint8
	up      uint8
	low     bool // it has fallen below down, and has not risen above up since
}

func (t *tableState) limit() int {
	if t.max == 0 {
		return DefaultMaxFlows
	}
	return t.max
}

// OnTableStatus has fn called when a table's free space passes the bounds of a TableMod. It
// is called with the mutex held: it must be quick and must not call State's methods.
func (s *State) OnTableStatus(fn func(TableStatus)) {
	s.mu.Lock()
	defer s.unlock()
	s.onTable = append(s.onTable, fn)
}

// TableMod configures tables. What tables do on a miss is a drop and cannot be changed: the
// error for another wish is TableModBadConfig, and so it is for vacancies out of order.
func (s *State) TableMod(m *TableMod) error {
	switch {
	case m.Table >= NumTables && m.Table != AllTables:
		return fmt.Errorf("table %d; there are tables 0 to %d: %w", m.Table, NumTables-1, ofperr.TableModBadTable)
	case m.Miss == MissController || m.Miss == MissContinue:
		return fmt.Errorf("table %d: a miss is a drop; a flow of priority 0 does what else is wanted: %w", m.Table, ofperr.TableModBadConfig)
	case m.Vacancy == On && (m.VacancyDown > m.VacancyUp || m.VacancyUp > 100):
		return fmt.Errorf("table %d: vacancy from %d to %d percent: %w", m.Table, m.VacancyDown, m.VacancyUp, ofperr.TableModBadConfig)
	case m.Name != nil && len(*m.Name) > maxTableName:
		return fmt.Errorf("table %d: a name of %d bytes, %d at most: %w", m.Table, len(*m.Name), maxTableName, ofperr.TableModBadConfig)
	case m.MaxFlows < 0:
		return fmt.Errorf("table %d: %d flows at most: %w", m.Table, m.MaxFlows, ofperr.TableModBadConfig)
	}
	s.mu.Lock()
	defer s.unlock()
	next, roomier := s.next(), false
	for id := range tablesOf(m.Table) {
		t := &s.tables[id]
		roomier = roomier || m.Eviction == On && t.evict == nil && next.tables[id].full()
		if m.MaxFlows > 0 {
			t.max = m.MaxFlows
		}
		if m.Name != nil {
			t.name = *m.Name
		}
		switch {
		case m.Eviction == On && t.evict == nil:
			t.evict = s.evictable(id)
		case m.Eviction == Off:
			t.evict = nil
		}
		switch m.Vacancy {
		case On:
			t.vacancy, t.down, t.up = true, m.VacancyDown, m.VacancyUp
			c := s.tableConfig(id)
			t.low = c.Free() < t.up
		case Off:
			t.vacancy = false
		}
	}
	changed, more := next.setBounds(&s.tables)
	switch {
	case roomier || more:
		s.put(next)
	case changed:
		s.putRules(next, nil)
	}
	return nil
}

// setBounds has the snapshot, which is not published, know how many flows tables can have. roomier
// says that one which was full is full no more: there what could not be learned can be now.
func (s *Snapshot) setBounds(tables *[NumTables]tableState) (changed, roomier bool) {
	for id, t := range s.tables {
		most := tables[id].limit()
		if t.max == most {
			continue
		}
		changed, roomier = true, roomier || t.full() && most > t.max
		c := *t
		c.max = most
		s.tables[id] = &c
	}
	return changed, roomier
}

// TableConfigs returns what table id is configured to do, or all of the pipeline are for
// AllTables.
func (s *State) TableConfigs(id uint8) ([]TableConfig, error) {
	if id >= NumTables && id != AllTables {
		return nil, fmt.Errorf("table %d; there are tables 0 to %d: %w", id, NumTables-1, ofperr.BadTable)
	}
	s.mu.Lock()
	defer s.unlock()
	var out []TableConfig
	for id := range tablesOf(id) {
		if !s.snap.Load().off.has(id) {
			out = append(out, s.tableConfig(id))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("table %d is disabled: %w", id, ofperr.BadTable)
	}
	return out, nil
}

func (s *State) tableConfig(id uint8) TableConfig {
	t, snap := &s.tables[id], s.snap.Load()
	return TableConfig{
		Table: id, Name: t.name, Eviction: t.evict != nil, Vacancy: t.vacancy, VacancyDown: t.down, VacancyUp: t.up,
		MaxFlows: t.limit(), Flows: snap.tables[id].rules.Len(),
		FirstEgress: id != 0 && id == snap.firstEgress, Egress: snap.firstEgress != 0 && id >= snap.firstEgress,
	}
}

// evictable returns the flows of a table that may be evicted: those with a timeout, as in
// Open vSwitch. The least important go first, among them those that would go soonest.
func (s *State) evictable(id uint8) *dueHeap {
	h := &dueHeap{}
	for c := range s.snap.Load().tables[id].rules.Rules() {
		r := c.Data.(*Rule)
		if at, some := r.deadline(); some {
			h.push(dueRule{rank: r.Flow.Importance, at: at, rule: r})
		}
	}
	return h
}

// evicted is a flow that makes room, until it is known whether it need.
type evicted struct {
	table uint8
	due   dueRule
}

// evict removes a flow of a table to make room, and says whether there was one. Flows of
// this transaction stay.
func (tx *flowTx) evict(id uint8) bool {
	h := tx.s.tables[id].evict
	if h == nil {
		return false
	}
	for d := h.first(); d != nil; d = h.first() {
		victim := *d
		h.pop()
		h.dead-- // which finish will say that it is
		tx.evicted = append(tx.evicted, evicted{id, victim})
		r := victim.rule
		if tx.tables[id] == nil || tx.holds(r) {
			tx.remove(r, RemovedEviction)
			return true
		}
	}
	return false
}

// holds says whether r is in its table by now.
func (tx *flowTx) holds(r *Rule) bool {
	m := r.cls.Unpack()
	return tx.view(r.Flow.Table).Find(&m, r.cls.Priority) == &r.cls
}

// abort forgets the transaction.
func (tx *flowTx) abort() {
	tx.unbookUsers()
	tx.abortCookies()
	for i := range tx.steps {
		if r := tx.steps[i].new; r != nil {
			tx.s.unshare(r.Flow.Do)
		}
	}
	tx.steps = tx.steps[:0]
	for _, e := range tx.evicted {
		h := tx.s.tables[e.table].evict
		h.push(e.due)
		h.dead++
	}
	tx.evicted = tx.evicted[:0]
}

// tableChanged looks at a table's vacancy after a change.
func (tx *flowTx) tableChanged(id uint8) {
	s := tx.s
	t := &s.tables[id]
	if !t.vacancy {
		return
	}
	c := s.tableConfig(id)
	st := TableStatus{Config: c}
	switch free := c.Free(); {
	case !t.low && free < t.down:
		t.low, st.Reason = true, TableVacancyDown
	case t.low && free > t.up:
		t.low, st.Reason = false, TableVacancyUp
	default:
		return
	}
	if tx.learns {
		c := st
		s.learned.add(learnedChange{status: &c})
		return
	}
	for _, fn := range s.onTable {
		fn(st)
	}
}
