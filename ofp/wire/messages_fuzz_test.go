package wire

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"pollux/ofp/ofperr"
)

// FuzzMessages reads messages of the families: no panic, nothing read past the message,
// errors that a session can answer with, and what is understood is written as the same.
func FuzzMessages(f *testing.F) {
	for _, v := range spoken {
		for _, msg := range samples(v) {
			f.Add(msg)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil || int(h.Length) > len(b) || !Spoken.Has(h.Version) {
			return
		}
		msg := bytes.Clone(b[:h.Length:h.Length])
		checkError(t, h, msg[HeaderLen:])
		checkAgain(t, h, msg[HeaderLen:])
	})
}

// checkError checks that what is wrong with a message is an ofperr.Error.
func checkError(t *testing.T, h Header, body []byte) {
	t.Helper()
	var e ofperr.Error
	if h.Kind() == MultipartRequest {
		m, err := ParseMultipart(h.Version, body)
		if err != nil {
			return
		}
		if f := partRequests[m.Part]; f != nil {
			if err := f(h.Version, m.Body); err != nil && !errors.As(err, &e) {
				t.Errorf("%s request %d: %v", h.Version, m.Part, err)
			}
		}
		return
	}
	if r, rest, ok := readerOf(h, body); ok {
		if _, err := r.parse(h.Version, rest); err != nil && !errors.As(err, &e) {
			t.Errorf("%s %s: %v", h.Version, h.Kind(), err)
		}
	}
}

// Samples that are cut anywhere, or have one byte changed, are read as something or
// refused with an ofperr.Error.
func TestBrokenMessages(t *testing.T) {
	for _, v := range spoken {
		for _, msg := range samples(v) {
			h, _ := ParseHeader(msg)
			for n := HeaderLen; n < len(msg); n++ {
				h.Length = uint16(n)
				cut := bytes.Clone(msg[:n:n])
				checkError(t, h, cut[HeaderLen:])
				checkAgain(t, h, cut[HeaderLen:])
			}
			h.Length = uint16(len(msg))
			for n := HeaderLen; n < len(msg); n++ {
				for _, c := range []byte{0, 1, 0x80, 0xff} {
					other := bytes.Clone(msg)
					other[n] = c
					checkError(t, h, other[HeaderLen:])
					checkAgain(t, h, other[HeaderLen:])
				}
			}
		}
	}
}

// Garbage as long as a message can be makes nothing that is much longer.
func TestAllocationOfMessages(t *testing.T) {
	check := func(what string, parse func()) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		parse()
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64*MaxLen {
			t.Errorf("%s: %d bytes were allocated", what, n)
		}
	}
	for _, fill := range [][]byte{{0, 0, 0, 4}, {0, 0, 0, 8}, {0, 16, 0, 0}, {0, 8, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 24, 0, 0}} {
		body := bytes.Repeat(fill, MaxLen/4)
		for _, v := range spoken {
			for k, r := range readers {
				check(k.String(), func() { _, _ = r.parse(v, body) })
			}
			for _, r := range extensions {
				check("extension", func() { _, _ = r.parse(v, body) })
			}
			for _, r := range partReplies {
				check("multipart", func() { _, _ = r.parse(v, body) })
			}
		}
	}
}
