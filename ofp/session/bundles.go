package session

import (
	"fmt"
	"net"
	"slices"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Bounds of what a session may have in bundles that are not committed. Config.BundleBytes bounds
// what those of all sessions take.
const (
	maxBundles    = 16
	maxBundleMods = 1_000_000

	// maxBundlePoints is how many states of the tables a bundle has that packets meet: each is
	// kept beside those of the commit, and made while nothing else changes tables.
	maxBundlePoints = 1024

	// bundledMod is what a message that was read takes at least, beside its own bytes.
	bundledMod = 1200
	// bundledPoint is what such a state takes, about, beside bundledMask for each mask that
	// matches have or that the bundle's flows may bring.
	bundledPoint, bundledMask = 8192, 8
)

// bundle is what a session has put together (OpenFlow 1.4 section 6.9).
type bundle struct {
	flags  wire.BundleFlags
	closed bool
	mods   []pipeline.Mod
	points int      // tables that packets of them meet (pipeline.Mod.Apart)
	bytes  int64    // that they take
	msgs   [][]byte // of each, its message: for the error of one that fails
	used   time.Time
	first  []byte // the message that opened it: for the error of its end
}

// bundleEnd is when the first of the session's bundles is forgotten unless it is used; zero:
// there is none.
func (s *session) bundleEnd() (end time.Time) {
	for _, b := range s.bundles {
		end = sooner(end, b.used.Add(s.cfg.BundleIdle))
	}
	return end
}

// expireBundles forgets the bundles that nobody has used for too long, and says so: what they
// hold is not to be held for ever.
func (s *session) expireBundles(now time.Time) {
	for id, b := range s.bundles {
		if now.Sub(b.used) >= s.cfg.BundleIdle {
			s.forgetBundle(id)
			s.refuse(fmt.Errorf("bundle %d has not been used for %v: %w", id, s.cfg.BundleIdle, ofperr.BundleTimeout), b.first)
		}
	}
}

// forgetBundle forgets a bundle, and what its messages take.
func (s *session) forgetBundle(id uint32) {
	if b := s.bundles[id]; b != nil {
		s.srv.bundled.Add(-b.bytes)
		delete(s.bundles, id)
	}
}

// forgetBundles forgets all: the session has ended.
func (s *session) forgetBundles() {
	for id := range s.bundles {
		s.forgetBundle(id)
	}
}

// openBundle opens a bundle by the message in hand.
func (s *session) openBundle(m *wire.BundleMsg) (*bundle, error) {
	if len(s.bundles) >= maxBundles {
		return nil, fmt.Errorf("bundle %d: there are %d open: %w", m.ID, maxBundles, ofperr.BundleTooMany)
	}
	if s.bundles == nil {
		s.bundles = map[uint32]*bundle{}
	}
	b := &bundle{flags: m.Flags, used: time.Now(), first: slices.Clone(s.msg.Bytes())}
	b.bytes = int64(len(b.first))
	s.srv.bundled.Add(b.bytes)
	s.bundles[m.ID] = b
	return b, nil
}

// bundleControl answers BUNDLE_CONTROL.
func bundleControl(s *session, q *request) error { return onfBundleControl(s, q, q.body) }

// onfBundleControl answers that of 1.3, which is an experimenter's.
func onfBundleControl(s *session, q *request, body []byte) error {
	m, err := wire.ParseBundleControl(body)
	if err != nil {
		return err
	}
	if err := s.bundleControl(m); err != nil {
		return err
	}
	m.Type, m.Flags = m.Type.Reply(), 0 // as in Open vSwitch: they are for requests
	return s.reply(wire.AppendBundle(s.scratch[:0], s.version, wire.BundleControl, q.XID, m))
}

func (s *session) bundleControl(m *wire.BundleMsg) error {
	b := s.bundles[m.ID]
	if m.Type == wire.BundleOpen {
		if b != nil {
			s.forgetBundle(m.ID) // the specification's words for both
			return fmt.Errorf("bundle %d is open: %w", m.ID, ofperr.BundleExists)
		}
		_, err := s.openBundle(m)
		return err
	}
	if b == nil {
		if m.Type == wire.BundleClose || m.Type == wire.BundleCommit || m.Type == wire.BundleDiscard {
			return fmt.Errorf("there is no bundle %d: %w", m.ID, ofperr.BundleUnknown)
		}
		return fmt.Errorf("bundle control of type %d: %w", m.Type, ofperr.BundleBadType)
	}
	switch m.Type {
	case wire.BundleClose:
		if b.closed {
			s.forgetBundle(m.ID)
			return fmt.Errorf("bundle %d is closed already: %w", m.ID, ofperr.BundleClosed)
		}
		if m.Flags != b.flags {
			s.forgetBundle(m.ID)
			return fmt.Errorf("bundle %d was opened with flags %d, not %d: %w", m.ID, b.flags, m.Flags, ofperr.BundleBadFlags)
		}
		b.closed, b.used = true, time.Now()
		return nil
	case wire.BundleCommit:
		defer s.forgetBundle(m.ID)
		if m.Flags != b.flags {
			return fmt.Errorf("bundle %d was opened with flags %d, not %d: %w", m.ID, b.flags, m.Flags, ofperr.BundleBadFlags)
		}
		return s.commit(b)
	case wire.BundleDiscard:
		s.forgetBundle(m.ID)
		return nil
	}
	return fmt.Errorf("bundle control of type %d: %w", m.Type, ofperr.BundleBadType)
}

// commit does a bundle: in order, and all of it or nothing, whatever its flags ask for at
// least. The message that fails has an error of its own, before that of the commit. Packets are
// sent when all is done, by the tables as they were at their place in the bundle.
func (s *session) commit(b *bundle) error {
	s.xidOf = func(i int) uint32 { return xidOf(b.msgs[i]) }
	var ended error
	failed, err := s.cfg.Tables.Mods(b.mods, s, func() { ended = s.committed(b) })
	if err == nil {
		return ended
	}
	if !s.refuse(err, b.msgs[failed]) {
		return err
	}
	return fmt.Errorf("message %d: %w", failed+1, ofperr.BundleMessageFailed)
}

// committed does what follows from a bundle's requests, in order.
func (s *session) committed(b *bundle) error {
	for i := range b.mods {
		m := &b.mods[i]
		s.forward(m, xidOf(b.msgs[i]))
		if m.Out == nil {
			continue
		}
		// It cannot be taken back any more.
		if err := s.cfg.Switch.PacketOut(m.Out); err != nil && !s.refuse(err, b.msgs[i]) {
			return net.ErrClosed
		}
	}
	return nil
}

// bundleFeaturesPart answers what bundles there can be: ordered and atomic ones, not scheduled.
func bundleFeaturesPart(_ *session, m *wire.Multipart, out *wire.Replies) error {
	if err := wire.ParseBundleFeaturesRequest(m.Body); err != nil {
		return err
	}
	out.Add(wire.AppendBundleFeatures(nil, wire.BundleAtomic|wire.BundleOrdered))
	return nil
}
