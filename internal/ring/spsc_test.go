package ring

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

func TestCapacity(t *testing.T) {
	for _, c := range []struct{ ask, want int }{{1, 1}, {2, 2}, {3, 4}, {64, 64}, {65, 128}, {1000, 1024}} {
		if got := New[int](c.ask).Cap(); got != c.want {
			t.Errorf("New(%d).Cap() = %d, want %d", c.ask, got, c.want)
		}
	}
	for _, bad := range []int{0, -1, 1<<30 + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%d) did not panic", bad)
				}
			}()
			New[int](bad)
		}()
	}
}

// TestModel compares a ring with a plain slice after every operation.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := New[int](rapid.IntRange(1, 20).Draw(t, "capacity"))
		// Start near the wrap of the counters, which a real ring reaches after ages.
		start := -rapid.Uint64Range(0, 40).Draw(t, "start")
		r.head.Store(start)
		r.tail.Store(start)
		r.headSeen, r.tailSeen = start, start
		var model []int
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				ok := r.Push(next)
				if ok != (len(model) < r.Cap()) {
					t.Fatalf("push with %d of %d held: %v", len(model), r.Cap(), ok)
				}
				if ok {
					model = append(model, next)
				}
				next++
			},
			"pushN": func(t *rapid.T) {
				vs := make([]int, rapid.IntRange(0, 24).Draw(t, "n"))
				for i := range vs {
					vs[i] = next
					next++
				}
				n := r.PushN(vs)
				if want := min(len(vs), r.Cap()-len(model)); n != want {
					t.Fatalf("pushN took %d, want %d", n, want)
				}
				model = append(model, vs[:n]...)
			},
			"pop": func(t *rapid.T) {
				v, ok := r.Pop()
				if ok != (len(model) > 0) {
					t.Fatalf("pop with %d held: %v", len(model), ok)
				}
				if ok {
					if v != model[0] {
						t.Fatalf("pop gave %d, want %d", v, model[0])
					}
					model = model[1:]
				}
			},
			"popN": func(t *rapid.T) {
				dst := make([]int, rapid.IntRange(0, 24).Draw(t, "n"))
				n := r.PopN(dst)
				if want := min(len(dst), len(model)); n != want {
					t.Fatalf("popN gave %d, want %d", n, want)
				}
				if !slices.Equal(dst[:n], model[:n]) {
					t.Fatalf("popN gave %v, want %v", dst[:n], model[:n])
				}
				model = model[n:]
			},
			"": func(t *rapid.T) {
				if r.Len() != len(model) {
					t.Fatalf("Len() = %d, want %d", r.Len(), len(model))
				}
			},
		})
	})
}

// TestTwoThreads passes a counted sequence between two threads, in batches of
// changing size, while a third reads Len.
func TestTwoThreads(t *testing.T) {
	type wide struct{ a, b, c uint64 } // three words: a torn read would show
	for _, capacity := range []int{1, 8, 512} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			n := uint64(stress)
			if capacity == 1 {
				n /= 20
			}
			r := New[wide](capacity)
			stop := make(chan struct{})
			watched := make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						watched <- nil
						return
					default:
						if l := r.Len(); l < 0 || l > r.Cap() {
							watched <- fmt.Errorf("Len() = %d of %d", l, r.Cap())
							return
						}
						runtime.Gosched()
					}
				}
			}()
			go func() {
				var buf [37]wide
				for i := uint64(0); i < n; {
					k := min(1+i%37, n-i)
					for j := range k {
						v := i + j
						buf[j] = wide{v, v * 3, ^v}
					}
					if i%5 == 0 {
						if r.Push(buf[0]) {
							i++
							continue
						}
					} else if m := r.PushN(buf[:k]); m > 0 {
						i += uint64(m)
						continue
					}
					runtime.Gosched()
				}
			}()
			var buf [29]wide
			for i := uint64(0); i < n; {
				k := 0
				if i%7 == 0 {
					if v, ok := r.Pop(); ok {
						buf[0], k = v, 1
					}
				} else {
					k = r.PopN(buf[:1+i%29])
				}
				for j := range k {
					if v := i + uint64(j); buf[j] != (wide{v, v * 3, ^v}) {
						t.Fatalf("value %d is %v", v, buf[j])
					}
				}
				i += uint64(k)
				if k == 0 {
					runtime.Gosched()
				}
			}
			close(stop)
			if err := <-watched; err != nil {
				t.Fatal(err)
			}
			if r.Len() != 0 {
				t.Fatalf("%d values left", r.Len())
			}
		})
	}
}

// TestReleases checks that a popped pointer is not kept alive by its old slot.
func TestReleases(t *testing.T) {
	r := New[*[1 << 16]byte](8)
	gone := make(chan struct{}, 4)
	for range 4 {
		v := new([1 << 16]byte)
		runtime.AddCleanup(v, func(c chan struct{}) { c <- struct{}{} }, gone)
		r.Push(v)
	}
	r.Pop()
	var dst [3]*[1 << 16]byte
	r.PopN(dst[:])
	clear(dst[:])
	for i := range 4 {
		runtime.GC()
		select {
		case <-gone:
		case <-time.After(30 * time.Second):
			t.Fatalf("only %d of 4 popped values were collected", i)
		}
	}
	runtime.KeepAlive(r)
}

func TestHoldsPointers(t *testing.T) {
	type plain struct {
		_ [4]uint64
		_ struct{ _ int8 }
	}
	for _, c := range []struct {
		name      string
		got, want bool
	}{
		{"uint64", New[uint64](1).wipe, false},
		{"plain struct", New[plain](1).wipe, false},
		{"pointer", New[*int](1).wipe, true},
		{"string", New[string](1).wipe, true},
		{"struct with slice", New[struct{ s []byte }](1).wipe, true},
		{"func", New[func()](1).wipe, true},
		{"interface", New[any](1).wipe, true},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestLayout(t *testing.T) {
	var r SPSC[int]
	tail, head := unsafe.Offsetof(r.tail), unsafe.Offsetof(r.head)
	if tail < unsafe.Offsetof(r.wipe)+line || head < tail+line || unsafe.Sizeof(r) < head+line {
		t.Errorf("tail at %d, head at %d, size %d: not %d bytes apart", tail, head, unsafe.Sizeof(r), line)
	}
}

func TestAllocs(t *testing.T) {
	r := New[uint64](64)
	p := New[*int](64)
	var buf [32]uint64
	var ptrs [32]*int
	if n := testing.AllocsPerRun(100, func() {
		r.Push(1)
		r.Pop()
		r.PushN(buf[:])
		r.PopN(buf[:])
		p.PushN(ptrs[:])
		p.PopN(ptrs[:])
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkBatch32(b *testing.B) {
	r := New[uint64](1024)
	var buf [32]uint64
	for b.Loop() {
		r.PushN(buf[:])
		r.PopN(buf[:])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/value")
}

func BenchmarkSingle(b *testing.B) {
	r := New[uint64](1024)
	for b.Loop() {
		r.Push(1)
		r.Pop()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/value")
}
