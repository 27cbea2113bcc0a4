package session

import (
	"fmt"
	"slices"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// bundleAdd answers BUNDLE_ADD_MESSAGE.
func bundleAdd(s *session, q *request) error { return onfBundleAdd(s, q, q.body) }

// onfBundleAdd answers that of 1.3.
func onfBundleAdd(s *session, q *request, body []byte) error {
	m, err := wire.ParseBundleAdd(q.Header, body)
	if err != nil {
		return err
	}
	b := s.bundles[m.ID]
	switch {
	case b == nil: // adding opens it
	case b.closed:
		s.forgetBundle(m.ID)
		return fmt.Errorf("bundle %d is closed: %w", m.ID, ofperr.BundleClosed)
	case b.flags != m.Flags:
		s.forgetBundle(m.ID)
		return fmt.Errorf("bundle %d was opened with flags %d, not %d: %w", m.ID, b.flags, m.Flags, ofperr.BundleBadFlags)
	case len(b.mods) >= maxBundleMods:
		return fmt.Errorf("bundle %d has %d messages: %w", m.ID, maxBundleMods, ofperr.BundleTooManyMessages)
	}
	if b != nil {
		b.used = time.Now()
	}
	cost := int64(2*len(m.Message) + bundledMod) // twice: actions are as long when they are read, about
	if err := s.takeForBundle(cost); err != nil {
		return err
	}
	msg := slices.Clone(m.Message) // packets point into it
	mod, err := s.bundled(msg)
	point := int64(0)
	if err == nil {
		point, err = s.takePoint(b, &mod)
	}
	if err == nil && b == nil { // not before: what is refused opens nothing
		b, err = s.openBundle(m)
	}
	if err != nil {
		s.srv.bundled.Add(-cost - point)
		return err
	}
	if point > 0 {
		b.points++
	}
	b.bytes += cost + point
	b.mods = append(b.mods, mod)
	b.msgs = append(b.msgs, msg)
	return nil
}

// takePoint takes what the tables cost that a message's packet meets, if the bundle has not had
// them before, and returns it. b is nil for the first message.
func (s *session) takePoint(b *bundle, m *pipeline.Mod) (cost int64, err error) {
	var last *pipeline.Mod
	mods := 0
	if b != nil {
		if mods = len(b.mods); mods > 0 {
			last = &b.mods[mods-1]
		}
	}
	if !m.Apart(last) {
		return 0, nil
	}
	if b != nil && b.points >= maxBundlePoints {
		return 0, fmt.Errorf("the bundle has %d packets behind changes, each of which meets tables of its own: %w", maxBundlePoints, ofperr.BundleTooManyMessages)
	}
	cost = bundledPoint + bundledMask*int64(s.cfg.Tables.Snapshot().Masks()+mods)
	if err := s.takeForBundle(cost); err != nil {
		return 0, err
	}
	return cost, nil
}

// takeForBundle takes memory from what bundles of all sessions may have.
func (s *session) takeForBundle(cost int64) error {
	if held := s.srv.bundled.Add(cost); held > s.cfg.BundleBytes {
		s.srv.bundled.Add(-cost)
		return fmt.Errorf("bundles of all sessions take %d bytes of memory, and %d is the most: %w", held-cost, s.cfg.BundleBytes, ofperr.BundleTooManyMessages)
	}
	return nil
}

// bundled reads a message that is part of a bundle.
func (s *session) bundled(msg []byte) (m pipeline.Mod, err error) {
	h, err := wire.ParseHeader(msg)
	if err != nil {
		return m, err
	}
	body := msg[wire.HeaderLen:]
	switch h.Kind() {
	case wire.FlowMod:
		fm, buffer, err := wire.ParseFlowMod(s.version, body, s.namesTables())
		if err == nil && buffer != wire.NoBuffer {
			err = fmt.Errorf("buffer %d: packets are not kept: %w", buffer, ofperr.BufferUnknown)
		}
		m.Flow = &fm
		return m, err
	case wire.GroupMod:
		m.Group, err = wire.ParseGroupMod(s.version, body)
		return m, err
	case wire.PacketOut:
		if m.Out, err = s.parseOut(body); err == nil {
			err = s.cfg.Switch.CheckFrame(m.Out.Frame)
		}
		return m, err
	case wire.MeterMod:
		m.Meter, err = wire.ParseMeterMod(body)
		return m, err
	case wire.PortMod:
		m.Port, err = s.parsePortMod(body)
		return m, err
	}
	return m, fmt.Errorf("%s: %w", h.Kind(), ofperr.BundleUnsupportedMessage)
}
