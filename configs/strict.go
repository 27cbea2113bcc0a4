package configs

import (
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Document is a file of another kind than a deployment, read as strictly: types with the
// tags of this package say which keys there are.
type Document struct{ c *checker }

// Strict reads src into v, a pointer to a struct that has its defaults already. path
// names it in errors; needs says what an empty file is short of. What is wrong is told by
// Err, after the caller's own checks.
func Strict(src []byte, path, needs string, v any) *Document {
	d := newDecoder(src, path, needs)
	if root := d.parse(src); root != nil {
		d.block(root, reflect.ValueOf(v).Elem(), "")
	}
	return &Document{&checker{decoder: d}}
}

// Given says whether the file has the key at path, as traffic.flows.
func (d *Document) Given(path string) bool { return d.c.given(path) }

// Bad says whether the value at path, or of something within, is wrong already.
func (d *Document) Bad(path string) bool {
	for at := range d.c.bad {
		if at == path || strings.HasPrefix(at, path+".") || strings.HasPrefix(at, path+"[") {
			return true
		}
	}
	return d.c.faulty[path]
}

// Errorf notes an error at the value of path, or of the nearest block around it that the
// file has.
func (d *Document) Errorf(path, format string, args ...any) { d.c.errorf(path, format, args...) }

// FlowError notes an error of a flow, off bytes from its start.
func (d *Document) FlowError(l FlowLine, off int, msg string) {
	e := &Error{File: l.File, Line: l.Line, Column: l.Column, Msg: "flow: " + msg, Source: l.Text, Err: errors.New(msg)}
	e.Column += utf8.RuneCountInString(l.Text[:max(0, min(off, len(l.Text)))])
	if l.File == d.c.file && l.Line <= len(d.c.lines) {
		e.Source = d.c.lines[l.Line-1]
	}
	d.c.errs = append(d.c.errs, e)
}

// Err returns everything that is wrong, as Errors, or nil.
func (d *Document) Err() error {
	if len(d.c.errs) == 0 {
		return nil
	}
	d.c.errs.sort(d.c.file)
	return d.c.errs
}

// AddFlows appends the flows of a text that stands in a file of its own.
func (t *FlowText) AddFlows(file, text string) {
	for i, line := range splitLines(text) {
		t.add(file, line, i+1, 1+utf8.RuneCountInString(line)-utf8.RuneCountInString(strings.TrimLeft(line, " \t")))
	}
}

// KeyTables describes the keys of v, a pointer to a struct with its defaults, in
// Markdown: a table a block, a line a key.
func KeyTables(title string, v any) string {
	var b strings.Builder
	section(&b, "", title, reflect.ValueOf(v).Elem())
	return b.String()
}

// CheckExporter checks a flow key and a list of elements, at path.flow_key and
// path.elements, as those of an exporter are.
func (d *Document) CheckExporter(path string, key FlowKey, elements []string) {
	d.c.checkKey(path+".flow_key", key)
	d.c.checkElements(path, &Exporter{FlowKey: key, Elements: elements})
}
