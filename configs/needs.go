package configs

import "slices"

// need is what records can't say unless something else is set.
type need struct {
	elements []string
	key      string // that is to be set
	to       string // and to what
	met      func(e *Exporter) bool
}

// needs is the table of them. An element that stands in several lines needs all.
var needs = []need{
	{[]string{"ruleCookie", "ruleTable"}, "rule_attribution", "true", func(e *Exporter) bool { return e.RuleAttribution }},
	{[]string{"tcpHandshakeTime", "tcpRetransmissionCount", "tcpOutOfOrderCount"}, "tcp_qos", "true", func(e *Exporter) bool { return e.TCPQoS }},
	{[]string{"tcpHandshakeTime", "biflowDirection", "reverseEgressInterface"}, "biflow", "initiator (or reverse, lower-port)",
		func(e *Exporter) bool { return e.Biflow != BiflowOff }},
	{[]string{"virtualObsID"}, "virtual_obs_id", "a text", func(e *Exporter) bool { return e.VirtualObsID != "" }},
}

// needsOf lists what an element needs.
func needsOf(name string) (list []need) {
	for _, n := range needs {
		if slices.Contains(n.elements, name) {
			list = append(list, n)
		}
	}
	return list
}
