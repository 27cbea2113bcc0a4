package pipeline

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"pollux/flow"
)

// reasonNames are the reasons of packet-ins by number (OpenFlow 1.5.1 section 7.4.1).
var reasonNames = []string{"no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"}

// reasonAction is OFPR_ACTION.
const reasonAction = 1

// controller reads CONTROLLER, CONTROLLER:max_len and controller(key=value,...).
func (p *actionParser) controller(w piece) (Action, error) {
	c := &ControllerAction{MaxLen: 65535, Reason: reasonAction}
	a := Action{Kind: ActController, List: &Lists{Controller: c}}
	if !w.paren {
		if !w.hasValue {
			return a, nil
		}
		n, err := p.number(w, 16, "CONTROLLER:65535")
		c.MaxLen = uint16(n)
		return a, err
	}
	for _, arg := range p.arguments(w) {
		var n uint64
		var err error
		switch arg.key {
		case "max_len":
			n, err = p.uint(arg, 16)
			c.MaxLen = uint16(n)
		case "id":
			n, err = p.uint(arg, 16)
			c.ID = uint16(n)
		case "meter_id":
			n, err = p.uint(arg, 32)
			c.Meter = uint32(n)
		case "pause":
			c.Pause = true
		case "reason":
			i := slices.Index(reasonNames, arg.value)
			if i < 0 {
				err = p.errAt(arg.off, arg.n, "not one of the reasons %s", strings.Join(reasonNames, ", "))
			}
			c.Reason = uint8(max(i, 0))
		case "userdata":
			b, e := hex.DecodeString(strings.ReplaceAll(arg.value, ".", ""))
			if e != nil {
				err = p.errAt(arg.valOff, len(arg.value), "not bytes in hexadecimal; it would be userdata=01.02.ff")
			}
			c.UserData = string(b)
		default:
			err = p.errAt(arg.off, arg.n, "unknown in controller; known are max_len, reason, id, userdata, pause, meter_id")
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

func (p *actionParser) group(w piece) (Action, error) {
	n, err := p.number(w, 32, "group:5")
	return Action{Kind: ActGroup, Group: uint32(n)}, err
}

// meterAction reads the action; what stands first in a flow is the instruction.
func (p *actionParser) meterAction(w piece) (Action, error) {
	n, err := p.meterID(w)
	return Action{Kind: ActMeter, Meter: n}, err
}

// meterID reads the number of a meter that flows can use (OpenFlow 1.3 section 5.7.1).
func (p *flowParser) meterID(w piece) (uint32, error) {
	n, err := strconv.ParseUint(w.value, 0, 32)
	if err != nil || n == 0 || n > maxMeter {
		return 0, p.errAt(w.off, w.end-w.off, "a meter has a number from 1 to %#x, as in meter:5", uint32(maxMeter))
	}
	return uint32(n), nil
}

// maxMeter is OFPM_MAX.
const maxMeter = 0xffff0000

// enqueue reads enqueue:port:queue and enqueue(port,queue).
func (p *actionParser) enqueue(w piece) (Action, error) {
	a := Action{Kind: ActEnqueue}
	i := strings.IndexAny(w.value, ":,")
	if i < 0 {
		return a, p.errAt(w.off, w.end-w.off, "it would be enqueue:2:1, port and queue")
	}
	port, err := flow.ParsePort(w.value[:i], p.ports)
	if err != nil {
		return a, p.inside(err, w.valOff)
	}
	if !truncates(port) {
		return a, p.errAt(w.valOff, i, "not a port with queues; it would be a port's number or name, LOCAL or IN_PORT")
	}
	queue, err := strconv.ParseUint(strings.TrimSpace(w.value[i+1:]), 0, 32)
	if err != nil {
		return a, p.errAt(w.valOff+i+1, len(w.value)-i-1, "not the number of a queue")
	}
	a.Port, a.Queue = port, uint32(queue)
	return a, nil
}

func (p *actionParser) setQueue(w piece) (Action, error) {
	n, err := p.number(w, 32, "set_queue:1")
	return Action{Kind: ActSetQueue, Queue: uint32(n)}, err
}

func (p *actionParser) popQueue(w piece) (Action, error) {
	return Action{Kind: ActPopQueue}, p.wantNothing(w)
}
