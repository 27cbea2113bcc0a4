package session

import (
	"fmt"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

// resume answers NXTResume: a controller gives back a packet that controller(pause) had sent
// it. Bytes and metadata are as it gives them; what is left to do is as it was told.
func resume(s *session, _ *request, body []byte) error {
	p, err := wire.ParseResume(s.version, body)
	if err != nil {
		return err
	}
	if len(p.Continuation) == 0 {
		return fmt.Errorf("a packet that did not pause, as it has no continuation: %w", ofperr.PropertyBadLen)
	}
	c, err := wire.ParseContinuation(s.version, p.Continuation)
	if err != nil {
		return err
	}
	if c.Switch != s.srv.life {
		return fmt.Errorf("the packet paused in another switch, or before this one has started anew: %w", ofperr.ResumeStale)
	}
	f := c.Frozen()
	return s.cfg.Tables.SendResumed(f, func() error { return s.cfg.Switch.Resume(p.Data, &p.Metadata.Key, f) })
}
