package configs

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference makes the reference of all keys in Markdown: a table a block, a line a
// key, from the same tags as the schema.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\n" +
		"Generated from the types in this folder (`make generate`). One YAML file is one deployment; `pollux check FILE` says\n" +
		"everything that is wrong with it. Durations are written as in `300s`, `5m`, `200us`, or as plain seconds, up to ten years. A key\n" +
		"that is left out has its default; a key marked *required* has none.\n\n" +
		"`pollux reload` applies changes of " + quoted(Reloadable) + " to the running switch. It\n" +
		"refuses changes of " + quoted(NeedsRestart) + ", and applies nothing then: they need a restart.\n")
	section(&b, "", "The file", reflect.ValueOf(withDefaults[Config]()).Elem())
	return b.String()
}

func section(b *strings.Builder, path, title string, v reflect.Value) {
	fmt.Fprintf(b, "\n## %s\n\n| key | meaning | unit | range | default |\n| --- | --- | --- | --- | --- |\n", title)
	type sub struct {
		path string
		v    reflect.Value
	}
	var subs []sub
	for f := range fields(v.Type()) {
		key, optional := keyOf(f)
		fv := v.FieldByIndex(f.Index)
		meaning := meaningOf(f)
		if w := words(f.Tag); w != nil {
			meaning += " One of " + quoted(w) + "."
		}
		def := "*required*"
		if optional {
			def = ""
			if d, ok := defaultOf(f, fv); ok {
				def = "`" + strings.Trim(string(d), `"`) + "`"
			}
		}
		switch t := f.Type; {
		case t.Kind() == reflect.Struct && !t.Implements(textMarshaler):
			subs = append(subs, sub{join(path, key), fv})
			def = "see [" + join(path, key) + "](#" + anchor(join(path, key)) + ")"
		case t.Kind() == reflect.Slice && !t.Implements(textMarshaler) && t.Elem().Kind() == reflect.Struct && !t.Elem().Implements(textMarshaler):
			at := join(path, key) + "[]"
			subs = append(subs, sub{at, newWithDefaults(t.Elem()).Elem()})
			def = "see [" + at + "](#" + anchor(at) + ")"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", key, strings.ReplaceAll(meaning, "|", "\\|"), f.Tag.Get("unit"), rangeText(f), def)
	}
	for _, s := range subs {
		section(b, s.path, "`"+s.path+"`", s.v)
	}
}

// quoted lists words as code.
func quoted(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// anchor is how Markdown viewers name the heading of a block.
func anchor(path string) string {
	return strings.NewReplacer(".", "", "[", "", "]", "").Replace(path)
}
