package vswitch

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
)

// topQuery is what `ipfix/top` is asked for.
type topQuery struct {
	js       bool
	by       string // bytes, packets, rate
	n        int    // rows; 0 all
	exporter string // bridge, or a collector set's number; "" the first there is
}

var topOrders = []string{"bytes", "packets", "rate"}

// parseTop reads the arguments of the command.
func parseTop(args []string) (q topQuery, err error) {
	q = topQuery{by: "bytes", n: 10}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, given := strings.Cut(arg, "=")
		switch name {
		case "--json":
			q.js = true
			continue
		case "set": // as displays name it: set 3
			continue
		case "--by", "-n":
		default:
			if strings.HasPrefix(arg, "-") || q.exporter != "" {
				return q, fmt.Errorf("%q: want [--json] [--by bytes|packets|rate] [-n N] [EXPORTER]", arg)
			}
			q.exporter = arg
			continue
		}
		if !given {
			if len(args) == 0 {
				return q, fmt.Errorf("%s has no value", name)
			}
			value, args = args[0], args[1:]
		}
		if name == "--by" {
			if q.by = value; !slices.Contains(topOrders, value) {
				return q, fmt.Errorf("--by %q is not one of %s", value, strings.Join(topOrders, ", "))
			}
		} else if q.n, err = strconv.Atoi(value); err != nil || q.n < 0 {
			return q, fmt.Errorf("-n %q is not a number of flows, 0 for all", value)
		}
	}
	return q, nil
}

// topCommand answers ipfix/top.
func (s *Switch) topCommand(args []string) (string, error) {
	q, err := parseTop(args)
	if err != nil {
		return "", err
	}
	list, err := s.Top(q.exporter, q.by, q.n)
	if err != nil {
		return "", err
	}
	var w strings.Builder
	err = render(&w, q.js, list, func(w io.Writer) { topText(w, list) })
	return w.String(), err
}

// part is a flow in a loop's cache as far as an order needs it: 40 bytes each, as there
// may be millions.
type part struct {
	hash            uint64 // of its key
	packets, octets uint64
	first           int64
}

// weight is what flows are ordered by.
func (p *part) weight(by string, now int64) float64 {
	switch by {
	case "packets":
		return float64(p.packets)
	case "rate":
		return float64(p.octets) / span(p.first, now)
	}
	return float64(p.octets)
}

// span is the seconds that something counted since first was counted in. It is a second
// at least: one packet of a moment ago is no rate.
func span(first, now int64) float64 { return max(1, float64(now-first)/1e9) }

// Top lists the n heaviest flows (0: all) that the flow caches of an exporter hold now,
// by bytes of whole frames, packets or bits a second since each flow's last record.
// The loops copy their flows a slice an iteration, twice: to find the heaviest, and to
// describe them.
func (s *Switch) Top(exporter, by string, n int) ([]TopFlow, error) {
	e, ports, err := s.topExporter(exporter)
	if err != nil {
		return nil, err
	}
	seed := maphash.MakeSeed()
	var parts []part
	s.dp.EachFlow(e.index, func(_ int, r *cache.Record) {
		if r.Packets > 0 {
			parts = append(parts, part{maphash.Comparable(seed, r.Key), r.Packets, r.L2Octets, r.First})
		}
	})
	chosen := heaviest(parts, by, n, clock.Now())
	type sum struct {
		cache.Record
		loops []int
	}
	flows := map[cache.Key]*sum{}
	s.dp.EachFlow(e.index, func(loop int, r *cache.Record) {
		if r.Packets == 0 || !chosen[maphash.Comparable(seed, r.Key)] {
			return
		}
		f := flows[r.Key]
		if f == nil {
			flows[r.Key] = &sum{*r, []int{loop}}
			return
		}
		f.Merge(&r.Counters)
		if !slices.Contains(f.loops, loop) {
			f.loops = append(f.loops, loop)
		}
	})
	now := clock.Now()
	list := make([]TopFlow, 0, len(flows))
	for _, f := range flows {
		list = append(list, topFlow(e, &f.Record, f.loops, ports, now))
	}
	sortTop(list, by)
	return list, nil
}

// topExporter finds an exporter by its name, and takes down how the ports are called.
func (s *Switch) topExporter(name string) (*exporter, map[uint32]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ports := map[uint32]string{}
	for _, v := range s.ports {
		ports[ofport(v.cfg.OFPort)] = v.cfg.Name
	}
	names := make([]string, 0, len(s.exporters))
	for _, e := range s.exporters {
		short := strings.TrimPrefix(e.name, "set ")
		if name == "" || name == short {
			return e, ports, nil
		}
		names = append(names, short)
	}
	if name == "" {
		return nil, nil, fmt.Errorf("there is no exporter: the configuration has no ipfix.bridge and no ipfix.sets")
	}
	return nil, nil, fmt.Errorf("%q is no exporter; there are: %s", name, orDash(strings.Join(names, ", ")))
}

// heaviest adds up the parts of each flow and returns the hashes of the n heaviest
// flows; 0 is all. It reorders parts.
func heaviest(parts []part, by string, n int, now int64) map[uint64]bool {
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.hash, b.hash) })
	whole := parts[:0]
	for _, p := range parts {
		if k := len(whole) - 1; k >= 0 && whole[k].hash == p.hash {
			w := &whole[k]
			w.packets, w.octets, w.first = w.packets+p.packets, w.octets+p.octets, min(w.first, p.first)
			continue
		}
		whole = append(whole, p)
	}
	if n > 0 && n < len(whole) {
		slices.SortFunc(whole, func(a, b part) int {
			return cmp.Or(-cmp.Compare(a.weight(by, now), b.weight(by, now)), cmp.Compare(a.hash, b.hash))
		})
		whole = whole[:n]
	}
	chosen := make(map[uint64]bool, len(whole))
	for _, p := range whole {
		chosen[p.hash] = true
	}
	return chosen
}

// sortTop puts the heaviest flows first.
func sortTop(list []TopFlow, by string) {
	slices.SortFunc(list, func(a, b TopFlow) int {
		order := 0
		switch by {
		case "packets":
			order = -cmp.Compare(a.Packets, b.Packets)
		case "rate":
			order = -cmp.Compare(a.BitRate, b.BitRate)
		default:
			order = -cmp.Compare(a.L2Octets, b.L2Octets)
		}
		return cmp.Or(order, strings.Compare(a.Flow, b.Flow))
	})
}
