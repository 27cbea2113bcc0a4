package port

import (
	"fmt"
	"strconv"
	"strings"
)

// Lengths of frames that a memory port's source makes, in bytes without FCS. The
// least is Ethernet's; the most, the longest of a device with MTU 1500.
const (
	MinSize = 60
	MaxSize = 1514
)

// Share is one frame length of a Mix: Weight of the frames are Size bytes long.
type Share struct{ Size, Weight int }

// Mix says how long frames are.
type Mix []Share

// IMIX is the simple Internet mix: 7 of 64 bytes, 4 of 594, 1 of 1518, each with FCS.
var IMIX = Mix{{60, 7}, {590, 4}, {1514, 1}}

// maxRound is the most frames of one round of a mix.
const maxRound = 4096

// ParseMix reads "imix", a length ("60"), or lengths with weights
// ("60:7,590:4,1514:1").
func ParseMix(s string) (Mix, error) {
	if strings.EqualFold(s, "imix") {
		return IMIX, nil
	}
	var m Mix
	for part := range strings.SplitSeq(s, ",") {
		size, weight, weighted := strings.Cut(part, ":")
		sh := Share{Weight: 1}
		var err error
		if sh.Size, err = strconv.Atoi(size); err != nil {
			return nil, fmt.Errorf("mix %q: length %q is not a number: want imix, a length, or lengths with weights as 60:7,1514:1", s, size)
		}
		if weighted {
			if sh.Weight, err = strconv.Atoi(weight); err != nil {
				return nil, fmt.Errorf("mix %q: weight %q is not a number: want lengths with weights as 60:7,1514:1", s, weight)
			}
		}
		m = append(m, sh)
	}
	return m, m.check()
}

func (m Mix) check() error {
	sum := 0
	for _, s := range m {
		if s.Size < MinSize || s.Size > MaxSize {
			return fmt.Errorf("mix %v: length %d is not between %d and %d", m, s.Size, MinSize, MaxSize)
		}
		if s.Weight < 1 || s.Weight > maxRound {
			return fmt.Errorf("mix %v: weight %d is not between 1 and %d", m, s.Weight, maxRound)
		}
		sum += s.Weight
	}
	if sum < 1 || sum > maxRound {
		return fmt.Errorf("mix %v: weights add up to %d: want 1 to %d", m, sum, maxRound)
	}
	return nil
}

// String writes the mix as ParseMix reads it.
func (m Mix) String() string {
	if len(m) == 1 && m[0].Weight == 1 {
		return strconv.Itoa(m[0].Size)
	}
	parts := make([]string, len(m))
	for i, s := range m {
		parts[i] = fmt.Sprintf("%d:%d", s.Size, s.Weight)
	}
	return strings.Join(parts, ",")
}

// round returns one round of the mix: indices into m, each as often as its weight
// says and as evenly spread as can be.
func (m Mix) round() []uint16 {
	sum := 0
	for _, s := range m {
		sum += s.Weight
	}
	r := make([]uint16, 0, sum)
	due := make([]int, len(m))
	for range sum {
		most := 0
		for i, s := range m {
			due[i] += s.Weight
			if due[i] > due[most] {
				most = i
			}
		}
		due[most] -= sum
		r = append(r, uint16(most))
	}
	return r
}
