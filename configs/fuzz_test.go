package configs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: no text makes the loader panic, and what it returns is either a
// complete configuration or errors that stand in the text.
func FuzzParse(f *testing.F) {
	for _, glob := range []string{"*.yaml", "testdata/errors/*.yaml"} {
		files, _ := filepath.Glob(glob)
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		noFile := func(string) ([]byte, error) { return nil, os.ErrNotExist }
		c, err := Parse(src, "fuzz.yaml", Options{CPUs: cores(4), ParseFlows: fussyFlows, ReadFile: noFile})
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err != nil {
			var es Errors
			if !errors.As(err, &es) || len(es) == 0 {
				t.Fatalf("error is %T: %v", err, err)
			}
			lines := len(splitLines(string(src)))
			for _, e := range es {
				if e.Line < 1 || e.Line > lines+1 || e.Column < 1 || e.Msg == "" {
					t.Errorf("%+v in a text of %d lines", *e, lines)
				}
			}
			return
		}
		if len(c.Datapath.Loops) == 0 || c.Datapath.Memory.FramesPerLoop == 0 {
			t.Error("not complete")
		}
		for _, p := range c.Ports {
			if p.OFPort == 0 || len(p.Loops) != p.Queues || p.VLAN.Mode == "" || p.Name == "" {
				t.Errorf("port not complete: %+v", p)
			}
		}
		if d := Diff(c, c); len(d) != 0 {
			t.Errorf("differs from itself: %v", d)
		}
	})
}
