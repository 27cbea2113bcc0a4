package main

import (
	"cmp"
	"slices"
	"time"

	"pollux/internal/vswitch"
)

// lastLook is what a look of top saw, for the rates of the next.
type lastLook struct {
	at    time.Time
	flows map[topKey]topTotals
}

// topKey tells the flows of a list apart.
type topKey struct {
	exporter, direction, flow string
	domain, point             uint32
	cookie                    uint64
	table                     int
}

type topTotals struct{ packets, octets uint64 }

// rates puts the rates since the last look into rows that were in it, and orders by
// them if that is the order: since a flow's last record, which may be a moment ago,
// there may be too little to tell.
func (l *lastLook) rates(rows []vswitch.TopFlow, by string, now time.Time) {
	seen := make(map[topKey]topTotals, len(rows))
	span := now.Sub(l.at).Seconds()
	for i := range rows {
		r := &rows[i]
		k := topKey{r.Exporter, r.Direction, r.Flow, r.ObsDomainID, r.ObsPointID, r.Cookie, r.Table}
		seen[k] = topTotals{r.TotalPackets, r.TotalL2Octets}
		last, ok := l.flows[k]
		if !ok || span <= 0 || r.TotalPackets < last.packets || r.TotalL2Octets < last.octets {
			continue // new, or it ended and began again
		}
		r.PacketRate = float64(r.TotalPackets-last.packets) / span
		r.BitRate = 8 * float64(r.TotalL2Octets-last.octets) / span
	}
	if by == "rate" {
		slices.SortStableFunc(rows, func(a, b vswitch.TopFlow) int { return cmp.Compare(b.BitRate, a.BitRate) })
	}
	l.at, l.flows = now, seen
}
