package peers

import (
	"fmt"
	"strings"
	"time"
)

// Kind is what a case measures.
type Kind string

// The kinds.
const (
	KindForward Kind = "forward"
	KindNew     Kind = "new"     // every packet is of a new flow
	KindInstall Kind = "install" // what a set-up costs where none is refused
	KindMice    Kind = "mice"    // established flows beside new ones; the former are what counts
	KindSource  Kind = "source"  // no switch: what source and sink cost by themselves
)

// Case is traffic, a table, what is switched on, and what is to be reached.
type Case struct {
	ID       string  `json:"id"`
	Traffic  string  `json:"traffic"`
	Kind     Kind    `json:"kind"`
	Flows    int     `json:"flows"` // distinct, sent in turn; not read where every packet is new
	Masks    int     `json:"masks"`
	Rules    string  `json:"rules"`              // the flow table, of both sides unless PeerRules says otherwise
	Peer     string  `json:"peer_rules"`         // "" is Rules
	SMC      bool    `json:"smc"`                // OVS has its signature cache on and its exact-match cache off
	Sampling int     `json:"sampling"`           // IPFIX 1:N; 0 is off
	Scenario string  `json:"scenario,omitempty"` // whose packets and rules both sides have, in place of the above
	Against  string  `json:"against,omitempty"`  // the case whose rate is 100 %: what is left of it is told
	New      float64 `json:"new,omitempty"`      // flows a second that begin beside the others
	Both     bool    `json:"both"`               // packets are sampled as they come in and as they go out
	Target   float64 `json:"target,omitempty"`   // Pollux's rate by the peer's; 0 is none
	SetUps   float64 `json:"set_ups,omitempty"`  // flows to be set up a second; 0 is none
}

// PeerRules is the flow table of the others.
func (c *Case) PeerRules() string {
	if c.Peer != "" {
		return c.Peer
	}
	return c.Rules
}

// warm is how long the others have traffic before the first turn, where w is enough for
// flows to be set up. Caches alone fill in half of it.
func (c *Case) warm(w time.Duration) time.Duration {
	switch {
	case c.Against != "": // every mask of an attack comes, or flows end and make room
		return 4 * w
	case c.Kind == KindForward:
		return w / 2
	}
	return w
}

// Tables. The last two make megaflows that are exact in addresses and ports: Open
// vSwitch's hashes them to a register, Pollux's copies them to registers.
const (
	rulePort  = "in_port=1,actions=output:2\n"
	ruleDst   = "in_port=1,udp,nw_dst=10.200.0.1,actions=output:2\n"
	ruleHash  = "in_port=1,actions=multipath(symmetric_l3l4+udp,0,modulo_n,1,0,NXM_NX_REG0[]),output:2\n"
	ruleCopy  = "in_port=1,udp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_IP_DST[]->NXM_NX_REG1[],move:NXM_OF_UDP_SRC[]->NXM_NX_REG2[0..15],move:NXM_OF_UDP_DST[]->NXM_NX_REG2[16..31],output:2\n"
	newSetUps = 1_000_000
)

// ruleGroups is a rule for each group of flows, on one bit of the Ethernet source
// address: as many masks of megaflows as groups.
func ruleGroups(masks int) string {
	var b strings.Builder
	for g := range masks {
		bit := 1 << g
		mac := fmt.Sprintf("00:00:00:%02x:%02x:%02x", bit>>16&255, bit>>8&255, bit&255)
		fmt.Fprintf(&b, "priority=%d,in_port=1,dl_src=%s/%s,actions=output:2\n", 1000-g, mac, mac)
	}
	return b.String()
}

// Cases are those of the project's targets, in their order.
func Cases() []Case {
	list := []Case{
		{ID: "1f-port", Traffic: "1 flow, one rule on the port", Flows: 1, Masks: 1, Rules: rulePort, Target: 2},
		{ID: "1f-exact", Traffic: "1 flow, exact cache", Flows: 1, Masks: 1, Rules: ruleDst, Target: 2},
	}
	for _, m := range []struct {
		flows     int
		one, many float64 // targets
		smc       bool
	}{
		{1_000, 2, 2, false}, {10_000, 3, 5, false}, {100_000, 2.5, 8, true}, {1_000_000, 2, 6, true},
	} {
		c := Case{Flows: m.flows, Masks: 1, Rules: ruleGroups(1), Target: m.one}
		c.ID, c.Traffic = fmt.Sprintf("%df-1m", m.flows), commas(m.flows)+" flows, 1 mask"
		list = append(list, c)
		c.Masks, c.Rules, c.Target = 20, ruleGroups(20), m.many
		c.ID, c.Traffic = fmt.Sprintf("%df-20m", m.flows), commas(m.flows)+" flows, 20 masks"
		list = append(list, c)
		if m.smc {
			c.ID, c.Traffic, c.SMC, c.Target = c.ID+"-smc", c.Traffic+", SMC", true, 0
			list = append(list, c)
		}
	}
	for _, n := range []int{100, 1} {
		for _, flows := range []int{1, 10_000} {
			c := Case{Flows: flows, Masks: 1, Rules: ruleGroups(1), Sampling: n, Both: n == 100, Target: 5}
			if flows == 1 {
				c.Rules = ruleDst
			}
			if n == 1 {
				c.Target = 100
			}
			c.ID, c.Traffic = fmt.Sprintf("%df-ipfix%d", flows, n), fmt.Sprintf("IPFIX 1:%d, %s", n, flowsText(flows))
			list = append(list, c)
		}
	}
	list = append(list,
		Case{ID: "new", Traffic: "every packet a new flow", Kind: KindNew, Masks: 1, Rules: ruleCopy, Peer: ruleHash, SetUps: newSetUps},
		Case{ID: "install", Traffic: "8,000 new flows, each set up", Kind: KindInstall, Flows: 8_000, Masks: 1, Rules: ruleCopy, Peer: ruleHash})
	// Normal packets alone count: those of the attack are dropped by rule.
	list = append(list,
		Case{ID: "attack-none", Traffic: "whitelist, 1,000 flows", Scenario: "attack-none"},
		Case{ID: "attack", Traffic: "the same under attack, 1 in 10", Scenario: "attack", Against: "attack-none"},
		Case{ID: "elephants", Traffic: "100 flows", Flows: 100, Masks: 1, Rules: ruleCopy, Peer: ruleHash},
		Case{ID: "mice", Traffic: "100 flows, 100,000/s begin", Kind: KindMice, Flows: 100, Masks: 1, Rules: ruleCopy, Peer: ruleHash, New: 100_000, Against: "elephants"})
	for i := range list {
		if list[i].Masks == 0 {
			list[i].Masks = 1
		}
		if list[i].Kind == "" {
			list[i].Kind = KindForward
		}
	}
	return list
}

// sourceCase is what is subtracted from all others.
var sourceCase = Case{ID: "source", Traffic: "source and sink, no switch", Kind: KindSource, Flows: 10_000, Masks: 20}

// Only returns the cases whose ID or traffic contains text; an error when there is none.
// A case that is measured against another brings that along.
func Only(list []Case, text string) ([]Case, error) {
	var some []Case
	var ids []string
	with := map[string]bool{}
	for _, c := range list {
		with[c.Against] = with[c.Against] || c.Against != "" && c.has(text)
	}
	for _, c := range list {
		if c.has(text) || with[c.ID] {
			some = append(some, c)
		}
		ids = append(ids, c.ID)
	}
	if some == nil {
		return nil, fmt.Errorf("no case has %q in it: there are %s", text, strings.Join(ids, ", "))
	}
	return some, nil
}

func (c *Case) has(text string) bool {
	return strings.Contains(c.ID, text) || strings.Contains(c.Traffic, text)
}

func flowsText(n int) string {
	if n == 1 {
		return "1 flow"
	}
	return commas(n) + " flows"
}

// commas writes n with a comma every three digits.
func commas(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
