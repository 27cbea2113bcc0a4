package ruleset

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// prefix is the IPv4 addresses that begin with the first n bits of addr.
type prefix struct {
	addr uint32
	n    int
}

func (p prefix) mask() uint32 { return uint32(^uint64(0) << (32 - p.n)) }

// within draws an address of p.
func (p prefix) within(rng *rand.Rand) netip.Addr {
	return addr4(p.addr | rng.Uint32()&^p.mask())
}

// String writes the prefix as a match wants it.
func (p prefix) String() string { return fmt.Sprintf("%v/%d", addr4(p.addr), p.n) }

func addr4(a uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
}

// networks makes prefixes that nest as those of rules do: many lie within others.
type networks struct {
	rng *rand.Rand
	all []prefix
}

// nested is how many of 100 prefixes lie within one that is there.
const nested = 75

// next draws a prefix of n bits.
func (w *networks) next(n int) prefix {
	if n == 0 {
		return prefix{}
	}
	p := prefix{w.rng.Uint32(), n}
	if len(w.all) > 0 && w.rng.IntN(100) < nested {
		if around := w.all[favoured(w.rng, len(w.all))]; around.n < n {
			p.addr = around.addr | p.addr&^around.mask()
		} else {
			p.addr = around.addr // a longer one: that which it lies in
		}
	}
	p.addr &= p.mask()
	w.all = append(w.all, p)
	return p
}

// ports is a range of port numbers.
type ports struct{ lo, hi uint16 }

// anyPort is the range of all.
var anyPort = ports{0, 65535}

// within draws a port of the range.
func (p ports) within(rng *rand.Rand) uint16 { return p.lo + uint16(rng.IntN(int(p.hi-p.lo)+1)) }

// matches returns the values and masks that the range is the union of, as a match wants
// them; "" is any port.
func (p ports) matches() (list []string) {
	if p == anyPort {
		return []string{""}
	}
	for lo, hi := uint32(p.lo), uint32(p.hi); lo <= hi; {
		size := uint32(1)
		for lo&(2*size-1) == 0 && lo+2*size-1 <= hi {
			size *= 2
		}
		text := fmt.Sprintf("%d", lo)
		if size > 1 {
			text = fmt.Sprintf("%#x/%#x", lo, 0x10000-size)
		}
		list = append(list, text)
		lo += size
	}
	return list
}
