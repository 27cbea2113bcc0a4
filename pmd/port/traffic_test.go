package port

import (
	"bytes"
	"testing"

	"pollux/internal/packet"
)

// draw receives n packets of queue 0 and returns their frames.
func draw(t *testing.T, p *Memory, mem *packet.Memory, n int) (list [][]byte) {
	t.Helper()
	rx, _ := p.Queues()
	free := packet.NewFreeList(mem, 0)
	var b packet.Batch
	for len(list) < n {
		k := rx[0].Rx(&b, min(7, n-len(list)), free)
		if k == 0 {
			return list
		}
		for _, d := range b.Desc[:k] {
			list = append(list, bytes.Clone(mem.Frame(d)))
			free.Put(mem.Chunk(d.Addr))
		}
	}
	return list
}

func TestGivenOrder(t *testing.T) {
	mem := frames(16)
	order := []uint32{3, 1, 1, 2, 0}
	p := openMemory(t, MemoryConfig{Flows: 4, Masks: 3, Order: order}, mem)
	for k, f := range draw(t, p, mem, 12) {
		want := uint64(order[k%len(order)])
		if i, ok := flowOf(f); !ok || i != want || !bytes.Equal(f, slowFrame(want, 3, 60)) {
			t.Errorf("packet %d is of flow %d, want %d", k, i, want)
		}
	}
	// Each queue keeps to its own flows, and one without any stays silent.
	p = openMemory(t, MemoryConfig{Queues: 2, Flows: 4, Order: []uint32{2, 0}}, mem)
	rx, _ := p.Queues()
	var b packet.Batch
	if n := rx[1].Rx(&b, 4, packet.NewFreeList(mem, 0)); n != 0 {
		t.Errorf("a queue whose flows never come gave %d packets", n)
	}
	if i, _ := flowOf(draw(t, p, mem, 1)[0]); i != 2 {
		t.Errorf("the first is of flow %d", i)
	}
}

func TestFrameTable(t *testing.T) {
	mem := frames(16)
	for _, long := range []bool{false, true} {
		head := bytes.Repeat([]byte{1}, 54)
		table, err := NewFrameTable(3, long, func(i int) ([]byte, int) { head[0] = byte(i); return head, 60 + 100*i })
		if err != nil {
			t.Fatal(err)
		}
		p := openMemory(t, MemoryConfig{Frames: table}, mem)
		for k, f := range draw(t, p, mem, 7) {
			if i := k % 3; len(f) != 60+100*i || f[0] != byte(i) || !bytes.Equal(f[1:54], head[1:]) || f[55] != 0 {
				t.Errorf("packet %d: %x", k, f)
			}
		}
		if packets, octets := p.Made(); packets != 7 || octets != 2*(60+160+260)+60 {
			t.Errorf("made %d packets, %d bytes", packets, octets)
		}
	}
	for _, bad := range []struct{ n, head, length int }{{0, 54, 60}, {1, 65, 70}, {1, 54, 59}, {1, 54, 1515}} {
		if _, err := NewFrameTable(bad.n, false, func(int) ([]byte, int) { return make([]byte, bad.head), bad.length }); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// TestNewFlows: flows that begin are none of the others, and none of them comes twice.
func TestNewFlows(t *testing.T) {
	mem := frames(64)
	p := openMemory(t, MemoryConfig{Flows: 3, Masks: 2, New: 1e9}, mem)
	seen := map[uint64]int{}
	for _, f := range draw(t, p, mem, 2000) {
		i, ok := flowOf(f)
		if !ok || !bytes.Equal(f, slowFrame(i, 2, 60)) {
			t.Fatalf("%x", f)
		}
		seen[i]++
	}
	for i, n := range seen {
		if i >= 3 && n != 1 || i >= uint64(len(seen)+3) {
			t.Errorf("flow %d came %d times", i, n)
		}
	}
	if len(seen) < 100 {
		t.Errorf("%d flows", len(seen))
	}
}

func TestPacerOfBursts(t *testing.T) {
	p := pacer{perNS: 1e-12, burst: 10, tokens: 25}
	took := []int{}
	for range 8 {
		n := 4
		took = append(took, p.take(&n))
	}
	// Two bursts of ten in fours; then tokens are short of a third.
	want := []int{4, 4, 2, 4, 4, 2, 0, 0}
	for i := range want {
		if took[i] != want[i] {
			t.Fatalf("took %v, want %v", took, want)
		}
	}
}
