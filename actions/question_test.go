package actions

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"pollux/flow"
)

// TestLengthsAreWithoutPadding: what stands behind an IP packet is not counted; where a frame does
// not say where it ends, all of it is.
func TestLengthsAreWithoutPadding(t *testing.T) {
	const (
		macs = "020000000001 020000000002"
		ip4  = "4500 0018 0007 0000 40 fd 0000 0a000001 0a000002 01020304"
		ip6  = "60000000 0004 fd 40 20010db8000000000000000000000001 20010db8000000000000000000000002 01020304"
	)
	for _, c := range []struct {
		name, frame string
		pad, counts int
	}{
		{"IPv4", macs + "0800" + ip4, 22, 38},
		{"IPv4 in two tags", macs + "88a80005 81000006 0800" + ip4, 14, 46},
		{"IPv6", macs + "86dd" + ip6, 9, 58},
		{"IPv4, no padding", macs + "0800" + ip4, 0, 38},
		{"a header that is cut off", macs + "0800" + "4500 0018 0007 0000 40fd", 0, 24},
		{"more than 255 bytes: it does not end there", macs + "0800" + ip4, 256, 294},
		{"ARP", macs + "0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002", 18, 60},
		{"under a label", macs + "8847 00010140" + ip4, 22, 64},
		{"another type", macs + "88cc 0207", 44, 60},
	} {
		head, err := hex.DecodeString(strings.ReplaceAll(c.frame, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		frame := append(head, make([]byte, c.pad)...)
		was := bytes.Clone(frame)
		var k flow.Key
		l25, l3, _ := flow.ExtractOne(frame, 1, &k)
		for _, n := range []int{c.counts - 1, c.counts} {
			q := Question{What: AskLength, Length: uint32(n)}
			var into flow.Key
			q.Answer(&k, frame, l25, l3, &into)
			w, shift := q.Note()
			if got, want := into.W[w]>>shift&1 == 1, n < c.counts; got != want {
				t.Errorf("%s: more than %d bytes is %v, want %v", c.name, n, got, want)
			}
		}
		if !bytes.Equal(frame, was) {
			t.Errorf("%s: the frame is %x, was %x", c.name, frame, was)
		}
	}
}
