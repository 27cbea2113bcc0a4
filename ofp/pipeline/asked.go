package pipeline

import (
	"fmt"
	"strings"

	"pollux/actions"
	"pollux/flow"
)

// withAnswers returns a packet's key with the answers that it gave, as caches have it.
func withAnswers(own, answers *flow.Key) *flow.Key {
	k := *own
	for w := range flow.NumWords {
		if answers.Map>>w&1 != 0 {
			k.Set(w, answers.W[w])
		}
	}
	return &k
}

// FormatAsked is FormatMegaflow for packets that were asked something: after their own headers
// come their length and what is under their labels, as far as mask looks at it:
//
//	recirc_id=0x1,eth,mpls,in_port=1,under(labels=1,tcp,tp_dst=80),pkt_len>1500
func FormatAsked(k *flow.Key, mask *flow.Mask, asked []actions.Question) string {
	if len(asked) == 0 {
		return FormatMegaflow(k, mask)
	}
	own, theirs := *mask, uint64(actions.AnswerMap)
	var more strings.Builder
	for i := range asked {
		q := &asked[i]
		if q.What == actions.AskHeaders {
			theirs |= actions.HeadersMap
		}
		if text := formatAnswer(q, k, mask); text != "" {
			more.WriteString("," + text)
		}
	}
	for w := range flow.NumWords {
		if theirs>>w&1 != 0 {
			own.Put(w, 0)
		}
	}
	return FormatMegaflow(k, &own) + more.String()
}

// formatAnswer writes the answer to q in k, as far as mask looks at it.
func formatAnswer(q *actions.Question, k *flow.Key, mask *flow.Mask) string {
	var m flow.Match
	switch q.What {
	case actions.AskLength, actions.AskTTL:
		w, shift := q.Note()
		v, looked := k.W[w]>>shift, mask.W[w]>>shift
		switch {
		case q.What == actions.AskTTL && looked&0xff != 0:
			return fmt.Sprintf("under(labels=%d,ip,nw_ttl=%d)", q.Labels, v&0xff)
		case q.What == actions.AskTTL && looked&(1<<8) != 0:
			return fmt.Sprintf("under(labels=%d,no ip)", q.Labels)
		case looked&1 == 0:
			return ""
		case v&1 != 0:
			return fmt.Sprintf("pkt_len>%d", q.Length)
		}
		return fmt.Sprintf("pkt_len<=%d", q.Length)
	case actions.AskChoice:
		w, shift := q.Note()
		if mask.W[w]>>shift&0xffff == 0 {
			return ""
		}
		return fmt.Sprintf("hash(%s)=%d", &q.Choice.Hash, k.W[w]>>shift&0xffff)
	case actions.AskLabels:
		m.SetMasked(flow.EthType, flow.Value{Lo: etherTypeMPLS}, flow.EthType.Full())
		for n, at := range labelAt {
			w, shift := q.Label(n)
			m.Mask.Or(at.w, mask.W[w]>>shift&0xffffffff<<at.shift)
			m.Key.Set(at.w, m.Key.W[at.w]|k.W[w]&mask.W[w]>>shift&0xffffffff<<at.shift)
		}
	case actions.AskHeaders:
		m.SetMasked(flow.EthType, flow.Value{Lo: uint64(q.Type)}, flow.EthType.Full())
		for w := flow.WIPv4; w < flow.NumWords; w++ {
			m.Mask.Or(w, mask.W[w])
			m.Key.Set(w, k.W[w]&mask.W[w])
		}
	}
	return fmt.Sprintf("under(labels=%d,%s)", q.Labels, m.Format(nil))
}
