package pipeline

import (
	"strconv"
	"strings"

	"pollux/flow"
)

// piece is one action or instruction of the text: key, then a value after ':' or
// '=' or in parentheses.
type piece struct {
	key, value       string
	off, valOff, end int
	hasValue, paren  bool
	arrow            string // what follows ")->"
	arrowOff         int
}

func isSeparator(c byte) bool { return strings.IndexByte(", \t\r\n", c) >= 0 }

// cutPiece reads the piece at o, which is no separator.
func (p *flowParser) cutPiece(o, end int) (piece, error) {
	s := p.text
	w := piece{off: o}
	for o < end && !isSeparator(s[o]) && s[o] != ':' && s[o] != '=' && s[o] != '(' {
		o++
	}
	w.key, w.valOff, w.end = s[w.off:o], o, o
	if o == end || isSeparator(s[o]) {
		return w, nil
	}
	w.hasValue, w.paren = true, s[o] == '('
	w.valOff = o + 1
	depth := 0
	if w.paren {
		o++
		depth = 1
	}
	for ; o < end; o++ {
		switch c := s[o]; {
		case c == '(':
			depth++
		case c == ')':
			depth--
			if depth < 0 {
				return w, p.errAt(o, 1, "a parenthesis that nothing opened")
			}
			if depth == 0 && w.paren {
				w.value, w.end = s[w.valOff:o], o+1
				if strings.HasPrefix(s[w.end:end], "->") {
					w.arrowOff = w.end + 2
					for w.end < end && !isSeparator(s[w.end]) {
						w.end++
					}
					w.arrow = s[w.arrowOff:w.end]
				}
				if w.end < end && !isSeparator(s[w.end]) {
					return w, p.errAt(w.end, 1, "a comma belongs between actions")
				}
				return w, nil
			}
		case depth == 0 && isSeparator(c):
			w.value, w.end = s[w.valOff:o], o
			return w, nil
		}
	}
	if depth > 0 {
		return w, p.errAt(w.off, end-w.off, "a parenthesis is not closed")
	}
	w.value, w.end = s[w.valOff:o], o
	return w, nil
}

// order is that of instructions in OpenFlow 1.3 section 5.9.
type order int

const (
	atMeter order = iota
	atApply
	atClear
	atWrite
	atMetadata
	atTrigger
	atGoto
)

var orderNames = [...]string{"meter", "plain actions", "clear_actions", "write_actions", "write_metadata", "stat_trigger", "goto_table"}

// instructions reads the text from o.
func (p *flowParser) instructions(o int) error {
	list := actionParser{flowParser: p, match: p.flow.Match}
	d := &p.flow.Do
	at, count, drop := atMeter, 0, piece{}
	for {
		for o < len(p.text) && isSeparator(p.text[o]) {
			o++
		}
		if o == len(p.text) {
			break
		}
		w, err := p.cutPiece(o, len(p.text))
		if err != nil {
			return err
		}
		o = w.end
		count++
		now, is := instruction(w.key)
		if is && now == at {
			return p.errAt(w.off, len(w.key), "given twice; a flow has one %s", orderNames[now])
		}
		if now < at {
			return p.errAt(w.off, w.end-w.off, "%s must appear before %s", orderNames[now], orderNames[at])
		}
		at = now
		switch {
		case w.key == "drop" && !w.hasValue:
			drop = w
		case w.key == "apply_actions":
			err = p.errAt(w.off, len(w.key), "plain actions are applied; write them without it")
		case w.key == "meter" && count == 1:
			d.Meter, err = p.meterID(w)
		case now == atApply:
			d.Apply, err = list.action(d.Apply, w)
		case now == atClear:
			if w.hasValue {
				err = p.errAt(w.valOff, len(w.value), "clear_actions takes nothing")
			}
			d.Clear = true
		case now == atWrite:
			d.Write, err = list.writeActions(w)
		case now == atMetadata:
			err = p.metadata(w)
		case now == atTrigger:
			err = p.trigger(w)
		case now == atGoto:
			err = p.gotoTable(w)
		}
		if err != nil {
			return err
		}
	}
	if drop.key != "" && count > 1 {
		return p.errAt(drop.off, len(drop.key), "drop must not be accompanied by any other action or instruction")
	}
	return nil
}

// instruction returns the place of an instruction; plain actions are none.
func instruction(key string) (order, bool) {
	switch key {
	case "clear_actions":
		return atClear, true
	case "write_actions":
		return atWrite, true
	case "write_metadata":
		return atMetadata, true
	case "stat_trigger":
		return atTrigger, true
	case "goto_table":
		return atGoto, true
	}
	return atApply, false
}

func (p *flowParser) metadata(w piece) error {
	if !w.hasValue {
		return p.errAt(w.off, len(w.key), "the value is missing; it would be write_metadata:0x1/0xff")
	}
	v, m, err := flow.ParseValue(flow.Metadata, w.value, nil)
	if err != nil {
		return p.inside(err, w.valOff)
	}
	if m.IsZero() {
		return p.errAt(w.valOff, len(w.value), "the mask is 0, so that nothing would be written")
	}
	p.flow.Do.Metadata, p.flow.Do.MetadataMask = v.Lo, m.Lo
	return nil
}

func (p *flowParser) gotoTable(w piece) error {
	n, err := strconv.ParseUint(w.value, 0, 8)
	if err != nil || n >= NumTables {
		return p.errAt(w.valOff, len(w.value), "not a table; it would be from %d to %d", p.flow.Table+1, NumTables-1)
	}
	if n <= uint64(p.flow.Table) {
		return p.errAt(w.valOff, len(w.value), "goto_table only goes forward: from table %d to a greater one (resubmit goes anywhere)", p.flow.Table)
	}
	p.flow.Do.Goto = uint8(n)
	return nil
}

// inside moves an error made for the text from off to the whole text.
func (p *flowParser) inside(err error, off int) error {
	if e, ok := err.(*flow.ParseError); ok {
		return p.errAt(off+e.Off, e.Len, "%s", e.Msg)
	}
	return p.errAt(off, 0, "%v", err)
}
