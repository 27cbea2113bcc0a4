package port

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"pollux/internal/packet"
)

// capture returns a capture file of frames, by gopacket's own writers.
func capture(t testing.TB, ng bool, link layers.LinkType, frames ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	info := func(f []byte) gopacket.CaptureInfo {
		return gopacket.CaptureInfo{Timestamp: time.Unix(1700000000, 0), CaptureLength: len(f), Length: len(f)}
	}
	if ng {
		w, err := pcapgo.NewNgWriter(&out, link)
		must(t, err)
		for _, f := range frames {
			must(t, w.WritePacket(info(f), f))
		}
		must(t, w.Flush())
		return out.Bytes()
	}
	w := pcapgo.NewWriter(&out)
	must(t, w.WriteFileHeader(65535, link))
	for _, f := range frames {
		must(t, w.WritePacket(info(f), f))
	}
	return out.Bytes()
}

// write puts data in a new file.
func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.pcap")
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

// openPcap opens a port that closes with the test.
func openPcap(t testing.TB, mem *packet.Memory, cfg PcapConfig) *Pcap {
	t.Helper()
	p, err := OpenPcap(cfg, mem)
	must(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestPcapPlays(t *testing.T) {
	mem, free := newMemory(t, 1024)
	for _, ng := range []bool{false, true} {
		list := sizes()
		path := write(t, capture(t, ng, layers.LinkTypeEthernet, list...))
		for _, c := range []struct{ loop, turns int }{{0, 1}, {1, 1}, {3, 3}} {
			p := openPcap(t, mem, PcapConfig{Read: path, Loop: c.loop})
			if info := p.Info(); info.Type != "pcap" || info.Device != path || info.Details["frames"] != strconv.Itoa(len(list)) {
				t.Errorf("info %+v", info)
			}
			rx, tx := p.Queues()
			if len(rx) != 1 || tx != nil {
				t.Fatalf("%d receiving and %d sending queues", len(rx), len(tx))
			}
			var b packet.Batch
			var got [][]byte
			for range 1000 {
				n := rx[0].Rx(&b, 7, free)
				if n > 7 {
					t.Fatalf("%d frames, asked for 7", n)
				}
				for _, d := range b.Desc[:n] {
					got = append(got, bytes.Clone(mem.Frame(d)))
					free.Put(mem.Chunk(d.Addr))
				}
			}
			if !p.Done() || len(got) != c.turns*len(list) {
				t.Fatalf("ng=%t loop=%d: %d frames, done=%t", ng, c.loop, len(got), p.Done())
			}
			for i, f := range got {
				if !bytes.Equal(f, list[i%len(list)]) {
					t.Fatalf("ng=%t: frame %d differs", ng, i)
				}
			}
		}
	}
	checkAllFree(t, mem, free)
}

func TestPcapForEverAndItsRate(t *testing.T) {
	mem, free := newMemory(t, 4096)
	path := write(t, capture(t, false, layers.LinkTypeEthernet, makeFrame(60, 1), makeFrame(60, 2)))
	p := openPcap(t, mem, PcapConfig{Read: path, Loop: -1, PPS: 20000})
	rx, _ := p.Queues()
	var b packet.Batch
	rx[0].Rx(&b, 1, free)
	start, n := time.Now(), 0
	for end := start.Add(30 * time.Second); time.Since(start) < 100*time.Millisecond || n == 0 && time.Now().Before(end); {
		k := rx[0].Rx(&b, packet.MaxBatch, free)
		for _, d := range b.Desc[:k] {
			free.Put(mem.Chunk(d.Addr))
		}
		n += k
	}
	// No more than the rate allows in what was really that time, and what a pause saves up.
	if most := int(20000*time.Since(start).Seconds()) + paceDepth; n == 0 || n > most {
		t.Errorf("%d frames, at most %d were due", n, most)
	}
	if p.Done() {
		t.Error("done, though it plays for ever")
	}
	p.Close()
	if rx[0].Rx(&b, 1, free) != 0 || !p.Done() {
		t.Error("a closed port plays on")
	}
	checkAllFree(t, mem, free)
}

func TestPcapSkipsWhatDoesNotFit(t *testing.T) {
	mem, free := newMemory(t, 16)
	path := write(t, capture(t, false, layers.LinkTypeEthernet, makeFrame(60, 1), makeFrame(1792, 2), makeFrame(1793, 3), makeFrame(61, 4)))
	p := openPcap(t, mem, PcapConfig{Read: path})
	rx, _ := p.Queues()
	var b packet.Batch
	n := rx[0].Rx(&b, packet.MaxBatch, free)
	if n != 3 || b.Desc[1].Len != 1792 || b.Desc[2].Len != 61 || p.Counters().RxDropped != 1 {
		t.Errorf("%d frames, %+v", n, p.Counters())
	}
}

func TestPcapWaitsForChunks(t *testing.T) {
	mem, free := newMemory(t, 4)
	path := write(t, capture(t, false, layers.LinkTypeEthernet, sizes()...))
	p := openPcap(t, mem, PcapConfig{Read: path})
	rx, _ := p.Queues()
	var b packet.Batch
	if n := rx[0].Rx(&b, packet.MaxBatch, free); n != 4 {
		t.Fatalf("%d frames with 4 chunks", n)
	}
	if n := rx[0].Rx(&b, packet.MaxBatch, free); n != 0 || p.Done() {
		t.Fatalf("%d frames with no chunk, done=%t", n, p.Done())
	}
}

// TestPcapWrites sends random frames in random batches and reads the file with
// gopacket and with tcpdump.
func TestPcapWrites(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	mem, _ := newMemory(t, 2048)
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		free := packet.NewFreeList(mem, 0)
		path := filepath.Join(dir, "out.pcap")
		p, err := OpenPcap(PcapConfig{Write: path, Buffer: rapid.IntRange(3000, 100000).Draw(rt, "buffer")}, mem)
		must(t, err)
		_, tx := p.Queues()
		var want [][]byte
		var back [packet.MaxBatch]uint64
		refused := false
		for range rapid.IntRange(0, 20).Draw(rt, "batches") {
			var d []packet.Desc
			for range rapid.IntRange(0, 30).Draw(rt, "frames") {
				c, ok := free.Get()
				if !ok {
					break
				}
				f := packet.Desc{Addr: c + rapid.Uint64Range(0, 300).Draw(rt, "offset"), Len: rapid.Uint32Range(0, 1700).Draw(rt, "len")}
				copy(mem.Frame(f), makeFrame(2048, rapid.Uint64().Draw(rt, "seed"))[:f.Len])
				d = append(d, f)
			}
			n := tx[0].Tx(d)
			refused = refused || n < len(d)
			for _, f := range d[:n] {
				want = append(want, bytes.Clone(mem.Frame(f)))
			}
			for _, f := range d[n:] {
				free.Put(mem.Chunk(f.Addr))
			}
			if rapid.Bool().Draw(rt, "reclaim") {
				for _, c := range back[:tx[0].Reclaim(back[:])] {
					free.Put(c)
				}
			}
		}
		if refused != (p.Counters().TxErrors > 0) {
			rt.Errorf("frames refused: %t, %+v", refused, p.Counters())
		}
		closePort(t, p, free)
		checkAllFree(t, mem, free)
		file, err := os.ReadFile(path)
		must(t, err)
		got := 0
		r, err := pcapgo.NewReader(bytes.NewReader(file))
		must(t, err)
		for ; ; got++ {
			data, info, err := r.ReadPacketData()
			if err != nil {
				break
			}
			if got >= len(want) || !bytes.Equal(data, want[got]) || info.Length != len(data) || time.Since(info.Timestamp) > time.Minute {
				rt.Fatalf("frame %d: %x, %+v", got, data, info)
			}
		}
		if got != len(want) {
			rt.Fatalf("%d frames in the file, %d were taken", got, len(want))
		}
	})
	if tcpdump, err := exec.LookPath("tcpdump"); err == nil {
		if out, err := exec.Command(tcpdump, "-nr", filepath.Join(dir, "out.pcap")).CombinedOutput(); err != nil {
			t.Errorf("tcpdump: %v\n%s", err, out)
		}
	}
}

// TestPcapFileGrowsWhileOpen: who looks at the file need not wait for Close.
func TestPcapFileGrowsWhileOpen(t *testing.T) {
	mem, _ := newMemory(t, 16)
	path := filepath.Join(t.TempDir(), "out.pcap")
	p := openPcap(t, mem, PcapConfig{Write: path})
	_, tx := p.Queues()
	until(t, "the frame to be taken", func() bool { return tx[0].Tx([]packet.Desc{{Addr: 256, Len: 60}}) == 1 })
	until(t, "the frame to be on disk", func() bool {
		st, err := os.Stat(path)
		return err == nil && st.Size() == 24+16+60
	})
}

// TestPcapDiskFails: the frames after a failed write are refused, the error is
// Close's, and no chunk is lost.
func TestPcapDiskFails(t *testing.T) {
	mem, free := newMemory(t, 16)
	p := openPcap(t, mem, PcapConfig{Write: filepath.Join(t.TempDir(), "out.pcap")})
	_, tx := p.Queues()
	must(t, p.tx.file.Close()) // the next write fails
	until(t, "the failure to be noticed", func() bool {
		c, ok := free.Get()
		if !ok {
			return false
		}
		if tx[0].Tx([]packet.Desc{{Addr: c + 256, Len: 60}}) == 0 {
			free.Put(c)
		}
		var back [4]uint64
		for _, c := range back[:tx[0].Reclaim(back[:])] {
			free.Put(c)
		}
		return p.tx.dead.Load()
	})
	if n := tx[0].Tx([]packet.Desc{{Addr: 256, Len: 60}}); n != 0 {
		t.Errorf("took %d frames after the failure", n)
	}
	chunks, err := p.Close()
	if err == nil {
		t.Error("the failure is not reported")
	}
	for _, c := range chunks {
		free.Put(c)
	}
	checkAllFree(t, mem, free)
}

func TestPcapDoesNotAllocate(t *testing.T) {
	mem, free := newMemory(t, 1024)
	path := write(t, capture(t, false, layers.LinkTypeEthernet, sizes()...))
	p := openPcap(t, mem, PcapConfig{Read: path, Loop: -1, PPS: 1e9, Write: filepath.Join(t.TempDir(), "out.pcap")})
	rx, tx := p.Queues()
	copier := &pump{rx: rx[0], tx: tx[0], free: free, max: 8}
	moved := 0
	if n := testing.AllocsPerRun(100, func() { moved += copier.step() }); n != 0 {
		t.Errorf("%v allocations an iteration", n)
	}
	if moved == 0 {
		t.Error("nothing moved")
	}
}

func TestPcapRefuses(t *testing.T) {
	mem, _ := newMemory(t, 16)
	good := write(t, capture(t, false, layers.LinkTypeEthernet, makeFrame(60, 1)))
	for _, c := range []struct {
		cfg  PcapConfig
		want string
	}{
		{PcapConfig{}, "no file to read and none to write"},
		{PcapConfig{Read: "/nowhere/x.pcap"}, "no such file"},
		{PcapConfig{Write: "/nowhere/x.pcap"}, "no such file"},
		{PcapConfig{Write: "/dev/full"}, "no space"},
		{PcapConfig{Read: good, PPS: -1}, "want 0 (no limit) or more"},
		{PcapConfig{Read: good, Buffer: 10}, "buffer of 10 bytes"},
		{PcapConfig{Read: write(t, nil)}, "magic number"},
		{PcapConfig{Read: write(t, []byte("not a capture file at all"))}, "header"},
		{PcapConfig{Read: write(t, capture(t, false, layers.LinkTypeRaw))}, "want 1, Ethernet"},
		{PcapConfig{Read: write(t, capture(t, true, layers.LinkTypeRaw))}, "want 1, Ethernet"},
	} {
		_, err := OpenPcap(c.cfg, mem)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.cfg, err, c.want)
		}
	}
}

// FuzzReadPcap: no file makes the reader panic or give a frame that is not
// there; what it reads, it reads again from a file of these frames.
func FuzzReadPcap(f *testing.F) {
	whole := capture(f, false, layers.LinkTypeEthernet, makeFrame(60, 1), makeFrame(100, 2))
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add(capture(f, true, layers.LinkTypeEthernet, makeFrame(60, 1)))
	f.Add(capture(f, false, layers.LinkTypeEthernet))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		list, err := readPcap(bufio.NewReader(bytes.NewReader(file)))
		if err != nil {
			return
		}
		if len(list.data) > len(file) {
			t.Fatalf("%d bytes of frames from a file of %d", len(list.data), len(file))
		}
		var frames [][]byte
		for i := range list.len() {
			if len(list.frame(i)) == 0 {
				t.Fatalf("frame %d is empty", i)
			}
			frames = append(frames, list.frame(i))
		}
		again, err := readPcap(bufio.NewReader(bytes.NewReader(capture(t, false, layers.LinkTypeEthernet, frames...))))
		if err != nil || !bytes.Equal(again.data, list.data) || again.len() != list.len() {
			t.Fatalf("read again: %v", err)
		}
	})
}
