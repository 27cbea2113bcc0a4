package session

import (
	"net"
	"testing"
	"testing/synctest"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// What bundles hold is bounded for all sessions together: what one has no other can have, until
// its bundle is committed, discarded, ends by a mistake, or its session ends.
func TestBundlesOfAllSessionsShareTheirMemory(t *testing.T) {
	const v = wire.V14
	for name, give := range map[string]func(*bundlePeer){
		"committed":      func(p *bundlePeer) { p.control(1, wire.BundleCommit, 0) },
		"discarded":      func(p *bundlePeer) { p.control(1, wire.BundleDiscard, 0) },
		"opened twice":   func(p *bundlePeer) { p.control(1, wire.BundleOpen, 0) },
		"of other flags": func(p *bundlePeer) { p.control(1, wire.BundleCommit, wire.BundleAtomic) },
		"left behind":    func(p *bundlePeer) { p.conn.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{Switch: box(), BundleBytes: 20_000})
				defer s.Close()
				join := func() *bundlePeer {
					near, far := net.Pipe()
					if !s.begin(near, "pipe", false, func() {}) {
						t.Fatal("the server is closed")
					}
					p := &bundlePeer{newPeer(t, far), v}
					p.greet(v)
					p.alive(v)
					return p
				}
				// fill adds until that is refused, and returns how many were not.
				fill := func(p *bundlePeer) (n int) {
					for ; n < 100; n++ {
						p.add(1, 0, "actions=drop")
						switch e := p.barrier(); e {
						case ofperr.NoError:
						case ofperr.BundleTooManyMessages:
							return n
						default:
							t.Fatal(e.Name())
						}
					}
					return n
				}
				one, other := join(), join()
				all := fill(one)
				if all < 10 || all > 16 {
					t.Fatalf("one session has %d messages in a bundle", all)
				}
				if n := fill(other); n != 0 {
					t.Errorf("another has %d more", n)
				}
				if e := other.control(1, wire.BundleDiscard, 0); e != ofperr.BundleUnknown {
					t.Errorf("what was refused opened a bundle: %s", e.Name())
				}
				give(one)
				synctest.Wait()
				if held := s.bundled.Load(); held != 0 {
					t.Errorf("%d bytes are held by nobody", held)
				}
				if n := fill(other); n != all {
					t.Errorf("then the other has %d messages, want %d", n, all)
				}
			})
		})
	}
}

// An addition that is refused opens no bundle, whatever is wrong with it, and leaves nothing behind.
func TestRefusedAdditionOpensNothing(t *testing.T) {
	const v = wire.V14
	for name, c := range map[string]struct {
		msg   []byte
		bytes int64 // of all bundles
		want  ofperr.Error
	}{
		"of no message for bundles": {wire.AppendMessage(nil, v, wire.EchoRequest, 7, nil), 0, ofperr.BundleUnsupportedMessage},
		"of a bad message":          {wire.AppendMessage(nil, v, wire.FlowMod, 7, nil), 0, ofperr.BadLen},
		"of too much":               {wire.AppendMessage(nil, v, wire.FlowMod, 7, make([]byte, 4000)), 5000, ofperr.BundleTooManyMessages},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{Switch: box(), BundleBytes: c.bytes})
				defer s.Close()
				near, far := net.Pipe()
				if !s.begin(near, "pipe", false, func() {}) {
					t.Fatal("the server is closed")
				}
				p := &bundlePeer{newPeer(t, far), v}
				p.greet(v)
				p.alive(v)
				p.write(wire.AppendBundle(nil, v, wire.BundleAdd, 7, &wire.BundleMsg{ID: 9, Message: c.msg}))
				if e := p.barrier(); e != c.want {
					t.Fatalf("%s, want %s", e.Name(), c.want.Name())
				}
				if held := s.bundled.Load(); held != 0 {
					t.Errorf("%d bytes are held by nobody", held)
				}
				if e := p.control(9, wire.BundleOpen, 0); e != ofperr.NoError {
					t.Errorf("opening then: %s", e.Name())
				}
				far.Close()
			})
		})
	}
}
