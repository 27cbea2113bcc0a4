package port

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pollux/internal/lab"
)

// expect returns the first event that fits, skipping others.
func expect(t *testing.T, events <-chan LinkEvent, what string, fits func(LinkEvent) bool) LinkEvent {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e := <-events:
			if fits(e) {
				return e
			}
		case <-timeout:
			t.Fatalf("no event: %s", what)
		}
	}
}

func TestWatchLinks(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l := newLab(t)
	ns, far := namespace(t, l, "n"), namespace(t, l, "far")
	v, err := l.Veth(lab.End{NS: ns, Device: "p0", MAC: "02:00:00:00:00:01"}, lab.End{NS: far, Device: "eth0"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := make(chan LinkEvent, 1000)
	must(t, ns.Do(func() error {
		return WatchLinks(ctx, func(e LinkEvent) {
			// The callback runs in the watched namespace, where the device is.
			if _, err := lookUp(e.Name); err != nil && e.Added {
				t.Errorf("%s is added but not there: %v", e.Name, err)
			}
			events <- e
		})
	}))

	e := expect(t, events, "p0 is there", func(e LinkEvent) bool { return e.Name == "p0" && e.Added })
	if !e.Up || !e.Carrier || e.MTU != 1500 || e.MAC != "02:00:00:00:00:01" || e.Index == 0 || e.Removed {
		t.Errorf("event %+v", e)
	}
	index := e.Index
	must(t, far.SetUp("eth0", false))
	expect(t, events, "cable pulled", func(e LinkEvent) bool { return e.Index == index && e.Up && !e.Carrier })
	must(t, ns.SetUp("p0", false))
	expect(t, events, "down", func(e LinkEvent) bool { return e.Index == index && !e.Up })
	must(t, ns.SetUp("p0", true))
	must(t, far.SetUp("eth0", true))
	expect(t, events, "up", func(e LinkEvent) bool { return e.Index == index && e.Up && e.Carrier && !e.Added })
	must(t, v.Delete())
	expect(t, events, "removed", func(e LinkEvent) bool { return e.Index == index && e.Removed && !e.Up })
	_, err = l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: far, Device: "eth0"})
	must(t, err)
	e = expect(t, events, "back", func(e LinkEvent) bool { return e.Name == "p0" && e.Added })
	if e.Index == index {
		t.Log("the kernel gave the new device the old index")
	}
	cancel()
}

// TestWatchListsWhatItMissed compares a listing with what was known before.
func TestWatchListsWhatItMissed(t *testing.T) {
	l := newLab(t)
	ns := namespace(t, l, "n")
	_, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: ns, Device: "p1"})
	must(t, err)
	var events []LinkEvent
	w := &linkWatch{known: map[int]LinkEvent{
		4242: {Name: "old", Index: 4242, Up: true, Carrier: true},
	}, f: func(e LinkEvent) { events = append(events, e) }}
	must(t, ns.Do(func() error { return withOwnNamespace(w, w.list) }))
	var added, removed []string
	for _, e := range events {
		switch {
		case e.Added:
			added = append(added, e.Name)
		case e.Removed:
			removed = append(removed, e.Name)
		}
	}
	if len(added) != 3 || len(removed) != 1 || removed[0] != "old" {
		t.Errorf("added %v, removed %v", added, removed)
	}
	events = nil
	must(t, ns.Do(func() error { return withOwnNamespace(w, w.list) }))
	if len(events) != 0 {
		t.Errorf("a second listing with no change gave %v", events)
	}
}

// TestWatchSurvivesOverrun holds the watch up until the kernel has thrown events
// away; in the end it knows the devices as they are.
func TestWatchSurvivesOverrun(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l := newLab(t)
	ns := namespace(t, l, "n")
	first, err := l.Veth(lab.End{NS: ns, Device: "p0"}, lab.End{NS: ns, Device: "p1"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, hold := make(chan LinkEvent, 10000), make(chan struct{})
	held := false
	must(t, ns.Do(func() error {
		return WatchLinks(ctx, func(e LinkEvent) {
			if e.Name == "p0" && !held {
				held = true
				<-hold
			}
			events <- e
		})
	}))
	link, err := ns.Netlink().LinkByName("p0")
	must(t, err)
	for i := range 1000 { // many times what the socket's buffer holds
		must(t, ns.Netlink().LinkSetMTU(link, 1000+i%2))
	}
	must(t, first.Delete())
	_, err = l.Veth(lab.End{NS: ns, Device: "late0"}, lab.End{NS: ns, Device: "late1"})
	must(t, err)
	close(hold)
	changes, there := 0, map[string]bool{}
	for deadline := time.After(patience); there["p0"] || !there["late0"]; {
		select {
		case e := <-events:
			there[e.Name] = !e.Removed
			if e.Name == "p0" {
				changes++
			}
		case <-deadline:
			t.Fatalf("known to be there or not: %v", there)
		}
	}
	if changes > 900 {
		t.Errorf("%d changes came through: nothing was thrown away, nothing is shown", changes)
	}
	cancel()
}
