package configs

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// MaxQueues is the most queues that a port can have.
const MaxQueues = 256

// Bits is a number of bits, or of bits a second; 0 is not set.
type Bits uint64

// maxBits is more than any device sends in a second.
const maxBits = 100_000_000_000_000

// bitsPattern is how a number of bits is written.
const bitsPattern = `^[0-9]+(\.[0-9]+)?[kMG]?$`

var isBits = regexp.MustCompile(bitsPattern).Match

var bitUnits = [...]struct {
	suffix string
	of     Bits
}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}}

// String returns b with the largest unit that leaves a whole number.
func (b Bits) String() string {
	for _, u := range bitUnits {
		if b != 0 && b%u.of == 0 {
			return strconv.FormatUint(uint64(b/u.of), 10) + u.suffix
		}
	}
	return strconv.FormatUint(uint64(b), 10)
}

// MarshalText writes b as UnmarshalText reads it.
func (b Bits) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a number from 1 to 100000G, with k, M or G or without.
func (b *Bits) UnmarshalText(text []byte) error {
	s, unit := string(text), Bits(1)
	for _, u := range bitUnits {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = n, u.of
			break
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	x *= float64(unit)
	switch {
	case err != nil || !isBits(text):
		return fmt.Errorf("%q is not a number of bits; write a number, with k, M or G as in 10M, or without", text)
	case x < 1 || x > maxBits:
		return fmt.Errorf("%q is not from 1 to 100000G", text)
	case math.Abs(x-math.Round(x)) > x*1e-12: // 0.07M is one, if not in binary
		return fmt.Errorf("%q is not a whole number of bits", text)
	}
	*b = Bits(math.Round(x))
	return nil
}

func (c *checker) checkQoS(path string, q *QoS) {
	if n := len(q.Queues); n > MaxQueues {
		c.errorf(path+".queues", "%d queues are more than the %d that a port can have", n, MaxQueues)
	}
	first := map[uint32]string{}
	for i := range q.Queues {
		at := fmt.Sprintf("%s.queues[%d]", path, i)
		if c.bad[at] {
			continue
		}
		if id := q.Queues[i].ID; !c.bad[at+".id"] {
			if other, dup := first[id]; dup {
				c.errorf(at+".id", "%d is already the queue of line %d; each has its own number", id, c.line(other))
			} else {
				first[id] = at + ".id"
			}
		}
		if c.given(at+".burst") && !c.given(at+".max_rate") {
			c.errorf(at+".burst", "a queue without max_rate has no burst; give it a max_rate, or remove burst")
		}
	}
}
