package classifier

import (
	"slices"
	"sync/atomic"

	"pollux/flow"
)

// edits numbers the builders' turns of writing; no two are the same.
var edits atomic.Uint64

// Builder makes new versions of a table. One thread uses it; the tables it has
// given out are not affected by what it does next. A change costs the path to
// what changed (a few nodes of 32 children), the first change of a mask a copy of
// the list of masks.
type Builder struct {
	t    Table
	edit uint64
	last *rules // of the last change: bulk loads come in runs

	merged []merged // what stands for the edits, once they are many
}

// Builder returns a builder that starts with the rules of t. t may be nil.
func (t *Table) Builder() *Builder {
	b := &Builder{edit: edits.Add(1)}
	if t != nil {
		b.t = *t
		b.t.subs = slices.Clone(t.subs)
	}
	b.begin()
	return b
}

// begin makes the table as it is now the one that changes are told of.
func (b *Builder) begin() { b.t.from, b.t.edits, b.merged = b.t.id, nil, nil }

// With returns t without remove and with add, in that order.
func (t *Table) With(add, remove []*Rule) *Table {
	b := t.Builder()
	for _, r := range remove {
		b.RemoveRule(r)
	}
	for _, r := range add {
		b.Add(r)
	}
	return b.Table()
}

// Table returns the rules as they are now. The builder may go on.
func (b *Builder) Table() *Table {
	b.t.subs = inOrder(b.t.subs)
	b.t.id = b.edit
	t := b.t
	t.edits = b.told()
	b.t.subs = slices.Clone(t.subs)
	b.edit, b.last = edits.Add(1), nil
	b.begin()
	return &t
}

// inOrder sorts the rules of masks for look-ups, which stop where none of a higher priority can
// come, and leaves out what is empty.
func inOrder(subs []*rules) []*rules {
	subs = slices.DeleteFunc(subs, func(s *rules) bool { return s.count == 0 })
	slices.SortStableFunc(subs, func(x, y *rules) int {
		switch {
		case x.all.top.before(y.all.top):
			return -1
		case y.all.top.before(x.all.top):
			return 1
		}
		return 0
	})
	return subs
}

// Find is Table.Find on the rules as they are now.
func (b *Builder) Find(m *Match, priority int32) *Rule { return b.t.Find(m, priority) }

// Len returns the number of rules as they are now.
func (b *Builder) Len() int { return b.t.count }

// Add adds r, whose match it normalizes, and takes r over. A rule with the same match
// and priority is replaced, and returned: r takes its place in the order, too.
func (b *Builder) Add(r *Rule) (old *Rule) {
	m := r.Match
	if m == nil {
		u := r.Unpack()
		m = &u
	}
	m.Normalize()
	s := b.own(&m.Mask, true)
	r.pack(m, s.shape)
	b.note(r)
	var h [4]uint64
	n := s.shape.hashes(&m.Key, &h)
	l := s.all.get(h[n-1])
	if i := l.find(&m.Key, r.Priority); i >= 0 {
		old = l.rules[i]
		r.seq = old.seq
		b.t.clauses += r.soft() - old.soft()
		s.all = s.all.update(b.edit, 0, h[n-1], func(l *leaf) { l.rules[i] = r })
		return old
	}
	r.seq = b.t.next
	b.t.next++
	b.t.clauses += r.soft()
	b.count(s, &m.Key, h[:n], 1)
	s.all = s.all.update(b.edit, 0, h[n-1], func(l *leaf) { l.add(r) })
	return nil
}

// Remove removes the rule with exactly this match, which is normalized, and priority,
// and returns it, or nil when there is none.
func (b *Builder) Remove(m *Match, priority int32) *Rule {
	old := b.t.Find(m, priority)
	if old == nil {
		return nil
	}
	b.note(old)
	b.t.clauses -= old.soft()
	s := b.own(&m.Mask, false)
	var h [4]uint64
	n := s.shape.hashes(&m.Key, &h)
	s.all = s.all.update(b.edit, 0, h[n-1], func(l *leaf) { l.remove(l.find(&m.Key, priority)) })
	b.count(s, &m.Key, h[:n], -1)
	return old
}

// RemoveRule is Remove of the rule with the match and the priority of r.
func (b *Builder) RemoveRule(r *Rule) *Rule {
	m := r.Unpack()
	return b.Remove(&m, r.Priority)
}

// own returns the rules of a mask, to be written; nil if there are none and make is false.
func (b *Builder) own(m *flow.Mask, make bool) *rules {
	if b.last != nil && b.last.shape.mask == *m {
		return b.last
	}
	i, s := b.t.find(m)
	switch {
	case s == nil && !make:
		return nil
	case s == nil:
		s = &rules{edit: b.edit, shape: newShape(m)}
		b.t.subs = append(b.t.subs, s)
	case s.edit != b.edit:
		c := *s
		c.edit = b.edit
		s = &c
		b.t.subs[i] = s
	}
	b.last = s
	return s
}

// count books delta rules with the masked key k, whose stages hash to h, in all that
// says where no rule is: the indices and the tries.
func (b *Builder) count(s *rules, k *flow.Key, h []uint64, delta int32) {
	for i := range len(h) - 1 {
		s.index[i] = s.index[i].update(b.edit, 0, h[i], func(l *leaf) { l.count += delta })
	}
	for f, n := range s.shape.length {
		if n > 0 {
			b.t.tries[f] = b.t.tries[f].add(b.edit, prefixFields[f].read(&k.W), int(n), delta)
		}
	}
	s.count += int(delta)
	b.t.count += int(delta)
}

// Copy returns the rules as they are now, to be kept. It is beside the tables that Table returns:
// none of them is its successor, and Since knows nothing of it.
func (b *Builder) Copy() *Table {
	t := b.t
	t.subs = inOrder(slices.Clone(b.t.subs))
	t.id, t.edits = b.edit, nil
	b.edit, b.last = edits.Add(1), nil
	return &t
}

// View returns the rules as they are now, to be read until the builder's next change.
func (b *Builder) View() *Table { return &b.t }
