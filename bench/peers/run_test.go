package peers

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// counted is a contender whose devices say what they are told to say, in place of switches.
type counted struct {
	name string
	ns   map[string]float64 // a packet, by case
	open *int               // devices not closed
}

func (c counted) Name() string       { return c.name }
func (c counted) Does(Case) bool     { return true }
func (d countedDevice) Close() error { *d.open--; return nil }

func (c counted) Open(_ context.Context, k Case) (Device, error) {
	ns, ok := c.ns[k.ID]
	if !ok {
		return nil, errors.New("no such table")
	}
	*c.open++
	return countedDevice{ns, c.open}, nil
}

type countedDevice struct {
	ns   float64
	open *int
}

func (d countedDevice) Turn(_ context.Context, _, dur time.Duration) (Turn, error) {
	n := uint64(float64(dur) / d.ns)
	return Turn{Received: n + n/3, Forwarded: n, SetUp: n, Refused: n / 3, Ran: dur}, nil
}

// TestRows: figures are those of the devices, and a row that fails neither ends the
// others nor leaves devices behind.
func TestRows(t *testing.T) {
	open := 0
	mine := counted{"Pollux", map[string]float64{"source": 5, "a": 25, "b": 10, "c": 30}, &open}
	other := counted{"OVS-DPDK", map[string]float64{"source": 10, "a": 60, "c": 30}, &open}
	var each []string
	s := Spec{Cases: []Case{{ID: "a", Kind: KindForward, Target: 2}, {ID: "b"}, {ID: "c", Target: 2}}, Each: func(r Row) { each = append(each, r.ID) }}
	s.defaults()
	var res Result
	err := s.rows(context.Background(), &res, []Contender{mine, other})
	if err == nil || !strings.Contains(err.Error(), "1 of 3 rows") {
		t.Errorf("error %v", err)
	}
	if open != 0 || strings.Join(each, "") != "abc" || len(res.Rows) != 3 {
		t.Fatalf("%d devices open, rows %v, %d", open, each, len(res.Rows))
	}
	a, b, c := &res.Rows[0], &res.Rows[1], &res.Rows[2]
	p := &a.Peers[0]
	// 60/25, and (60-10)/(25-5).
	if !near(p.Ratio.Median, 2.4) || !near(p.LessOwn, 2.5) || !near(p.Mpps.Median, 1e3/60.) || p.Ratio.N != 3 {
		t.Errorf("%+v", p)
	}
	if !near(p.Dropped, 0.25) || !near(p.Refused, 0.25) || !a.Met(p) || c.Met(&c.Peers[0]) {
		t.Errorf("dropped %v, refused %v, met %v and %v", p.Dropped, p.Refused, a.Met(p), c.Met(&c.Peers[0]))
	}
	if !strings.Contains(b.Error, "OVS-DPDK: no such table") || b.Peers != nil {
		t.Errorf("%+v", b)
	}
}

// near allows for packets being whole.
func near(got, want float64) bool { return math.Abs(got/want-1) < 1e-5 }

// TestRowsEndWithContext: what ends the run is no failure of a row.
func TestRowsEndWithContext(t *testing.T) {
	open := 0
	ctx, stop := context.WithCancel(context.Background())
	c := counted{"Pollux", map[string]float64{"source": 5, "a": 25}, &open}
	s := Spec{Cases: []Case{{ID: "a"}, {ID: "none"}, {ID: "a"}}, Each: func(Row) { stop() }}
	s.defaults()
	var res Result
	if err := s.rows(ctx, &res, []Contender{c, c}); err == nil || len(res.Rows) != 1 || open != 0 {
		t.Errorf("%v, %d rows, %d open", err, len(res.Rows), open)
	}
}

// lateDevice does nothing in its first turns, and has the core for so long in the others.
type lateDevice struct {
	idle int
	ran  time.Duration
}

func (d *lateDevice) Close() error { return nil }
func (d *lateDevice) Turn(context.Context, time.Duration, time.Duration) (Turn, error) {
	if d.idle--; d.idle >= 0 {
		return Turn{}, nil
	}
	return Turn{Forwarded: 7, Ran: d.ran}, nil
}

// TestIdleTurns: turns in which others had the core are taken again, and those in which
// they nearly had are added up.
func TestIdleTurns(t *testing.T) {
	var s Spec
	s.defaults() // a turn is 500 ms, a tenth of it 50
	for _, c := range []struct {
		idle int
		ran  time.Duration
		want uint64
	}{{0, time.Second, 7}, {idleTurns - 1, time.Second, 7}, {0, 20 * time.Millisecond, 21}, {0, time.Millisecond, 7 * idleTurns}} {
		if turn, err := s.turn(context.Background(), &lateDevice{c.idle, c.ran}); err != nil || turn.Forwarded != c.want {
			t.Errorf("%+v: %+v, %v", c, turn, err)
		}
	}
	if turn, err := s.turn(context.Background(), &lateDevice{idleTurns, time.Second}); err == nil {
		t.Errorf("%+v of a device that does nothing", turn)
	}
}
