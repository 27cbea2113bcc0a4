package session

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// A bundle that nobody uses for ten seconds is forgotten and its opening refused, whether the
// peer is silent, says other things or is asked whether it lives; what is used stays.
func TestBundlesThatNobodyUses(t *testing.T) {
	for _, v := range spoken[1:] {
		for name, say := range map[string]func(*bundlePeer){
			"silent": func(p *bundlePeer) { time.Sleep(time.Second) },
			"talking": func(p *bundlePeer) {
				time.Sleep(time.Second)
				p.alive(v)
			},
		} {
			t.Run(v.String()+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					end, s := pipe(t, Config{Switch: box(), Probe: time.Hour})
					defer s.Close()
					p := &bundlePeer{end, v}
					p.greet(v)
					began := time.Now()
					if e := p.control(3, wire.BundleOpen, 0); e != ofperr.NoError {
						t.Fatal(e)
					}
					for range 9 {
						say(p)
					}
					p.add(3, 0, "actions=drop")
					p.alive(v)
					for range 9 {
						say(p)
					}
					p.add(4, 0, "priority=7,actions=drop") // another
					opened := wire.AppendBundle(nil, v, wire.BundleControl, 5, &wire.BundleMsg{ID: 3, Type: wire.BundleOpen})
					want := wire.AppendError(nil, v, ofperr.BundleTimeout, opened)
					if got := p.read(); !bytes.Equal(got, want) {
						t.Fatalf("after %v %x, want %x", time.Since(began), got, want)
					}
					if after := time.Since(began); after != 19*time.Second {
						t.Errorf("forgotten after %v, want 19 s", after)
					}
					if e := p.control(3, wire.BundleCommit, 0); e != ofperr.BundleUnknown {
						t.Errorf("the commit of what is forgotten: %v", e)
					}
					if e := p.control(4, wire.BundleCommit, 0); e != ofperr.NoError {
						t.Errorf("the commit of what is not: %v", e)
					}
					p.alive(v)
					if n := len(s.cfg.Tables.DumpFlows()); n != 1 {
						t.Errorf("%d flows", n)
					}
				})
			})
		}
	}
}

// While a bundle waits, silence is asked about as ever, and ends the session as ever.
func TestSilenceWithABundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end, s := pipe(t, Config{Switch: box(), Probe: 30 * time.Second})
		defer s.Close()
		p := &bundlePeer{end, wire.V14}
		p.greet(wire.V14)
		start := time.Now()
		if e := p.control(3, wire.BundleOpen, 0); e != ofperr.NoError {
			t.Fatal(e)
		}
		for _, want := range []struct {
			k  wire.Kind
			at time.Duration
		}{{wire.ErrorMsg, 10 * time.Second}, {wire.EchoRequest, 30 * time.Second}} {
			msg := p.read()
			if k := wire.KindOf(wire.V14, msg[1]); k != want.k || time.Since(start) != want.at {
				t.Errorf("%s after %v, want %s after %v", k, time.Since(start), want.k, want.at)
			}
		}
		if after := p.ended(start); after != time.Minute {
			t.Errorf("the session ends after %v", after)
		}
	})
}
