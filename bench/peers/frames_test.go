package peers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pollux/bench"
	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/port"
)

// made are the first frames of a memory port.
func made(t *testing.T, c port.MemoryConfig, count int) (all []byte) {
	t.Helper()
	mem := &packet.Memory{Buf: make([]byte, 256*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: 256}
	p, err := port.OpenMemory(c, mem)
	if err != nil {
		t.Fatal(err)
	}
	rx, _ := p.Queues()
	for len(all) < count*port.MinSize {
		all = append(all, burst(t, rx[0], mem)...)
	}
	return all[:count*port.MinSize]
}

// burst is the frames of one burst, whose chunks are free again after it.
func burst(t *testing.T, q pmd.RxQueue, mem *packet.Memory) (all []byte) {
	t.Helper()
	var b packet.Batch
	n := q.Rx(&b, 200, packet.NewFreeList(mem, 0))
	for _, d := range b.Desc[:n] {
		f := mem.Frame(d)
		if len(f) != port.MinSize {
			t.Fatalf("a frame of %d bytes", len(f))
		}
		all = append(all, f...)
	}
	if n == 0 {
		t.Fatal("the source makes nothing")
	}
	return all
}

// TestFramesAreTheSame: flowgen and the memory port send the same bytes.
func TestFramesAreTheSame(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed: `make peers` installs it")
	}
	prog := filepath.Join(t.TempDir(), "frames")
	if out, err := exec.Command(gcc, "-Wall", "-Werror", "-Iflowgen", "-o", prog, "testdata/frames.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct{ count, masks int }{{1, 1}, {20_000, 1}, {20_000, 20}, {9_000, 24}} {
		t.Run(fmt.Sprintf("%d flows, %d masks", c.count, c.masks), func(t *testing.T) {
			want := made(t, port.MemoryConfig{Flows: c.count, Masks: c.masks}, c.count)
			got, err := exec.Command(prog, "0", fmt.Sprint(c.count), fmt.Sprint(c.masks)).Output()
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, want)
		})
	}
}

// same compares frame by frame.
func same(t *testing.T, got, want []byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d bytes, want %d", len(got), len(want))
	}
	for at := 0; at < len(want); at += port.MinSize {
		if g, w := got[at:at+port.MinSize], want[at:at+port.MinSize]; !bytes.Equal(g, w) {
			t.Fatalf("frame %d:\n got %x\nwant %x", at/port.MinSize, g, w)
		}
	}
}

// TestScenarioFiles: what the plug-in plays is what the memory port plays.
func TestScenarioFiles(t *testing.T) {
	for _, name := range []string{"attack", "attack-none"} {
		src, rules, err := bench.ScenarioTraffic(name)
		if err != nil || bytes.Count([]byte(rules), []byte("\n")) != 4 {
			t.Fatalf("%s: %v, rules %q", name, err, rules)
		}
		frames, order := filepath.Join(t.TempDir(), "frames"), filepath.Join(t.TempDir(), "order")
		if err := writeFrames(src, frames, order); err != nil {
			t.Fatal(err)
		}
		heads, err := os.ReadFile(frames)
		if err != nil {
			t.Fatal(err)
		}
		turn, err := os.ReadFile(order)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		n := min(len(turn)/4, 30_000)
		for k := range n {
			i := int(binary.NativeEndian.Uint32(turn[4*k:]))
			got = append(got, heads[i*frameRoom:][:port.MinSize]...)
		}
		src.Queues = 1
		same(t, got, made(t, src, n))
	}
	if _, _, err := bench.ScenarioTraffic("flow-1"); err == nil {
		t.Error("a scenario without made rules was taken")
	}
	if err := writeFrames(port.MemoryConfig{Flows: 1}, "", ""); err == nil {
		t.Error("a source without a table was taken")
	}
}
