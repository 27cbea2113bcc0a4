package xsk

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pollux/internal/packet"
)

func TestNewMemory(t *testing.T) {
	for _, c := range []struct {
		name     string
		cfg      MemoryConfig
		bytes    int
		headroom uint32
	}{
		{"defaults", MemoryConfig{Homes: 2, PerHome: 1024}, 2 * 1024 * 2048, 256},
		{"large chunks", MemoryConfig{Homes: 1, PerHome: 100, ChunkSize: 4096, Headroom: 512}, 100 * 4096, 512},
		{"odd number of chunks", MemoryConfig{Homes: 1, PerHome: 3, NoHuge: true}, 3 * 2048, 256},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem, err := NewMemory(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if len(mem.Buf) != c.bytes || mem.Headroom != c.headroom || mem.FD < 0 || int(mem.PerHome) != c.cfg.PerHome {
				t.Errorf("%d bytes, headroom %d, fd %d", len(mem.Buf), mem.Headroom, mem.FD)
			}
			if c.cfg.NoHuge && mem.HugePages {
				t.Error("huge pages though not wanted")
			}
			mem.Buf[0], mem.Buf[len(mem.Buf)-1] = 1, 2
			if last := uint64(len(mem.Buf) - 1); mem.Home(last) != c.cfg.Homes-1 {
				t.Errorf("home of the last byte: %d", mem.Home(last))
			}
			var st unix.Stat_t
			if err := unix.Fstat(mem.FD, &st); err != nil || st.Size < int64(c.bytes) {
				t.Errorf("memfd of %d bytes, %v", st.Size, err)
			}
			fd := mem.FD
			if err := FreeMemory(mem); err != nil {
				t.Fatal(err)
			}
			if unix.Fstat(fd, &st) == nil {
				t.Error("memfd stays open")
			}
			if err := FreeMemory(mem); err != nil {
				t.Errorf("second free: %v", err)
			}
		})
	}
}

func TestNewMemoryRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg  MemoryConfig
		want string
	}{
		{MemoryConfig{PerHome: 1}, "0 homes"},
		{MemoryConfig{Homes: 1}, "0 chunks"},
		{MemoryConfig{Homes: 1, PerHome: 1, ChunkSize: 1024}, "want 2048 or 4096"},
		{MemoryConfig{Homes: 1, PerHome: 1, ChunkSize: 3000}, "want 2048 or 4096"},
		{MemoryConfig{Homes: 1, PerHome: 1, Headroom: 100}, "headroom of 100"},
		{MemoryConfig{Homes: 1, PerHome: 1, Headroom: 1500}, "headroom of 1500"},
		{MemoryConfig{Homes: 1 << 20, PerHome: 1 << 20}, "more than this machine"},
	} {
		mem, err := NewMemory(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
		if mem != nil {
			t.Errorf("%+v: memory beside an error", c.cfg)
		}
	}
}

// TestDescLayout: descriptors are copied to and from the kernel's rings as they are.
func TestDescLayout(t *testing.T) {
	r := plain[packet.Desc](1, 0)
	r.entries[0] = packet.Desc{Addr: 0x1122334455667788, Len: 0x99aabbcc, Options: 0xddeeff00}
	if k := kernelView(r.entries); k.Addr != 0x1122334455667788 || k.Len != 0x99aabbcc || k.Options != 0xddeeff00 {
		t.Errorf("the kernel reads %+v", k)
	}
}
