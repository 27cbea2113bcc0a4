package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// SetExporter returns c with one key of an exporter changed, checked as Load does it.
// exporter is bridge or the number of a collector set, key as in the file (tls.ca for
// a key of a block within), value as the file has it; a list may be given without its
// brackets. path is that of the configuration's file, which is neither read nor
// written. The error is of type Errors; its places are in value, in line 1.
func SetExporter(c *Config, path, exporter, key, value string, opt Options) (*Config, error) {
	next := *c
	next.IPFIX.Sets = slices.Clone(c.IPFIX.Sets)
	e, at := next.exporter(exporter)
	if e == nil {
		return nil, fmt.Errorf("%q is no exporter; there are %s", exporter, strings.Join(next.exporterNames(), ", "))
	}
	d := &decoder{file: path, places: map[string]place{}, bad: map[string]bool{}, faulty: map[string]bool{}}
	v, tag, here := reflect.ValueOf(e).Elem(), reflect.StructTag(""), at
	for part := range strings.SplitSeq(key, ".") {
		if v.Kind() != reflect.Struct {
			return nil, fmt.Errorf("%s has no keys of its own", here)
		}
		f, t, ok := fieldByKey(v, part)
		if !ok {
			return nil, fmt.Errorf("unknown key %q in %s%s", part, here, hint(part, keysOf(v.Type())))
		}
		v, tag, here = f, t, join(here, part)
	}
	if v.Kind() == reflect.Struct {
		return nil, fmt.Errorf("%s is a block; change one of its keys, as in %s.%s", here, key, keysOf(v.Type())[0])
	}
	if v.Kind() == reflect.Slice && !strings.HasPrefix(value, "[") && !isWord(v, value) {
		value = "[" + value + "]"
	}
	d.lines = splitLines(value)
	root := d.parse([]byte(value))
	if root == nil {
		return nil, d.errs
	}
	for _, p := range []string{at, here} {
		d.places[p] = place{1, 1, 1, 1}
	}
	d.value(root, v, here, tag)
	ch := &checker{decoder: d, c: &next, opt: opt}
	ch.completeTLS()
	if e.TLS != (TLS{}) {
		d.places[at+".tls"] = place{1, 1, 1, 1}
	}
	ch.checkExporter(at, e)
	ch.checkFiles()
	if len(d.errs) > 0 {
		d.errs.sort(path)
		return nil, d.errs
	}
	return &next, nil
}

// isWord says whether a list may be written as this one word.
func isWord(v reflect.Value, value string) bool {
	return v.Type() == reflect.TypeFor[FlowKey]() && (value == KeyOVS || value == KeyFiveTuple)
}

// exporter finds an exporter that is on, with its path in the file.
func (c *Config) exporter(name string) (*Exporter, string) {
	if name == "bridge" && c.IPFIX.Bridge.On() {
		return &c.IPFIX.Bridge, "ipfix.bridge"
	}
	for i := range c.IPFIX.Sets {
		s := &c.IPFIX.Sets[i]
		if strconv.FormatUint(uint64(s.ID), 10) == name {
			return &s.Exporter, fmt.Sprintf("ipfix.sets[%d]", i)
		}
	}
	return nil, ""
}

// exporterNames lists the names that exporter knows.
func (c *Config) exporterNames() (names []string) {
	if c.IPFIX.Bridge.On() {
		names = append(names, "bridge")
	}
	for i := range c.IPFIX.Sets {
		names = append(names, strconv.FormatUint(uint64(c.IPFIX.Sets[i].ID), 10))
	}
	if names == nil {
		names = []string{"none: the configuration has no ipfix"}
	}
	return names
}
