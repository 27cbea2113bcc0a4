package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Setting is a key of an exporter and the value that it is to have. Key is as in the file
// (tls.ca for a key of a block within), Value as the file has it, but that text needs no
// quotes and a list no brackets.
type Setting struct{ Key, Value string }

// SetExporter returns c with keys of an exporter changed, all of them together, checked
// as Load does it. exporter is bridge or the number of a collector set. path is that of
// the configuration's file, which is neither read nor written. The error is of type
// Errors, without places: a value stands in no file.
func SetExporter(c *Config, path, exporter string, settings []Setting, opt Options) (*Config, error) {
	next := *c
	next.IPFIX.Sets = slices.Clone(c.IPFIX.Sets)
	e, at := next.exporter(exporter)
	if e == nil {
		return nil, fmt.Errorf("%q is no exporter; there are %s", exporter, strings.Join(next.exporterNames(), ", "))
	}
	d := &decoder{file: path, places: map[string]place{}, bad: map[string]bool{}, faulty: map[string]bool{}}
	d.places[at] = place{1, 1, 1, 1}
	for _, s := range settings {
		if err := d.set(reflect.ValueOf(e).Elem(), at, s); err != nil {
			return nil, err
		}
	}
	ch := &checker{decoder: d, c: &next, opt: opt}
	ch.completeTLS()
	if e.TLS != (TLS{}) {
		d.places[at+".tls"] = place{1, 1, 1, 1}
	}
	ch.checkExporter(at, e)
	ch.checkFiles()
	if len(d.errs) > 0 {
		for _, e := range d.errs {
			*e = Error{Msg: e.Msg, Err: e.Err}
		}
		return nil, d.errs
	}
	return &next, nil
}

// set reads a setting into v, the exporter at a path. What is wrong with the value is
// noted, the error is one of the key.
func (d *decoder) set(v reflect.Value, at string, s Setting) error {
	if at != "ipfix.bridge" && isOnlyBridges(reflect.TypeFor[ExporterSet](), s.Key) {
		return fmt.Errorf("%s is no key of %s: %s", s.Key, at, onlyBridges)
	}
	tag, here := reflect.StructTag(""), at
	for part := range strings.SplitSeq(s.Key, ".") {
		if v.Kind() != reflect.Struct {
			return fmt.Errorf("%s has no keys of its own", here)
		}
		f, t, ok := fieldByKey(v, part)
		if !ok {
			return fmt.Errorf("unknown key %q in %s%s", part, here, hint(part, keysOf(v.Type())))
		}
		v, tag, here = f, t, join(here, part)
	}
	if v.Kind() == reflect.Struct {
		return fmt.Errorf("%s is a block; change one of its keys, as in %s.%s", here, s.Key, keysOf(v.Type())[0])
	}
	if _, twice := d.places[here]; twice {
		return fmt.Errorf("%s is given twice; give it one value", here)
	}
	d.places[here] = place{1, 1, 1, 1}
	value := strings.TrimSpace(s.Value)
	switch {
	case v.Kind() == reflect.String && !inQuotes(value): // text is text, whatever YAML would make of it
		if !utf8.ValidString(s.Value) {
			return fmt.Errorf("%s: %q is not UTF-8 text", here, s.Value)
		}
		d.value(ast.String(token.New(s.Value, s.Value, &token.Position{Line: 1, Column: 1})), v, here, tag)
		return nil
	case v.Kind() == reflect.Slice && !strings.HasPrefix(value, "[") && !isWord(v, value):
		value = "[" + value + "]"
	case value == "":
		d.bad[here] = true
		d.errAt(here, 1, 1, "%s: the value is empty", here)
		return nil
	}
	sub := &decoder{file: d.file, places: d.places, bad: d.bad, faulty: d.faulty, lines: splitLines(value)}
	root := sub.parse([]byte(value))
	if root != nil {
		sub.value(root, v, here, tag)
	}
	for _, e := range sub.errs {
		if root == nil {
			d.bad[here] = true
			e.Msg = fmt.Sprintf("%s: %q can't be read: %s", here, s.Value, e.Msg)
		}
		d.errs = append(d.errs, e)
	}
	return nil
}

// inQuotes says whether a text is within quotes, as the file may have it.
func inQuotes(s string) bool {
	return len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0]
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
