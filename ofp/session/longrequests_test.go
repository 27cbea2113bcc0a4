package session

import (
	"bytes"
	"errors"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

func TestRequestsInSeveralMessages(t *testing.T) {
	type step struct {
		part wire.Part
		xid  uint32
		more bool
		body string
		want string // of the whole request; - if it is not whole yet, ! if it is refused
	}
	const long, short = wire.PartTableFeatures, wire.PartDesc
	for name, steps := range map[string][]step{
		"one message":                 {{long, 1, false, "ab", "ab"}, {short, 1, false, "c", "c"}},
		"three messages":              {{long, 1, true, "ab", "-"}, {long, 1, true, "", "-"}, {long, 1, false, "cd", "abcd"}, {long, 1, false, "e", "e"}},
		"an end that is empty":        {{long, 1, true, "ab", "-"}, {long, 1, false, "", "ab"}},
		"one that is never long":      {{short, 1, true, "ab", "!"}, {short, 1, false, "c", "c"}},
		"another begins":              {{long, 1, true, "ab", "-"}, {long, 2, true, "cd", "-"}, {long, 2, false, "ef", "cdef"}},
		"another, whole, between":     {{long, 1, true, "ab", "-"}, {short, 2, false, "cd", "cd"}, {long, 1, false, "ef", "ef"}},
		"another part of the same id": {{long, 1, true, "ab", "-"}, {short, 1, false, "cd", "cd"}},
	} {
		var a assembly
		for i, s := range steps {
			m := wire.Multipart{Part: s.part, More: s.more, Body: []byte(s.body)}
			whole, err := a.add(&m, s.xid)
			got := string(m.Body)
			switch {
			case errors.Is(err, ofperr.MultipartOverflow):
				got = "!"
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case !whole:
				got = "-"
			}
			if got != s.want {
				t.Errorf("%s, message %d: %q, want %q", name, i, got, s.want)
			}
		}
	}
}

// A request that does not end has its bound, and does not keep what it took.
func TestRequestWithoutEnd(t *testing.T) {
	var a assembly
	n := 0
	for {
		m := wire.Multipart{Part: wire.PartTableFeatures, More: true, Body: make([]byte, 60_000)}
		whole, err := a.add(&m, 1)
		if whole {
			t.Fatal("it is whole")
		}
		if err != nil {
			if !errors.Is(err, ofperr.MultipartOverflow) {
				t.Error(err)
			}
			break
		}
		if n += len(m.Body); n > maxRequest {
			t.Fatalf("%d bytes are kept", n)
		}
	}
	if a.body != nil || a.open {
		t.Error("it keeps what it has refused")
	}
}

// Table features come in several messages by the specification, and are refused as any
// request that the switch does not know: when they are whole, once.
func TestSeveralMessagesOnTheWire(t *testing.T) {
	old := parts[wire.PartTableFeatures]
	defer func() { parts[wire.PartTableFeatures] = old }()
	var bodies [][]byte
	parts[wire.PartTableFeatures] = func(_ *session, m *wire.Multipart, _ *wire.Replies) error {
		bodies = append(bodies, bytes.Clone(m.Body))
		return nil
	}
	p := dial(t, Config{Switch: box()})
	p.greet(wire.V13)
	for i := range 3 {
		p.write(wire.AppendMultipartRequest(nil, wire.V13, 6, wire.Multipart{Part: wire.PartTableFeatures, More: i < 2, Body: bytes.Repeat([]byte{byte(i)}, 40_000)}))
	}
	if msg := p.read(); wire.KindOf(wire.V13, msg[1]) != wire.MultipartReply {
		t.Errorf("%x", msg)
	}
	p.alive(wire.V13)
	if len(bodies) != 1 || len(bodies[0]) != 120_000 || bodies[0][0] != 0 || bodies[0][119_999] != 2 {
		t.Errorf("%d requests", len(bodies))
	}
}
