package flow

import "fmt"

// ParseError says what is wrong with a text and what would be right.
type ParseError struct {
	Text string // all of the text that was read
	Off  int    // byte offset of the culprit in Text
	Len  int    // its length in bytes
	Msg  string
}

// Error quotes the culprit and names its place.
func (e *ParseError) Error() string {
	return fmt.Sprintf("%q at byte %d: %s", e.Text[e.Off:e.Off+e.Len], e.Off, e.Msg)
}

// parseErr makes a ParseError, keeping the culprit within the text.
func parseErr(text string, off, n int, format string, args ...any) *ParseError {
	off = min(max(off, 0), len(text))
	n = min(max(n, 0), len(text)-off)
	return &ParseError{Text: text, Off: off, Len: n, Msg: fmt.Sprintf(format, args...)}
}

// within moves err, made for text[off:], to the whole text.
func within(err error, text string, off int) error {
	e, ok := err.(*ParseError)
	if !ok {
		return err
	}
	return parseErr(text, off+e.Off, e.Len, "%s", e.Msg)
}
