package flow

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// flagSet names the bits of a field that is written in words.
type flagSet struct {
	what  string
	names []string // of bit 0, 1, …
	all   uint64   // bits that exist: a mask of all of them counts as exact
	exact uint64   // what a value without signs or mask is compared on

	signed bool // written with signs also where all are compared
}

var (
	tcpFlagSet = flagSet{"TCP flag", []string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"}, 0xfff, 0xfff, false}
	ctStateSet = flagSet{"ct_state flag", []string{"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"}, 0xff, 0xff, false}
	tunFlagSet = flagSet{"tunnel flag", []string{"oam"}, 0x1, 0x1, true}
)

func (f Format) flags() *flagSet {
	switch f {
	case TCPFlagBits:
		return &tcpFlagSet
	case CtStateBits:
		return &ctStateSet
	case TunFlagBits:
		return &tunFlagSet
	}
	return nil
}

// bit finds a flag by name, or by its value in hexadecimal as [800].
func (s *flagSet) bit(word string) (uint64, bool) {
	for i, n := range s.names {
		if n == word {
			return 1 << i, true
		}
	}
	if n := len(word); n > 2 && word[0] == '[' && word[n-1] == ']' {
		v, err := strconv.ParseUint(word[1:n-1], 16, 64)
		return v, err == nil && bits.OnesCount64(v) == 1 && v&s.all == v
	}
	return 0, false
}

func (s *flagSet) unknown(text, word string, off int) error {
	return parseErr(text, off, len(word), "unknown %s; it may be %s", s.what, strings.Join(s.names, ", "))
}

// parse reads "+syn-ack", "syn|ack" or a number with an optional mask.
func (s *flagSet) parse(text string) (v, m uint64, err error) {
	if text == "" {
		return 0, 0, parseErr(text, 0, 0, "no value; it would be like +%s", s.names[0])
	}
	switch c := text[0]; {
	case c == '+' || c == '-':
		for o := 0; o < len(text); {
			sign := text[o]
			end := o + 1
			for end < len(text) && text[end] != '+' && text[end] != '-' {
				end++
			}
			bit, ok := s.bit(text[o+1 : end])
			if !ok {
				return 0, 0, s.unknown(text, text[o+1:end], o+1)
			}
			if m&bit != 0 {
				return 0, 0, parseErr(text, o, end-o, "the flag is given twice; once is right")
			}
			m |= bit
			if sign == '+' {
				v |= bit
			}
			o = end
		}
		return v, m, nil
	case c >= '0' && c <= '9':
		val, mask, hasMask := strings.Cut(text, "/")
		if v, err = parseUint(text, val, 0, 64); err != nil {
			return 0, 0, err
		}
		m = s.exact | v&s.all
		if hasMask {
			if m, err = parseUint(text, mask, len(val)+1, 64); err != nil {
				return 0, 0, err
			}
			if m&^s.all != 0 && m != ^uint64(0)>>bits.LeadingZeros64(m) {
				return 0, 0, parseErr(text, len(val)+1, len(mask), "the mask has bits that are no %s; %#x are all", s.what, s.all)
			}
			m &= s.all
		}
		if v&^s.all != 0 {
			return 0, 0, parseErr(text, 0, len(val), "the value has bits that are no %s; %#x are all", s.what, s.all)
		}
		return v & m, m, nil
	}
	o := 0
	for _, word := range strings.Split(text, "|") {
		bit, ok := s.bit(word)
		if !ok {
			return 0, 0, s.unknown(text, word, o)
		}
		v |= bit
		o += len(word) + 1
	}
	return v, s.exact | v, nil
}

// format writes what parse reads: bare names when every flag is compared, else
// signed ones, from the lowest bit up.
func (s *flagSet) format(v, m uint64) string {
	var b strings.Builder
	exact := m&s.all == s.all && s.exact == s.all && !s.signed
	if exact && v&s.all == 0 {
		return "0"
	}
	for rest := m & s.all; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		on := v>>i&1 != 0
		switch {
		case exact && !on:
			continue
		case exact && b.Len() > 0:
			b.WriteByte('|')
		case !exact && on:
			b.WriteByte('+')
		case !exact:
			b.WriteByte('-')
		}
		if i < len(s.names) {
			b.WriteString(s.names[i])
		} else {
			fmt.Fprintf(&b, "[%x]", uint64(1)<<i)
		}
	}
	return b.String()
}
