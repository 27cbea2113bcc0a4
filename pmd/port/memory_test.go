package port

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"pollux/internal/packet"
	"pollux/pmd"
)

var _ pmd.Port = (*Memory)(nil)

// frames returns memory of n chunks for one loop.
func frames(n int) *packet.Memory {
	return &packet.Memory{Buf: make([]byte, n*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: uint32(n)}
}

func openMemory(t testing.TB, cfg MemoryConfig, mem *packet.Memory) *Memory {
	t.Helper()
	p, err := OpenMemory(cfg, mem)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// slowFrame is the oracle of the source: flow i of cfg, built field by field.
func slowFrame(i uint64, masks, size int) []byte {
	f := make([]byte, 64)
	copy(f, []byte{2, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17})
	if g := int(i % uint64(masks)); g < 40 {
		f[11-g/8] ^= 1 << (g % 8)
	} else {
		f[5-(g-40)/8] ^= 1 << (g % 8)
	}
	binary.BigEndian.PutUint16(f[16:], uint16(size-14))
	binary.BigEndian.PutUint32(f[26:], 0x0a000000+uint32(i>>12))
	copy(f[30:], []byte{10, 200, 0, 1})
	binary.BigEndian.PutUint16(f[34:], 1024+uint16(i&4095))
	binary.BigEndian.PutUint16(f[36:], 2000+uint16(i%16))
	binary.BigEndian.PutUint16(f[38:], uint16(size-34))
	sum := uint32(0)
	for o := 14; o < 34; o += 2 {
		sum += uint32(binary.BigEndian.Uint16(f[o:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(f[24:], ^uint16(sum))
	return f[:min(size, 64)]
}

func TestSourceMatchesOracle(t *testing.T) {
	mem := frames(256)
	rapid.Check(t, func(t *rapid.T) {
		cfg := MemoryConfig{
			Queues: rapid.IntRange(1, 4).Draw(t, "queues"),
			Flows:  rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 1<<32)).Draw(t, "flows"),
			Masks:  rapid.IntRange(1, MaxMasks).Draw(t, "masks"),
			Random: rapid.Bool().Draw(t, "random"),
			Mix:    rapid.SampledFrom([]Mix{nil, IMIX, {{60, 1}}, {{61, 2}, {100, 3}}, {{1514, 1}}}).Draw(t, "mix"),
		}
		p, err := OpenMemory(cfg, mem)
		if err != nil {
			t.Fatal(err)
		}
		rx, _ := p.Queues()
		for q := range rx {
			free := packet.NewFreeList(mem, 0)
			var b packet.Batch
			next, sizes := uint64(q), p.cfg.Mix.round()
			n := rx[q].Rx(&b, rapid.IntRange(1, 200).Draw(t, "burst"), free)
			if cfg.Flows <= q {
				if n != 0 {
					t.Fatalf("queue %d of %d flows made %d packets", q, cfg.Flows, n)
				}
				continue
			}
			for j := range n {
				f := mem.Frame(b.Desc[j])
				i, ok := flowOf(f)
				if !ok || i >= uint64(cfg.Flows) || int(i)%cfg.Queues != q {
					t.Fatalf("queue %d packet %d is flow %d (%v) of %d:\n%x", q, j, i, ok, cfg.Flows, f[:64])
				}
				if !cfg.Random {
					if i != next {
						t.Fatalf("packet %d is flow %d, want %d", j, i, next)
					}
					if next += uint64(cfg.Queues); next >= uint64(cfg.Flows) {
						next = uint64(q)
					}
				}
				size := p.cfg.Mix[sizes[j%len(sizes)]].Size
				if len(f) != size {
					t.Fatalf("packet %d has %d bytes, want %d", j, len(f), size)
				}
				if want := slowFrame(i, cfg.Masks, size); !bytes.Equal(f[:len(want)], want) {
					t.Fatalf("flow %d:\n got %x\nwant %x", i, f[:len(want)], want)
				}
			}
		}
	})
}

// TestSourceIsValid has an independent decoder read the frames.
func TestSourceIsValid(t *testing.T) {
	mem := frames(64)
	p := openMemory(t, MemoryConfig{Flows: 100_000, Masks: 20, Random: true, Mix: IMIX}, mem)
	rx, _ := p.Queues()
	free := packet.NewFreeList(mem, 0)
	var b packet.Batch
	for range rx[0].Rx(&b, 60, free) {
		f := mem.Frame(b.Desc[0])
		g := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
		if g.ErrorLayer() != nil {
			t.Fatal(g.ErrorLayer().Error())
		}
		udp, _ := g.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if udp == nil || int(udp.Length) != len(f)-34 {
			t.Fatalf("no UDP of %d bytes: %v", len(f)-34, g)
		}
		if err := udp.SetNetworkLayerForChecksum(g.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		if err, bad := g.VerifyChecksums(); err != nil || len(bad) != 0 {
			t.Fatalf("checksums: %v %v", err, bad)
		}
		b.Desc[0] = b.Desc[1]
		copy(b.Desc[:], b.Desc[1:])
	}
}

// TestCountAndExactness lets a source run out into a sink that counts flows.
func TestCountAndExactness(t *testing.T) {
	const flows, count = 1000, 12_345
	mem := frames(512)
	p := openMemory(t, MemoryConfig{Queues: 2, Flows: flows, Masks: 7, Count: count, PerFlow: true}, mem)
	rx, tx := p.Queues()
	var wg sync.WaitGroup
	half := &packet.Memory{Buf: mem.Buf, ChunkSize: 2048, Headroom: 256, PerHome: 256}
	for q := range rx {
		wg.Go(func() {
			free := packet.NewFreeList(half, q)
			var b packet.Batch
			var chunks [packet.MaxBatch]uint64
			for {
				n := rx[q].Rx(&b, 32, free)
				if n == 0 {
					return
				}
				if k := tx[q].Tx(b.Desc[:n]); k != n {
					t.Errorf("sink took %d of %d", k, n)
				}
				if tx[q].Inflight() != n {
					t.Errorf("%d in flight, want %d", tx[q].Inflight(), n)
				}
				for _, c := range chunks[:tx[q].Reclaim(chunks[:])] {
					free.Put(c)
				}
				if free.Len() != 256 {
					t.Errorf("%d free chunks, want 256", free.Len())
				}
			}
		})
	}
	for !p.Done() { // from another thread, as the control plane would
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	made, bytes := p.Made()
	taken, _ := p.Taken()
	if made != 2*count || taken != made || bytes != 60*made {
		t.Fatalf("made %d (%d bytes), took %d, want %d", made, bytes, taken, 2*count)
	}
	got, other := p.PerFlow()
	if other != 0 {
		t.Errorf("%d packets of no flow", other)
	}
	for i, n := range got {
		want := uint64(count / (flows / 2))
		if i/2 < count%(flows/2) {
			want++
		}
		if n != want {
			t.Errorf("flow %d: %d packets, want %d", i, n, want)
		}
	}
}

func TestSinkBounds(t *testing.T) {
	mem := frames(4)
	p := openMemory(t, MemoryConfig{}, mem)
	_, tx := p.Queues()
	d := make([]packet.Desc, sentRoom+10)
	for i := range d {
		d[i] = packet.Desc{Addr: uint64(i%4)*2048 + 256, Len: 60}
	}
	if n := tx[0].Tx(d); n != sentRoom {
		t.Fatalf("an unreclaimed sink took %d, want %d", n, sentRoom)
	}
	if n := tx[0].Tx(d); n != 0 {
		t.Fatalf("a full sink took %d", n)
	}
	var dst [10]uint64
	if n := tx[0].Reclaim(dst[:]); n != 10 || dst[0]%2048 != 0 {
		t.Fatalf("reclaimed %d, first %#x", n, dst[0])
	}
	chunks, err := p.Close()
	if err != nil || len(chunks) != sentRoom-10 || tx[0].Inflight() != 0 {
		t.Fatalf("close gave %d chunks, %v; %d in flight", len(chunks), err, tx[0].Inflight())
	}
}

func TestInjectAndCapture(t *testing.T) {
	mem := frames(64)
	p := openMemory(t, MemoryConfig{Capture: 8, PerFlow: true, Flows: 1, Count: 1}, mem)
	rx, tx := p.Queues()
	sent := make(chan []byte, 1000)
	go func() {
		for i := range 1000 {
			f := []byte(fmt.Sprintf("frame %04d", i))
			for p.Inject(f) == 0 {
				time.Sleep(time.Microsecond)
			}
			sent <- f
		}
		close(sent)
	}()
	free := packet.NewFreeList(mem, 0)
	var b packet.Batch
	var chunks [64]uint64
	source := 0
	for got := 0; got < 1001; {
		n := rx[0].Rx(&b, 5, free)
		tx[0].Tx(b.Desc[:n])
		for _, c := range chunks[:tx[0].Reclaim(chunks[:])] {
			free.Put(c)
		}
		frames, lost := p.Captured()
		if len(frames) != n || lost != 0 {
			t.Fatalf("captured %d of %d, lost %d", len(frames), n, lost)
		}
		for _, f := range frames {
			if _, ok := flowOf(f); ok {
				source++
			} else if want := <-sent; !bytes.Equal(f, want) {
				t.Fatalf("captured %q, want %q", f, want)
			}
		}
		got += n
		if n == 0 {
			time.Sleep(time.Microsecond)
		}
	}
	if source != 1 || !p.Done() {
		t.Errorf("%d packets of the source, want 1; done %v", source, p.Done())
	}
	if per, other := p.PerFlow(); per[0] != 1 || other != 1000 {
		t.Errorf("flow 0 has %d, others %d; want 1 and 1000", per[0], other)
	}
	// A sink that nobody looks at keeps Capture frames and counts the rest.
	p.Inject(make([]byte, 60), make([]byte, 5000))
	n := rx[0].Rx(&b, 5, free)
	if n != 2 || b.Desc[1].Len != 2048-256 {
		t.Fatalf("%d frames, the second %d bytes long", n, b.Desc[1].Len)
	}
	for range 5 {
		tx[0].Tx(b.Desc[:2])
	}
	if frames, lost := p.Captured(); len(frames) != 8 || lost != 2 {
		t.Errorf("kept %d, lost %d; want 8 and 2", len(frames), lost)
	}
	if per, other := p.PerFlow(); len(per) != 1 || other != 1010 {
		t.Errorf("%d of no flow, want 1010", other)
	}
}

func TestStarvedSource(t *testing.T) {
	mem := frames(3)
	p := openMemory(t, MemoryConfig{Flows: 10}, mem)
	rx, _ := p.Queues()
	var b packet.Batch
	if n := rx[0].Rx(&b, 8, packet.NewFreeList(mem, 0)); n != 3 {
		t.Fatalf("got %d packets from 3 chunks", n)
	}
	if c := p.Counters(); c.RxFillEmpty != 1 {
		t.Errorf("rx_fill_empty %d, want 1", c.RxFillEmpty)
	}
}

func TestPacer(t *testing.T) {
	// Not the clock but the arithmetic: tokens from a given time on.
	p := pacer{perNS: 0.001} // a packet a microsecond
	n := 100
	if p.take(&n); n != 0 {
		t.Errorf("a new pacer let %d pass", n)
	}
	p.tokens = 7.5
	n = 5
	if p.take(&n); n != 5 || p.tokens < 2.5 {
		t.Errorf("let %d pass, %v tokens left; want 5, at least 2.5", n, p.tokens)
	}
	p.last -= int64(time.Hour)
	n = math.MaxInt32
	if p.take(&n); n != paceDepth {
		t.Errorf("an hour's pause saved up %d, want %d", n, paceDepth)
	}
}

func TestMemoryConfigErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  MemoryConfig
		want string
	}{
		{MemoryConfig{Queues: -1}, "queues: want 1 or more"},
		{MemoryConfig{Flows: -1}, "flows: want 0 to"},
		{MemoryConfig{Masks: 65}, "65 masks: want 1 to 64"},
		{MemoryConfig{Rate: -1}, "rate of -1"},
		{MemoryConfig{Capture: -1}, "-1 frames"},
		{MemoryConfig{New: -1}, "-1 new flows"},
		{MemoryConfig{Burst: 8}, "a rate with them"},
		{MemoryConfig{Flows: 2, Order: []uint32{0, 2}}, "flow 2 in the order of 2"},
		{MemoryConfig{Mix: Mix{{59, 1}}}, "length 59 is not between 60 and 1514"},
		{MemoryConfig{Mix: Mix{{60, 0}}}, "weight 0"},
		{MemoryConfig{Mix: Mix{}}, "add up to 0"},
	} {
		_, err := OpenMemory(c.cfg, frames(1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
	small := frames(1)
	small.Headroom = 1024
	if _, err := OpenMemory(MemoryConfig{Mix: IMIX}, small); err == nil || !strings.Contains(err.Error(), "holds 1020") {
		t.Errorf("a frame longer than a chunk: %v", err)
	}
}

func TestParseMix(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"imix", "60:7,590:4,1514:1"}, {"60", "60"}, {"60:1", "60"}, {"60:3,1514", "60:3,1514:1"},
	} {
		m, err := ParseMix(c.in)
		if err != nil || m.String() != c.out {
			t.Errorf("%q: %v %v, want %s", c.in, m, err, c.out)
		}
	}
	for _, bad := range []string{"", "x", "60:", "60:x", "60,", "1515", "60:-1", "60:4000,61:4000"} {
		if m, err := ParseMix(bad); err == nil {
			t.Errorf("%q read as %v", bad, m)
		}
	}
	var count [3]int
	for _, i := range IMIX.round() {
		count[i]++
	}
	if count != [3]int{7, 4, 1} {
		t.Errorf("a round of IMIX is %v", count)
	}
}

func FuzzParseMix(f *testing.F) {
	for _, s := range []string{"imix", "60", "60:7,590:4,1514:1", "60:,", "1:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMix(s)
		if err != nil {
			return
		}
		again, err := ParseMix(m.String())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%q reads as %v, which reads as %v, %v", s, m, again, err)
		}
	})
}

func TestMemoryAllocs(t *testing.T) {
	mem := frames(64)
	p := openMemory(t, MemoryConfig{Flows: 1000, Masks: 20, Mix: IMIX, PerFlow: true, Rate: 1e9}, mem)
	rx, tx := p.Queues()
	free := packet.NewFreeList(mem, 0)
	b := new(packet.Batch)
	var chunks [64]uint64
	if n := testing.AllocsPerRun(100, func() {
		tx[0].Tx(b.Desc[:rx[0].Rx(b, 32, free)])
		for _, c := range chunks[:tx[0].Reclaim(chunks[:])] {
			free.Put(c)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch, want 0", n)
	}
}

// BenchmarkMemorySource measures what a made packet costs: source, and sink with the
// way home.
func BenchmarkMemorySource(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  MemoryConfig
	}{
		{"flows=1", MemoryConfig{Flows: 1}},
		{"flows=1000", MemoryConfig{Flows: 1000}},
		{"flows=1000000,random", MemoryConfig{Flows: 1_000_000, Random: true}},
		{"flows=100000,masks=20", MemoryConfig{Flows: 100_000, Masks: 20}},
		{"flows=100000,masks=20,random", MemoryConfig{Flows: 100_000, Masks: 20, Random: true}},
		{"flows=1000,imix", MemoryConfig{Flows: 1000, Mix: IMIX}},
	} {
		b.Run(c.name, func(b *testing.B) {
			mem := frames(1024)
			rx, tx := openMemory(b, c.cfg, mem).Queues()
			free := packet.NewFreeList(mem, 0)
			var batch packet.Batch
			var chunks [32]uint64
			var before, after unix.Rusage
			if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				tx[0].Tx(batch.Desc[:rx[0].Rx(&batch, 32, free)])
				for _, c := range chunks[:tx[0].Reclaim(chunks[:])] {
					free.Put(c)
				}
			}
			ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / 32
			b.ReportMetric(ns, "ns/pkt")
			b.ReportMetric(1e3/ns, "Mpps")
			// Processor time, which other work on the machine disturbs less.
			if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(after.Utime.Nano()-before.Utime.Nano())/float64(b.N)/32, "cpu-ns/pkt")
		})
	}
}
