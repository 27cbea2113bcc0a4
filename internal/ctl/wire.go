package ctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of what one side takes from the other, in bytes.
const (
	maxRequest = 1 << 20   // a request; commands are short
	maxReply   = 256 << 20 // a reply; a full table of megaflows is long
)

// request is one call.
type request struct {
	Method string          `json:"method"`
	Params []string        `json:"params"`
	ID     json.RawMessage `json:"id"`
}

// reply answers the request of the same id. One of Result and Error is null.
type reply struct {
	ID     json.RawMessage `json:"id"`
	Result any             `json:"result"`
	Error  any             `json:"error"`
}

var errTooLong = fmt.Errorf("request is longer than the %d bytes allowed", maxRequest)

// requestReader reads requests from a stream. It holds at most maxRequest bytes of
// one request, besides what it has read ahead of the next.
type requestReader struct {
	lim *io.LimitedReader
	dec *json.Decoder
}

func newRequestReader(r io.Reader) *requestReader {
	lim := &io.LimitedReader{R: r}
	return &requestReader{lim: lim, dec: json.NewDecoder(lim)}
}

// read returns the next request, io.EOF after the last. After any other error the
// stream can't be read further.
func (r *requestReader) read() (*request, error) {
	r.lim.N = maxRequest
	var raw json.RawMessage
	err := r.dec.Decode(&raw)
	switch {
	case err != nil && r.lim.N <= 0:
		return nil, errTooLong
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case err != nil:
		return nil, fmt.Errorf("not a request in JSON: %w", err)
	}
	return parseRequest(raw)
}

// parseRequest checks the members, so that errors name them.
func parseRequest(raw json.RawMessage) (*request, error) {
	var m struct {
		Method *string            `json:"method"`
		Params *[]json.RawMessage `json:"params"`
		ID     json.RawMessage    `json:"id"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("not a request: %w", err)
	}
	switch {
	case m.Method == nil:
		return nil, errors.New(`request has no "method"`)
	case m.Params == nil:
		return nil, errors.New(`request has no "params"; an empty list is []`)
	}
	q := &request{Method: *m.Method, Params: make([]string, len(*m.Params)), ID: m.ID}
	if q.ID == nil {
		q.ID = json.RawMessage("null")
	}
	for i, p := range *m.Params {
		if len(p) == 0 || p[0] != '"' {
			return nil, fmt.Errorf("parameter %d of %s is not a string", i, q.Method)
		}
		if err := json.Unmarshal(p, &q.Params[i]); err != nil {
			return nil, fmt.Errorf("parameter %d of %s: %w", i, q.Method, err)
		}
	}
	return q, nil
}

// line ends s in a newline, as unixctl does.
func line(s string) string {
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return s
}
