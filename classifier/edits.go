package classifier

import "pollux/flow"

// maxEdits is how many changes of rules a table knows one by one since the table before it,
// and maxMerged by how many masks it tells more apart.
const (
	maxEdits  = 64
	maxMerged = 16
)

// merged stands for changed rules of one mask: their common bits, and their highest priority.
type merged struct {
	shape    *shape
	bits     []uint64 // by the words of shape
	key      []uint64
	priority int32
}

// note notes that r was added or removed.
func (b *Builder) note(r *Rule) {
	if b.merged == nil && len(b.t.edits) < maxEdits {
		b.t.edits = append(b.t.edits, r)
		return
	}
	for _, e := range b.t.edits {
		b.merge(e)
	}
	b.t.edits = nil
	b.merge(r)
}

// merge has one of merged stand for r as well.
func (b *Builder) merge(r *Rule) {
	if len(b.merged) > 0 && b.merged[0].shape == nothing {
		b.merged[0].priority = max(b.merged[0].priority, r.Priority)
		return
	}
	for i := range b.merged {
		m := &b.merged[i]
		if m.shape != r.shape && (m.shape.hash != r.shape.hash || m.shape.mask != r.shape.mask) {
			continue
		}
		for w := range m.bits {
			m.bits[w] &^= m.key[w] ^ r.key[w]
		}
		m.priority = max(m.priority, r.Priority)
		return
	}
	if len(b.merged) < maxMerged {
		b.merged = append(b.merged, merged{r.shape, append([]uint64(nil), r.shape.all.bits...), append([]uint64(nil), r.key...), r.Priority})
		return
	}
	b.everything(r.Priority)
}

// nothing is the shape of rules that match all packets.
var nothing = newShape(&flow.Mask{})

// everything has one rule stand for all: any packet may match it. From then on that is all.
func (b *Builder) everything(priority int32) {
	for i := range b.merged {
		priority = max(priority, b.merged[i].priority)
	}
	for _, e := range b.t.edits {
		priority = max(priority, e.Priority)
	}
	b.t.edits, b.merged = nil, []merged{{shape: nothing, priority: priority}}
}

// told returns the edits, or what stands for them.
func (b *Builder) told() []*Rule {
	if b.merged == nil {
		return b.t.edits
	}
	out := make([]*Rule, len(b.merged))
	for i := range b.merged {
		m := &b.merged[i]
		c := &Match{}
		for k, w := range m.shape.all.word {
			c.Mask.Or(w, m.bits[k])
			c.Key.W[w] = m.key[k]
		}
		c.Normalize()
		out[i] = &Rule{Match: c, Priority: m.priority}
	}
	return out
}

// Clear removes all rules, in a time that does not depend on their number. As an edit it is
// one of any packet.
func (b *Builder) Clear() {
	if b.t.count == 0 {
		return
	}
	highest := int32(0)
	for _, s := range b.t.subs {
		if s.count > 0 {
			highest = max(highest, s.all.top.Priority)
		}
	}
	b.everything(highest)
	next, from := b.t.next, b.t.from
	b.t = Table{next: next, from: from}
	b.last = nil
}
