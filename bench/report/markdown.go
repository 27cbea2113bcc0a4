package report

import (
	"fmt"
	"strings"
)

// Markdown is the set as a document without plots.
func Markdown(s *Set) string {
	var b strings.Builder
	m := s.machine()
	fmt.Fprintf(&b, "# Measurements of Pollux\n\n%s, %s.\n", m, m.Time.Format("2006-01-02 15:04 MST"))
	for _, t := range s.tables() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", t.title, t.note)
		row := func(cells []string) {
			for i := range cells {
				cells[i] = strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(cells[i])
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
		row(append([]string(nil), t.head...))
		b.WriteString("| --- " + strings.Repeat("| ---: ", len(t.head)-1) + "|\n")
		for _, r := range t.rows {
			row(append([]string(nil), r...))
		}
	}
	return b.String()
}
