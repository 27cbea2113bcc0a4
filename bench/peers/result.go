package peers

import (
	"time"

	"pollux/bench"
)

// Result is a run.
type Result struct {
	Processor string  `json:"processor"`
	Peer      string  `json:"peer"` // and its version
	Core      int     `json:"core"`
	Control   int     `json:"control_core"`
	Repeats   int     `json:"repeats"`
	Seconds   float64 `json:"seconds"` // measured of each side and repeat
	Source    []Side  `json:"source"`  // what source and sink of each side cost without a switch
	// SourceError is why that is not known. Rows have no LessOwn then.
	SourceError string   `json:"source_error,omitempty"`
	Rows        []Row    `json:"rows"`
	Notes       []string `json:"notes"` // what differs between the sides
}

// Row is a case and what it came to.
type Row struct {
	Case
	Error  string `json:"error,omitempty"` // why there are no figures
	Late   int    `json:"late,omitempty"`  // repeats left out, as the time of the run was over
	Pollux Side   `json:"pollux"`
	Peers  []Side `json:"peers"`
}

// Side is what one contender did in a case. Rates are by processor time of its thread.
type Side struct {
	Name      string       `json:"name"`
	Mpps      bench.Spread `json:"mpps"` // forwarded
	NsPacket  bench.Spread `json:"ns_packet"`
	SetUps    bench.Spread `json:"set_ups"`        // flows set up a second of the thread's own time
	UsSetUp   bench.Spread `json:"us_set_up"`      // of the thread, by flow set up; of upcalls alone where none was refused
	Dropped   float64      `json:"dropped"`        // share of what was received and did not go out, 0 to 1
	Refused   float64      `json:"refused"`        // share whose flow was not set up, 0 to 1
	Disturbed float64      `json:"disturbed"`      // share of the time that others had the core, 0 to 1
	Found     Shares       `json:"found"`          // which cache knew the packets
	Sum       Turn         `json:"sum"`            // of all turns
	Left      float64      `json:"left,omitempty"` // share that is left of the rate of the case that it is against, of the medians
	Ratio     bench.Spread `json:"ratio"`          // of peers: Pollux's rate by this one's, repeat by repeat
	LessOwn   float64      `json:"less_source"`    // the same with each side's source and sink subtracted, of the medians; 0 where the source is another
}

// Shares is Hits by packets received, 0 to 1.
type Shares struct {
	Simple    float64 `json:"simple"`
	Exact     float64 `json:"exact"`
	Signature float64 `json:"signature"`
	Megaflow  float64 `json:"megaflow"`
}

// repeat is what one device did in its turns.
type repeat struct {
	turn Turn
	each time.Duration // an upcall, where that is measured
}

// newSide makes figures of repeats.
func newSide(name string, list []repeat) Side {
	s := Side{Name: name}
	var mpps, ns, setUps, us []float64
	for _, r := range list {
		t := r.turn
		ns, mpps = append(ns, t.ns()), append(mpps, 1e3/t.ns())
		setUps = append(setUps, float64(t.SetUp)/t.Ran.Seconds())
		switch {
		case r.each != 0:
			us = append(us, r.each.Seconds()*1e6)
		case t.SetUp > 0:
			us = append(us, t.Ran.Seconds()*1e6/float64(t.SetUp))
		}
		s.Sum = s.Sum.plus(t)
	}
	s.Mpps, s.NsPacket, s.SetUps, s.UsSetUp = bench.NewSpread(mpps), bench.NewSpread(ns), bench.NewSpread(setUps), bench.NewSpread(us)
	all := float64(s.Sum.Received)
	// Packets on their way at the moment of a reading may make it negative.
	s.Dropped = max(0, 1-float64(s.Sum.Forwarded)/all)
	s.Refused = float64(s.Sum.Refused) / all
	s.Found = Shares{float64(s.Sum.Hits.Simple) / all, float64(s.Sum.Hits.Exact) / all, float64(s.Sum.Hits.Signature) / all, float64(s.Sum.Hits.Megaflow) / all}
	s.Disturbed = bench.CPUTime{Ran: s.Sum.Ran, Waited: s.Sum.Waited}.Disturbed()
	return s
}

// compare fills in how many times as fast as this side the other is.
func (s *Side) compare(mine, other []repeat) {
	var ratios []float64
	for i := range mine {
		ratios = append(ratios, mine[i].turn.ns()/other[i].turn.ns())
	}
	s.Ratio = bench.NewSpread(ratios)
}

// lessSource fills in the ratio without the sources, of which a packet takes so many ns.
func (s *Side) lessSource(pollux *Side, mine, other float64) {
	if own := pollux.NsPacket.Median - other; own > 0 {
		s.LessOwn = (s.NsPacket.Median - mine) / own
	}
}

// left fills in what is left of the rate of the row that this one is against.
func (r *Row) left(rows []Row) {
	for i := range rows {
		o := &rows[i]
		if o.ID != r.Against || o.Error != "" {
			continue
		}
		r.Pollux.Left = r.Pollux.Mpps.Median / o.Pollux.Mpps.Median
		for k := range r.Peers {
			r.Peers[k].Left = r.Peers[k].Mpps.Median / o.Peers[k].Mpps.Median
		}
	}
}

// Met says whether the row's target was reached beside a peer.
func (r *Row) Met(peer *Side) bool {
	if r.SetUps > 0 {
		return r.Pollux.SetUps.Median >= r.SetUps && r.Pollux.Dropped == 0
	}
	return peer.Ratio.Median >= r.Target
}
