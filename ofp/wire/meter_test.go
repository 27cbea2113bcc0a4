package wire

import (
	"errors"
	"testing"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

func init() {
	readers[MeterMod] = of(func(_ Version, b []byte) (*pipeline.MeterMod, error) { return ParseMeterMod(b) }, AppendMeterMod)
	partReplies[PartMeterConfig] = records(PartMeterConfig,
		func(_ Version, b []byte) (*pipeline.Meter, []byte, error) { return ParseMeter(b) },
		func(b []byte, _ Version, m *pipeline.Meter) []byte { return AppendMeter(b, m) })
	partReplies[PartMeter] = records(PartMeter,
		func(_ Version, b []byte) (*MeterStats, []byte, error) { return ParseMeterStats(b) },
		func(b []byte, _ Version, s *MeterStats) []byte { return s.Append(b) })
	partReplies[PartMeterFeatures] = records(PartMeterFeatures,
		func(_ Version, b []byte) (*MeterFeatures, []byte, error) {
			f, err := ParseMeterFeatures(b)
			return f, nil, err
		},
		func(b []byte, _ Version, f *MeterFeatures) []byte { return f.Append(b) })
	for _, p := range []Part{PartMeter, PartMeterConfig} {
		partRequests[p] = func(_ Version, b []byte) error { _, err := ParseMeterRequest(b); return err }
	}
	partReplies[PartQueue] = records(PartQueue, ParseQueueStats, func(b []byte, v Version, s *QueueStats) []byte { return s.Append(b, v) })
	for _, p := range []Part{PartQueue, PartQueueDesc} {
		partRequests[p] = func(v Version, b []byte) error { _, err := ParseQueueRequest(v, b); return err }
	}
	partReplies[PartQueueDesc] = records(PartQueueDesc, ParseQueueConfig, func(b []byte, v Version, q *QueueConfig) []byte { return q.Append(b, v) })
	readers[QueueGetConfigReply] = of(ParseQueueConfigs, func(b []byte, v Version, xid uint32, c *QueueConfigs) []byte { return c.Append(b, v, xid) })
	samplesOf = append(samplesOf, meterSamples, queueSamples)
}

func meterSamples(v Version) map[string][]byte {
	if v == V10 {
		return nil
	}
	m := pipeline.Meter{ID: 5, Flags: pipeline.MeterKbps | pipeline.MeterBurst | pipeline.MeterCounts, Bands: []pipeline.Band{
		{Type: pipeline.BandDrop, Rate: 1000, Burst: 100}, {Type: pipeline.BandDSCPRemark, Rate: 500, Burst: 50, PrecLevel: 1},
	}}
	stats := &MeterStats{ID: 5, Flows: 2, Packets: 100, Bytes: 1 << 40, Duration: 3*time.Second + 1, Bands: []BandStats{{7, 700}, {1, 100}}}
	return map[string][]byte{
		"meter-mod":        AppendMeterMod(nil, v, 2, &pipeline.MeterMod{Command: pipeline.MeterModify, Meter: m}),
		"meter-mod-delete": AppendMeterMod(nil, v, 2, &pipeline.MeterMod{Command: pipeline.MeterDelete, Meter: pipeline.Meter{ID: pipeline.MeterAll}}),
		"meter-config": partReplies[PartMeterConfig].append(v, 3, []*pipeline.Meter{&m,
			{ID: pipeline.MeterController, Flags: pipeline.MeterPktps, Bands: m.Bands[:1]}}),
		"meter-stats": partReplies[PartMeter].append(v, 4, []*MeterStats{stats, {ID: pipeline.MeterSlowPath}}),
		"meter-features": partReplies[PartMeterFeatures].append(v, 5, []*MeterFeatures{
			{Meters: 65535, BandTypes: 1<<pipeline.BandDrop | 1<<pipeline.BandDSCPRemark, Flags: 0xf, Bands: 8}}),
	}
}

func queueSamples(v Version) map[string][]byte {
	one := &QueueStats{Port: 3, Queue: 1, Bytes: 1000, Packets: 10, Errors: 1}
	if v != V10 {
		one.Duration = time.Minute
	}
	out := map[string][]byte{
		"queue-stats":      partReplies[PartQueue].append(v, 2, []*QueueStats{one}),
		"queue-stats-none": partReplies[PartQueue].append(v, 2, []*QueueStats(nil)),
	}
	some := []QueueConfig{{Port: 3, Queue: 0, MaxRate: NoQueueRate}, {Port: 3, Queue: 7, MaxRate: 125}}
	if v == V10 {
		some[1].MaxRate = NoQueueRate
	}
	if v >= V14 {
		out["queue-desc"] = partReplies[PartQueueDesc].append(v, 3, []*QueueConfig{&some[0], &some[1]})
		return out
	}
	out["queue-config"] = (&QueueConfigs{3, some}).Append(nil, v, 3)
	out["queue-config-none"] = (&QueueConfigs{Port: 3}).Append(nil, v, 3)
	return out
}

func TestBadMeterMods(t *testing.T) {
	mod := func(b ...byte) []byte { return b }
	for _, c := range []struct {
		name string
		body []byte
		want ofperr.Error
	}{
		{"no bands", mod(0, 0, 0, 1, 0, 0, 0, 1), 0},
		{"a deletion with anything", mod(0, 2, 0xff, 0xff, 0, 0, 0, 1, 9), 0},
		{"command", mod(0, 3, 0, 1, 0, 0, 0, 1), ofperr.MeterModBadCommand},
		{"both rates", mod(0, 0, 0, 3, 0, 0, 0, 1), ofperr.MeterModBadFlags},
		{"flags", mod(0, 0, 0, 0x11, 0, 0, 0, 1), ofperr.MeterModBadFlags},
		{"band type", mod(0, 0, 0, 1, 0, 0, 0, 1, 0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0), ofperr.MeterModBadBand},
		{"band length", mod(0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1), ofperr.BadLen},
		{"short", mod(0, 0, 0, 1), ofperr.BadLen},
	} {
		_, err := ParseMeterMod(c.body)
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestQueueRequests(t *testing.T) {
	for _, c := range []struct {
		v    Version
		body []byte
		want QueueFilter
	}{
		{V10, []byte{0xff, 0xfc, 0, 0, 0xff, 0xff, 0xff, 0xff}, QueueFilter{PortAny, AllQueues}},
		{V10, []byte{0, 3, 0, 0, 0, 0, 0, 1}, QueueFilter{3, 1}},
		{V13, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, QueueFilter{PortAny, AllQueues}},
		{V14, []byte{0, 0, 0, 3, 0, 0, 0, 1}, QueueFilter{3, 1}},
	} {
		if got, err := ParseQueueRequest(c.v, c.body); err != nil || got != c.want {
			t.Errorf("%s %x: %+v, %v", c.v, c.body, got, err)
		}
	}
	for v, b := range map[Version][]byte{V10: {0, 9, 0, 0}, V13: {0, 0, 0, 9, 0, 0, 0, 0}} {
		if p, err := ParseQueueConfigRequest(v, b); err != nil || p != 9 {
			t.Errorf("%s: %d, %v", v, p, err)
		}
		if _, err := ParseQueueConfigRequest(v, b[1:]); !errors.Is(err, ofperr.BadLen) {
			t.Errorf("%s, short: %v", v, err)
		}
	}
}

// What a message has no room for is left out.
func TestManyQueues(t *testing.T) {
	c := &QueueConfigs{Port: PortAny, Queues: make([]QueueConfig, 5000)}
	for i := range c.Queues {
		c.Queues[i] = QueueConfig{Port: 1, Queue: uint32(i), MaxRate: 1000}
	}
	msg := c.Append(nil, V13, 1)
	got, err := ParseQueueConfigs(V13, msg[HeaderLen:])
	if err != nil || len(got.Queues) != 2047 || got.Queues[2046] != c.Queues[2046] {
		t.Errorf("%d queues, %v", len(got.Queues), err)
	}
}
