package configs

import (
	"reflect"
	"slices"
	"strings"
)

// NeedsRestart is the keys of the file whose changes a reload refuses: loops,
// memory and sockets are made once. Where it is only keys of a block, as control.socket,
// they are named. Reloadable is all other keys of the file. Both follow from the tags.
var NeedsRestart, Reloadable = byReload()

// IsRestart says whether a change of the key at path, as in a Change, is one that a reload
// refuses.
func IsRestart(path string) bool {
	return slices.ContainsFunc(NeedsRestart, func(key string) bool {
		rest, ok := strings.CutPrefix(path, key)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

func byReload() (restart, reload []string) {
	for f := range fields(reflect.TypeFor[Config]()) {
		key, _ := keyOf(f)
		if needsRestart(f) {
			restart = append(restart, key)
			continue
		}
		reload = append(reload, key)
		if f.Type.Kind() != reflect.Struct {
			continue
		}
		for sub := range fields(f.Type) {
			if k, _ := keyOf(sub); needsRestart(sub) {
				restart = append(restart, join(key, k))
			}
		}
	}
	return restart, reload
}

func needsRestart(f reflect.StructField) bool { return f.Tag.Get("reload") == "restart" }

// meaningOf is what the documents say of a key.
func meaningOf(f reflect.StructField) string {
	s := f.Tag.Get("jsonschema")
	if needsRestart(f) {
		s += " A change needs a restart."
	}
	return s
}
