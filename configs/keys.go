package configs

import (
	"reflect"
	"strings"
)

// keyOf returns the YAML key of a field, and whether it may be left out.
func keyOf(f reflect.StructField) (key string, optional bool) {
	key, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	return key, rest != ""
}

// keysOf returns the keys of a struct type, those of embedded ones among them.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range fields(t) {
		key, _ := keyOf(f)
		keys = append(keys, key)
	}
	return keys
}

// fields yields the fields of a struct type that have keys.
func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if !f.Anonymous && f.Tag.Get("json") != "-" && !notOf(t, f) && !yield(f) {
				return
			}
		}
	}
}

// notOf says that a field of a type that is embedded in t is no key of t: what sample
// actions say themselves is no key of the sets that they name.
func notOf(t reflect.Type, f reflect.StructField) bool {
	return t == reflect.TypeFor[ExporterSet]() && f.Tag.Get("only") != ""
}

// isOnlyBridges says whether key is one that a set does not have, but the bridge's exporter.
func isOnlyBridges(t reflect.Type, key string) bool {
	for _, f := range reflect.VisibleFields(t) {
		if k, _ := keyOf(f); k == key && notOf(t, f) {
			return true
		}
	}
	return false
}

func fieldByKey(v reflect.Value, key string) (field reflect.Value, tag reflect.StructTag, ok bool) {
	for f := range fields(v.Type()) {
		if k, _ := keyOf(f); k == key {
			return v.FieldByIndex(f.Index), f.Tag, true
		}
	}
	return reflect.Value{}, "", false
}

// requiredKeys returns the keys that have no default.
func requiredKeys(t reflect.Type) []string {
	var keys []string
	for f := range fields(t) {
		if key, optional := keyOf(f); !optional {
			keys = append(keys, key)
		}
	}
	return keys
}
