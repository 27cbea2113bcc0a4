package wire

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pollux/ofp/ofperr"
)

func TestKindsAndNumbersAreEachOthersReverse(t *testing.T) {
	for _, v := range spoken {
		known := 0
		for n := range 256 {
			k := KindOf(v, uint8(n))
			if k == Unknown {
				continue
			}
			known++
			if got := k.number(v); got != uint8(n) {
				t.Errorf("%s: number %d is %s, which is number %d", v, n, k, got)
			}
		}
		// Messages by the specifications: 0 to 21 in 1.0, 0 to 29, 34 (two fewer: the queue messages are gone), 35.
		if want := map[Version]int{V10: 22, V13: 30, V14: 33, V15: 34}[v]; known != want {
			t.Errorf("%s has %d messages, want %d", v, known, want)
		}
	}
}

// What ovs-ofctl sends, recorded.
func TestRequestsOfOVS(t *testing.T) {
	f, err := os.Open("testdata/requests.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]struct {
		kind    Kind
		part    Part
		subtype uint32
	}{
		"features":          {kind: FeaturesRequest},
		"config":            {kind: GetConfigRequest},
		"echo":              {kind: EchoRequest},
		"dump-desc":         {kind: MultipartRequest, part: PartDesc},
		"dump-ports-desc":   {kind: MultipartRequest, part: PartPortDesc},
		"dump-ipfix-bridge": {kind: MultipartRequest, part: PartExperimenter, subtype: NXIPFIXBridge},
		"dump-ipfix-flow":   {kind: MultipartRequest, part: PartExperimenter, subtype: NXIPFIXFlow},
	}
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); n++ {
		w := strings.Fields(sc.Text())
		msg, err := hex.DecodeString(w[2])
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseHeader(msg)
		if err != nil || int(h.Length) != len(msg) || h.Version.String() != w[0] {
			t.Fatalf("%s: header %+v, %v", sc.Text(), h, err)
		}
		want := want[w[1]]
		if h.Kind() != want.kind {
			t.Errorf("%s: %s, want %s", sc.Text(), h.Kind(), want.kind)
		}
		if h.Kind() != MultipartRequest {
			continue
		}
		m, err := ParseMultipart(h.Version, msg[HeaderLen:])
		if err != nil || m.Part != want.part || m.Subtype != want.subtype || m.More {
			t.Errorf("%s: %+v, %v", sc.Text(), m, err)
		}
		if got := AppendMultipartRequest(nil, h.Version, h.XID, m); !bytes.Equal(got, msg) {
			t.Errorf("%s: written again it is %x", sc.Text(), got)
		}
		if m.Part == PartPortDesc {
			if p, err := ParsePortDescRequest(h.Version, m.Body); err != nil || p != PortAny {
				t.Errorf("%s: port %#x, %v", sc.Text(), p, err)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d requests", n)
	}
}

// Errors on the wire are those that Open vSwitch sends.
func TestErrorsAreThoseOfOVS(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	ofperr.All(func(e ofperr.Error) {
		for _, v := range spoken {
			msg := AppendMessage(nil, v, BarrierRequest, 0x01020304, nil)
			dump, err := exec.Command("ovs-ofctl", "encode-error-reply", e.Name(), hex.EncodeToString(msg)).Output()
			if err != nil {
				t.Fatal(e.Name(), err)
			}
			if got, want := AppendError(nil, v, e, msg), undump(string(dump)); !bytes.Equal(got, want) {
				t.Errorf("%s %s:\n got %x\nwant %x", v, e.Name(), got, want)
			}
		}
	})
}

// undump reads what ovs-ofctl prints of a message: offsets and bytes in hexadecimal.
func undump(s string) (out []byte) {
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		for _, w := range strings.Fields(strings.ReplaceAll(line, "-", " "))[1:] {
			b, err := hex.DecodeString(w)
			if err != nil {
				break
			}
			out = append(out, b...)
		}
	}
	return out
}

func TestErrorRepeatsTheMessage(t *testing.T) {
	msg := AppendMessage(nil, V13, EchoRequest, 9, make([]byte, 1000))
	b := AppendError(nil, V13, ofperr.BadType, msg)
	h, err := ParseHeader(b)
	if err != nil || h.XID != 9 || int(h.Length) != len(b) || h.Kind() != ErrorMsg {
		t.Fatalf("%+v, %v", h, err)
	}
	e, err := ParseError(V13, b[HeaderLen:])
	if err != nil || e.Type != 1 || e.Code != 1 || e.Vendor != 0 || !bytes.Equal(e.Data, msg) {
		t.Errorf("%+v, %v", e, err)
	}
	long := AppendMessage(nil, V13, EchoRequest, 9, make([]byte, MaxLen-HeaderLen))
	if b := AppendError(nil, V13, ofperr.BadType, long); len(b) != MaxLen || !bytes.Equal(b[12:], long[:MaxLen-12]) {
		t.Errorf("of the longest message %d bytes", len(b))
	}
}

func TestErrorsRoundTrip(t *testing.T) {
	for _, v := range spoken {
		ofperr.All(func(e ofperr.Error) {
			vendor, kind, code := e.Numbers(uint8(v))
			b := AppendError(nil, v, e, AppendMessage(nil, v, BarrierRequest, 1, nil))
			got, err := ParseError(v, b[HeaderLen:])
			if err != nil {
				t.Fatal(err)
			}
			if vendor != 0 && v != V10 {
				kind = typeExperimenter
			}
			if got.Vendor != vendor || got.Type != kind || got.Code != code {
				t.Errorf("%s %s: %+v, want %d, %d, %d", v, e, got, vendor, kind, code)
			}
		})
	}
}

func TestAgreement(t *testing.T) {
	bitmap := func(vs ...Version) (s Versions) {
		for _, v := range vs {
			s |= 1 << v
		}
		return s
	}
	for _, c := range []struct {
		name string
		o    Offer
		ours Versions
		want Version
	}{
		{"both 1.0", Offer{Version: V10}, Spoken, V10},
		{"1.3 without a bitmap", Offer{Version: V13}, Spoken, V13},
		{"1.2 without a bitmap: the lower is 1.2, which we don't speak", Offer{Version: 3}, Spoken, 0},
		{"a version to come without a bitmap", Offer{Version: 9}, Spoken, V15},
		{"bitmap with the highest of ours", Offer{Version: V15, Versions: bitmap(V10, V13, V15), Bitmap: true}, Spoken, V15},
		{"bitmap without our highest", Offer{Version: V14, Versions: bitmap(V10, 3, V13), Bitmap: true}, Spoken, V13},
		{"bitmap counts, not the header", Offer{Version: 9, Versions: bitmap(V10, 9), Bitmap: true}, Spoken, V10},
		{"nothing in common", Offer{Version: 3, Versions: bitmap(2, 3), Bitmap: true}, Spoken, 0},
		{"an empty bitmap", Offer{Version: V13, Bitmap: true}, Spoken, 0},
		{"we speak 1.0 only", Offer{Version: V13}, bitmap(V10), V10},
		{"we don't speak 1.0", Offer{Version: V10}, bitmap(V13, V14), 0},
	} {
		if got := c.o.Agree(c.ours); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestHello(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		want      Offer
	}{
		{"bare", "0100000800000001", Offer{Version: V10}},
		{"bitmap", "0400001000000001 0001 0008 00000012", Offer{V13, 0x12, true}},
		{"an unknown element first", "0400001800000001 0007 0005 aa000000 0001 0008 00000012", Offer{V13, 0x12, true}},
		{"a bitmap of two words", "0600001800000001 0001 000c 00000072 ffffffff 00000000", Offer{V15, 0x72, true}},
		{"two bitmaps: the first", "0600001800000001 0001 0008 00000072 0001 0008 00000002", Offer{V15, 0x72, true}},
		{"a bitmap without words", "0600000c00000001 0001 0004", Offer{Version: V15}},
		{"a length past the end", "0400001000000001 0001 0009 00000012", Offer{Version: V13}},
		{"a length of nothing", "0400001000000001 0001 0000 00000012", Offer{Version: V13}},
		{"three bytes", "0400000b00000001 000100", Offer{Version: V13}},
	} {
		msg, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseHeader(msg)
		if err != nil || int(h.Length) != len(msg) {
			t.Fatalf("%s: %+v, %v", c.name, h, err)
		}
		if got := ParseHello(h, msg[HeaderLen:]); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	h, _ := ParseHeader(AppendHello(nil, Spoken, 1))
	if got := ParseHello(h, AppendHello(nil, Spoken, 1)[HeaderLen:]); got != (Offer{V15, Spoken, true}) {
		t.Errorf("our own: %+v", got)
	}
}

// Replies of any size: every message is whole, all but the last say that more follows,
// and the records come out as they went in.
func TestRepliesSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(spoken).Draw(t, "version")
		want := make([]IPFIXStats, rapid.IntRange(0, 3000).Draw(t, "records"))
		m := Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXIPFIXFlow}
		var msgs [][]byte
		r := NewReplies(v, 77, m, func(msg []byte) { msgs = append(msgs, bytes.Clone(msg)) })
		var rec []byte
		for i := range want {
			want[i] = sampleStats(uint32(i))
			rec = want[i].Append(rec[:0])
			r.Add(rec)
		}
		r.End()
		got := []IPFIXStats{}
		for i, msg := range msgs {
			h, err := ParseHeader(msg)
			if err != nil || int(h.Length) != len(msg) || h.XID != 77 || h.Kind() != MultipartReply {
				t.Fatalf("message %d: %+v, %v", i, h, err)
			}
			m, err := ParseMultipart(v, msg[HeaderLen:])
			if err != nil || m.More != (i < len(msgs)-1) {
				t.Fatalf("message %d of %d: more %v, %v", i, len(msgs), m.More, err)
			}
			recs, err := ParseIPFIXStats(m.Body)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, recs...)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		if fit := r.Room() / ipfixStatsLen; len(msgs) != max(1, (len(want)+fit-1)/fit) {
			t.Fatalf("%d records in %d messages, %d fit one", len(want), len(msgs), fit)
		}
	})
}

func TestPortsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(spoken).Draw(t, "version")
		p := Port{
			Number: PortNumber(rapid.Uint32().Draw(t, "number")), Name: rapid.StringMatching(`[a-z]{0,15}`).Draw(t, "name"),
			Config: PortConfig(rapid.Uint32().Draw(t, "config")), State: PortState(rapid.Uint32().Draw(t, "state")),
			Current: rapid.Uint32().Draw(t, "current"), Peer: rapid.Uint32().Draw(t, "peer"),
		}
		rapid.Custom(func(t *rapid.T) byte { copy(p.MAC[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "mac")); return 0 }).Draw(t, "")
		want := p
		if v == V10 {
			p.Number = from10(uint16(p.Number))
			want = p
			want.State &= PortLinkDown
		} else {
			p.Speed, want.Speed = 10_000, 10_000
			want.Config &^= PortNoFlood
		}
		b := p.Append(nil, v)
		got, rest, err := ParsePort(v, append(b, 1, 2, 3))
		if err != nil || !bytes.Equal(rest, []byte{1, 2, 3}) || got != want {
			t.Fatalf("%s: %+v, rest %x, %v; want %+v", v, got, rest, err, want)
		}
	})
}

// A port that 1.0 has no number for is left out there.
func TestPortsBeyond10(t *testing.T) {
	for n, want := range map[PortNumber]bool{1: true, 0xfeff: true, 0xff00: false, 0xfffffeff: false, 0xffffff00: true, 0xfffffffe: true} {
		p := Port{Number: n}
		if got := len(p.Append(nil, V10)) > 0; got != want {
			t.Errorf("port %#x in 1.0: %v, want %v", uint32(n), got, want)
		}
	}
}

// More ports than fit a FEATURES_REPLY of 1.0 are cut at a port.
func TestFeaturesOfManyPorts(t *testing.T) {
	f := &Features{Ports: make([]Port, 5000)}
	for i := range f.Ports {
		f.Ports[i].Number = PortNumber(i + 1)
	}
	b := AppendFeatures(nil, V10, 1, f)
	got, err := ParseFeatures(V10, b[HeaderLen:])
	if err != nil || len(got.Ports) != mostPorts10 || got.Ports[mostPorts10-1].Number != PortNumber(mostPorts10) {
		t.Errorf("%d ports, %v; want %d", len(got.Ports), err, mostPorts10)
	}
}

// A wrong length is an Error that a session can answer with, whatever the message.
func TestShortBodies(t *testing.T) {
	for _, v := range spoken {
		for name, msg := range replies(v) {
			if name == "hello" || name == "echo-reply" || name == "barrier-reply" || strings.HasPrefix(name, "error") {
				continue
			}
			for n := HeaderLen; n < len(msg); n++ {
				if whole := strings.HasPrefix(name, "ipfix") && (len(msg)-n)%ipfixStatsLen == 0 || name == "port-desc" && n == HeaderLen+partHead(v); whole {
					continue
				}
				if name == "port-desc" || name == "features" {
					if p := samplePorts()[1]; len(msg)-n == len(p.Append(nil, v)) || v == V10 && len(msg)-n == 2*port10Len {
						continue
					}
				}
				err := parseAny(v, KindOf(v, msg[1]), msg[HeaderLen:n:n])
				var e ofperr.Error
				if !errors.As(err, &e) || e != ofperr.BadLen && e != ofperr.ConfigBadLen {
					t.Errorf("%s %s cut to %d of %d bytes: %v", v, name, n, len(msg), err)
				}
			}
		}
	}
}

// Garbage as long as a message can be makes nothing that is much longer.
func TestAllocationIsBounded(t *testing.T) {
	body := bytes.Repeat([]byte{0, 0, 0, 4}, MaxLen/4)
	for _, v := range spoken {
		for k := Hello; k < NumKinds; k++ {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_ = parseAny(v, k, body)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 8*MaxLen {
				t.Errorf("%s %s: %d bytes were allocated for a body of %d", v, k, n, len(body))
			}
		}
	}
}
