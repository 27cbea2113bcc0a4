package ctl

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// FuzzRequests: no stream makes the reader panic; the same requests come out
// however the stream is cut; and a request that is written again reads the same.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		`{"id":0,"method":"list-commands","params":[]}`,
		`{"method":"ofproto/trace","params":["br0","in_port=1,\"x\""],"id":"a"} {"method":"a","params":["b"],"id":null}`,
		`{"method":"a","params":[null],"id":1}`, `{"method":"a","params":["\ud800"],"id":{}}`, `{"method":"a"`, `[[[[`, "\n\t ",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, werr := readAll(bytes.NewReader(stream))
		bytewise, berr := readAll(iotest.OneByteReader(bytes.NewReader(stream)))
		if d := cmp.Diff(whole, bytewise); d != "" || (werr == nil) != (berr == nil) {
			t.Fatalf("cut into bytes: %s %v %v", d, werr, berr)
		}
		for _, q := range whole {
			b, err := json.Marshal(q)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			again, err := readAll(bytes.NewReader(b))
			if err != nil || len(again) != 1 || again[0].Method != q.Method || !cmp.Equal(again[0].Params, q.Params) {
				t.Fatalf("%s reads as %+v, %v", b, again, err)
			}
		}
	})
}

func readAll(r io.Reader) ([]*request, error) {
	rr := newRequestReader(r)
	var out []*request
	for {
		q, err := rr.read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, q)
	}
}
