package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pollux/configs"
)

// FuzzParse: no text makes the reader panic, and what it returns is either a scenario that
// can be run or errors that stand in the text.
func FuzzParse(f *testing.F) {
	for _, name := range List() {
		f.Add(Source(name))
	}
	names, _ := filepath.Glob("testdata/errors/*.yaml")
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := Parse(src, "fuzz.yaml", func(string) ([]byte, error) { return []byte("actions=drop"), nil })
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if err != nil {
			var list configs.Errors
			if !errors.As(err, &list) || len(list) == 0 {
				t.Fatalf("error is %T: %v", err, err)
			}
			for _, e := range list {
				if e.Line < 1 || e.Column < 1 || e.Msg == "" {
					t.Errorf("%+v", *e)
				}
			}
			return
		}
		tr := s.Traffic
		if tr.Flows < 1 || tr.Masks < 1 || len(tr.Size.Mix) == 0 || s.Run.Repeats < 1 || s.Run.Time <= 0 || s.Switch.Loops < 1 {
			t.Errorf("not complete: %+v", s)
		}
	})
}
