package peers

import (
	"context"
	"time"
)

// Contender is a switch that can be set up for a case.
type Contender interface {
	Name() string
	// Does says whether the contender takes part in the case.
	Does(c Case) bool
	// Open sets the switch up, sends traffic until its caches hold what they will hold,
	// and leaves it at rest. On error nothing is left of it.
	Open(ctx context.Context, c Case) (Device, error)
}

// Device is a switch that is set up. It uses no processor but in Turn.
type Device interface {
	// Turn lets it run for settle and then d and returns what it did in d.
	Turn(ctx context.Context, settle, d time.Duration) (Turn, error)
	Close() error
}

// Upcaller is a device that tells what set-ups cost since it was opened.
type Upcaller interface {
	Upcalls() (n uint64, each time.Duration, err error)
}

// Turn is what a device did, or a reading of its counters that it is the difference of.
type Turn struct {
	Received  uint64        `json:"received"`
	Forwarded uint64        `json:"forwarded"`
	Hits      Hits          `json:"hits"`
	SetUp     uint64        `json:"set_up"`  // packets whose flow was new and was set up
	Refused   uint64        `json:"refused"` // packets whose flow was new and was not
	Evicted   uint64        `json:"evicted"` // decisions that made room for others, where that is counted
	Aged      uint64        `json:"aged"`    // decisions that were not used for long, likewise
	Ran       time.Duration `json:"ran_ns"`  // processor time of the polling thread
	Waited    time.Duration `json:"waited_ns"`
}

// Hits is which cache knew the packets.
type Hits struct {
	Simple    uint64 `json:"simple"` // no cache was asked: the port's packets all go one way
	Exact     uint64 `json:"exact"`
	Signature uint64 `json:"signature"`
	Megaflow  uint64 `json:"megaflow"`
}

func (h Hits) plus(o Hits) Hits {
	return Hits{h.Simple + o.Simple, h.Exact + o.Exact, h.Signature + o.Signature, h.Megaflow + o.Megaflow}
}

func (h Hits) minus(o Hits) Hits {
	return Hits{h.Simple - o.Simple, h.Exact - o.Exact, h.Signature - o.Signature, h.Megaflow - o.Megaflow}
}

func (t Turn) plus(o Turn) Turn {
	return Turn{t.Received + o.Received, t.Forwarded + o.Forwarded, t.Hits.plus(o.Hits),
		t.SetUp + o.SetUp, t.Refused + o.Refused, t.Evicted + o.Evicted, t.Aged + o.Aged, t.Ran + o.Ran, t.Waited + o.Waited}
}

func (t Turn) minus(o Turn) Turn {
	return Turn{t.Received - o.Received, t.Forwarded - o.Forwarded, t.Hits.minus(o.Hits),
		t.SetUp - o.SetUp, t.Refused - o.Refused, t.Evicted - o.Evicted, t.Aged - o.Aged, t.Ran - o.Ran, t.Waited - o.Waited}
}

// counted returns the turn with what counts in a case of this kind as forwarded: of
// established flows beside new ones, the packets that a cache knew.
func (k Kind) counted(t Turn) Turn {
	if k == KindMice {
		t.Forwarded = min(t.Forwarded, t.Hits.Simple+t.Hits.Exact+t.Hits.Signature+t.Hits.Megaflow)
	}
	return t
}

// ns is the polling thread's time by packets forwarded.
func (t Turn) ns() float64 { return float64(t.Ran) / float64(t.Forwarded) }

// setUps is flows set up a second by the clock, as flows that begin are.
func (t Turn) setUps() float64 { return float64(t.SetUp) / (t.Ran + t.Waited).Seconds() }

// sleep waits, but not beyond the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
