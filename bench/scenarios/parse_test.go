package scenarios

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pollux/configs"
)

var update = flag.Bool("update", false, "write golden files and documents anew")

// golden compares got with a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Error(d)
	}
}

// TestErrors: everything that is wrong is told at once, with its place.
func TestErrors(t *testing.T) {
	names, _ := filepath.Glob("testdata/errors/*.yaml")
	if len(names) == 0 {
		t.Fatal("no files")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(src, filepath.Base(name), func(string) ([]byte, error) { return nil, os.ErrNotExist })
			var list configs.Errors
			if s != nil || !errors.As(err, &list) {
				t.Fatalf("%+v, %v", s, err)
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".golden", list.Error()+"\n")
		})
	}
}

// TestDefaults: a title is enough.
func TestDefaults(t *testing.T) {
	s, err := Parse([]byte("title: x"), "dir/name.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := s.Traffic
	if s.Name != "name" || tr.Flows != 1000 || tr.Masks != 1 || len(tr.Size.Mix) != 1 || tr.InTable() || s.Run.Repeats != 7 || s.Switch.Loops != 1 {
		t.Errorf("%+v", s)
	}
}

func TestEmbedded(t *testing.T) {
	names := List()
	if len(names) < 20 {
		t.Errorf("only %v", names)
	}
	for _, name := range names {
		s, err := Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name != name || s.Title == "" || len(Source(name)) == 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if _, err := Open("no-such"); err == nil {
		t.Error("a scenario that is none")
	}
	if _, err := Open("./no-such.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is none: %v", err)
	}
}

// TestFlowsFile: a relative path starts at the scenario, and errors tell its lines.
func TestFlowsFile(t *testing.T) {
	read := func(name string) ([]byte, error) {
		if name != filepath.Join("dir", "more.txt") {
			t.Errorf("read %s", name)
		}
		return []byte("# rules\nin_port=in,actions=output:out\n\nactions=none\n"), nil
	}
	_, err := Parse([]byte("title: x\nrules: {flows_file: more.txt}"), "dir/s.yaml", read)
	if err == nil || !strings.HasPrefix(err.Error(), filepath.Join("dir", "more.txt")+":4:9: flow: ") {
		t.Errorf("%v", err)
	}
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		in, out string
	}{{"0", "0"}, {"200k", "200k"}, {"1500000", "1.5m"}, {"1.5m", "1.5m"}, {"12.5", "12.5"}} {
		var r Rate
		if err := r.UnmarshalText([]byte(c.in)); err != nil || r.String() != c.out {
			t.Errorf("%s: %v, %v", c.in, r, err)
		}
	}
	for _, in := range []string{"", "k", "-1", "1g", "nan", "2000m"} {
		var r Rate
		if err := r.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q: %v", in, r)
		}
	}
}

// TestReferenceIsCurrent: the committed reference is that of the types.
func TestReferenceIsCurrent(t *testing.T) {
	golden(t, "REFERENCE.md", "# Scenario reference\n\n"+
		"Generated from the types in this folder (`make generate`). One YAML file is one scenario of `pollux bench run`; keys\n"+
		"that are left out have their default.\n"+Reference())
}
