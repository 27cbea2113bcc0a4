package pmd_test

import (
	"fmt"
	"testing"

	"pollux/internal/packet"
	"pollux/pmd"
)

// BenchmarkMesh is an iteration that finds nothing, of a loop among n: it looks at two
// rings from each of the others.
func BenchmarkMesh(b *testing.B) {
	for _, n := range []int{1, 2, 4, 16, 64} {
		b.Run(fmt.Sprintf("loops=%d", n), func(b *testing.B) {
			const frames = 256
			mem := &packet.Memory{Buf: make([]byte, n*frames*2048), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: frames}
			var pub pmd.Published
			pub.Store(newByBit(1, false))
			l, err := pmd.NewLoop(pmd.LoopConfig{Burst: 64, ExactEntries: 1024, Megaflows: 1024, MegaflowIdle: 10e9, Memory: mem, Tables: &pub, Slots: 4})
			if err != nil {
				b.Fatal(err)
			}
			if n > 1 {
				l.Join(pmd.NewMesh(n, mem))
			}
			for b.Loop() {
				l.Iterate()
			}
		})
	}
}
