package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// List returns the names of the scenarios in the binary, in order.
func List() (names []string) {
	all, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, name := range all {
		names = append(names, strings.TrimSuffix(name, ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Open returns the scenario of a name of List, or else that of a file.
func Open(name string) (*Scenario, error) {
	if slices.Contains(List(), name) {
		return Parse(Source(name), name+".yaml", files.ReadFile)
	}
	if !strings.ContainsAny(name, "./") {
		return nil, fmt.Errorf("there is no scenario %q; pollux bench list names them, and a file has a dot or a slash in its name", name)
	}
	return Load(name)
}

// Source returns the text of a scenario of List.
func Source(name string) []byte {
	text, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil
	}
	return text
}
