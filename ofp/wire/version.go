package wire

import "fmt"

// Version is the version of a message as on the wire.
type Version uint8

// The versions that Pollux speaks.
const (
	V10 Version = 1
	V13 Version = 4
	V14 Version = 5
	V15 Version = 6
)

// Versions is a set of versions: bit n is version n.
type Versions uint32

// Spoken is the versions that this package reads and writes.
const Spoken Versions = 1<<V10 | 1<<V13 | 1<<V14 | 1<<V15

// Has says whether v is in the set.
func (s Versions) Has(v Version) bool { return v < 32 && s>>v&1 != 0 }

// Highest returns the highest version of the set, 0 of the empty set.
func (s Versions) Highest() Version {
	for v := Version(31); v > 0; v-- {
		if s.Has(v) {
			return v
		}
	}
	return 0
}

// String returns the version as ovs-ofctl's -O names it.
func (v Version) String() string {
	if v == 0 || v > V15 {
		return fmt.Sprintf("OpenFlow version 0x%02x", uint8(v))
	}
	return fmt.Sprintf("OpenFlow1%d", v-1)
}
