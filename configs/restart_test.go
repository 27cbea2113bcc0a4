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
	if got, want := strings.Join(NeedsRestart, " "), "datapath control log"; got != want {
		t.Errorf("restart: %s, want %s", got, want)
	}
	if got, want := strings.Join(Reloadable, " "), "bridge ports flows flows_file ipfix"; got != want {
		t.Errorf("reload: %s, want %s", got, want)
	}
	if n := len(keysOf(reflect.TypeFor[Config]())); n != len(NeedsRestart)+len(Reloadable) {
		t.Errorf("%d keys, %d listed", n, len(NeedsRestart)+len(Reloadable))
	}
	var s struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(SchemaJSON, &s); err != nil {
		t.Fatal(err)
	}
	ref := Reference()
	for i, keys := range [][]string{Reloadable, NeedsRestart} {
		for _, key := range keys {
			if said := strings.Contains(s.Properties[key].Description, "restart"); said != (i == 1) {
				t.Errorf("the schema says of %s: %s", key, s.Properties[key].Description)
			}
			if said := strings.Contains(ref, "| `"+key+"` | "+s.Properties[key].Description+" |"); !said {
				t.Errorf("the reference does not say of %s what the schema says", key)
			}
		}
	}
}

// TestReloadTags: the tag means nothing but on keys of the file.
func TestReloadTags(t *testing.T) {
	for _, v := range []any{Bridge{}, Datapath{}, Balance{}, Memory{}, Port{}, VLAN{}, IPFIX{}, ExporterSet{}, TLS{}, File{}, Control{}, Log{}} {
		for f := range fields(reflect.TypeOf(v)) {
			if _, ok := f.Tag.Lookup("reload"); ok {
				t.Errorf("%T.%s has a reload tag", v, f.Name)
			}
		}
	}
}
