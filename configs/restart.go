package configs

import "reflect"

// NeedsRestart is the keys of the file whose changes a reload refuses: loops,
// memory and sockets are made once. Reloadable is all others. Both follow from the tags.
var NeedsRestart, Reloadable = byReload()

func byReload() (restart, reload []string) {
	for f := range fields(reflect.TypeFor[Config]()) {
		key, _ := keyOf(f)
		if needsRestart(f) {
			restart = append(restart, key)
		} else {
			reload = append(reload, key)
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
