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

// TestLimit: when the time is over each row still has its first repeat, and says how many
// were left out.
func TestLimit(t *testing.T) {
	open := 0
	c := counted{"Pollux", map[string]float64{"source": 5, "a": 25, "b": 50}, &open}
	for _, l := range []struct {
		limit time.Duration
		done  int
	}{{1, 1}, {time.Hour, 4}} {
		s := Spec{Cases: []Case{{ID: "a"}, {ID: "b"}}, Repeats: 4, Limit: l.limit}
		s.defaults()
		var res Result
		if err := s.rows(context.Background(), &res, []Contender{c, c}); err != nil || len(res.Rows) != 2 {
			t.Fatalf("%v, %d rows", err, len(res.Rows))
		}
		for _, r := range res.Rows {
			if r.Pollux.Mpps.N != l.done || r.Peers[0].Ratio.N != l.done || r.Late != 4-l.done {
				t.Errorf("limit %v: %d and %d repeats, %d late: want %d of 4", l.limit, r.Pollux.Mpps.N, r.Peers[0].Ratio.N, r.Late, l.done)
			}
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
