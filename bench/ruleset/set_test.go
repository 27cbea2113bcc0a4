package ruleset

import (
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// TestSetsAreGiven: a seed gives the same rules everywhere, of the size asked for, and all
// of them can be read.
func TestSetsAreGiven(t *testing.T) {
	for _, c := range []struct {
		kind   string
		rules  int
		tables int
		sum    string
	}{
		{"acl", 1000, 1, "73ed518e"},
		{"fw", 1000, 1, "cf4b02b1"},
		{"ipc", 1000, 1, "76166f70"},
		{"pipeline", 5000, 40, "4efa964d"},
		{"whitelist", 4, 1, "cc0304ec"},
	} {
		s, err := Make(c.kind, c.rules, 1)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(s.Lines, "\n")
		sum := sha256.Sum256([]byte(text))
		if got := hex.EncodeToString(sum[:4]); got != c.sum || len(s.Lines) != c.rules {
			t.Errorf("%s: %d rules with sum %s, want %d with %s", c.kind, len(s.Lines), got, c.rules, c.sum)
		}
		flows, err := pipeline.ParseFlowLines(s.Lines, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.kind, err)
		}
		if _, err := pipeline.New(pipeline.Config{Flows: flows, Threads: 1}); err != nil {
			t.Errorf("%s: %v", c.kind, err)
		}
		tables := map[uint8]bool{}
		for i := range flows {
			tables[flows[i].Table] = true
		}
		if len(tables) != c.tables {
			t.Errorf("%s: %d tables, want %d", c.kind, len(tables), c.tables)
		}
	}
	if _, err := Make("none", 1, 1); err == nil {
		t.Error("a kind that is none")
	}
	if _, err := Make("acl", 0, 1); err == nil {
		t.Error("no rules")
	}
}

// TestHeadersAreWhatWasDrawn reads every packet back.
func TestHeadersAreWhatWasDrawn(t *testing.T) {
	for _, kind := range Kinds {
		s, err := Make(kind, 5000, 2)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		packets := s.Attack(rng)
		for range 2000 {
			packets = append(packets, s.Draw(rng))
		}
		for _, p := range packets {
			var k flow.Key
			b := make([]byte, 128)
			if n := len(p.Headers(b, 100)); n != p.HeaderLen() || n > HeaderRoom {
				t.Fatalf("%d bytes of headers, want %d", n, p.HeaderLen())
			}
			flow.ExtractHeaders(b[:100], &k)
			if k.EthSrc() != p.SrcMAC || k.EthDst() != p.DstMAC || k.NwProto() != p.Proto || k.VlanTCI()&0xfff != p.VLAN {
				t.Fatalf("%s: %+v became %x", kind, p, b)
			}
			if p.Src.Is4() {
				src, dst := p.Src.As4(), p.Dst.As4()
				if k.W[flow.WIPv4] != uint64(be.Uint32(src[:]))<<32|uint64(be.Uint32(dst[:])) {
					t.Fatalf("%s: %+v became %x", kind, p, b)
				}
			}
			if (p.Proto == TCP || p.Proto == UDP) && (k.TpSrc() != p.SrcPort || k.TpDst() != p.DstPort) {
				t.Fatalf("%s: %+v has ports %d, %d", kind, p, k.TpSrc(), k.TpDst())
			}
		}
	}
}

func TestPortRanges(t *testing.T) {
	for _, c := range []struct {
		of   ports
		want string
	}{
		{anyPort, ""}, {ports{80, 80}, "80"}, {ports{0, 1023}, "0x0/0xfc00"},
		{ports{1024, 65535}, "0x400/0xfc00 0x800/0xf800 0x1000/0xf000 0x2000/0xe000 0x4000/0xc000 0x8000/0x8000"},
		{ports{5, 9}, "5 0x6/0xfffe 0x8/0xfffe"},
	} {
		if got := strings.Join(c.of.matches(), " "); got != c.want {
			t.Errorf("%v: %s, want %s", c.of, got, c.want)
		}
	}
}

func TestAttackIsOfManyWays(t *testing.T) {
	s, _ := Make("whitelist", 1, 1)
	ways := map[[3]int]bool{}
	for _, p := range s.Attack(rand.New(rand.NewPCG(1, 1))) {
		src := p.Src.As4()
		ways[[3]int{bits.Len16(p.DstPort ^ openPort), bits.Len32(be.Uint32(src[:]) ^ openHost), bits.Len16(p.SrcPort ^ openSource)}] = true
	}
	if len(ways) != 16*32*16 {
		t.Errorf("%d ways", len(ways))
	}
}
