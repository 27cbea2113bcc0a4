package lines

import (
	"reflect"
	"strings"
	"sync"
	"testing"
)

// worker is what a thread writes, shared with another in one of several ways.
type worker struct {
	count *counter
	table []uint64
	lock  *sync.Mutex
	note  any
	_     [Line]byte
}

type counter struct {
	_ [Line]byte
	n uint64
	_ [Line]byte
}

// bare is a counter that nothing keeps away from others.
type bare struct{ n uint64 }

func apart() *worker {
	return &worker{count: new(counter), table: make([]uint64, 1024), lock: &sync.Mutex{}}
}

func conflicts(a, b *worker, r *Rules) string {
	m := New()
	m.Walk("a", "w", reflect.ValueOf(a), r)
	m.Walk("b", "w", reflect.ValueOf(b), r)
	return strings.Join(m.Conflicts(), "\n")
}

// TestSharedLinesAreFound: the check fails for each way in which two threads can write
// one line, and for none without.
func TestSharedLinesAreFound(t *testing.T) {
	// Locks are small; keep them out of the way but where they are the point.
	aside := &Rules{Aside: map[string]string{"lines.worker.lock": "small"}}
	var together struct{ a, b bare }
	together.a.n++ // a field without a name would be padding
	var both [2]worker
	array := make([]uint64, 2048)
	for _, c := range []struct {
		name string
		make func(a, b *worker)
		want string
	}{
		{"apart", func(a, b *worker) {}, ""},
		{"the same object", func(a, b *worker) { b.count = a.count }, "same memory"},
		{"the same array", func(a, b *worker) { b.table = a.table }, "same memory"},
		{"halves of an array", func(a, b *worker) { a.table, b.table = array[:1000:1000], array[1000:] }, "one line"},
		{"neighbours by interfaces", func(a, b *worker) { a.note, b.note = &together.a, &together.b }, "one line"},
		{"behind a slice in an interface", func(a, b *worker) { a.note, b.note = &[]*bare{&together.a}, &[]*bare{&together.b} }, "one line"},
	} {
		a, b := apart(), apart()
		c.make(a, b)
		got := conflicts(a, b, aside)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
	}
	// Structs in one array, kept apart by a blank field, are apart.
	both[0], both[1] = *apart(), *apart()
	if got := conflicts(&both[0], &both[1], aside); got != "" {
		t.Error(got)
	}
}

// TestWhatIsReadMayBeShared, but not beside what somebody writes.
func TestWhatIsReadMayBeShared(t *testing.T) {
	r := &Rules{
		Aside: map[string]string{"lines.worker.lock": "small"},
		Read:  map[reflect.Type]string{reflect.TypeFor[bare](): "test"},
	}
	var s struct {
		_ [Line]byte
		a bare
		b uint64
		_ [Line]byte
	}
	a, b := apart(), apart()
	a.note, b.note = &s.a, &s.a
	if got := conflicts(a, b, r); got != "" {
		t.Error(got)
	}
	b.note = &s.b
	if got := conflicts(a, b, r); !strings.Contains(got, "on one line") {
		t.Errorf("a reader beside a writer: %q", got)
	}
}

// TestExposed: small objects are named even where nothing lies beside them now.
func TestExposed(t *testing.T) {
	m := New()
	w := apart()
	w.note = &bare{}
	m.Walk("a", "w", reflect.ValueOf(w), &Rules{})
	got := strings.Join(m.Exposed(), "\n")
	for _, want := range []string{"w.note: lines.bare", "w.lock: sync.Mutex"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not named in %q", want, got)
		}
	}
	for _, not := range []string{"w.count", "w.table"} {
		if strings.Contains(got, not) {
			t.Errorf("%s is named in %q", not, got)
		}
	}
}

// TestField: what Field returns can be walked although it is not exported.
func TestField(t *testing.T) {
	w := apart()
	if got := Field(w, "count", "n").Addr().Interface().(*uint64); got != &w.count.n {
		t.Errorf("field at %p, want %p", got, &w.count.n)
	}
}
