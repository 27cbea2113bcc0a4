package bench

import (
	"fmt"
	"time"
)

// Report is the sum of one run.
type Report struct {
	Sent      uint64       `json:"sent"`
	Received  uint64       `json:"received"` // distinct packets
	Lost      uint64       `json:"lost"`
	Duplicate uint64       `json:"duplicate"`
	Reordered uint64       `json:"reordered"`
	Foreign   uint64       `json:"foreign"` // frames that are not the generator's
	NoRoom    uint64       `json:"no_room"` // frames that the receiving ring had no room for
	Seconds   float64      `json:"seconds"`
	TxMpps    float64      `json:"tx_mpps"`
	RxMpps    float64      `json:"rx_mpps"`
	Flows     []FlowReport `json:"flows,omitempty"`
}

// FlowReport is one flow of a Report.
type FlowReport struct {
	Flow      int    `json:"flow"`
	Sent      uint64 `json:"sent"`
	Received  uint64 `json:"received"`
	Bytes     uint64 `json:"bytes"`
	Lost      uint64 `json:"lost"`
	Duplicate uint64 `json:"duplicate"`
	Reordered uint64 `json:"reordered"`
}

// NewReport compares what was sent with what was counted. A nil tally gives a
// report of the sender alone.
func NewReport(sent []uint64, t *Tally, took time.Duration) *Report {
	r := &Report{Seconds: took.Seconds(), Flows: make([]FlowReport, len(sent))}
	for i, s := range sent {
		f := FlowReport{Flow: i, Sent: s}
		r.Sent += s
		if t != nil {
			c := &t.Flow[i]
			f.Received, f.Bytes, f.Duplicate, f.Reordered = c.Received, c.Bytes, c.Duplicate, c.Reordered
			f.Lost = s - min(s, c.Received)
			r.Received += c.Received
			r.Lost += f.Lost
			r.Duplicate += c.Duplicate
			r.Reordered += c.Reordered
		}
		r.Flows[i] = f
	}
	if t != nil {
		r.Foreign = t.Foreign()
	}
	if took > 0 {
		r.TxMpps = float64(r.Sent) / took.Seconds() / 1e6
		r.RxMpps = float64(r.Received) / took.Seconds() / 1e6
	}
	return r
}

// String is the report in one line.
func (r *Report) String() string {
	return fmt.Sprintf("sent %d received %d lost %d duplicate %d reordered %d in %.3f s: tx %.3f Mpps, rx %.3f Mpps",
		r.Sent, r.Received, r.Lost, r.Duplicate, r.Reordered, r.Seconds, r.TxMpps, r.RxMpps)
}
