package wire

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// reader is how a message is read and written again, for laws that all of them keep. What
// parse returns must be all that the message means.
type reader struct {
	parse  func(v Version, body []byte) (any, error)
	append func(v Version, xid uint32, x any) []byte
}

// of makes a reader of functions for one type.
func of[T any](parse func(v Version, body []byte) (T, error), write func(b []byte, v Version, xid uint32, x T) []byte) reader {
	return reader{
		parse:  func(v Version, body []byte) (any, error) { return parse(v, body) },
		append: func(v Version, xid uint32, x any) []byte { return write(nil, v, xid, x.(T)) },
	}
}

// records makes a reader of a multipart message's records.
func records[T any](part Part, parse func(v Version, b []byte) (T, []byte, error), write func(b []byte, v Version, x T) []byte) reader {
	return recordsOf(Multipart{Part: part}, parse, write)
}

// recordsOf is records of any head.
func recordsOf[T any](m Multipart, parse func(v Version, b []byte) (T, []byte, error), write func(b []byte, v Version, x T) []byte) reader {
	return reader{
		parse: func(v Version, body []byte) (any, error) {
			var out []T
			for len(body) > 0 {
				x, rest, err := parse(v, body)
				if err != nil {
					return nil, err
				}
				if len(rest) >= len(body) {
					return nil, fmt.Errorf("a record of nothing")
				}
				out, body = append(out, x), rest
			}
			return out, nil
		},
		append: func(v Version, xid uint32, x any) (out []byte) {
			r := NewReplies(v, xid, m, func(msg []byte) { out = append(out, msg...) })
			for _, rec := range x.([]T) {
				r.Add(write(nil, v, rec))
			}
			r.End()
			return out
		},
	}
}

// readers are those of messages by kind, of experimenters' by vendor and subtype, and of
// multipart replies by part.
var (
	readers      = map[Kind]reader{}
	extensions   = map[[2]uint32]reader{}
	partReplies  = map[Part]reader{}
	extReplies   = map[[2]uint32]reader{} // by vendor and subtype
	requests     = map[[3]uint32]reader{} // of multipart requests, by part, vendor and subtype
	partRequests = map[Part]func(v Version, body []byte) error{}
)

// samplesOf are functions that give samples of messages by name.
var samplesOf []func(v Version) map[string][]byte

// unknownToOVS are the samples that ovs-ofctl can't read, as it does not have the message.
var unknownToOVS = map[string]bool{}

// samples are all of them.
func samples(v Version) map[string][]byte {
	out := map[string][]byte{}
	for _, f := range samplesOf {
		for n, msg := range f(v) {
			if out[n] != nil {
				panic("two samples " + n)
			}
			out[n] = msg
		}
	}
	return out
}

// readerOf finds the reader of a message, and the part of its body that it reads.
func readerOf(h Header, body []byte) (r reader, rest []byte, ok bool) {
	switch k := h.Kind(); k {
	case Experimenter:
		e, err := ParseExtension(h.Version, body)
		if err != nil {
			return r, nil, false
		}
		r, ok = extensions[[2]uint32{e.Vendor, e.Subtype}]
		return r, e.Body, ok
	case MultipartRequest:
		m, err := ParseMultipart(h.Version, body)
		if err != nil {
			return r, nil, false
		}
		r, ok = requests[[3]uint32{uint32(m.Part), m.Vendor, m.Subtype}]
		return r, m.Body, ok
	case MultipartReply:
		m, err := ParseMultipart(h.Version, body)
		if err != nil {
			return r, nil, false
		}
		if r, ok = partReplies[m.Part]; m.Part == PartExperimenter {
			r, ok = extReplies[[2]uint32{m.Vendor, m.Subtype}]
		}
		return r, m.Body, ok
	default:
		r, ok = readers[k]
		return r, body, ok
	}
}

// checkAgain checks that what is read is written as what is read as the same, and the
// second time as the same bytes. It returns what was written.
func checkAgain(t *testing.T, h Header, body []byte) (first []byte, understood bool) {
	t.Helper()
	r, rest, ok := readerOf(h, body)
	if !ok {
		return nil, false
	}
	x, err := r.parse(h.Version, rest)
	if err != nil {
		return nil, false
	}
	first = r.append(h.Version, h.XID, x)
	h2, err := ParseHeader(first)
	if err != nil || int(h2.Length) != len(first) || h2.Version != h.Version || h2.Type != h.Type || h2.XID != h.XID {
		t.Fatalf("%s %s: written %x, %v", h.Version, h.Kind(), first, err)
	}
	_, rest2, _ := readerOf(h2, first[HeaderLen:])
	y, err := r.parse(h.Version, rest2)
	if err != nil {
		t.Fatalf("%s %s\nread %x\nas %+v\nwritten %x\nwhich is %v", h.Version, h.Kind(), rest, x, first, err)
	}
	if !reflect.DeepEqual(x, y) { // cmp takes its time
		if d := cmp.Diff(x, y, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s %s: written %x: %s", h.Version, h.Kind(), first, d)
		}
	}
	if second := r.append(h.Version, h.XID, y); !bytes.Equal(first, second) {
		t.Fatalf("%s %s: written %x, then %x", h.Version, h.Kind(), first, second)
	}
	return first, true
}

// What is written of the samples is read and written as the very bytes.
func TestMessagesAgain(t *testing.T) {
	for _, v := range spoken {
		for n, msg := range samples(v) {
			h, err := ParseHeader(msg)
			if err != nil || int(h.Length) != len(msg) {
				t.Fatalf("%s %s: %x, %v", v, n, msg, err)
			}
			again, ok := checkAgain(t, h, msg[HeaderLen:])
			if !ok {
				if r, rest, found := readerOf(h, msg[HeaderLen:]); found {
					_, err = r.parse(v, rest)
				} else {
					err = fmt.Errorf("there is no reader")
				}
				t.Errorf("%s %s: %x is not understood: %v", v, n, msg, err)
			} else if !bytes.Equal(again, msg) {
				t.Errorf("%s %s:\n got %x\nwant %x", v, n, again, msg)
			}
		}
	}
}

const messagesGolden = "testdata/messages.golden"

// ofpParse has one ovs-ofctl say what all the messages are, by their title. An echo request
// between them shows where the words for each end.
func ofpParse(t *testing.T, msgs map[string][]byte) map[string]string {
	t.Helper()
	const xid = 0xfeedbeef
	var in bytes.Buffer
	var titles []string
	for _, n := range slices.Sorted(maps.Keys(msgs)) {
		if unknownToOVS[n] {
			continue
		}
		titles = append(titles, n)
		in.Write(msgs[n])
		in.Write(AppendMessage(nil, V10, EchoRequest, xid, nil))
	}
	cmd := exec.Command("ovs-ofctl", "--more", "ofp-parse", "-")
	cmd.Stdin = &in
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ovs-ofctl ofp-parse: %v\n%s", err, b)
	}
	parts := strings.Split(string(b), fmt.Sprintf("OFPT_ECHO_REQUEST (xid=%#x): 0 bytes of payload\n", xid))
	if len(parts) != len(titles)+1 {
		t.Fatalf("ovs-ofctl ofp-parse says %d things of %d messages:\n%s", len(parts)-1, len(titles), b)
	}
	out := map[string]string{}
	for i, n := range titles {
		var lines []string
		for l := range strings.SplitSeq(strings.TrimSpace(parts[i]), "\n") {
			lines = append(lines, strings.TrimRight(l, " "))
		}
		out[n] = strings.Join(lines, "\n")
	}
	return out
}

// What is written of the samples is what was written when ovs-ofctl last looked at it, and
// ovs-ofctl still reads it as it did.
func TestMessagesAreThoseOfTheGoldenFile(t *testing.T) {
	msgs := map[string][]byte{}
	for _, v := range spoken {
		for n, msg := range samples(v) {
			msgs[fmt.Sprintf("%s %s", v, n)] = msg
		}
	}
	var said map[string]string
	if _, err := exec.LookPath("ovs-ofctl"); err == nil {
		said = ofpParse(t, msgs)
	}
	if *update {
		var b strings.Builder
		for _, n := range slices.Sorted(maps.Keys(msgs)) {
			fmt.Fprintf(&b, "== %s\n%x\n%s\n\n", n, msgs[n], said[n])
		}
		if err := os.WriteFile(messagesGolden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := readGoldenFile(t, messagesGolden)
	for title, msg := range msgs {
		g := want[title]
		if got := fmt.Sprintf("%x", msg); got != g.hex {
			t.Errorf("%s:\n got %s\nwant %s", title, got, g.hex)
		} else if said != nil && said[title] != g.text {
			t.Errorf("%s: ovs-ofctl prints\n%s\nwant\n%s", title, said[title], g.text)
		}
		if strings.Contains(g.text, "decode error") || strings.Contains(g.text, "|WARN|") {
			t.Errorf("%s: ovs-ofctl does not understand it:\n%s", title, g.text)
		}
	}
	if len(msgs) != len(want) {
		t.Errorf("%d messages, the golden file has %d", len(msgs), len(want))
	}
}
