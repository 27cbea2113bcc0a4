package pipeline

import (
	"encoding/hex"
	"fmt"
	"strings"

	"pollux/flow"
)

// minFrame is how long an Ethernet header is, in bytes. What is less is no frame.
const minFrame = 14

// TraceText traces a packet that is given as text: a flow as ParseMatch reads it, without
// masks (fields not named are 0), or "in_port=PORT " and a frame in hexadecimal.
func (s *Snapshot) TraceText(text string) (*TraceResult, error) {
	k, frame, err := s.readPacket(text)
	if err != nil {
		return nil, err
	}
	return s.trace(k, frame), nil
}

// ParsePacket reads the packet of a trace; see TraceText.
func (s *Snapshot) ParsePacket(text string) (*flow.Key, error) {
	k, _, err := s.readPacket(text)
	return k, err
}

// readPacket reads the packet of a trace, and its bytes where those are given.
func (s *Snapshot) readPacket(text string) (k *flow.Key, frame []byte, err error) {
	text = strings.TrimSpace(text)
	names := s.PortNames()
	if port, digits := cutFrame(text); digits != "" {
		k = new(flow.Key)
		if port == "" {
			return nil, nil, fmt.Errorf("a frame in hexadecimal needs the port that it comes in by before it: in_port=PORT %s", ellipsis(digits))
		}
		in, err := flow.ParsePort(port, names)
		if err != nil {
			return nil, nil, fmt.Errorf("in_port=%s: %w", port, err)
		}
		if frame, err = readFrame(digits); err != nil {
			return nil, nil, err
		}
		flow.ExtractOne(frame, in, k)
		return k, frame, nil
	}
	m, err := flow.ParseMatchWith(text, names, func(key, value string, off int) (bool, error) {
		f, ok := flow.FieldByName(key)
		if !ok || !strings.ContainsAny(value, "/*") { // names of flags are values
			return false, nil
		}
		// What can't be read is reported by who asks.
		if _, mask, err := flow.ParseValue(f, value, names); err == nil && mask != f.Full() {
			n := min(len(key)+1+len(value), len(text)-off)
			return false, &flow.ParseError{Text: text, Off: off, Len: n, Msg: "wildcards not allowed here: a packet has a value, without a mask"}
		}
		return false, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("neither a flow nor a frame in hexadecimal: %w", err)
	}
	k = &m.Key
	if t := k.VlanTCI(); t != 0 {
		k.W[flow.WVLAN] |= flow.VlanCFI << 48
		if uint16(k.W[flow.WVLAN]>>32) == 0 {
			k.W[flow.WVLAN] |= etherTypeVLAN << 32
		}
	}
	return k, nil, nil
}

// cutFrame cuts "[in_port=PORT ]DIGITS". There are no digits where the text is a flow: no name of
// a field, nor a shorthand, is written in hexadecimal digits alone.
func cutFrame(text string) (port, digits string) {
	if rest, found := strings.CutPrefix(text, "in_port="); found {
		i := strings.IndexAny(rest, ", ")
		if i < 0 {
			return "", ""
		}
		port, text = rest[:i], strings.TrimLeft(rest[i:], ", ")
	}
	text = strings.Join(strings.Fields(text), "")
	if strings.Trim(text, "0123456789abcdefABCDEF") != "" {
		return "", ""
	}
	return port, text
}

// readFrame reads the bytes of a frame.
func readFrame(digits string) ([]byte, error) {
	if len(digits)%2 != 0 {
		return nil, fmt.Errorf("%s: an odd number of hexadecimal digits, %d; a byte has two", ellipsis(digits), len(digits))
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ellipsis(digits), err)
	}
	if len(b) < minFrame {
		return nil, fmt.Errorf("%s: %d bytes, a frame has %d at least", digits, len(b), minFrame)
	}
	return b, nil
}

// ellipsis returns the beginning of what is long.
func ellipsis(text string) string {
	if len(text) > 28 {
		return text[:28] + "…"
	}
	return text
}
