package packet

import (
	"testing"
	"unsafe"
)

func memory(homes, per int) *Memory {
	return &Memory{Buf: make([]byte, homes*per*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: uint32(per)}
}

func TestEveryChunkHasOneHome(t *testing.T) {
	m := memory(3, 5)
	seen := map[uint64]bool{}
	for home := range 3 {
		f := NewFreeList(m, home)
		if f.Len() != 5 {
			t.Fatalf("home %d has %d chunks, want 5", home, f.Len())
		}
		for c, ok := f.Get(); ok; c, ok = f.Get() {
			if m.Home(c) != home || m.Home(c+2047) != home || m.Chunk(c+300) != c || seen[c] {
				t.Errorf("chunk %#x of home %d: home %d, chunk %#x, seen %v", c, home, m.Home(c), m.Chunk(c+300), seen[c])
			}
			seen[c] = true
		}
	}
	if len(seen) != 15 {
		t.Errorf("%d chunks in all, want 15", len(seen))
	}
}

func TestFreeListTakesAndGives(t *testing.T) {
	f := NewFreeList(memory(1, 8), 0)
	got := make([]uint64, 6)
	if n := f.GetN(got); n != 6 || f.Len() != 2 {
		t.Fatalf("took %d, %d left", n, f.Len())
	}
	if n := f.GetN(make([]uint64, 6)); n != 2 || f.Len() != 0 {
		t.Fatalf("took %d of the last 2, %d left", n, f.Len())
	}
	if _, ok := f.Get(); ok {
		t.Error("an empty list gave a chunk")
	}
	for _, c := range got {
		f.Put(c)
	}
	if a := testing.AllocsPerRun(100, func() {
		n := f.GetN(got)
		for _, c := range got[:n] {
			f.Put(c)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
	f.Put(1 << 20)
	f.Put(2 << 20)
	defer func() {
		if recover() == nil {
			t.Error("a ninth chunk of eight was taken back in silence")
		}
	}()
	f.Put(3 << 20)
}

func TestFrameEndsWithItsChunk(t *testing.T) {
	m := memory(1, 2)
	f := m.Frame(Desc{Addr: 300, Len: 60})
	if len(f) != 60 || cap(f) != 2048-300 {
		t.Errorf("len %d cap %d, want 60 and %d", len(f), cap(f), 2048-300)
	}
	if s := unsafe.Sizeof(Desc{}); s != 16 {
		t.Errorf("a descriptor has %d bytes, the kernel's 16", s)
	}
}
