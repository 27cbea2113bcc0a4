package mixed

import (
	"bytes"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"pgregory.net/rapid"

	"pollux/flow"
)

var same = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// extracted returns what the switch's extractor makes of a frame.
func extracted(t testing.TB, data []byte) (k Key, c Counts) {
	t.Helper()
	var x flow.Key
	_, l3, _ := flow.ExtractOne(data, 1, &x)
	for i := range 6 {
		k.EthDst[i] = byte(x.W[flow.WEthDst] >> (56 - 8*i))
		k.EthSrc[i] = byte(x.W[flow.WEthSrc] >> (56 - 8*i))
	}
	k.EthType = uint16(x.W[flow.WEthDst])
	tags := x.W[flow.WVLAN]
	if tags>>48 != 0 {
		k.Tags, k.TCI = 1, uint16(tags>>48)&^flow.VlanCFI
	}
	if uint16(tags>>16) != 0 {
		k.Tags = 2
	}
	c = Counts{Packets: 1, L2Octets: uint64(len(data))}
	if k.EthType != 0x0800 && k.EthType != 0x86dd {
		return k, c
	}
	if x.Map&(1<<flow.WIP) == 0 {
		t.Fatalf("frame %x: its IP header is not whole", data)
	}
	k.Proto, k.TOS = x.NwProto(), uint8(x.W[flow.WIP]>>48)
	k.Label = uint32(x.W[flow.WIP]) & 0xfffff
	c.MinTTL = uint8(x.W[flow.WIP] >> 40)
	ports := x.W[flow.WL4]
	k.SrcPort, k.DstPort = uint16(ports>>48), uint16(ports>>32)
	if k.Proto == 6 {
		c.TCPFlags = uint16(ports>>16) & 0xfff
	}
	n := 0
	if k.EthType == 0x0800 {
		k.Src, _ = netip.AddrFromSlice(data[l3+12:][:4])
		k.Dst, _ = netip.AddrFromSlice(data[l3+16:][:4])
		n = int(data[l3+2])<<8 | int(data[l3+3])
	} else {
		k.Src, _ = netip.AddrFromSlice(data[l3+8:][:16])
		k.Dst, _ = netip.AddrFromSlice(data[l3+24:][:16])
		n = 40 + (int(data[l3+4])<<8 | int(data[l3+5]))
	}
	c.Octets, c.SumSq = uint64(n), uint64(n)*uint64(n)
	c.MinLen, c.MaxLen, c.MaxTTL = uint16(n), uint16(n), c.MinTTL
	return k, c
}

// TestTruth: what the extractor reads from the frames of each file is the truth of the
// file, flow by flow.
func TestTruth(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cfg := Config{
			Seed: rapid.Uint64().Draw(r, "seed"), Flows: rapid.IntRange(1, 800).Draw(r, "flows"), Packets: rapid.IntRange(1, 5000).Draw(r, "packets"),
			Files: rapid.IntRange(1, 3).Draw(r, "files"), Split: rapid.Float64Range(0, 1).Draw(r, "split"),
		}
		tr := Make(cfg)
		if n := len(tr.Flows); n < cfg.Flows || n > cfg.Flows+1 {
			r.Fatalf("%d flows of %d", n, cfg.Flows)
		}
		for file, frames := range tr.Frames {
			got := map[Key]Counts{}
			for _, f := range frames {
				k, c := extracted(t, f.Data)
				if k != tr.Flows[f.Flow].Key {
					r.Fatalf("%v is told to be of\n%v", k, tr.Flows[f.Flow].Key)
				}
				sum := got[k]
				sum.Add(c)
				got[k] = sum
			}
			want := map[Key]Counts{}
			for i := range tr.Flows {
				if c := tr.Flows[i].Sent[file]; c.Packets > 0 {
					want[tr.Flows[i].Key] = c
				}
			}
			if d := cmp.Diff(want, got, same); d != "" {
				r.Fatalf("truth -, frames +:\n%.2000s", d)
			}
		}
	})
}

// TestKinds: the default traffic has everything in it that it says, in the sizes it
// says, and gopacket finds every frame whole.
func TestKinds(t *testing.T) {
	tr := Make(Config{Seed: 1, Files: 2, Split: 0.5})
	var kinds [numKinds][2]int
	var ends [3]int
	var tags [3]int
	one, thousand, split, answers, many := 0, 0, 0, 0, 0
	for i := range tr.Flows {
		f := &tr.Flows[i]
		c := f.Total()
		v := 0
		if f.Src.Is6() {
			v = 1
		}
		kinds[f.Kind][v]++
		tags[f.Tags]++
		if f.Kind == TCP && c.TCPFlags&(flagFIN|flagRST) != 0 {
			ends[f.End]++
		}
		if c.Packets == 1 {
			one++
		}
		if c.Packets >= 1000 {
			thousand++
		}
		if f.Sent[0].Packets > 0 && f.Sent[1].Packets > 0 {
			split++
		}
		if f.answers {
			answers++
			if p := &tr.Flows[f.Peer]; p.Key != f.reversed() || p.Peer != i || p.answers {
				t.Fatalf("%v answers %v", f.Key, p.Key)
			}
		}
		if f.EthDst[0]&1 != 0 {
			many++
		}
	}
	for k, n := range kinds {
		if n[0] < 50 || n[1] < 50 && Kind(k) < ARP {
			t.Errorf("%v: %d flows, %d of IPv6", Kind(k), n[0], n[1])
		}
	}
	for what, n := range map[string]int{
		"end with FIN": ends[FIN], "end with RST": ends[RST], "have one tag": tags[1], "have two tags": tags[2],
		"have one packet": one, "come in by both files": split, "are answers": answers, "are not to one host": many,
	} {
		if n < 100 {
			t.Errorf("%d flows %s", n, what)
		}
	}
	total := tr.Total()
	t.Logf("%d flows, %+v; %d of one packet, %d of a thousand and more", len(tr.Flows), total, one, thousand)
	if thousand == 0 || total.Packets < 100_000 || total.Packets > 320_000 {
		t.Errorf("%d flows of a thousand packets, %d packets", thousand, total.Packets)
	}
	for _, f := range tr.Frames[0][:2000] {
		p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
		kind := tr.Flows[f.Flow].Kind
		// What LLDP, ICMP errors, ports of known services and protocols without ports hold
		// is none of theirs, and two kinds are what gopacket does not know.
		if e := p.ErrorLayer(); e != nil && kind != LLDP && kind != Bare && kind != ICMP && kind != LLC && kind != Local && kind != UDP && kind != SCTP {
			t.Errorf("%v: %v", tr.Flows[f.Flow].Key, e.Error())
		}
		if (p.NetworkLayer() != nil) != tr.Flows[f.Flow].IsIP() {
			t.Errorf("%v: network layer %v", tr.Flows[f.Flow].Key, p.NetworkLayer())
		}
	}
}

// TestSame: the same configuration makes the same, another seed something else.
func TestSame(t *testing.T) {
	cfg := Config{Seed: 7, Flows: 500, Files: 2, Split: 0.3}
	a, b := Make(cfg), Make(cfg)
	cfg.Seed++
	c := Make(cfg)
	if len(a.Frames[0]) != len(b.Frames[0]) {
		t.Fatal("two runs make different numbers of frames")
	}
	for i := range a.Frames[0] {
		if !bytes.Equal(a.Frames[0][i].Data, b.Frames[0][i].Data) {
			t.Fatalf("frame %d differs", i)
		}
	}
	if len(c.Frames[0]) == len(a.Frames[0]) && bytes.Equal(c.Frames[0][0].Data, a.Frames[0][0].Data) {
		t.Error("another seed makes the same")
	}
}

// TestQuestionsFirst: who began a conversation has its first frame before the answer's.
func TestQuestionsFirst(t *testing.T) {
	tr := Make(Config{Seed: 3, Flows: 3000})
	seen := map[int]bool{}
	for _, f := range tr.Frames[0] {
		if x := &tr.Flows[f.Flow]; x.answers && !seen[x.Peer] {
			t.Fatalf("%v came before what it answers", x.Key)
		}
		seen[f.Flow] = true
	}
}

// TestPcap: gopacket reads the frames back.
func TestPcap(t *testing.T) {
	tr := Make(Config{Seed: 2, Flows: 300, Files: 2})
	paths, err := tr.WritePcap(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := pcapgo.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range tr.Frames[i] {
			got, _, err := r.ReadPacketData()
			if err != nil || !bytes.Equal(got, want.Data) {
				t.Fatalf("file %d frame %d: %v", i, n, err)
			}
		}
		if _, _, err := r.ReadPacketData(); err == nil {
			t.Errorf("file %d has more than was written", i)
		}
	}
}
