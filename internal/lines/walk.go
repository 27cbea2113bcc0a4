package lines

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"unsafe"
)

// Rules say what a walk does with memory of some kinds. The values say why.
type Rules struct {
	// Read is types that the owner only reads: their objects are noted as read, and not
	// entered.
	Read map[reflect.Type]string
	// Seldom is fields, as Type.field, that the owner writes at changes of the
	// configuration only: what they lead to is noted as read, and entered.
	Seldom map[string]string
	// Aside is fields, as Type.field, that are not entered: another walk sees to them.
	Aside map[string]string
	// Within is types whose objects lie within others that see to their distance.
	Within map[reflect.Type]string
	// Enter may see to a value itself: it returns true if it did.
	Enter func(m *Map, owner, where string, v reflect.Value) bool
}

// Walk notes what owner reaches from root, a pointer or a value that holds some.
func (m *Map) Walk(owner, name string, root reflect.Value, r *Rules) {
	w := walk{m: m, r: r, owner: owner, seen: map[place]bool{}}
	w.follow(root, name, true)
}

type walk struct {
	m     *Map
	r     *Rules
	owner string
	seen  map[place]bool
}

type place struct {
	at unsafe.Pointer
	t  reflect.Type
}

// follow enters what v, a pointer, slice or interface, leads to.
func (w *walk) follow(v reflect.Value, where string, writes bool) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			w.follow(v.Elem(), where, writes)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			w.object(v.Elem(), v.UnsafePointer(), where, writes)
		}
	case reflect.Slice:
		if v.Cap() > 0 {
			all := v.Slice3(0, v.Cap(), v.Cap())
			at := all.UnsafePointer()
			w.object(reflect.NewAt(reflect.ArrayOf(all.Len(), all.Type().Elem()), at).Elem(), at, where, writes)
		}
	}
}

// object notes an allocation of its own and enters it.
func (w *walk) object(v reflect.Value, at unsafe.Pointer, where string, writes bool) {
	t := v.Type()
	if p := (place{at, t}); w.seen[p] || t.Size() == 0 {
		return
	} else {
		w.seen[p] = true
	}
	if _, ok := w.r.Read[elem(t)]; ok {
		w.m.Add(w.owner, false, where, uintptr(at), t.Size())
		return
	}
	if w.r.Enter != nil && w.r.Enter(w.m, w.owner, where, v) {
		return
	}
	if _, ok := w.r.Within[elem(t)]; !ok && writes && exposed(t) {
		w.m.exposed[fmt.Sprintf("%s: %v", where, t)] = int(t.Size())
	}
	w.value(v, where, writes)
}

// elem is the type of an array's elements, or t.
func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Array {
		return t.Elem()
	}
	return t
}

// value notes v where it lies and follows what it holds.
func (w *walk) value(v reflect.Value, where string, writes bool) {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" {
				continue // distance
			}
			key, to := typeName(t)+"."+f.Name, where+"."+f.Name
			if _, ok := w.r.Aside[key]; ok {
				continue
			}
			if _, ok := w.r.Seldom[key]; ok {
				w.value(open(v.Field(i)), to, false)
				continue
			}
			w.value(open(v.Field(i)), to, writes)
		}
	case t.Kind() == reflect.Array && leads(t.Elem()):
		for i := range v.Len() {
			w.value(open(v.Index(i)), where+"[]", writes)
		}
	default:
		w.m.Add(w.owner, writes, where, v.UnsafeAddr(), t.Size())
		w.follow(v, where, writes)
	}
}

// typeName is a type as Rules name it: without the parameters of a generic one.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.String(), "[")
	return name
}

// leads says whether values of t must be looked into: they lead elsewhere, or have gaps.
func leads(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Interface:
		return true
	case reflect.Array:
		return leads(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Name == "_" || leads(f.Type) {
				return true
			}
		}
	}
	return false
}

// open makes a value that came of an unexported field one that can be used.
func open(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	return v
}

// exposed says whether an object of type t may share lines with its neighbours: what is
// written of it reaches its ends, and its size class is no multiple of a line.
func exposed(t reflect.Type) bool {
	if class := sizeClass(t.Size()); class%Line == 0 {
		return false
	}
	first, last := written(t)
	return first < Line-1 || t.Size()-last < Line-1
}

// written is where in t the first and the last byte are that are not of blank fields at
// its ends.
func written(t reflect.Type) (first, last uintptr) {
	last = t.Size()
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return 0, last
	}
	if f := t.Field(0); f.Name == "_" {
		first = f.Type.Size()
	}
	if f := t.Field(t.NumField() - 1); f.Name == "_" {
		last = f.Offset
	}
	return first, last
}

// classes are the sizes that the allocator rounds up to.
var classes = func() (sizes []uintptr) {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	for _, c := range s.BySize {
		sizes = append(sizes, uintptr(c.Size))
	}
	return sizes
}()

// sizeClass returns what an object of size takes; those that are larger than all classes
// take pages.
func sizeClass(size uintptr) uintptr {
	if size > 512 { // those with pointers have a word before them
		size += 8
	}
	for _, c := range classes {
		if size <= c {
			return c
		}
	}
	const page = 8192
	return (size + page - 1) / page * page
}
