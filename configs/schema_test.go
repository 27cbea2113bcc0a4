package configs

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/jsonschema-go/jsonschema"

	"pollux/ipfix"
)

// generated compares a generated file with the committed one. UPDATE=1 writes it.
func generated(t *testing.T, name string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s is not what the types say; make it anew with: UPDATE=1 go test ./configs", name)
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	generated(t, "pollux.schema.json", b)
}

func TestReferenceIsCurrent(t *testing.T) { generated(t, "REFERENCE.md", []byte(Reference())) }

func TestElementsDocIsCurrent(t *testing.T) {
	generated(t, "../docs/elements.md", []byte(ElementsDoc()))
	for _, e := range ipfix.FlowElements() {
		if e.Meaning == "" {
			t.Errorf("nothing says what %s means", e.Name)
		}
	}
}

// TestEveryKeyIsDescribed: every property of the schema says what it means, and no
// type of Go (nullable lists) shines through.
func TestEveryKeyIsDescribed(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(path string, s map[string]any)
	walk = func(path string, s map[string]any) {
		props, _ := s["properties"].(map[string]any)
		for key, p := range props {
			p := p.(map[string]any)
			n++
			if d, _ := p["description"].(string); len(d) < 10 || !strings.ContainsAny(d[len(d)-1:], ".:)") {
				t.Errorf("%s.%s is described as %q", path, key, d)
			}
			if list, ok := p["type"].([]any); ok && slices.Contains(list, any("null")) {
				t.Errorf("%s.%s may be null", path, key)
			}
			walk(path+"."+key, p)
			if items, ok := p["items"].(map[string]any); ok {
				walk(path+"."+key+"[]", items)
			}
		}
	}
	walk("", s)
	if n < 60 {
		t.Errorf("%d keys", n)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// TestSchemaAgrees: the deployments validate against the schema, and broken values
// that single keys have do not.
func TestSchemaAgrees(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(SchemaJSON, &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(src []byte) error {
		var v any
		if err := yaml.Unmarshal(src, &v); err != nil {
			t.Fatal(err)
		}
		b := must(json.Marshal(v))
		v = nil
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		return r.Validate(v)
	}
	for _, name := range deployments(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, src := range []string{
		"brige: {}", "bridge: {mac_ageing: soon}", "ports: [{name: a}]", "ports: [{name: a, type: b}]",
		"ports: [{name: a, type: tap, ofport: 0}]", "ports: [{name: a, type: tap, vlan: {tag: 4096}}]",
		"ports: [{name: a, type: tap, nrxq: 1}]", "datapath: {burst: 257}", "ipfix: {sets: [{targets: []}]}",
		"flows: {a: b}", "log: {level: loud}", "ports: ~", "ports: [{name: a, type: tap, mac: x}]",
	} {
		if valid([]byte(src)) == nil {
			t.Errorf("the schema lets pass: %s", src)
		}
		if _, err := Parse([]byte(src), "x", Options{CPUs: cores(4)}); err == nil {
			t.Errorf("Parse lets pass: %s", src)
		}
	}
}

// TestDefaultsAreAllowed: each default lies within what its tag allows.
func TestDefaultsAreAllowed(t *testing.T) {
	for _, v := range []any{*withDefaults[Config](), *withDefaults[Port](), *withDefaults[ExporterSet]()} {
		var walk func(v reflect.Value)
		walk = func(v reflect.Value) {
			for f := range fields(v.Type()) {
				x := v.FieldByIndex(f.Index)
				if f.Tag.Get("range") != "" && x.CanInt() {
					lo, hi := limits(f.Tag)
					if f.Type == reflect.TypeFor[Duration]() {
						a, b := spans(f.Tag)
						if lo, hi = int64(a), int64(b); b == 0 {
							hi = math.MaxInt64
						}
						if f.Tag.Get("zero") != "" {
							lo = 0
						}
					}
					if x.Int() < lo || x.Int() > hi {
						t.Errorf("%s.%s: %d is not from %d to %d", v.Type(), f.Name, x.Int(), lo, hi)
					}
				}
				if x.Kind() == reflect.Struct && !f.Type.Implements(textMarshaler) {
					walk(x)
				}
			}
		}
		walk(reflect.ValueOf(v))
	}
}

// deployments returns the files of this folder.
func deployments(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.yaml")
	if err != nil || len(names) < 4 {
		t.Fatalf("%v, %v", names, err)
	}
	return names
}
