package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// place is where a key of the file and its value stand.
type place struct {
	keyLine, keyCol int
	line, col       int // of the value
}

// decoder reads a syntax tree into the types of this package. It goes on after an
// error, so that one run finds all of them.
type decoder struct {
	file   string
	needs  string   // what an empty file is short of
	lines  []string // of the source
	errs   Errors
	places map[string]place // by path, as ports[0].vlan.tag
	bad    map[string]bool  // paths whose value was wrong: no check need look at them
	faulty map[string]bool  // keys of the file that have errors within; "" is the file itself
}

func newDecoder(src []byte, path, needs string) *decoder {
	return &decoder{
		file: path, needs: needs, lines: splitLines(string(src)),
		places: map[string]place{}, bad: map[string]bool{}, faulty: map[string]bool{},
	}
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
)

// errAt notes an error of path at a line and column.
func (d *decoder) errAt(path string, line, col int, format string, args ...any) {
	key := path
	if i := strings.IndexAny(path, ".["); i >= 0 {
		key = path[:i]
	}
	d.faulty[key] = true
	e := &Error{File: d.file, Line: max(line, 1), Column: max(col, 1), Msg: fmt.Sprintf(format, args...)}
	if e.Line <= len(d.lines) {
		e.Source = d.lines[e.Line-1]
	}
	d.errs = append(d.errs, e)
}

// fail notes an error in the value of path.
func (d *decoder) fail(path string, n ast.Node, format string, args ...any) {
	d.bad[path] = true
	line, col := position(n)
	d.errAt(path, line, col, format, args...)
}

func position(n ast.Node) (line, col int) {
	for range 8 { // the first key of a mapping says where it starts
		m, ok := n.(*ast.MappingNode)
		if ok && !m.IsFlowStyle && len(m.Values) > 0 {
			n = m.Values[0]
		}
		if v, ok := n.(*ast.MappingValueNode); ok {
			n = v.Key
		}
	}
	return tokenPosition(n.GetToken())
}

func tokenPosition(tk *token.Token) (line, col int) {
	if tk == nil || tk.Position == nil {
		return 1, 1
	}
	return tk.Position.Line, tk.Position.Column
}

// kindOf names a node's type as a person would.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a block of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.NullNode:
		return "nothing"
	}
	return "text"
}

// value reads n into v. info is the tag of the field that v is (an element of).
func (d *decoder) value(n ast.Node, v reflect.Value, path string, info reflect.StructTag) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.fail(path, n, "%s: anchors, aliases and tags are not read; write the value itself", path)
		return
	case *ast.NullNode:
		d.fail(path, n, "%s has no value; write one, or leave the key out to have its default", path)
		return
	}
	if v.Type() == reflect.TypeFor[FlowText]() {
		d.flowText(n, v.Addr().Interface().(*FlowText), path)
		return
	}
	if v.Type() == reflect.TypeFor[FlowKey]() {
		if text, ok := n.(*ast.StringNode); ok { // one word, as in flow_key: ovs
			v.Set(reflect.ValueOf(FlowKey{text.Value}))
			return
		}
		if _, ok := n.(*ast.SequenceNode); !ok {
			d.fail(path, n, "%s is %s where %s, %s or a list of element names belongs", path, kindOf(n), KeyOVS, KeyFiveTuple)
			return
		}
	}
	if v.CanAddr() && v.Addr().Type().Implements(textUnmarshaler) {
		d.text(n, v.Addr().Interface().(encoding.TextUnmarshaler), path)
		if x, ok := v.Interface().(Duration); ok && !d.bad[path] {
			d.span(n, x, path, info)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.block(n, v, path)
	case reflect.Slice:
		d.list(n, v, path, info)
	default:
		d.scalar(n, v, path, info)
	}
}

// block reads a mapping into a struct.
func (d *decoder) block(n ast.Node, v reflect.Value, path string) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fail(path, n, "%s is %s where a block of keys belongs: %s", name(path), kindOf(n), strings.Join(keysOf(v.Type()), ", "))
		return
	}
	seen := map[string]int{} // key → line
	for _, kv := range values {
		kt := kv.Key.GetToken()
		if kt == nil {
			continue
		}
		key := kt.Value
		line, col := tokenPosition(kt)
		f, tag, ok := fieldByKey(v, key)
		if _, plain := kv.Key.(*ast.StringNode); !ok || !plain {
			if isOnlyBridges(v.Type(), key) {
				d.errAt(path, line, col, "%s is no key of %s: %s", key, name(path), onlyBridges)
				continue
			}
			hint := "known here: " + strings.Join(keysOf(v.Type()), ", ")
			if near := nearest(key, keysOf(v.Type())); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			d.errAt(path, line, col, "unknown key %q in %s; %s", key, name(path), hint)
			continue
		}
		if at, dup := seen[key]; dup {
			d.errAt(path, line, col, "key %q is given twice in %s, first in line %d; keep one of them", key, name(path), at)
			continue
		}
		seen[key] = line
		sub := join(path, key)
		if kv.Value == nil {
			d.bad[sub] = true
			d.errAt(sub, line, col, "%s has no value; write one, or leave the key out to have its default", sub)
			continue
		}
		p := place{keyLine: line, keyCol: col}
		p.line, p.col = position(kv.Value)
		d.places[sub] = p
		d.value(kv.Value, f, sub, tag)
	}
	for _, key := range requiredKeys(v.Type()) {
		if _, ok := seen[key]; !ok {
			d.bad[join(path, key)] = true
			line, col := position(n)
			d.errAt(path, line, col, "%s has no %q, which has no default; add it", name(path), key)
		}
	}
}

// list reads a sequence into a slice.
func (d *decoder) list(n ast.Node, v reflect.Value, path string, info reflect.StructTag) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(path, n, "%s is %s where a list belongs, as in [a, b]", path, kindOf(n))
		return
	}
	s := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, e := range seq.Values {
		sub := fmt.Sprintf("%s[%d]", path, i)
		if e == nil {
			line, col := position(n)
			d.bad[sub] = true
			d.errAt(sub, line, col, "%s has no value; write one or remove the entry", sub)
			continue
		}
		p := place{}
		p.line, p.col = position(e)
		p.keyLine, p.keyCol = p.line, p.col
		d.places[sub] = p
		if x, ok := s.Index(i).Addr().Interface().(defaulter); ok {
			x.defaults()
		}
		d.value(e, s.Index(i), sub, info)
	}
	v.Set(s)
}

// name is how an error calls the block at path.
func name(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
