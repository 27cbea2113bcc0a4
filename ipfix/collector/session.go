package collector

import (
	"errors"
	"fmt"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// templates is goflow2's store, which refuses what its decoder cannot take: a
// record of no length would be found in a set without end.
type templates struct {
	netflow.NetFlowTemplateSystem
	n int
}

var errEmptyTemplate = errors.New("template whose records have no length")

const maxTemplates = 4096 // of one exporter

// AddTemplate keeps a template, in the form the decoder gives it.
func (t *templates) AddTemplate(version uint16, domain uint32, id uint16, template any) error {
	var fields []netflow.Field
	switch v := template.(type) {
	case netflow.TemplateRecord:
		fields = v.Fields
	case netflow.IPFIXOptionsTemplateRecord:
		fields = append(append(fields, v.Scopes...), v.Options...)
	}
	size := 0
	for _, f := range fields {
		size += int(f.Length)
	}
	if size == 0 {
		return fmt.Errorf("template %d: %w", id, errEmptyTemplate)
	}
	if _, err := t.GetTemplate(version, domain, id); err != nil {
		if t.n++; t.n > maxTemplates {
			return fmt.Errorf("template %d: more than %d templates", id, maxTemplates)
		}
	}
	return t.NetFlowTemplateSystem.AddTemplate(version, domain, id, template)
}

// sequence follows the sequence numbers of one session.
type sequence struct {
	started bool
	next    uint32
}

// check takes a message's number and how many data records it holds; it returns how many
// records are missing before it. A number that jumps back is a new start.
func (s *sequence) check(seq uint32, records int) (missing uint32) {
	if s.started {
		if d := seq - s.next; d < 1<<31 {
			missing = d
		}
	}
	s.started, s.next = true, seq+uint32(records)
	return missing
}
