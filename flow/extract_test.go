package flow

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"pollux/internal/packet"
)

// put lays frames into a memory and a batch, as a port's receive does.
func put(frames [][]byte) (*packet.Memory, *packet.Batch) {
	const chunk = 4096
	mem := &packet.Memory{Buf: make([]byte, chunk*len(frames)), ChunkSize: chunk}
	b := &packet.Batch{N: len(frames), InPort: 7}
	for i, f := range frames {
		at := uint64(chunk*i + 256)
		copy(mem.Buf[at:], f)
		b.Desc[i] = packet.Desc{Addr: at, Len: uint32(len(f))}
	}
	return mem, b
}

// difference says where two keys differ, or "".
func difference(got, want *Key) string {
	if got.Map != want.Map {
		return fmt.Sprintf("Map %#x, want %#x (differ in %#x)", got.Map, want.Map, got.Map^want.Map)
	}
	for w := range got.W {
		if got.W[w] != want.W[w] {
			return fmt.Sprintf("word %d is %#x, want %#x", w, got.W[w], want.W[w])
		}
	}
	return ""
}

// checkFrames holds Extract, with keys as earlier packets left them, and
// ExtractOne against the oracle.
func checkFrames(t interface {
	Helper()
	Fatalf(string, ...any)
}, keys []Key, frames ...[]byte) {
	t.Helper()
	checkShorts(t, append([]Key(nil), keys...), frames...)
	mem, b := put(frames)
	Extract(mem, b, keys)
	for i, f := range frames {
		want := runOracle(f, b.InPort)
		if d := difference(&keys[i], &want.key); d != "" {
			t.Fatalf("Extract of %x: %s", f, d)
		}
		if got := [3]uint16{b.L25[i], b.L3[i], b.L4[i]}; got != [3]uint16{want.l25, want.l3, want.l4} {
			t.Fatalf("Extract of %x: offsets %d, want %d %d %d", f, got, want.l25, want.l3, want.l4)
		}
		if n := plainIPLen(f, want); b.IPLen[i] != n {
			t.Fatalf("Extract of %x: IP length %d, want %d", f, b.IPLen[i], n)
		}
		one := keys[(i+1)%len(frames)]
		l25, l3, l4 := ExtractOne(f, b.InPort, &one)
		if d := difference(&one, &want.key); d != "" {
			t.Fatalf("ExtractOne of %x: %s", f, d)
		}
		if l25 != want.l25 || l3 != want.l3 || l4 != want.l4 {
			t.Fatalf("ExtractOne of %x: offsets %d %d %d, want %d %d %d", f, l25, l3, l4, want.l25, want.l3, want.l4)
		}
		for w, v := range keys[i].W {
			if v != 0 && keys[i].Map>>w&1 == 0 {
				t.Fatalf("Extract of %x: word %d is %#x and not in Map", f, w, v)
			}
		}
	}
}

// checkShorts holds ShortenBatch and what it makes keys of against Extract; whole are keys as
// earlier packets left them.
func checkShorts(t interface {
	Helper()
	Fatalf(string, ...any)
}, whole []Key, frames ...[]byte) {
	t.Helper()
	mem, b := put(frames)
	_, plain := put(frames)
	want := make([]Key, len(frames))
	Extract(mem, plain, want)
	k := Keys{whole, new(Shorts)}
	secrets := NewSecrets(3)
	var hashes [packet.MaxBatch]uint64
	k.ShortenBatch(mem, b, &secrets, 5, &hashes)
	for i, f := range frames {
		hash, short := want[i].Hash(want[i].Map, 5), k.Shorts.Has(i)
		if short {
			hash = k.Shorts.Of[i].Hash(&secrets)
		}
		if hashes[i] != hash {
			t.Fatalf("%x: short %v, hash %#x, want %#x", f, short, hashes[i], hash)
		}
		if i&1 == 0 {
			k.Fill([]uint16{uint16(i)})
		}
		for range 2 {
			if d := difference(k.At(i), &want[i]); d != "" {
				t.Fatalf("short %v key of %x: %s", short, f, d)
			}
		}
		if b.L25[i] != plain.L25[i] || b.L3[i] != plain.L3[i] || b.L4[i] != plain.L4[i] || b.IPLen[i] != plain.IPLen[i] {
			t.Fatalf("%x: offsets %d %d %d, length %d, want %d %d %d, %d", f, b.L25[i], b.L3[i], b.L4[i], b.IPLen[i],
				plain.L25[i], plain.L3[i], plain.L4[i], plain.IPLen[i])
		}
		for j := range i {
			if short && k.Shorts.Has(j) && (k.Shorts.Of[i] == k.Shorts.Of[j]) != (want[i] == want[j]) {
				t.Fatalf("equal Shorts and equal keys are not the same of\n%x\n%x", f, frames[j])
			}
		}
	}
	for i := len(frames); i < packet.MaxBatch; i++ {
		if k.Shorts.Has(i) {
			t.Fatalf("packet %d of %d has a Short", i, len(frames))
		}
	}
}

// plainIPLen is Batch.IPLen of a frame.
func plainIPLen(f []byte, o *oracle) uint16 {
	if o.l3 == packet.None {
		return 0
	}
	ip := f[o.l3:]
	switch typ := EthType.Get(&o.key).Lo; {
	case typ == 0x0800 && o.key.Map>>WIP&1 != 0:
		return uint16(min(int(number(ip[2:4])), len(ip)))
	case typ == 0x86dd && o.key.Map>>WIP&1 != 0 && number(ip[4:6]) != 0:
		return uint16(min(int(number(ip[4:6]))+40, len(ip)))
	}
	return 0
}

func TestExtractSamples(t *testing.T) {
	keys := make([]Key, 1)
	for name, f := range sampleFrames {
		t.Run(name, func(t *testing.T) {
			for n := len(f); n >= 0; n-- { // whole, then cut at every length
				checkFrames(t, keys, f[:n])
			}
		})
	}
}

// TestExtractOneOff changes every byte of every sample a little, and the length
// of each IPv4 header to every value.
func TestExtractOneOff(t *testing.T) {
	keys := make([]Key, 1)
	for _, sample := range sampleFrames {
		for at := range sample {
			for _, change := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				f := append([]byte(nil), sample...)
				f[at] ^= change
				checkFrames(t, keys, f)
			}
		}
	}
	for name, at := range map[string]int{"udp": 16, "tcp": 16, "vlan-udp": 20, "vlan-tcp": 20, "options": 16, "udp6": 18} {
		f := append(append([]byte(nil), sampleFrames[name]...), 0, 0, 0)
		for n := range len(f) + 2 {
			f[at], f[at+1] = byte(n>>8), byte(n)
			checkFrames(t, keys, f)
		}
	}
}

func TestExtractRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([]Key, 32)
	for range 3000 {
		frames := make([][]byte, 1+r.IntN(len(keys)))
		for i := range frames {
			frames[i] = randFrame(r)
		}
		checkFrames(t, keys, frames...)
	}
}

func TestExtractProperty(t *testing.T) {
	keys := make([]Key, 4)
	var names []string
	for n := range sampleFrames {
		names = append(names, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		frames := make([][]byte, 4)
		for i := range frames {
			f := append([]byte(nil), sampleFrames[rapid.SampledFrom(names).Draw(t, "frame")]...)
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				f[rapid.IntRange(0, len(f)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			}
			frames[i] = f[:rapid.IntRange(len(f)/2, len(f)).Draw(t, "len")]
		}
		checkFrames(t, keys, frames...)
	})
}

func FuzzExtract(f *testing.F) {
	dirty := sampleFrames["nd"]
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) > 3000 {
			return
		}
		keys := make([]Key, 2)
		checkFrames(t, keys, dirty, sampleFrames["vlan-udp"])
		checkFrames(t, keys, frame, frame)
	})
}

// TestExtractFields spells out, for frames of each kind, what a person would
// expect, so that the oracle is not judge of itself.
func TestExtractFields(t *testing.T) {
	for name, want := range map[string]string{
		"udp":        "udp,in_port=7,dl_src=52:54:00:00:00:01,dl_dst=52:54:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.1.2,nw_tos=184,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=1000,tp_dst=53",
		"tcp":        "tcp,nw_dst=10.0.1.2,tp_src=40000,tp_dst=443,tcp_flags=syn|ack",
		"vlan-udp":   "udp,dl_vlan=5,dl_vlan_pcp=3,vlan_tpid=0x8100,tp_dst=53",
		"qinq-udp":   "udp,dl_vlan=7,dl_vlan_pcp=0,vlan_tpid=0x88a8,vlan_tci2=0x3009,vlan_tpid2=0x8100,tp_dst=53",
		"three-tags": "dl_vlan=1,vlan_tci2=0x1002,dl_type=0x8100",
		"mpls":       "mpls,mpls_label=16,mpls_tc=0,mpls_ttl=64,mpls_bos=0",
		"arp":        "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1,arp_sha=52:54:00:00:00:01,arp_tha=00:00:00:00:00:00",
		"options":    "udp,nw_src=0.0.0.1,tp_src=1000",
		"frag-first": "udp,nw_frag=first,tp_dst=53",
		"frag-later": "udp,nw_frag=later",
		"icmp":       "icmp,icmp_type=8,icmp_code=0",
		"udp6":       "udp6,ipv6_src=fe80::1,ipv6_dst=ff02::1:ff00:2,ipv6_label=0x12345,nw_tos=184,nw_ecn=0,nw_ttl=255,tp_dst=53,ipv6_exthdr=0",
		"ext6":       "tcp6,nw_frag=first,tp_dst=443,tcp_flags=syn|ack,ipv6_exthdr=0x7c",
		"frag6":      "udp6,nw_frag=first,tp_dst=53,ipv6_exthdr=0x10",
		"later6":     "ipv6,nw_proto=44,nw_frag=later,ipv6_exthdr=0x10",
		"nd":         "icmp6,icmp_type=135,icmp_code=0,nd_target=ff02::1:ff00:2,nd_sll=52:54:00:00:00:01,nd_reserved=0,nd_options_type=1",
		"nd-twice":   "icmp6,icmp_type=135,icmp_code=0,nd_target=::,nd_sll=00:00:00:00:00:00,nd_options_type=1",
		"snap":       "udp,tp_dst=53",
		"llc":        "dl_type=0x05ff",
		"long-pad":   "ip,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_proto=0",
		"short-l4":   "tcp,nw_dst=10.0.1.2,tp_src=0,tp_dst=0",
		"runt":       "in_port=7,dl_src=00:00:00:00:00:00,dl_type=0x0000",
	} {
		m, err := ParseMatch(want, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var k Key
		ExtractOne(sampleFrames[name], 7, &k)
		if m.Matches(&k) {
			continue
		}
		got := Match{Key: k, Mask: m.Mask}
		got.Mask.Apply(&got.Key, &k)
		t.Errorf("%s is\n  %s, want\n  %s", name, got.String(), want)
	}
}

func TestExtractHeaders(t *testing.T) {
	var k, want Key
	ExtractOne(sampleFrames["nd"], 3, &k)
	for f, v := range map[Field]uint64{Metadata: 5, Reg3: 6, TunID: 7} {
		f.Set(&k, Value{0, v})
	}
	_, l3, l4 := ExtractHeaders(sampleFrames["vlan-tcp"], &k)
	if l3 != 18 || l4 != 38 {
		t.Errorf("offsets %d and %d, want 18 and 38", l3, l4)
	}
	ExtractOne(sampleFrames["vlan-tcp"], 3, &want)
	for f, v := range map[Field]uint64{Metadata: 5, Reg3: 6, TunID: 7} {
		f.Set(&want, Value{0, v})
	}
	if d := difference(&k, &want); d != "" {
		t.Error(d)
	}
}

func TestExtractAllocatesNothing(t *testing.T) {
	var frames [][]byte
	for _, f := range sampleFrames {
		frames = append(frames, f)
	}
	mem, b := put(frames)
	keys := Keys{make([]Key, packet.MaxBatch), new(Shorts)}
	secrets := NewSecrets(1)
	var out [packet.MaxBatch]uint64
	if n := testing.AllocsPerRun(100, func() {
		keys.ShortenBatch(mem, b, &secrets, 1, &out)
		for i := range b.N {
			keys.At(i)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

// TestCorpus holds the committed corpora against the samples in the code, and
// writes them when asked to.
func TestCorpus(t *testing.T) {
	files := map[string]string{}
	for name, f := range sampleFrames {
		files["FuzzExtract/"+name] = fmt.Sprintf("[]byte(%q)", f)
	}
	for i, text := range fuzzMatches {
		files[fmt.Sprintf("FuzzParseMatch/match%02d", i)] = fmt.Sprintf("string(%q)", text)
	}
	for name, value := range files {
		file := filepath.Join("testdata", "fuzz", name)
		text := "go test fuzz v1\n" + value + "\n"
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != text {
			t.Errorf("%s differs from its sample (%v); go test -run TestCorpus -update writes it", file, err)
		}
	}
}

// benchFrames are n frames of one kind with differing addresses and ports.
func benchFrames(name string, n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		f := append([]byte(nil), sampleFrames[name]...)
		f[5], f[len(f)-1] = byte(i), byte(i)
		frames[i] = f
	}
	return frames
}

func perPacket(b *testing.B, n int) {
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(n)
	b.ReportMetric(ns, "ns/pkt")
	b.ReportMetric(1000/ns, "Mpps")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkExtract(b *testing.B) {
	for _, name := range []string{"udp", "tcp", "vlan-udp", "qinq-udp", "udp6", "arp"} {
		for _, n := range []int{32, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				mem, batch := put(benchFrames(name, n))
				keys := Keys{make([]Key, packet.MaxBatch), new(Shorts)}
				secrets := NewSecrets(1)
				var out [packet.MaxBatch]uint64
				for b.Loop() {
					keys.ShortenBatch(mem, batch, &secrets, 1, &out)
				}
				perPacket(b, n)
			})
		}
	}
}
