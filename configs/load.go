package configs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxSize is the size of the longest configuration file that is read, in bytes.
const MaxSize = 16 << 20

// maxFlowsFile is the same for a flows_file: some millions of flows.
const maxFlowsFile = 1 << 30

// Options is what Load needs from outside this package.
type Options struct {
	// CPUs returns the numbers of the cores that loops may be pinned to, rising.
	// nil asks the kernel which ones this process may use.
	CPUs func() []int
	// ParseFlows checks the flows, all of them together. Each error is best a
	// *FlowError, which says where; any other stands at the first flow. c may have
	// errors of its own, which are none of the flows'.
	// nil leaves flows unchecked.
	ParseFlows func(c *Config, flows []FlowLine) []error
	// ReadFile reads the flows file. nil reads it from disk.
	ReadFile func(name string) ([]byte, error)
	// IsDir says whether a directory is there. nil looks at the disk.
	IsDir func(name string) bool
}

// FlowError is an error of one flow.
type FlowError struct {
	Index  int // of the flow in the list
	Offset int // in bytes from the start of its text
	Err    error

	// Depends is the key of the file, as ipfix, beside whose block the flow is wrong.
	// While that has errors of its own this one is left out, as it may come of them.
	Depends string
}

func (e *FlowError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *FlowError) Unwrap() error { return e.Err }

// Load reads and checks the file at path. The error is of type Errors and holds
// everything that is wrong.
func Load(path string, opt Options) (*Config, error) {
	src, err := readFile(path, MaxSize+1)
	if err != nil {
		msg := err.Error()
		if pe := (*os.PathError)(nil); errors.As(err, &pe) {
			msg = fmt.Sprintf("can't %s it: %v", pe.Op, pe.Err)
		}
		return nil, Errors{{File: path, Msg: msg, Err: err}}
	}
	return Parse(src, path, opt)
}

// readFile reads a file, but no more than limit bytes of it: a name may be that of
// an endless device.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	src, err := io.ReadAll(io.LimitReader(f, limit))
	return src, errors.Join(err, f.Close())
}

// Parse is Load of a text. path names it in errors, and its folder is where a
// relative flows_file starts.
func Parse(src []byte, path string, opt Options) (*Config, error) {
	d := newDecoder(src, path, "a switch needs at least ports")
	c := &Config{}
	c.defaults()
	if root := d.parse(src); root != nil {
		d.block(root, reflect.ValueOf(c).Elem(), "")
	}
	if len(d.errs) > 0 && len(d.places) == 0 {
		return nil, d.errs // not YAML: nothing to check
	}
	ch := &checker{decoder: d, c: c, opt: opt}
	ch.readFlowsFile()
	ch.complete()
	ch.check()
	if len(d.errs) > 0 {
		d.errs.sort(path)
		return nil, d.errs
	}
	return c, nil
}

// parse returns the root of the one document in src, or nil after an error.
func (d *decoder) parse(src []byte) (root ast.Node) {
	// The parser is other people's; a text that makes it panic is the text's fault.
	defer func() {
		if r := recover(); r != nil {
			root = nil
			d.errAt("", 1, 1, "not a YAML file: the parser gave up on it (%v)", r)
		}
	}()
	if len(src) > MaxSize {
		d.errAt("", 1, 1, "the file has %d bytes, more than the %d allowed; put flows into a flows_file", len(src), MaxSize)
		return nil
	}
	for i, line := range d.lines {
		if !utf8.ValidString(line) {
			d.errAt("", i+1, 1, "the line is not UTF-8 text")
			return nil
		}
	}
	if line := tooDeep(d.lines); line > 0 {
		d.errAt("", line, 1, "blocks or lists are nested too deeply here; a configuration needs fewer than ten levels")
		return nil
	}
	f, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, col, msg := 1, 1, err.Error()
		if ye := yaml.Error(nil); errors.As(err, &ye) {
			line, col = tokenPosition(ye.GetToken())
			msg = ye.GetMessage()
		}
		d.errAt("", line, col, "not YAML: %s", msg)
		return nil
	}
	var docs []ast.Node
	for _, doc := range f.Docs {
		if doc.Body != nil {
			docs = append(docs, doc.Body)
		}
	}
	switch len(docs) {
	case 0:
		d.errAt("", 1, 1, "the file is empty; %s", d.needs)
		return nil
	case 1:
		return docs[0]
	}
	line, col := position(docs[1])
	d.errAt("", line, col, "a second document starts here; a file holds one")
	return nil
}

// tooDeep returns the first line whose nesting would take the parser, which
// recurses, beyond any stack; 0 if there is none.
func tooDeep(lines []string) int {
	const most = 500
	open := 0
	for i, line := range lines {
		marks := 0
		for _, r := range line {
			switch r {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			case '-', '?', ':', '!', '&', '*':
				marks++
			}
		}
		start := len(line) - len(strings.TrimLeft(line, "-?:!&* \t"))
		if open > most || start > most && marks > most/2 {
			return i + 1
		}
	}
	return 0
}

func splitLines(s string) []string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines
}

// readFlowsFile adds the flows of flows_file to those of the configuration.
func (c *checker) readFlowsFile() {
	if c.c.FlowsFile == "" || c.bad["flows_file"] {
		return
	}
	path := c.c.FlowsFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(c.file), path)
	}
	read := c.opt.ReadFile
	if read == nil {
		read = func(name string) ([]byte, error) { return readFile(name, maxFlowsFile+1) }
	}
	src, err := read(path)
	if err == nil && len(src) > maxFlowsFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFlowsFile)
	}
	if err != nil {
		c.errorf("flows_file", "can't read the flows: %v", err)
		return
	}
	for i, text := range splitLines(string(src)) {
		col := 1 + utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t"))
		c.c.Flows.add(path, text, i+1, col)
	}
}
