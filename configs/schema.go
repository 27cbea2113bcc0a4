package configs

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// SchemaJSON is the committed JSON schema of the file, as editors use it.
//
//go:embed pollux.schema.json
var SchemaJSON []byte

// Schema makes the JSON schema (draft 2020-12) from the types, their tags and
// their defaults.
func Schema() ([]byte, error) {
	duration := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^[0-9]+(\.[0-9]+)?$`},
		{Type: "number", Minimum: new(0.0)},
	}}
	flows := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string"},
		{Type: "array", Items: &jsonschema.Schema{Type: "string"}},
	}}
	ofport := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: new(1.0), Maximum: new(float64(MaxOFPort))},
		{Type: "string", Pattern: `^[Ll][Oo][Cc][Aa][Ll]$`},
	}}
	bits := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string", Pattern: bitsPattern},
		{Type: "integer", Minimum: new(1.0)},
	}}
	var words []any
	for _, w := range append([]string{KeyOVS, KeyFiveTuple}, keyNames()...) {
		words = append(words, w)
	}
	key := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string", Enum: words},
		{Type: "array", Items: &jsonschema.Schema{Type: "string", Enum: words[2:]}, MinItems: new(1)},
	}}
	opt := &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Duration]():     duration,
		reflect.TypeFor[FlowText]():     flows,
		reflect.TypeFor[FlowKey]():      key,
		reflect.TypeFor[OFPort]():       ofport,
		reflect.TypeFor[DatapathID]():   {Type: "string", Pattern: "^[0-9a-fA-F]{16}$"},
		reflect.TypeFor[Bits]():         bits,
		reflect.TypeFor[Affinity]():     {Type: "string", Pattern: `^[0-9]+:[0-9]+( *, *[0-9]+:[0-9]+)*$`},
		reflect.TypeFor[MAC]():          {Type: "string", Pattern: "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$"},
		reflect.TypeFor[Prefix]():       {Type: "string"},
		reflect.TypeFor[netip.Prefix](): {Type: "string"},
	}}
	s, err := jsonschema.For[Config](opt)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Pollux configuration"
	annotate(s, reflect.ValueOf(withDefaults[Config]()).Elem())
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return append(b, '\n'), nil
}

// annotate adds what the tags and defaults say to the schema of a struct.
func annotate(s *jsonschema.Schema, v reflect.Value) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if key, _ := keyOf(f); notOf(v.Type(), f) {
			delete(s.Properties, key)
			s.PropertyOrder = slices.DeleteFunc(s.PropertyOrder, func(k string) bool { return k == key })
		}
	}
	for f := range fields(v.Type()) {
		key, _ := keyOf(f)
		p := s.Properties[key]
		if p == nil {
			continue
		}
		p.Description = meaningOf(f)
		if d, ok := defaultOf(f, v.FieldByIndex(f.Index)); ok {
			p.Default = d
		}
		leaf := p
		if f.Type.Kind() == reflect.Slice && p.Items != nil {
			p.Types, p.Type = nil, "array" // a list is a list, never null
			leaf = p.Items
		}
		for _, w := range words(f.Tag) {
			leaf.Enum = append(leaf.Enum, w)
		}
		if f.Tag.Get("range") != "" && f.Type != reflect.TypeFor[Duration]() {
			lo, hi := limits(f.Tag)
			leaf.Minimum, leaf.Maximum = new(float64(lo)), new(float64(hi))
		}
		switch t := f.Type; {
		case t.Kind() == reflect.Struct && !t.Implements(textMarshaler):
			annotate(p, v.FieldByIndex(f.Index))
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !t.Elem().Implements(textMarshaler):
			annotate(leaf, newWithDefaults(t.Elem()).Elem())
		}
	}
}

// defaultOf returns a field's default as JSON; blocks have none of their own.
func defaultOf(f reflect.StructField, v reflect.Value) (json.RawMessage, bool) {
	_, optional := keyOf(f)
	if !optional || f.Type.Kind() == reflect.Struct && !f.Type.Implements(textMarshaler) || f.Type.Kind() == reflect.Slice {
		return nil, false
	}
	if _, isText := v.Interface().(interface{ UnmarshalText([]byte) error }); isText || v.Kind() == reflect.String {
		if v.IsZero() {
			return nil, false // worked out from other keys: the meaning says how
		}
	}
	if f.Type != reflect.TypeFor[Duration]() && f.Type.Implements(textMarshaler) && v.IsZero() {
		return nil, false
	}
	b, err := json.Marshal(v.Interface())
	return b, err == nil
}

func withDefaults[T any]() *T {
	return newWithDefaults(reflect.TypeFor[T]()).Interface().(*T)
}

func newWithDefaults(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if d, ok := v.Interface().(defaulter); ok {
		d.defaults()
	}
	return v
}
