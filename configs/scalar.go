package configs

import (
	"encoding"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// text reads a scalar as it is written, so that 00000000000000ab is not a number.
func (d *decoder) text(n ast.Node, u encoding.TextUnmarshaler, path string) {
	var s string
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		s = n.GetToken().Value
	default:
		d.fail(path, n, "%s is %s where one value belongs", path, kindOf(n))
		return
	}
	if err := u.UnmarshalText([]byte(s)); err != nil {
		d.fail(path, n, "%s: %v", path, err)
	}
}

// scalar reads one value of a basic type, within what the field's tag allows.
func (d *decoder) scalar(n ast.Node, v reflect.Value, path string, info reflect.StructTag) {
	switch v.Kind() {
	case reflect.String:
		s, ok := n.(*ast.StringNode)
		if !ok {
			hint := ""
			if _, isScalar := n.(ast.ScalarNode); isScalar {
				hint = "; put it in quotes if it is meant: \"" + n.GetToken().Value + "\""
			}
			switch n.(type) {
			case *ast.MappingNode, *ast.MappingValueNode:
				hint = "; text with a colon needs quotes"
			}
			d.fail(path, n, "%s is %s where text belongs%s", path, kindOf(n), hint)
			return
		}
		if words := words(info); words != nil && !slices.Contains(words, s.Value) {
			hint := ""
			if near := nearest(s.Value, words); near != "" {
				hint = "; did you mean " + near + "?"
			}
			d.fail(path, n, "%s: %q is not one of %s%s", path, s.Value, strings.Join(words, ", "), hint)
			return
		}
		if most, _ := strconv.Atoi(info.Get("maxlen")); most > 0 && len(s.Value) > most {
			d.fail(path, n, "%s: the text has %d bytes, more than %d", path, len(s.Value), most)
			return
		}
		v.SetString(s.Value)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fail(path, n, "%s is %s where true or false belongs", path, kindOf(n))
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Uint32:
		d.number(n, v, path, info)
	}
}

func (d *decoder) number(n ast.Node, v reflect.Value, path string, info reflect.StructTag) {
	lo, hi := limits(info)
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		what := kindOf(n)
		if what == "a number" {
			what = n.GetToken().Value
		}
		d.fail(path, n, "%s is %s where a whole number from %d to %d belongs", path, what, lo, hi)
		return
	}
	var x int64
	switch val := i.Value.(type) {
	case int64:
		x = val
	case uint64:
		x = int64(min(val, 1<<63-1))
		if val > 1<<63-1 {
			x, ok = 0, false
		}
	default:
		ok = false
	}
	switch pow2 := info.Get("pow2") != ""; {
	case !ok || x < lo || x > hi:
		d.fail(path, n, "%s: %s is not from %d to %d", path, i.GetToken().Value, lo, hi)
	case pow2 && x&(x-1) != 0:
		below := int64(1) << (bits.Len64(uint64(x)) - 1)
		d.fail(path, n, "%s: %d is not a power of two; the nearest are %d and %d", path, x, below, min(2*below, hi))
	case v.CanUint():
		v.SetUint(uint64(x))
	default:
		v.SetInt(x)
	}
}

// flowText reads flows from a block of lines or a list of strings.
func (d *decoder) flowText(n ast.Node, out *FlowText, path string) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		if n.Start.Type != token.LiteralType {
			d.fail(path, n, "%s is a folded block, which joins its lines; start it with | to keep one flow a line", path)
			return
		}
		line, _ := tokenPosition(n.Start)
		for i, text := range strings.Split(n.Value.Value, "\n") {
			at, col := line+1+i, 1
			if at <= len(d.lines) {
				src := d.lines[at-1]
				col += utf8.RuneCountInString(src) - utf8.RuneCountInString(strings.TrimLeft(src, " \t"))
			}
			out.add(d.file, text, at, col)
		}
	case *ast.SequenceNode:
		for i, e := range n.Values {
			s, ok := e.(*ast.StringNode)
			if !ok {
				if e == nil {
					e = n
				}
				d.fail(path, e, "%s[%d] is %s where one line with a flow belongs; put it in quotes", path, i, kindOf(e))
				continue
			}
			line, col := position(s)
			if t := s.Token.Type; t == token.SingleQuoteType || t == token.DoubleQuoteType {
				col++
			}
			out.add(d.file, s.Value, line, col)
		}
	case *ast.StringNode:
		line, col := position(n)
		out.add(d.file, n.Value, line, col)
	default:
		d.fail(path, n, "%s is %s where flows belong: a block (flows: |) with one a line, or a list of strings", path, kindOf(n))
	}
}

// add appends the flow in text, if there is one. Column is that of the text
// without the white space around it.
func (t *FlowText) add(file, text string, line, col int) {
	if i := strings.IndexByte(text, '#'); i >= 0 {
		text = text[:i]
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	*t = append(*t, FlowLine{Text: text, File: file, Line: line, Column: col})
}

func words(info reflect.StructTag) []string {
	if s := info.Get("oneof"); s != "" {
		return strings.Split(s, ",")
	}
	return nil
}

// span checks a time against what the field's tag allows.
func (d *decoder) span(n ast.Node, x Duration, path string, info reflect.StructTag) {
	lo, hi := spans(info)
	switch {
	case x == 0 && info.Get("zero") != "":
	case x < lo:
		d.fail(path, n, "%s: %v is shorter than %v", path, x, lo)
	case hi > 0 && x > hi:
		d.fail(path, n, "%s: %v is longer than %v", path, x, hi)
	}
}

// spans returns the shortest and longest time that a field's tag allows; 0 is no limit.
func spans(info reflect.StructTag) (lo, hi Duration) {
	a, b, _ := strings.Cut(info.Get("range"), ",")
	for _, end := range []struct {
		text string
		to   *Duration
	}{{a, &lo}, {b, &hi}} {
		if end.text == "" {
			continue
		}
		if err := end.to.UnmarshalText([]byte(end.text)); err != nil {
			panic(err) // a tag of this package is wrong
		}
	}
	return lo, hi
}

// rangeText writes what a field's tags allow, as the reference has it.
func rangeText(f reflect.StructField) string {
	info := f.Tag
	if n := info.Get("maxlen"); n != "" {
		return "up to " + n + " bytes"
	}
	if info.Get("range") == "" {
		return ""
	}
	if f.Type != reflect.TypeFor[Duration]() {
		lo, hi := limits(info)
		if hi == math.MaxInt32 || hi == math.MaxInt64 {
			return fmt.Sprintf("%d or more", lo)
		}
		return fmt.Sprintf("%d to %d", lo, hi)
	}
	text := ""
	switch lo, hi := spans(info); {
	case lo == 0:
		text = fmt.Sprintf("up to %v", hi)
	case hi == 0:
		text = fmt.Sprintf("%v or more", lo)
	default:
		text = fmt.Sprintf("%v to %v", lo, hi)
	}
	if info.Get("zero") != "" {
		text = "0, or " + text
	}
	return text
}

// limits returns the least and greatest value that a field's tag allows.
func limits(info reflect.StructTag) (lo, hi int64) {
	a, b, ok := strings.Cut(info.Get("range"), ",")
	if !ok {
		return 0, 1<<31 - 1
	}
	lo, _ = strconv.ParseInt(a, 10, 64)
	hi, _ = strconv.ParseInt(b, 10, 64)
	return lo, hi
}
