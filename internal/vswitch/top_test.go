package vswitch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTop: the flows that two loops hold in parts are one row each, the heaviest first.
func TestTop(t *testing.T) {
	col := listen(t)
	l := newLiveSwitch(t, fmt.Sprintf("flows: [\"actions=output:c\"]\nipfix: {bridge: {targets: [%q], flow_key: five-tuple, enable_output_sampling: false}}\n", col.Addr()))
	l.flow()
	for _, by := range topOrders {
		out, err := l.topCommand([]string{"--by", by, "-n", "3", "bridge"})
		if err != nil || strings.Count(out, "\n") != 6 {
			t.Errorf("by %s: %v\n%s", by, err, out)
		}
	}
	// A file plays flows in turn, so those of longer packets have more bytes, as soon as there
	// are enough of them that the packets that loops are ahead or have lost do not count.
	var all []TopFlow
	inOrder := func() bool {
		var err error
		if all, err = l.Top("", "bytes", 0); err != nil {
			t.Fatal(err)
		}
		for i := range min(3, len(all)) {
			if all[i].Flow != fmt.Sprintf("udp 10.0.0.%d:%d > 10.0.1.1:53", udpFlows-1-i, 1000+udpFlows-1-i) {
				return false
			}
		}
		return len(all) > 0
	}
	if !waitFor(patience, func() bool { return l.in() > 600*udpFlows && inOrder() }) {
		t.Fatalf("the heaviest are not first: %+v", all)
	}
	if len(all) != udpFlows {
		t.Errorf("%d flows, want %d", len(all), udpFlows)
	}
	for i, f := range all {
		if !slices.Equal(f.Loops, []int{0, 1}) || f.InPort != "" || f.EthSrc != "" || f.Packets == 0 || f.L2Octets/f.Packets < 82 || f.Seconds < 1 {
			t.Errorf("row %d: %+v", i, f)
		}
	}
	if _, err := l.Top("7", "bytes", 0); err == nil || err.Error() != `"7" is no exporter; there are: bridge` {
		t.Errorf("a set that is not there: %v", err)
	}
}

func TestParseTop(t *testing.T) {
	for args, want := range map[string]string{
		"":                            "{false bytes 10 }",
		"--json --by=rate -n 3 set 7": "{true rate 3 7}",
		"bridge -n=0 --by packets":    "{false packets 0 bridge}",
		"--by":                        "--by has no value",
		"--by size":                   `--by "size" is not one of bytes, packets, rate`,
		"-n x":                        `-n "x" is not a number of flows, 0 for all`,
		"-n -1":                       `-n "-1" is not a number of flows, 0 for all`,
		"a b":                         `"b": want [--json] [--by bytes|packets|rate] [-n N] [EXPORTER]`,
		"--all":                       `"--all": want [--json] [--by bytes|packets|rate] [-n N] [EXPORTER]`,
	} {
		q, err := parseTop(strings.Fields(args))
		got := fmt.Sprint(q)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}

// TestHeaviest: the chosen flows are those of a plain sum of their parts.
func TestHeaviest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const now = int64(10e9)
		parts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) part {
			return part{hash: rapid.Uint64Range(1, 12).Draw(t, "hash"), packets: rapid.Uint64Range(1, 5).Draw(t, "packets"),
				octets: rapid.Uint64Range(60, 1000).Draw(t, "octets"), first: rapid.Int64Range(0, now).Draw(t, "first")}
		})).Draw(t, "parts")
		by := rapid.SampledFrom(topOrders).Draw(t, "by")
		n := rapid.IntRange(0, 14).Draw(t, "n")
		sums := map[uint64]part{}
		for _, p := range parts {
			s, ok := sums[p.hash]
			if !ok {
				sums[p.hash] = p
				continue
			}
			sums[p.hash] = part{p.hash, s.packets + p.packets, s.octets + p.octets, min(s.first, p.first)}
		}
		chosen := heaviest(slices.Clone(parts), by, n, now)
		if want := len(sums); n > 0 && len(chosen) != min(n, want) || n == 0 && len(chosen) != want {
			t.Fatalf("%d chosen of %d, n %d", len(chosen), want, n)
		}
		for a, in := range sums {
			for b, out := range sums {
				if chosen[a] && !chosen[b] && in.weight(by, now) < out.weight(by, now) {
					t.Errorf("%+v was chosen before %+v", in, out)
				}
			}
		}
	})
}
