package collector

import (
	"fmt"
	"io"
)

// Summary is the end of a reading: totals, and how flows ended.
type Summary struct {
	Totals
	Ends map[string]uint64 `json:"ends"` // records by flowEndReason
}

// Summary returns the sums.
func (c *Collector) Summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Summary{Totals: c.totals, Ends: make(map[string]uint64)}
	for _, f := range c.flows {
		for reason, n := range f.Ends {
			if n > 0 {
				s.Ends[endName(uint8(reason))] += n
			}
		}
	}
	return s
}

// Text writes the summary for people.
func (s Summary) Text(w io.Writer) error {
	_, err := fmt.Fprintf(w, `flows %d in %d records: %d packets, %d IP octets, %d frame octets
messages %d of %d bytes: %d option records, %d templates, %d withdrawn
sequence gaps %d: %d records missing; errors %d
`, s.Flows, s.Records, s.Packets, s.Octets, s.L2Octets, s.Messages, s.Bytes, s.Options, s.Templates, s.Withdrawn,
		s.Gaps, s.Missing, s.Errors)
	if err != nil {
		return err
	}
	if s.Biflows > 0 {
		if _, err := fmt.Fprintf(w, "biflows %d of the records\n", s.Biflows); err != nil {
			return err
		}
	}
	if len(s.Ends) > 0 {
		fmt.Fprint(w, "ended:")
		for _, name := range endNames {
			if n := s.Ends[name]; n > 0 {
				fmt.Fprintf(w, " %s %d", name, n)
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if s.LastError != "" {
		_, err = fmt.Fprintf(w, "last error: %s\n", s.LastError)
	}
	return err
}
