package wire

import (
	"fmt"
	"time"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// bandLen is the length of a band of a meter, of both types.
const bandLen = 16

func appendBands(b []byte, bands []pipeline.Band) []byte {
	for _, d := range bands {
		b = be.AppendUint16(be.AppendUint16(b, uint16(d.Type)), bandLen)
		b = be.AppendUint32(be.AppendUint32(b, d.Rate), d.Burst)
		b = append(b, d.PrecLevel, 0, 0, 0)
	}
	return b
}

func parseBands(b []byte) (bands []pipeline.Band, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, fmt.Errorf("band of %d bytes, want %d: %w", len(b), bandLen, ofperr.BadLen)
		}
		d := pipeline.Band{Type: pipeline.BandType(be.Uint16(b))}
		n := int(be.Uint16(b[2:]))
		if d.Type != pipeline.BandDrop && d.Type != pipeline.BandDSCPRemark {
			return nil, fmt.Errorf("band of type %d: %w", d.Type, ofperr.MeterModBadBand)
		}
		if n != bandLen || n > len(b) {
			return nil, fmt.Errorf("band that says it has %d bytes of %d, want %d: %w", n, len(b), bandLen, ofperr.BadLen)
		}
		d.Rate, d.Burst = be.Uint32(b[4:]), be.Uint32(b[8:])
		if d.Type == pipeline.BandDSCPRemark {
			d.PrecLevel = b[12]
		}
		bands, b = append(bands, d), b[bandLen:]
	}
	return bands, nil
}

// AppendMeterMod appends a METER_MOD (1.3 and up).
func AppendMeterMod(b []byte, v Version, xid uint32, m *pipeline.MeterMod) []byte {
	at := len(b)
	b = be.AppendUint16(begin(b, v, MeterMod, xid), uint16(m.Command))
	b = be.AppendUint32(be.AppendUint16(b, uint16(m.Meter.Flags)), m.Meter.ID)
	return end(appendBands(b, m.Meter.Bands), at)
}

// ParseMeterMod reads the body of a METER_MOD. Of a deletion flags and bands are ignored.
// Errors are ofperr.MeterModBadCommand, MeterModBadFlags and MeterModBadBand; whether the
// meter can be is for the switch to say.
func ParseMeterMod(body []byte) (*pipeline.MeterMod, error) {
	if len(body) < 8 {
		return nil, fmt.Errorf("meter mod of %d bytes, want 8 or more: %w", len(body), ofperr.BadLen)
	}
	m := &pipeline.MeterMod{Command: pipeline.MeterCommand(be.Uint16(body)), Meter: pipeline.Meter{ID: be.Uint32(body[4:])}}
	if m.Command > pipeline.MeterDelete {
		return nil, fmt.Errorf("meter mod with command %d: %w", m.Command, ofperr.MeterModBadCommand)
	}
	if m.Command == pipeline.MeterDelete {
		return m, nil
	}
	m.Meter.Flags = pipeline.MeterFlags(be.Uint16(body[2:]))
	const rates = pipeline.MeterKbps | pipeline.MeterPktps
	if f := m.Meter.Flags; f&^(rates|pipeline.MeterBurst|pipeline.MeterCounts) != 0 || f&rates == rates {
		return nil, fmt.Errorf("flags %#x of a meter: %w", uint16(f), ofperr.MeterModBadFlags)
	}
	var err error
	m.Meter.Bands, err = parseBands(body[8:])
	return m, err
}

// AppendMeter appends the record of replies to PartMeterConfig.
func AppendMeter(b []byte, m *pipeline.Meter) []byte {
	at := len(b)
	b = be.AppendUint32(be.AppendUint16(append(b, 0, 0), uint16(m.Flags)), m.ID)
	b = appendBands(b, m.Bands)
	be.PutUint16(b[at:], uint16(len(b)-at))
	return b
}

// ParseMeter reads the record that b begins with and returns the rest of b.
func ParseMeter(b []byte) (m *pipeline.Meter, rest []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("meter of %d bytes, want 8 or more: %w", len(b), ofperr.BadLen)
	}
	n := int(be.Uint16(b))
	if n < 8 || n > len(b) {
		return nil, nil, fmt.Errorf("meter that says it has %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	m = &pipeline.Meter{Flags: pipeline.MeterFlags(be.Uint16(b[2:])), ID: be.Uint32(b[4:])}
	m.Bands, err = parseBands(b[8:n])
	return m, b[n:], err
}

// MeterStats are the counters of a meter: the record of replies to PartMeter.
type MeterStats struct {
	ID             uint32
	Flows          uint32 // that use it
	Packets, Bytes uint64 // that came to it
	Duration       time.Duration
	Bands          []BandStats // in the order of the meter's bands
}

// BandStats are what a band was used on.
type BandStats struct{ Packets, Bytes uint64 }

const meterStatsLen = 40

// Append appends the record.
func (s *MeterStats) Append(b []byte) []byte {
	at := len(b)
	b = zeros(be.AppendUint32(b, s.ID), 8)
	b = be.AppendUint64(be.AppendUint64(be.AppendUint32(b, s.Flows), s.Packets), s.Bytes)
	b = appendDuration(b, s.Duration)
	for _, d := range s.Bands {
		b = be.AppendUint64(be.AppendUint64(b, d.Packets), d.Bytes)
	}
	be.PutUint16(b[at+4:], uint16(len(b)-at))
	return b
}

// ParseMeterStats reads the record that b begins with and returns the rest of b.
func ParseMeterStats(b []byte) (s *MeterStats, rest []byte, err error) {
	if len(b) < meterStatsLen {
		return nil, nil, fmt.Errorf("statistics of a meter of %d bytes, want %d or more: %w", len(b), meterStatsLen, ofperr.BadLen)
	}
	n := int(be.Uint16(b[4:]))
	if n < meterStatsLen || n > len(b) || (n-meterStatsLen)%16 != 0 {
		return nil, nil, fmt.Errorf("statistics of a meter that say they have %d bytes of %d: %w", n, len(b), ofperr.BadLen)
	}
	s = &MeterStats{
		ID: be.Uint32(b), Flows: be.Uint32(b[12:]), Packets: be.Uint64(b[16:]), Bytes: be.Uint64(b[24:]), Duration: parseDuration(b[32:]),
	}
	for d := b[meterStatsLen:n]; len(d) > 0; d = d[16:] {
		s.Bands = append(s.Bands, BandStats{be.Uint64(d), be.Uint64(d[8:])})
	}
	return s, b[n:], nil
}

// ParseMeterRequest reads the body of a request for PartMeter or PartMeterConfig: which meter
// is wanted, pipeline.MeterAll for all.
func ParseMeterRequest(body []byte) (uint32, error) {
	if len(body) != 8 {
		return 0, fmt.Errorf("request for meters of %d bytes, want 8: %w", len(body), ofperr.BadLen)
	}
	return be.Uint32(body), nil
}

// MeterFeatures is the body of the reply to PartMeterFeatures.
type MeterFeatures struct {
	Meters    uint32 // how many there can be
	BandTypes uint32 // bit n: pipeline.BandType n
	Flags     pipeline.MeterFlags
	Bands     uint8 // of a meter, at most
	Colors    uint8
}

// Append appends the record, in 1.5 too as Open vSwitch has it: without the features that
// the specification adds there, and ovs-ofctl does not take.
func (f *MeterFeatures) Append(b []byte) []byte {
	b = be.AppendUint32(be.AppendUint32(b, f.Meters), f.BandTypes)
	return append(be.AppendUint32(b, uint32(f.Flags)), f.Bands, f.Colors, 0, 0)
}

// ParseMeterFeatures reads the body of a reply; 1.5's features are skipped.
func ParseMeterFeatures(body []byte) (*MeterFeatures, error) {
	if len(body) != 16 && len(body) != 24 {
		return nil, fmt.Errorf("features of meters of %d bytes, want 16: %w", len(body), ofperr.BadLen)
	}
	return &MeterFeatures{
		be.Uint32(body), be.Uint32(body[4:]), pipeline.MeterFlags(be.Uint32(body[8:])), body[12], body[13],
	}, nil
}
