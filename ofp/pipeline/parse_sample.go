package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pollux/flow"
)

// note reads bytes in hexadecimal, dots between them allowed. OpenFlow pads the
// action with zeros to a multiple of eight bytes; so does the note.
func (p *actionParser) note(w piece) (Action, error) {
	var b []byte
	for s := w.value; s != ""; {
		s = strings.TrimPrefix(s, ".")
		if s == "" {
			break
		}
		n, err := strconv.ParseUint(s[:min(2, len(s))], 16, 8)
		if err != nil || len(s) < 2 {
			return Action{}, p.errAt(w.valOff, len(w.value), "not bytes in hexadecimal; it would be note:00.11.ff")
		}
		b, s = append(b, byte(n)), s[2:]
	}
	if len(b) > 2048 {
		return Action{}, p.errAt(w.valOff, len(w.value), "a note has 2048 bytes at most")
	}
	for len(b) == 0 || (len(b)+2)%8 != 0 {
		b = append(b, 0)
	}
	return Action{Kind: ActNote, List: &Lists{Note: string(b)}}, nil
}

var sampleKeys = []string{"probability", "collector_set_id", "obs_domain_id", "obs_point_id", "sampling_port", "ingress", "egress"}

func (p *actionParser) sample(w piece) (Action, error) {
	s := &SampleAction{}
	a := Action{Kind: ActSample, List: &Lists{Sample: s}}
	const example = "sample(probability=65535,collector_set_id=1,obs_domain_id=0,obs_point_id=0)"
	if err := p.want(w, example); err != nil {
		return a, err
	}
	off := w.valOff
	for _, part := range strings.Split(w.value, ",") {
		key, text, _ := strings.Cut(part, "=")
		key = strings.TrimSpace(key)
		if err := p.samplePart(s, key, text, off, len(part)); err != nil {
			return a, err
		}
		off += len(part) + 1
	}
	switch {
	case s.Probability == 0:
		return a, p.errAt(w.off, w.end-w.off, "probability is missing or 0; it is 1 to 65535 of 65535 packets, as in %s", example)
	case s.Set == 0:
		return a, p.errAt(w.off, w.end-w.off, "collector_set_id is missing; it would be %s", example)
	}
	return a, nil
}

func (p *actionParser) samplePart(s *SampleAction, key, text string, off, n int) error {
	if !slices.Contains(sampleKeys, key) {
		return p.errAt(off, n, "unknown in sample; known are %s", strings.Join(sampleKeys, ", "))
	}
	switch key {
	case "ingress":
		s.Direction = SampleIngress
		return nil
	case "egress":
		s.Direction = SampleEgress
		return nil
	case "sampling_port":
		port, err := flow.ParsePort(text, p.ports)
		if err != nil {
			return p.inside(err, off+len(key)+1)
		}
		s.SamplingPort = port
		return nil
	}
	if of := s.fieldOf(key); of != nil && strings.Contains(text, "[") {
		f, err := p.subfield(text, off+len(key)+1)
		if err != nil {
			return err
		}
		if f.Bits > 32 {
			return p.errAt(off, n, "%d bits do not go into an id of 32; name a part of the field, as in NXM_NX_XXREG0[0..31]", f.Bits)
		}
		if err := p.prereq(f.Field, piece{off: off, end: off + n}); err != nil {
			return err
		}
		*of = f
		return nil
	}
	bits := 32
	if key == "probability" {
		bits = 16
	}
	v, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		or := ""
		if s.fieldOf(key) != nil {
			or = ", nor a field as NXM_NX_REG0[]"
		}
		return p.errAt(off, n, "%s is not a number from 0 to %s%s", key, fmt.Sprint(uint64(1)<<bits-1), or)
	}
	switch key {
	case "probability":
		s.Probability = uint16(v)
	case "collector_set_id":
		s.Set = uint32(v)
	case "obs_domain_id":
		s.Domain = uint32(v)
	case "obs_point_id":
		s.Point = uint32(v)
	}
	return nil
}

// fieldOf returns the member for an operand that may be a field of the packet.
func (s *SampleAction) fieldOf(key string) *Subfield {
	switch key {
	case "obs_domain_id":
		return &s.DomainOf
	case "obs_point_id":
		return &s.PointOf
	}
	return nil
}
