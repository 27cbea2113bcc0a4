package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// Desc is the record of the reply to PartDesc (struct ofp_desc): words for people.
// What is too long is cut: at 255 bytes, the serial number at 31.
type Desc struct {
	Manufacturer, Hardware, Software, Serial, Datapath string
}

// descLen is the length of the record.
const descLen = 4*256 + 32

// Append appends the record, which is the same in all versions.
func (d *Desc) Append(b []byte) []byte {
	b = name(b, d.Manufacturer, 256)
	b = name(b, d.Hardware, 256)
	b = name(b, d.Software, 256)
	b = name(b, d.Serial, 32)
	return name(b, d.Datapath, 256)
}

// ParseDesc reads the body of a reply.
func ParseDesc(body []byte) (*Desc, error) {
	if len(body) != descLen {
		return nil, fmt.Errorf("description of %d bytes, want %d: %w", len(body), descLen, ofperr.BadLen)
	}
	return &Desc{
		Manufacturer: parseName(body[:256]), Hardware: parseName(body[256:512]), Software: parseName(body[512:768]),
		Serial: parseName(body[768:800]), Datapath: parseName(body[800:]),
	}, nil
}
