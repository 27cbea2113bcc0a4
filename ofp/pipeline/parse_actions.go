package pipeline

import (
	"sort"
	"strconv"
	"strings"

	"pollux/flow"
)

// actionParser reads actions. match is what is known of the packet so far: the
// flow's match, with the VLAN tag that actions brought or took.
type actionParser struct {
	*flowParser
	match flow.Match
	depth int  // of clones
	inSet bool // in write_actions
}

// actionReaders reads each action by its name. They are filled in init, as some
// read lists themselves.
var actionReaders map[string]func(*actionParser, piece) (Action, error)

func init() {
	actionReaders = map[string]func(*actionParser, piece) (Action, error){
		"output":       (*actionParser).output,
		"resubmit":     (*actionParser).resubmit,
		"set_field":    (*actionParser).setField,
		"load":         (*actionParser).load,
		"move":         (*actionParser).move,
		"mod_vlan_vid": func(p *actionParser, w piece) (Action, error) { return p.modVLAN(w, ActModVID, 12) },
		"mod_vlan_pcp": func(p *actionParser, w piece) (Action, error) { return p.modVLAN(w, ActModPCP, 3) },
		"strip_vlan":   (*actionParser).popVLAN,
		"pop_vlan":     (*actionParser).popVLAN,
		"push_vlan":    (*actionParser).pushVLAN,
		"mod_dl_src":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.EthSrc) },
		"mod_dl_dst":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.EthDst) },
		"mod_nw_src":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.IPv4Src) },
		"mod_nw_dst":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.IPv4Dst) },
		"mod_nw_tos":   (*actionParser).modTOS,
		"mod_nw_ecn":   func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.IPECN) },
		"mod_nw_ttl":   (*actionParser).modTTL,
		"mod_tp_src": func(p *actionParser, w piece) (Action, error) {
			return p.modPort(w, flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc)
		},
		"mod_tp_dst": func(p *actionParser, w piece) (Action, error) {
			return p.modPort(w, flow.TCPDst, flow.UDPDst, flow.SCTPDst)
		},
		"dec_ttl":        (*actionParser).decTTL,
		"set_tunnel":     func(p *actionParser, w piece) (Action, error) { return p.setTunnel(w, ActSetTunnel) },
		"set_tunnel64":   func(p *actionParser, w piece) (Action, error) { return p.setTunnel(w, ActSetTunnel64) },
		"set_mpls_label": func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.MPLSLabel) },
		"set_mpls_tc":    func(p *actionParser, w piece) (Action, error) { return p.mod(w, flow.MPLSTC) },
		"set_mpls_ttl":   (*actionParser).modMPLSTTL,
		"dec_mpls_ttl":   (*actionParser).decMPLSTTL,
		"push_mpls":      (*actionParser).pushMPLS,
		"pop_mpls":       (*actionParser).popMPLS,
		"copy_ttl_out":   (*actionParser).copyTTLOut,
		"copy_ttl_in":    (*actionParser).copyTTLIn,
		"clone":          (*actionParser).clone,
		"push":           (*actionParser).stackPush,
		"pop":            (*actionParser).stackPop,
		"multipath":      (*actionParser).multipath,
		"bundle":         (*actionParser).bundle,
		"bundle_load":    (*actionParser).bundleLoad,
		"learn":          (*actionParser).learn,
		"conjunction":    (*actionParser).conjunction,
		"fin_timeout":    (*actionParser).finTimeout,
		"controller":     (*actionParser).controller,
		"group":          (*actionParser).group,
		"meter":          (*actionParser).meterAction,
		"enqueue":        (*actionParser).enqueue,
		"set_queue":      (*actionParser).setQueue,
		"pop_queue":      (*actionParser).popQueue,
		"note":           (*actionParser).note,
		"sample":         (*actionParser).sample,
		"exit":           (*actionParser).exit,

		"check_pkt_larger": (*actionParser).checkPktLarger,
	}
}

// unsupported are actions of ovs-ofctl that this switch does not have, and why.
var unsupported = map[string]string{
	"ct": noTracking, "ct_clear": noTracking, "nat": noTracking,
	"encap": onlyEthernet, "decap": onlyEthernet, "dec_nsh_ttl": onlyEthernet,
	"push_pbb": "there is no backbone bridging", "pop_pbb": "there is no backbone bridging",
	"delete_field": "it deletes options of tunnels, and no packet has any",
	"debug_recirc": "packets are not recirculated", "debug_slow": "there is one path for all packets",
}

const (
	noTracking   = "there is no connection tracking"
	onlyEthernet = "packets are Ethernet frames from one end to the other"
)

// action reads one action and appends it to list.
func (p *actionParser) action(list []Action, w piece) ([]Action, error) {
	key := strings.ToLower(w.key)
	if read, ok := actionReaders[key]; ok {
		a, err := read(p, w)
		return append(list, a), err
	}
	if why, ok := unsupported[key]; ok {
		return nil, p.errAt(w.off, len(w.key), "not supported: %s", why)
	}
	if !w.hasValue {
		// A port by itself means output.
		if a, err := p.toPort(w.key, w.off); err == nil {
			return append(list, a), nil
		} else if n, e := flow.ParsePort(w.key, p.ports); e == nil && n != 0 {
			return nil, err
		}
	}
	if w.key == "" {
		return nil, p.errAt(w.off, w.end-w.off, "an action's name is missing")
	}
	msg := "neither an action nor a port"
	if n := nearestAction(key); n != "" {
		msg += "; did you mean " + n + "?"
	}
	return nil, p.errAt(w.off, len(w.key), "%s", msg)
}

// nearestAction returns an action that begins like name, or "".
func nearestAction(name string) string {
	var all []string
	for n := range actionReaders {
		all = append(all, n)
	}
	all = append(all, "drop", "normal", "flood", "in_port", "goto_table", "write_actions", "write_metadata", "clear_actions", "stat_trigger")
	sort.Strings(all)
	best, n := "", 2
	for _, a := range all {
		k := 0
		for k < len(a) && k < len(name) && a[k] == name[k] {
			k++
		}
		if k > n {
			best, n = a, k
		}
	}
	return best
}

// writeActions reads the list that write_actions adds to the action set.
func (p *actionParser) writeActions(w piece) (list []Action, err error) {
	if !w.paren {
		return nil, p.errAt(w.off, w.end-w.off, "the actions stand in parentheses: write_actions(output:2)")
	}
	p.inSet = true
	defer func() { p.inSet = false }()
	o, end := w.valOff, w.valOff+len(w.value)
	for {
		for o < end && isSeparator(p.text[o]) {
			o++
		}
		if o == end {
			break
		}
		sub, err := p.cutPiece(o, end)
		if err != nil {
			return nil, err
		}
		o = sub.end
		if list, err = p.action(list, sub); err != nil {
			return nil, err
		}
		switch list[len(list)-1].Kind {
		case ActResubmit, ActNote, ActSample, ActExit, ActOutputTrunc, ActController, ActEnqueue, ActMeter, ActClone,
			ActLearn, ActConjunction, ActPush, ActPop, ActMultipath, ActBundle, ActFinTimeout, ActCheckPktLarger, ActPopQueue:
			if a := &list[len(list)-1]; a.Kind == ActController && *a.List.Controller == (ControllerAction{MaxLen: a.List.Controller.MaxLen, Reason: reasonAction}) {
				continue // the output to a controller that OpenFlow has
			}
			return nil, p.errAt(sub.off, len(sub.key), "cannot be part of the action set (OpenFlow 1.3 section 5.10)")
		}
	}
	if len(list) == 0 {
		return nil, p.errAt(w.off, w.end-w.off, "no action to write; clear_actions empties the action set")
	}
	return list, nil
}

func (p *actionParser) want(w piece, example string) error {
	if w.hasValue && w.value != "" {
		return nil
	}
	return p.errAt(w.off, max(w.end-w.off, 1), "the value is missing; it would be %s", example)
}

func (p *actionParser) wantNothing(w piece) error {
	if !w.hasValue {
		return nil
	}
	return p.errAt(w.valOff, len(w.value), "%s takes no value", w.key)
}

func (p *actionParser) output(w piece) (Action, error) {
	if err := p.want(w, "output:2"); err != nil {
		return Action{}, err
	}
	if w.paren {
		return p.truncated(w)
	}
	if _, err := flow.ParsePort(w.value, p.ports); err != nil {
		name, _, _ := strings.Cut(w.value, "[")
		if _, ok := flow.FieldByName(name); ok {
			src, e := p.subfield(w.value, w.valOff)
			if e == nil && src.Bits > 32 {
				e = p.errAt(w.valOff, len(w.value), "a port number has 32 bits at most, as in reg0[0..15]")
			}
			if e == nil {
				e = p.prereq(src.Field, w)
			}
			return Action{Kind: ActOutputReg, Src: src}, e
		}
	}
	return p.toPort(w.value, w.valOff)
}

// toPort makes the output to the port that s names.
func (p *actionParser) toPort(s string, off int) (Action, error) {
	n, err := flow.ParsePort(s, p.ports)
	if err != nil {
		return Action{}, p.inside(err, off)
	}
	switch {
	case n == flow.PortController:
		return Action{Kind: ActController, List: &Lists{Controller: &ControllerAction{MaxLen: 65535, Reason: reasonAction}}}, nil
	case n == flow.PortIn || n == flow.PortNormal || n == flow.PortFlood || n == flow.PortAll || n == flow.PortLocal:
	case n == 0 || n >= flow.PortMax:
		return Action{}, p.errAt(off, len(s), "not a port to send to; it would be 1 to %d, a port's name, LOCAL, IN_PORT, ALL, FLOOD or NORMAL", flow.PortMax-1)
	}
	return Action{Kind: ActOutput, Port: n}, nil
}

func (p *actionParser) resubmit(w piece) (Action, error) {
	a := Action{Kind: ActResubmit, Port: PortKeep, Table: TableKeep}
	if err := p.want(w, "resubmit(,1)"); err != nil {
		return a, err
	}
	port, table, more := strings.Cut(w.value, ",")
	if !w.paren && more {
		return a, p.errAt(w.off, w.end-w.off, "a table is named in parentheses: resubmit(,1)")
	}
	if port == "" && table == "" {
		return a, p.errAt(w.off, w.end-w.off, "neither port nor table; it would be resubmit(,1)")
	}
	if port != "" {
		n, err := flow.ParsePort(port, p.ports)
		if err != nil {
			return a, p.inside(err, w.valOff)
		}
		if n != flow.PortIn {
			if n == 0 || n >= flow.PortMax && n != flow.PortLocal {
				return a, p.errAt(w.valOff, len(port), "no packet comes in by it; it would be a port, or nothing for the packet's own")
			}
			a.Port = n
		}
	}
	if table != "" {
		n, err := strconv.ParseUint(table, 0, 8)
		if err != nil || n >= NumTables {
			return a, p.errAt(w.valOff+len(port)+1, len(table), "not a table; there are tables 0 to %d", NumTables-1)
		}
		a.Table = uint8(n)
	}
	return a, nil
}

func (p *actionParser) exit(w piece) (Action, error) {
	return Action{Kind: ActExit}, p.wantNothing(w)
}
