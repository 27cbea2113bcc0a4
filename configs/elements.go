package configs

import (
	"fmt"
	"strings"

	"pollux/ipfix"
)

// ElementsDoc makes the document of all elements of flow records in Markdown, from the
// tables that exporters and checks read.
func ElementsDoc() string {
	var b strings.Builder
	b.WriteString("# Elements of flow records\n\n" +
		"Generated (`make generate`). What can be named in `flow_key` and `elements` of an [exporter](../configs/REFERENCE.md#ipfixbridge), in the\n" +
		"order of records. Enterprise 0 is IANA's registry, 6876 VMware's (as Open vSwitch sends them); *own* are those of `private_enterprise_number`.\n" +
		"An element is in the records that have what it tells of (the column *records*; none is all). In records of biflows those with ⇄ are there\n" +
		"for each direction: the reverse ones are called `reversePacketDeltaCount` and so on, by RFC 5103. Deltas count since the flow's last record, totals since the flow began.\n\n" +
		"## Flow keys\n\nIn records if `flow_key` has them (`ovs` has all, `five-tuple` those with 5); those with a star are part of every key. `icmpTypeCode…` is of the key with the ports.\n\n" +
		"| element | id | enterprise | type | key | records | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	all := ipfix.FlowElements()
	for i := range all {
		if e := &all[i]; e.Key {
			fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s | %s | %s |\n", e.Name, e.ID, enterprise(e), e.Type, keyMark(e.Name), e.Records, e.Meaning)
		}
	}
	b.WriteString("\n## What records say besides\n\nWith the groups `standard` and `full` (which has `standard` too), by name, or with the key that they need.\n\n" +
		"| element | id | enterprise | type | group | needs | records | ⇄ | meaning |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for i := range all {
		e := &all[i]
		if e.Key {
			continue
		}
		group := e.Group
		if e.Always {
			group = "always"
		}
		var need []string
		for _, n := range needsOf(e.Name) {
			need = append(need, "`"+n.key+"`")
		}
		both := ""
		if e.Biflow {
			both = "⇄"
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s | %s | %s | %s | %s |\n", e.Name, e.ID, enterprise(e), e.Type, group,
			strings.Join(need, ", "), e.Records, both, e.Meaning)
	}
	return b.String()
}

func enterprise(e *ipfix.FlowElement) string {
	if e.Enterprise == ipfix.Own {
		return "*own*"
	}
	return fmt.Sprint(e.Enterprise)
}

// keyMark says which keys an element is of without being named.
func keyMark(name string) string {
	for i := range keyElements {
		if e := &keyElements[i]; e.name == name && len(e.fields) == 0 && !strings.HasPrefix(name, "tunnel") {
			return "★"
		}
	}
	for _, n := range fiveTuple {
		if n == name {
			return "5"
		}
	}
	return ""
}
