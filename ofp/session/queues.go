package session

import (
	"time"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// queuesAsked returns the queues that a multipart request is for.
func (s *session) queuesAsked(m *wire.Multipart) ([]pipeline.QueueStats, error) {
	f, err := wire.ParseQueueRequest(s.version, m.Body)
	if err != nil {
		return nil, err
	}
	return s.queuesOf(f)
}

// queuesOf returns the queues of a filter.
func (s *session) queuesOf(f wire.QueueFilter) ([]pipeline.QueueStats, error) {
	return s.cfg.Tables.QueueStats(uint32(f.Port), f.Queue)
}

// queuePart answers requests for the counters of queues.
func queuePart(s *session, m *wire.Multipart, out *wire.Replies) error {
	list, err := s.queuesAsked(m)
	if err != nil {
		return err
	}
	var rec []byte
	for _, q := range list {
		w := wire.QueueStats{
			Port: wire.PortNumber(q.Port), Queue: q.Queue.ID,
			Bytes: q.Bytes, Packets: q.Packets, Errors: q.Errors, Duration: time.Duration(q.Duration),
		}
		rec = w.Append(rec[:0], s.version)
		out.Add(rec)
	}
	return nil
}

// queueDescPart answers requests for what queues are (1.4 and up).
func queueDescPart(s *session, m *wire.Multipart, out *wire.Replies) error {
	list, err := s.queuesAsked(m)
	if err != nil {
		return err
	}
	var rec []byte
	for _, q := range s.queueConfigs(list) {
		rec = q.Append(rec[:0], s.version)
		out.Add(rec)
	}
	return nil
}

// queueConfig answers QUEUE_GET_CONFIG_REQUEST (1.0 and 1.3).
func queueConfig(s *session, q *request) error {
	port, err := wire.ParseQueueConfigRequest(s.version, q.body)
	if err != nil {
		return err
	}
	list, err := s.queuesOf(wire.QueueFilter{Port: port, Queue: wire.AllQueues})
	if err != nil {
		return err
	}
	c := wire.QueueConfigs{Port: port, Queues: s.queueConfigs(list)}
	return s.reply(c.Append(s.scratch[:0], s.version, q.XID))
}

// queueConfigs says what queues are. The highest rate is a share of the port's speed, and so is
// told only of ports whose speed is known.
func (s *session) queueConfigs(list []pipeline.QueueStats) []wire.QueueConfig {
	speeds := map[wire.PortNumber]uint64{}
	for _, p := range s.cfg.Switch.Features().Ports {
		speeds[p.Number] = uint64(p.Speed) * 1000
	}
	out := make([]wire.QueueConfig, 0, len(list))
	for _, q := range list {
		c := wire.QueueConfig{Port: wire.PortNumber(q.Port), Queue: q.Queue.ID, MaxRate: wire.NoQueueRate}
		if speed := speeds[c.Port]; speed > 0 && q.Queue.MaxRate > 0 && q.Queue.MaxRate <= speed {
			c.MaxRate = uint16((q.Queue.MaxRate*1000 + speed/2) / speed)
		}
		out = append(out, c)
	}
	return out
}
