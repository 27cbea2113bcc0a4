package configs

import "reflect"

// ExporterKeys lists the keys of an exporter as SetExporter takes them.
func ExporterKeys() []string { return keysBelow("", reflect.TypeFor[Exporter]()) }

func keysBelow(path string, t reflect.Type) (keys []string) {
	for f := range fields(t) {
		key, _ := keyOf(f)
		if key = join(path, key); f.Type.Kind() == reflect.Struct && !f.Type.Implements(textMarshaler) {
			keys = append(keys, keysBelow(key, f.Type)...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

// ExporterWords lists the words that a key of an exporter may have as (part of) its value;
// none where it takes numbers, times or any text.
func ExporterWords(key string) []string {
	switch key {
	case "flow_key":
		return append([]string{KeyOVS, KeyFiveTuple}, keyNames()...)
	case "elements":
		return elementNames()
	}
	for f := range fields(reflect.TypeFor[Exporter]()) {
		if k, _ := keyOf(f); k != key {
			continue
		}
		if f.Type.Kind() == reflect.Bool {
			return []string{"true", "false"}
		}
		return words(f.Tag)
	}
	return nil
}
