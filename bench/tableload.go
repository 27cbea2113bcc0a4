package bench

import (
	"runtime"
	"strings"
	"time"

	"pollux/ofp/pipeline"
)

// tableLoad is what bringing rules into tables took.
type tableLoad struct {
	took  time.Duration
	bytes uint64 // of memory that the tables keep
}

// load makes the tables, and says what that took.
func (r *memoryRig) load(c pipeline.Config) (*pipeline.State, error) {
	before := liveBytes()
	start := time.Now()
	s, err := pipeline.New(c)
	r.loaded.took = time.Since(start)
	if now := liveBytes(); now > before {
		r.loaded.bytes = now - before
	}
	return s, err
}

// liveBytes is the memory in use on Go's heap, after a collection.
func liveBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// shapeOf counts the tables that rules are in and the fields that they match.
func shapeOf(flows []pipeline.Flow) (tables, fields int) {
	in, names := map[uint8]bool{}, map[string]bool{}
	for i := range flows {
		in[flows[i].Table] = true
		proto := ""
		for word := range strings.SplitSeq(flows[i].Match.String(), ",") {
			name, _, valued := strings.Cut(word, "=")
			switch {
			case name == "":
			case !valued: // a word for a protocol, as tcp, arp, icmp6
				proto = name
				names["dl_type"] = true
				names["nw_proto"] = names["nw_proto"] || name != "ip" && name != "ipv6" && name != "arp"
			case name == "tp_src" || name == "tp_dst":
				names[proto+name] = true
			default:
				names[name] = true
			}
		}
	}
	return len(in), count(names)
}

// count is how many of names are there.
func count(names map[string]bool) (n int) {
	for _, is := range names {
		if is {
			n++
		}
	}
	return n
}
