package wire

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// parseAny reads a body by every parser that fits its kind.
func parseAny(v Version, k Kind, body []byte) (err error) {
	switch k {
	case Hello:
		ParseHello(Header{Version: v}, body)
	case ErrorMsg:
		_, err = ParseError(v, body)
	case GetConfigReply, SetConfig:
		_, err = ParseConfig(body)
	case FeaturesReply:
		_, err = ParseFeatures(v, body)
	case MultipartRequest, MultipartReply:
		var m Multipart
		if m, err = ParseMultipart(v, body); err == nil {
			err = parsePart(v, k, m)
		}
	}
	return err
}

func parsePart(v Version, k Kind, m Multipart) (err error) {
	switch {
	case m.Part == PartPortDesc && k == MultipartRequest:
		_, err = ParsePortDescRequest(v, m.Body)
	case k == MultipartRequest:
	case m.Part == PartDesc:
		_, err = ParseDesc(m.Body)
	case m.Part == PartPortDesc:
		for rest := m.Body; len(rest) > 0 && err == nil; {
			_, rest, err = ParsePort(v, rest)
		}
	case m.Vendor == Nicira && (m.Subtype == NXIPFIXBridge || m.Subtype == NXIPFIXFlow):
		_, err = ParseIPFIXStats(m.Body)
	}
	return err
}

// FuzzMessage reads messages of all kinds and versions: no panic, nothing read past
// the message, and what is understood is written as the same.
func FuzzMessage(f *testing.F) {
	for _, v := range spoken {
		for _, msg := range replies(v) {
			f.Add(msg)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil || int(h.Length) > len(b) || !Spoken.Has(h.Version) {
			return
		}
		// No room behind it: a read past the end panics.
		msg := bytes.Clone(b[:h.Length:h.Length])
		body := msg[HeaderLen:]
		k := h.Kind()
		if parseAny(h.Version, k, body) != nil {
			return
		}
		switch k {
		case GetConfigReply, SetConfig:
			c, _ := ParseConfig(body)
			same(t, AppendConfig(nil, h.Version, k, h.XID, c), msg)
		case FeaturesReply:
			got, _ := ParseFeatures(h.Version, body)
			again, err := ParseFeatures(h.Version, AppendFeatures(nil, h.Version, h.XID, got)[HeaderLen:])
			if err != nil || len(again.Ports) != len(got.Ports) || again.DatapathID != got.DatapathID {
				t.Errorf("features %+v, written and read again %+v, %v", got, again, err)
			}
		case MultipartRequest:
			m, _ := ParseMultipart(h.Version, body)
			if m.Vendor != 0 && m.Vendor != Nicira {
				return
			}
			m2, err := ParseMultipart(h.Version, AppendMultipartRequest(nil, h.Version, h.XID, m)[HeaderLen:])
			if err != nil || m2.Part != m.Part || m2.Subtype != m.Subtype || m2.More != m.More || !bytes.Equal(m2.Body, m.Body) {
				t.Errorf("request %+v, written and read again %+v, %v", m, m2, err)
			}
		case MultipartReply:
			m, _ := ParseMultipart(h.Version, body)
			if m.Vendor == Nicira && (m.Subtype == NXIPFIXBridge || m.Subtype == NXIPFIXFlow) {
				recs, _ := ParseIPFIXStats(m.Body)
				if len(recs)*ipfixStatsLen != len(m.Body) {
					t.Errorf("%d records of %d bytes", len(recs), len(m.Body))
				}
			}
		}
	})
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("written again:\n got %s\nwant %s", hex.EncodeToString(got), hex.EncodeToString(want))
	}
}
