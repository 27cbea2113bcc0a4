package configs

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestRestartKeys: every key of the file is in one of the lists, and both documents
// say of each which it is.
func TestRestartKeys(t *testing.T) {
	if got, want := strings.Join(NeedsRestart, " "), "datapath control.socket log"; got != want {
		t.Errorf("restart: %s, want %s", got, want)
	}
	if got, want := strings.Join(Reloadable, " "), "bridge ports flows flows_file ipfix control"; got != want {
		t.Errorf("reload: %s, want %s", got, want)
	}
	if n := len(keysOf(reflect.TypeFor[Config]())); n != len(NeedsRestart)-1+len(Reloadable) { // control is listed, and one of its keys
		t.Errorf("%d keys, %d listed", n, len(NeedsRestart)-1+len(Reloadable))
	}
	var s struct {
		Properties map[string]struct {
			Description string
			Properties  map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(SchemaJSON, &s); err != nil {
		t.Fatal(err)
	}
	ref := Reference()
	for i, keys := range [][]string{Reloadable, NeedsRestart} {
		for _, key := range keys {
			meaning := s.Properties[key].Description
			if block, sub, ok := strings.Cut(key, "."); ok {
				meaning, key = s.Properties[block].Properties[sub].Description, sub
			}
			if said := strings.Contains(meaning, "restart"); said != (i == 1) {
				t.Errorf("the schema says of %s: %s", key, meaning)
			}
			if said := strings.Contains(ref, "| `"+key+"` | "+meaning+" |"); !said {
				t.Errorf("the reference does not say of %s what the schema says", key)
			}
		}
	}
}

// TestIsRestart: a path is of a key, not of what begins with the same letters.
func TestIsRestart(t *testing.T) {
	for path, want := range map[string]bool{
		"datapath": true, "datapath.loops": true, "datapath.loops[0].core": true, "control.socket": true, "log.level": true,
		"control.openflow": false, "control.controllers[tcp:10.0.0.1].max_backoff": false, "control": false, "ports[a].mode": false, "logs": false,
	} {
		if got := IsRestart(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// TestReloadTags: the tag means nothing but on keys of the file and those of its blocks.
func TestReloadTags(t *testing.T) {
	for _, v := range []any{Balance{}, Memory{}, Port{}, VLAN{}, ExporterSet{}, TLS{}, File{}, Controller{}, ControlTLS{}} {
		for f := range fields(reflect.TypeOf(v)) {
			if _, ok := f.Tag.Lookup("reload"); ok {
				t.Errorf("%T.%s has a reload tag", v, f.Name)
			}
		}
	}
}
