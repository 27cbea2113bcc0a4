package pipeline

import (
	"fmt"
	"maps"
	"slices"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
)

// maxMeters is how many meters there are at most.
const maxMeters = 65536

// meterEntry is a meter of a snapshot. A change makes another entry, whose counters are new.
type meterEntry struct {
	Meter
	run     *actions.Meter
	created int64 // ns, monotonic
}

// MeterStats is a meter with its counters (OpenFlow 1.3 section 7.3.5.14).
type MeterStats struct {
	Meter    Meter       `json:"meter"`
	Flows    int         `json:"flow_count"`
	Packets  uint64      `json:"packet_in_count"`
	Bytes    uint64      `json:"byte_in_count"`
	Duration int64       `json:"duration_ns"`
	Bands    []BandStats `json:"bands"`
}

// BandStats counts what a band was applied to.
type BandStats struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// MeterFeatures says what meters can be (OpenFlow 1.3 section 7.3.5.16).
type MeterFeatures struct {
	MaxMeters    uint32
	MaxBands     uint8
	Bands        uint32     // bit n: BandType n
	Capabilities MeterFlags //
}

// MeterFeatures describes the switch's meters.
func (s *State) MeterFeatures() MeterFeatures {
	return MeterFeatures{
		MaxMeters: maxMeters, MaxBands: actions.MaxBands, Bands: 1<<BandDrop | 1<<BandDSCPRemark,
		Capabilities: MeterKbps | MeterPktps | MeterBurst | MeterCounts,
	}
}

// MeterMod adds, changes or removes meters (OpenFlow 1.3 section 6.5). Removing one removes
// the flows that use it; removing none is no error. Of a meter that is changed the counters
// begin anew, as in Open vSwitch.
func (s *State) MeterMod(mod *MeterMod) error {
	_, err := s.Mods([]Mod{{Meter: mod}}, nil, nil)
	return err
}

func (tx *flowTx) meterMod(mod *MeterMod) error {
	tx.ownMeters()
	next := tx.next
	id := mod.Meter.ID
	if id == MeterAll {
		tx.otherwise().AllMeters()
	} else {
		tx.otherwise().Meter(id)
	}
	old := next.meters[id]
	switch mod.Command {
	case MeterAdd:
		switch {
		case old != nil:
			return fmt.Errorf("meter %d: %w", id, ofperr.MeterModExists)
		case len(next.meters) >= maxMeters:
			return fmt.Errorf("meter %d: there are %d already: %w", id, maxMeters, ofperr.MeterModTableFull)
		}
	case MeterModify:
		if err := checkMeterID(id); err != nil {
			return err
		}
		if old == nil {
			return fmt.Errorf("meter %d: %w", id, ofperr.MeterModUnknown)
		}
	case MeterDelete:
		if id != MeterAll {
			if err := checkMeterID(id); err != nil {
				return err
			}
		}
		tx.removeMeters(id)
		return nil
	default:
		return fmt.Errorf("meter command %d: %w", mod.Command, ofperr.MeterModBadCommand)
	}
	if id == MeterSlowPath {
		return fmt.Errorf("meter slowpath: no packet leaves the poll loops to be decided about, so there is nothing to meter: %w", ofperr.MeterModInvalid)
	}
	if err := mod.Meter.check(); err != nil {
		return err
	}
	e := &meterEntry{Meter: mod.Meter, created: tx.now}
	e.Bands = slices.Clone(mod.Meter.Bands)
	e.run = e.Meter.make(e.created)
	next.meters[id] = e
	return nil
}

func checkMeterID(id uint32) error {
	if id == 0 || id > MeterMax && id != MeterSlowPath && id != MeterController {
		return fmt.Errorf("meter %#x; meters are 1 to %#x: %w", id, MeterMax, ofperr.MeterModInvalid)
	}
	return nil
}

// check refuses what is no meter.
func (m *Meter) check() error {
	if err := checkMeterID(m.ID); err != nil {
		return err
	}
	switch {
	case m.Flags&^(MeterKbps|MeterPktps|MeterBurst|MeterCounts) != 0:
		return fmt.Errorf("meter %d: flags %#x: %w", m.ID, m.Flags, ofperr.MeterModBadFlags)
	case m.Flags&MeterKbps != 0 == (m.Flags&MeterPktps != 0):
		return fmt.Errorf("meter %d: rates are either in kbps or in pktps: %w", m.ID, ofperr.MeterModBadFlags)
	case len(m.Bands) > actions.MaxBands:
		return fmt.Errorf("meter %d: %d bands, %d at most: %w", m.ID, len(m.Bands), actions.MaxBands, ofperr.MeterModTooManyBands)
	}
	for i := range m.Bands {
		switch b := &m.Bands[i]; {
		case b.Type != BandDrop && b.Type != BandDSCPRemark:
			return fmt.Errorf("meter %d: band type %d: %w", m.ID, b.Type, ofperr.MeterModBadBand)
		case b.Type == BandDSCPRemark && m.ID == MeterController:
			return fmt.Errorf("meter controller: packets for controllers are dropped or not, but not marked: %w", ofperr.MeterModBadBand)
		case b.Type == BandDSCPRemark && (b.PrecLevel == 0 || b.PrecLevel > 3):
			return fmt.Errorf("meter %d: precedence level %d, want 1 to 3: %w", m.ID, b.PrecLevel, ofperr.MeterModBadBandValue)
		}
	}
	return nil
}

// make returns what loops ask.
func (m *Meter) make(now int64) *actions.Meter {
	unit := uint64(1000) // kbit to bit
	if m.Flags&MeterPktps != 0 {
		unit = 1
	}
	bands := make([]actions.MeterBand, len(m.Bands))
	for i, b := range m.Bands {
		bands[i] = actions.MeterBand{Rate: uint64(b.Rate) * unit}
		if m.Flags&MeterBurst != 0 {
			bands[i].Burst = uint64(b.Burst) * unit
		}
		if b.Type == BandDSCPRemark {
			bands[i].Remark = b.PrecLevel
		}
	}
	return actions.NewMeter(m.Flags&MeterPktps != 0, bands, now)
}

// MeterStats returns meter id, or all of them by number for MeterAll, with counters as of
// now. The error is MeterModUnknown.
func (s *State) MeterStats(id uint32) ([]MeterStats, error) {
	s.mu.Lock()
	snap, now := s.snap.Load(), s.now()
	ids := []uint32{id}
	if id == MeterAll {
		ids = slices.Sorted(maps.Keys(snap.meters))
	}
	flows := make(map[uint32]int, len(ids))
	for _, id := range ids {
		if u := s.users.meters[id]; u != nil {
			flows[id] = u.times
		}
	}
	s.unlock()
	out := make([]MeterStats, 0, len(ids))
	for _, id := range ids {
		e := snap.meters[id]
		if e == nil {
			return nil, fmt.Errorf("meter %d: %w", id, ofperr.MeterModUnknown)
		}
		st := MeterStats{
			Meter: e.Meter, Flows: flows[id], Duration: max(now-e.created, 0),
			Packets: e.run.In.Packets.Load(), Bytes: e.run.In.Bytes.Load(),
		}
		for i := range e.Bands {
			h := &e.run.Hits[i]
			st.Bands = append(st.Bands, BandStats{h.Packets.Load(), h.Bytes.Load()})
		}
		out = append(out, st)
	}
	return out, nil
}

// removeMeters takes meter id away, or all for MeterAll, and the flows that use them.
func (tx *flowTx) removeMeters(id uint32) {
	tx.bookUsers()
	var of []*users
	if id == MeterAll {
		for m := range tx.next.meters {
			of = append(of, tx.s.users.meters[m])
		}
		clear(tx.next.meters)
	} else if tx.next.meters[id] != nil {
		of = append(of, tx.s.users.meters[id])
		delete(tx.next.meters, id)
	}
	tx.removeUsers(of, RemovedMeterDelete)
}

// eachMeter calls f with every meter that the instructions name.
func (i *Instructions) eachMeter(f func(uint32)) {
	if i.Meter != 0 {
		f(i.Meter)
	}
	i.some(func(a *Action) bool {
		if a.Kind == ActMeter {
			f(a.Meter)
		}
		return false
	})
}

// meter has the packet go through a meter, as it is now.
func (x *xlate) meter(id uint32) {
	x.path.Uses.Meter(id)
	e := x.snap.meters[id]
	if e == nil {
		if x.tr != nil {
			x.tr.warn("there is no meter %d", id)
		}
		return
	}
	x.commit()
	op := x.emit(actions.OpMeter)
	op.A, op.B = uint32(len(x.meters)), id
	x.meters = append(x.meters, e.run)
	if e.run.Remarks() {
		// What the DSCP is after it nobody knows: a later write of it is none too many.
		f := &flow.Fields[flow.IPTOS]
		x.baseKonst.W[f.Word] &^= 0xff << f.Shift
	}
}
