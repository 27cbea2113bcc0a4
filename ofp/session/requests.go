package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// request is a message of the peer's. It is gone when its handler returns.
type request struct {
	wire.Header
	body []byte
}

// xidOf is the transaction id of a whole message.
func xidOf(msg []byte) uint32 { return binary.BigEndian.Uint32(msg[4:]) }

// handler answers a request. The peer is told its error, which is or wraps a
// ofperr.Error; but net.ErrClosed ends the session.
type handler func(s *session, q *request) error

// handlers is the table of requests. What is not in it is refused with ofperr.BadType.
var handlers = [wire.NumKinds]handler{
	wire.Hello:            ignore, // a second one means nothing
	wire.ErrorMsg:         peerError,
	wire.EchoRequest:      echo,
	wire.EchoReply:        ignore, // that it came was enough
	wire.Experimenter:     experimenter,
	wire.FeaturesRequest:  features,
	wire.GetConfigRequest: getConfig,
	wire.SetConfig:        setConfig,
	wire.MultipartRequest: multipart,
	wire.BarrierRequest:   barrier,
	wire.RoleRequest:      roleRequest,
	wire.GetAsyncRequest:  getAsync,
	wire.SetAsync:         setAsync,
	wire.FlowMod:          flowMod,
	wire.GroupMod:         groupMod,
	wire.MeterMod:         meterMod,
	wire.PortMod:          portMod,
	wire.TableMod:         tableMod,
	wire.PacketOut:        packetOut,
	wire.BundleControl:    bundleControl,
	wire.BundleAdd:        bundleAdd,

	wire.QueueGetConfigRequest: queueConfig,
}

// serve answers the message msg with header h.
func (s *session) serve(h wire.Header, msg []byte) error {
	k := h.Kind()
	if k != wire.FlowMod || h.Version != s.version {
		if err := s.doHeld(); err != nil {
			return err
		}
	}
	if h.Version != s.version {
		k = wire.KindOf(wire.V10, h.Type)
		if k != wire.Hello && k != wire.ErrorMsg { // which are the same in all versions
			return fmt.Errorf("%s in a session of %s: %w", h.Version, s.version, ofperr.BadVersion)
		}
	}
	fn := handlers[k]
	if fn == nil {
		return fmt.Errorf("%s (type %d): %w", k, h.Type, ofperr.BadType)
	}
	q := &request{h, msg[wire.HeaderLen:]}
	s.xidOf = func(int) uint32 { return q.XID }
	if writes[k] && k != wire.FlowMod { // which looks for itself, when it is done
		return s.write(func() error { return fn(s, q) })
	}
	return fn(s, q)
}

// refuse tells the peer that msg was not done, and why. It is false when the peer is
// gone.
func (s *session) refuse(err error, msg []byte) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	var e ofperr.Error
	if !errors.As(err, &e) {
		s.cfg.Log.Error("openflow: request failed", "peer", s.who, "error", err)
		e = ofperr.PermissionDenied
	}
	s.cfg.refusals.Info("openflow: request refused", "peer", s.who, "error", e.Name(), "why", err)
	return s.send(wire.AppendError(s.scratch[:0], s.version, e, msg))
}

// reply sends the answer to a request.
func (s *session) reply(msg []byte) error {
	if !s.send(msg) {
		return net.ErrClosed
	}
	return nil
}

// empty checks that a request has no body.
func (q *request) empty() error {
	if len(q.body) != 0 {
		return fmt.Errorf("%s with a body of %d bytes, want none: %w", q.Kind(), len(q.body), ofperr.BadLen)
	}
	return nil
}

func ignore(*session, *request) error { return nil }

// peerError notes an error of the peer's. There is no answer to an error.
func peerError(s *session, q *request) error {
	if e, err := wire.ParseError(q.Version, q.body); err == nil {
		s.cfg.Log.Warn("openflow: the peer reports an error", "peer", s.who, "error", e)
	}
	return nil
}

func echo(s *session, q *request) error {
	return s.reply(wire.AppendMessage(s.scratch[:0], s.version, wire.EchoReply, q.XID, q.body))
}

func barrier(s *session, q *request) error {
	if err := q.empty(); err != nil {
		return err
	}
	if s.cfg.Tables != nil {
		s.cfg.Tables.TellChanges() // monitors' peers take the answer for the end of what came before
	}
	return s.reply(wire.AppendMessage(s.scratch[:0], s.version, wire.BarrierReply, q.XID, nil))
}

func features(s *session, q *request) error {
	if err := q.empty(); err != nil {
		return err
	}
	f := s.cfg.Switch.Features()
	return s.reply(wire.AppendFeatures(s.scratch[:0], s.version, q.XID, &f))
}

func getConfig(s *session, q *request) error {
	if err := q.empty(); err != nil {
		return err
	}
	c := s.config
	c.Fragments &= invalidTTL
	if s.version != wire.V10 {
		c.Fragments = 0
	}
	c.Fragments |= wire.Fragments(s.cfg.Tables.Snapshot().Fragments())
	return s.reply(wire.AppendConfig(s.scratch[:0], s.version, wire.GetConfigReply, q.XID, c))
}

// setConfig takes how much of a packet the session wants, and how tables see fragments. The
// latter is the switch's, and not for a slave to change.
func setConfig(s *session, q *request) error {
	c, err := wire.ParseConfig(q.body)
	if err != nil {
		return err
	}
	old := s.version == wire.V10
	frags, ttl := c.Fragments, old && c.Fragments&invalidTTL != 0
	if old {
		frags &^= invalidTTL
	}
	switch frags {
	case wire.FragNormal, wire.FragDrop, wire.FragMatch:
	default:
		return fmt.Errorf("flags %#x: fragments are treated normally, dropped, or matched: %w", uint16(c.Fragments), ofperr.ConfigBadFlags)
	}
	if s.role() != wire.RoleSlave {
		s.cfg.Tables.SetFragments(pipeline.Fragments(frags))
	}
	s.config = c
	s.change(func(st *state) {
		st.missLen = c.MissSendLen
		if old {
			st.setInvalidTTL(ttl)
		}
	})
	return nil
}
