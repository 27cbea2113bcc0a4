package vswitch

import (
	"errors"
	"fmt"
	"strings"

	"pollux/configs"
)

// countErrors returns how many things are wrong with a configuration: 1 unless err is the
// errors of a file.
func countErrors(err error) int {
	if es := (configs.Errors)(nil); errors.As(err, &es) {
		return len(es)
	}
	return 1
}

// inOneLine writes err for the log. Of the errors of a file that is the first, with its place:
// all of them, with the lines of the file, are the answer to who asked, and what check says.
func inOneLine(err error) string {
	es := (configs.Errors)(nil)
	if !errors.As(err, &es) || len(es) == 0 {
		return strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error())
	}
	text := es[0].Error()
	if more := len(es) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: see pollux check)", more)
	}
	return text
}
