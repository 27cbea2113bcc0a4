package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLate: what is late has one repeat, and the row says how many were left out.
func TestLate(t *testing.T) {
	open := 0
	c := counted{"Pollux", map[string]float64{"source": 5, "a": 25}, &open}
	for _, l := range []struct {
		due  time.Time
		done int
	}{{time.Time{}, 1}, {time.Now().Add(time.Hour), 4}} {
		s := Spec{Repeats: 4}
		s.defaults()
		sides, err := s.measure(context.Background(), Case{ID: "a"}, []Contender{c, c}, l.due)
		if err != nil || len(sides) != 2 || len(sides[0].repeats) != l.done || len(sides[1].repeats) != l.done {
			t.Errorf("due %v: %+v, %v: want %d repeats", l.due, sides, err, l.done)
		}
	}
}

// TestLimit: when the time is over no row begins, and each says why.
func TestLimit(t *testing.T) {
	open := 0
	c := counted{"Pollux", map[string]float64{"source": 5, "a": 25, "b": 50}, &open}
	s := Spec{Cases: []Case{{ID: "a"}, {ID: "b"}}, Limit: 1}
	s.defaults()
	var res Result
	err := s.rows(context.Background(), &res, []Contender{c, c})
	if err == nil || !strings.Contains(err.Error(), "2 of 2 rows") || len(res.Rows) != 2 {
		t.Fatalf("%v, %d rows", err, len(res.Rows))
	}
	for _, r := range res.Rows {
		if !strings.Contains(r.Error, "was over before its turn") {
			t.Errorf("%s: %q", r.ID, r.Error)
		}
	}
}

// TestSourceFails: without the cost of the sources rows have all other figures.
func TestSourceFails(t *testing.T) {
	open := 0
	c := counted{"Pollux", map[string]float64{"a": 25}, &open}
	s := Spec{Cases: []Case{{ID: "a"}}}
	s.defaults()
	var res Result
	if err := s.rows(context.Background(), &res, []Contender{c, c}); err != nil || open != 0 {
		t.Fatalf("%v, %d open", err, open)
	}
	if p := &res.Rows[0].Peers[0]; p.Ratio.Median != 1 || p.LessOwn != 0 || p.lessOwn() != "–" {
		t.Errorf("%+v", p)
	}
	var out bytes.Buffer
	if res.Head(&out); !strings.Contains(out.String(), "no figures: source and sink, no switch: Pollux: no such table") {
		t.Error(out.String())
	}
}

// slowToSetUp sets some flows up in each turn.
type slowToSetUp struct {
	have, each uint64
	err        error
}

func (d *slowToSetUp) Close() error { return nil }
func (d *slowToSetUp) Turn(context.Context, time.Duration, time.Duration) (Turn, error) {
	d.have += d.each
	return Turn{}, nil
}
func (d *slowToSetUp) Upcalls() (uint64, time.Duration, error) { return d.have, 7, d.err }

// TestSetUpWaits: a switch that refuses flows for a while has turns until it took all.
func TestSetUpWaits(t *testing.T) {
	var s Spec
	s.defaults()
	c := Case{Flows: 100}
	wrong := errors.New("no such thread")
	for _, d := range []struct {
		slowToSetUp
		want string
	}{
		{slowToSetUp{have: 100}, ""},
		{slowToSetUp{have: 1, each: 33}, ""},
		{slowToSetUp{each: 1}, fmt.Sprintf("%d of 100 flows", idleTurns-1)},
		{slowToSetUp{err: wrong}, wrong.Error()},
	} {
		each, err := s.setUp(context.Background(), c, &d.slowToSetUp, &d.slowToSetUp)
		if d.want == "" && (err != nil || each != 7) || d.want != "" && (err == nil || !strings.Contains(err.Error(), d.want)) {
			t.Errorf("%v, %v: want %q", each, err, d.want)
		}
	}
}
