package bench

import (
	"fmt"
	"net"
	"strings"
)

// rules are the flow table: each group of the source's flows differs in one bit of the
// Ethernet source address, and has a rule that matches that bit alone. With one group too:
// by a rule on the port alone packets would go unread.
func (s MemoryScenario) rules() string {
	var b strings.Builder
	for g := range s.Masks {
		bit := uint64(1) << g
		fmt.Fprintf(&b, "priority=%d,in_port=1,dl_src=%s/%s,actions=output:2\n", 1000-g, macText(bit), macText(bit))
	}
	return b.String()
}

func macText(v uint64) string {
	return net.HardwareAddr{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}.String()
}
