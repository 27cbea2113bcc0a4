package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong with a file.
type Error struct {
	File   string // "" if it is in none: see SetExporter
	Line   int    // from 1; 0 if the file could not be read at all
	Column int    // in characters from 1
	Msg    string
	Source string // the line, "" if there is none to show
	Err    error  // the cause, if there is one
}

// Error returns file:line:column and what was wrong, in one line.
func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Msg
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Snippet returns the line with a caret under the column, in two lines, or "".
func (e *Error) Snippet() string {
	if e.Source == "" || e.Line == 0 {
		return ""
	}
	// Tabs stay tabs below themselves, so that the caret stands right.
	pad := []rune{}
	for _, r := range e.Source {
		if len(pad) >= e.Column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		pad = append(pad, r)
	}
	return fmt.Sprintf("%5d | %s\n      | %s^\n", e.Line, e.Source, string(pad))
}

// Errors is everything wrong with a file, in the order of its lines; what is wrong
// in its flows_file follows.
type Errors []*Error

// Error returns all errors with their lines of source and carets.
func (es Errors) Error() string {
	var b strings.Builder
	for _, e := range es {
		b.WriteString(e.Error())
		b.WriteByte('\n')
		b.WriteString(e.Snippet())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Unwrap lets errors.Is and errors.As look into each.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// sort orders errors by place, those in main first.
func (es Errors) sort(main string) {
	slices.SortStableFunc(es, func(a, b *Error) int {
		if a.File != b.File {
			if a.File == main {
				return -1
			}
			if b.File == main {
				return 1
			}
			return strings.Compare(a.File, b.File)
		}
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
}
