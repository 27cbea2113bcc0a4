package configs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Change is one difference between two configurations.
type Change struct {
	// Path names the key. Ports are named, as ports[eth0].queues, since their
	// position means nothing; collector sets by id, controllers by target.
	Path string `json:"path"`
	Old  string `json:"old,omitempty"` // "" if it was not there
	New  string `json:"new,omitempty"` // "" if it is gone
}

func (c Change) String() string {
	switch {
	case c.Old == "":
		return fmt.Sprintf("%s: added %s", c.Path, c.New)
	case c.New == "":
		return fmt.Sprintf("%s: removed %s", c.Path, c.Old)
	}
	return fmt.Sprintf("%s: %s → %s", c.Path, c.Old, c.New)
}

// Diff lists what changed from a to b, in the order of the types. Flows are
// compared by their text, not by where they stand. A number of frames that neither
// file gives is no change: a running switch keeps the memory it has. Nor is a place
// to listen for OpenFlow at that neither gives: it keeps its sockets.
func Diff(a, b *Config) []Change {
	var out []Change
	if m := &b.Datapath.Memory; m.FramesAuto && a.Datapath.Memory.FramesAuto {
		c := *b
		c.Datapath.Memory.FramesPerLoop = a.Datapath.Memory.FramesPerLoop
		b = &c
	}
	if b.Control.OpenFlowAuto && a.Control.OpenFlowAuto {
		c := *b
		c.Control.OpenFlow = a.Control.OpenFlow
		b = &c
	}
	differ(&out, "", reflect.ValueOf(*a), reflect.ValueOf(*withLoopsOf(a, b)))
	return out
}

func differ(out *[]Change, path string, a, b reflect.Value) {
	switch {
	case a.Type() == reflect.TypeFor[[]Port]():
		byName(out, path, a.Interface().([]Port), b.Interface().([]Port), func(p Port) string { return p.Name })
	case a.Type() == reflect.TypeFor[[]ExporterSet]():
		byName(out, path, a.Interface().([]ExporterSet), b.Interface().([]ExporterSet), func(s ExporterSet) string { return fmt.Sprint(s.ID) })
	case a.Type() == reflect.TypeFor[[]Controller]():
		byName(out, path, a.Interface().([]Controller), b.Interface().([]Controller), func(c Controller) string { return c.Target })
	case a.Type() == reflect.TypeFor[FlowText]():
		flowDiff(out, path, a.Interface().(FlowText), b.Interface().(FlowText))
	case a.Kind() == reflect.Struct && !a.Type().Implements(textMarshaler):
		for f := range fields(a.Type()) {
			key, _ := keyOf(f)
			differ(out, join(path, key), a.FieldByIndex(f.Index), b.FieldByIndex(f.Index))
		}
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		*out = append(*out, Change{path, show(a), show(b)})
	}
}

// byName compares lists whose elements have names.
func byName[T any](out *[]Change, path string, a, b []T, name func(T) string) {
	for _, x := range a {
		i := slices.IndexFunc(b, func(y T) bool { return name(x) == name(y) })
		at := fmt.Sprintf("%s[%s]", path, name(x))
		if i < 0 {
			*out = append(*out, Change{at, show(reflect.ValueOf(x)), ""})
			continue
		}
		differ(out, at, reflect.ValueOf(x), reflect.ValueOf(b[i]))
	}
	for _, y := range b {
		if !slices.ContainsFunc(a, func(x T) bool { return name(x) == name(y) }) {
			*out = append(*out, Change{fmt.Sprintf("%s[%s]", path, name(y)), "", show(reflect.ValueOf(y))})
		}
	}
}

// flowDiff lists flows that only one side has; of equal ones it counts how often.
func flowDiff(out *[]Change, path string, a, b FlowText) {
	count := map[string]int{}
	for _, l := range b {
		count[l.Text]++
	}
	for _, l := range a {
		if count[l.Text]--; count[l.Text] < 0 {
			*out = append(*out, Change{path, l.Text, ""})
		}
	}
	for _, l := range b {
		if count[l.Text] > 0 {
			count[l.Text]--
			*out = append(*out, Change{path, "", l.Text})
		}
	}
}

// show writes a value in one line.
func show(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return fmt.Sprintf("%q", v.String())
	}
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		return "[]"
	}
	b, err := json.Marshal(v.Interface())
	return cmp.Or(string(b), fmt.Sprint(err))
}
